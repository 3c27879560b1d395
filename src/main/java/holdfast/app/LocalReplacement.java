package holdfast.app;

import holdfast.model.ErrorCode;
import holdfast.model.HoldfastException;
import java.io.IOException;
import java.lang.System.Logger.Level;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileTime;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;

/** A {@link Replacement} on a local disk. Its own disk may hold it up. */
final class LocalReplacement extends Replacement {
  private static final System.Logger LOG = System.getLogger("holdfast.app");
  private static final String COMMAND = "get";

  private final Path path;
  private final Path directory;
  private final boolean isRoot;
  private final LongSupplier random;
  private volatile Path made;
  private volatile FileChannel file;

  /**
   * Makes nothing yet.
   *
   * @param path its name, where there is a regular file or nothing
   * @param isRoot whether it may become another's, whose file it replaces
   */
  LocalReplacement(Path path, boolean isRoot, LongSupplier random) {
    super(path.toString(), Files.exists(path, LinkOption.NOFOLLOW_LINKS));
    this.path = path;
    this.directory = path.toAbsolutePath().getParent();
    this.isRoot = isRoot;
    this.random = random;
  }

  @Override
  void make() {
    removeStale();
    try {
      for (int attempt = 0; attempt < NAMES_MAX; attempt++) {
        if (tryToMake()) {
          return;
        }
      }
    } catch (IOException e) {
      throw LocalFailure.of("make a file in " + directory, e);
    }
    throw noFreeName();
  }

  private boolean tryToMake() throws IOException {
    String wanted = path.getFileName().toString();
    Path name = directory.resolve(TemporaryName.of(wanted, COMMAND, random.getAsLong()));
    try {
      file =
          FileChannel.open(
              name,
              Set.of(StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE),
              PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
    } catch (FileAlreadyExistsException e) {
      return false;
    }
    made = name;
    // Between the two, another could take it for one that was left behind.
    if (tryToLock(file) != LockState.ANOTHERS && Files.exists(name, LinkOption.NOFOLLOW_LINKS)) {
      return true;
    }
    remove();
    return false;
  }

  private enum LockState {
    OURS,
    ANOTHERS,
    /** This file system has no locks: nothing on it is ever taken for left behind. */
    UNKNOWN
  }

  /** It is released when the channel is closed. */
  private static LockState tryToLock(FileChannel channel) {
    try {
      FileLock lock = channel.tryLock();
      return lock == null ? LockState.ANOTHERS : LockState.OURS;
    } catch (OverlappingFileLockException e) {
      return LockState.ANOTHERS;
    } catch (IOException e) {
      LOG.log(Level.DEBUG, "lock file: {0}", e.getMessage());
      return LockState.UNKNOWN;
    }
  }

  /** What was left by one that died is locked by nobody; another that is still at work is. */
  private void removeStale() {
    String wanted = path.getFileName().toString();
    int seenCount = 0;
    try (var names = Files.newDirectoryStream(directory)) {
      for (Path name : names) {
        if (TemporaryName.isOne(name.getFileName().toString(), wanted, COMMAND)) {
          removeIfStale(name);
        }
        if (++seenCount == LISTED_MAX) {
          return;
        }
      }
    } catch (IOException | DirectoryIteratorException e) {
      LOG.log(Level.DEBUG, "look for what is left of other gets: {0}", e.getMessage());
    }
  }

  private static void removeIfStale(Path name) throws IOException {
    if (!Files.isRegularFile(name, LinkOption.NOFOLLOW_LINKS)) {
      return;
    }
    try (var channel =
        FileChannel.open(name, StandardOpenOption.WRITE, LinkOption.NOFOLLOW_LINKS)) {
      if (tryToLock(channel) == LockState.OURS) {
        Files.delete(name);
        LOG.log(Level.INFO, "removed {0}, left by a get that died", name);
      }
    }
  }

  @Override
  void write(byte[] buffer, int byteCount) {
    ByteBuffer rest = ByteBuffer.wrap(buffer, 0, byteCount);
    try {
      while (rest.hasRemaining()) {
        file.write(rest);
      }
    } catch (IOException e) {
      throw LocalFailure.of("write " + made, e);
    }
  }

  @Override
  void prepare(int mode, long mtimeNs) {
    Path at = made;
    if (at == null) {
      throw new HoldfastException(ErrorCode.INTERRUPTED, "write " + path + ": abandoned");
    }
    try {
      keepOwner(at);
      keepMode(at, mode);
      if (mtimeNs != NOW) {
        Files.setLastModifiedTime(at, FileTime.from(mtimeNs, TimeUnit.NANOSECONDS));
      }
      file.force(true);
    } catch (IOException e) {
      throw LocalFailure.of("write " + at, e);
    }
  }

  /** Root puts into others' files as others' files. */
  private void keepOwner(Path at) throws IOException {
    if (isRoot && Files.exists(path)) {
      Files.setAttribute(at, "unix:uid", Files.getAttribute(path, "unix:uid"));
      Files.setAttribute(at, "unix:gid", Files.getAttribute(path, "unix:gid"));
    }
  }

  /** Some file systems have no modes: the content is worth more than that. */
  private void keepMode(Path at, int mode) {
    try {
      Files.setAttribute(at, "unix:mode", mode);
    } catch (IOException e) {
      LOG.log(Level.ERROR, "keep mode of {0}: {1}", path, e.getMessage());
    }
  }

  @Override
  void takeName() {
    try {
      Files.move(made, path, StandardCopyOption.ATOMIC_MOVE);
    } catch (IOException e) {
      throw LocalFailure.of("rename " + made, e);
    }
    isNamed();
    made = null;
    try (var parent = FileChannel.open(directory, StandardOpenOption.READ)) {
      file.close();
      parent.force(true);
    } catch (IOException e) {
      throw LocalFailure.of("force " + directory, e);
    }
  }

  @Override
  void remove() {
    if (made != null) {
      try {
        Files.deleteIfExists(made);
      } catch (IOException e) {
        LOG.log(Level.DEBUG, "remove {0}: {1}", made, e.getMessage());
        isLeft(made.toString());
      }
      made = null;
    }
    if (file != null) {
      try {
        file.close();
      } catch (IOException e) {
        LOG.log(Level.DEBUG, "close removed file: {0}", e.getMessage());
      }
    }
  }
}
