package holdfast.storage;

import holdfast.model.ErrorCode;
import holdfast.model.StorageException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.OpenOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * The {@link Disk} of a running peer: a directory of the machine's own file system, through file
 * channels.
 */
public final class NioDisk implements Disk {
  private static final int LOCK_TEXT_BYTES_MAX = 64;
  private static final String FULL_TEXT = "No space left on device";
  private static final String QUOTA_TEXT = "Disk quota exceeded";

  /** File systems that may give what is there another inode number some day; so does FUSE. */
  private static final Set<String> PASSING_IDS =
      Set.of("vfat", "msdos", "exfat", "overlay", "9p", "cifs", "smb3", "virtiofs");

  /**
   * Locks of this process. The system's locks are per process, and closing any handle on a locked
   * file releases them, so the second try within a process must not even open the file.
   */
  private static final Set<Path> LOCKED_HERE = ConcurrentHashMap.newKeySet();

  private final Path directory;
  private final boolean hasLastingIds;

  private NioDisk(Path directory) {
    this.directory = directory;
    this.hasLastingIds = hasLastingIds(directory);
  }

  private static boolean hasLastingIds(Path directory) {
    try {
      String type = Files.getFileStore(directory).type();
      return !PASSING_IDS.contains(type) && !type.startsWith("fuse");
    } catch (IOException e) {
      // In some containers the table of mounts doesn't have what the folder lies on.
      System.getLogger(NioDisk.class.getName())
          .log(
              System.Logger.Level.WARNING,
              "look at the file system of {0}: its inode numbers are not relied on, was={1}",
              directory,
              e.toString());
      return false;
    }
  }

  /** Opens a directory, creating it (mode 0700) and its parents if they are missing. */
  public static NioDisk open(Path directory) {
    try {
      var ownerOnly = PosixFilePermissions.fromString("rwx------");
      Files.createDirectories(directory, PosixFilePermissions.asFileAttribute(ownerOnly));
      return new NioDisk(directory.toRealPath());
    } catch (IOException e) {
      throw failure("open directory", directory, e);
    }
  }

  @Override
  public DiskFile open(String name, Mode mode) {
    Path path = resolve(name);
    Set<OpenOption> options =
        switch (mode) {
          case READ -> Set.of(StandardOpenOption.READ);
          case WRITE -> Set.of(StandardOpenOption.READ, StandardOpenOption.WRITE);
          case CREATE ->
              Set.of(
                  StandardOpenOption.READ, StandardOpenOption.WRITE, StandardOpenOption.CREATE_NEW);
        };
    try {
      return new NioFile(this, name, FileChannel.open(path, options));
    } catch (IOException e) {
      throw failure("open file", path, e);
    }
  }

  @Override
  public void rename(String from, String to) {
    Path source = resolve(from);
    try {
      Files.move(source, resolve(to), StandardCopyOption.ATOMIC_MOVE);
    } catch (IOException e) {
      throw failure("rename file", source, e);
    }
  }

  @Override
  public boolean delete(String name) {
    Path path = resolve(name);
    try {
      return Files.deleteIfExists(path);
    } catch (IOException e) {
      throw failure("delete file", path, e);
    }
  }

  @Override
  public boolean exists(String name) {
    return Files.exists(resolve(name));
  }

  @Override
  public List<String> list() {
    try (var files = Files.list(directory)) {
      return files.map(path -> path.getFileName().toString()).sorted().toList();
    } catch (IOException e) {
      throw failure("list directory", directory, e);
    }
  }

  @Override
  public void forceDirectory() {
    try (var channel = FileChannel.open(directory, StandardOpenOption.READ)) {
      channel.force(true);
    } catch (IOException e) {
      throw failure("force directory", directory, e);
    }
  }

  @Override
  public long freeBytes() {
    return directory.toFile().getUsableSpace();
  }

  @Override
  public long totalBytes() {
    return directory.toFile().getTotalSpace();
  }

  @Override
  public DiskLock lock(String name, String holder) {
    Path path = resolve(name);
    if (!LOCKED_HERE.add(path)) {
      throw locked(holder);
    }
    FileChannel channel = null;
    try {
      channel =
          FileChannel.open(
              path, StandardOpenOption.READ, StandardOpenOption.WRITE, StandardOpenOption.CREATE);
      FileLock lock = channel.tryLock();
      if (lock == null) {
        String other = readText(channel);
        channel.close();
        LOCKED_HERE.remove(path);
        throw locked(other);
      }
      channel.truncate(0);
      channel.write(ByteBuffer.wrap(holder.getBytes(StandardCharsets.UTF_8)), 0);
      return new NioLock(path, channel);
    } catch (IOException e) {
      LOCKED_HERE.remove(path);
      closeQuietly(channel);
      throw failure("lock directory", path, e);
    }
  }

  @Override
  public long folderId() {
    try {
      return hasLastingIds && Files.getAttribute(directory, "unix:ino") instanceof Number id
          ? id.longValue()
          : 0;
    } catch (IOException e) {
      throw failure("read inode number", directory, e);
    }
  }

  /** Whether inode numbers here stay what they are. */
  boolean hasLastingIds() {
    return hasLastingIds;
  }

  @Override
  public String path(String name) {
    return directory.resolve(name).toString();
  }

  /**
   * What an IOException means; a full disk is recognized by its text, the only thing Java shows.
   */
  static StorageException failure(String verb, Path path, IOException cause) {
    String text = String.valueOf(cause.getMessage());
    ErrorCode code;
    if (cause instanceof NoSuchFileException) {
      code = ErrorCode.NOT_FOUND;
    } else if (cause instanceof FileAlreadyExistsException) {
      code = ErrorCode.EXISTS;
    } else if (text.contains(FULL_TEXT) || text.contains(QUOTA_TEXT)) {
      code = ErrorCode.NO_SPACE;
    } else {
      code = ErrorCode.STORE_FAILED;
    }
    if (code == ErrorCode.NO_SPACE) {
      return new StorageException(
          code,
          "%s: expected=room on its file system, was=full (%s), path=%s; free some space there"
              .formatted(verb, text, path),
          cause);
    }
    return new StorageException(
        code,
        verb
            + ": expected=success, was="
            + cause.getClass().getSimpleName()
            + " ("
            + text
            + "), path="
            + path,
        cause);
  }

  private Path resolve(String name) {
    if (name.isEmpty() || name.length() > NAME_CHARS_MAX || name.indexOf('/') >= 0) {
      throw new StorageException(
          ErrorCode.INVALID, "name file: expected=a plain file name, was=" + name);
    }
    return directory.resolve(name);
  }

  private StorageException locked(String other) {
    return new StorageException(
        ErrorCode.BUSY,
        "lock storage directory: expected=no other peer, was=locked by another peer ("
            + other
            + "), path="
            + directory);
  }

  private static String readText(FileChannel channel) throws IOException {
    var buffer = ByteBuffer.allocate(LOCK_TEXT_BYTES_MAX);
    channel.read(buffer, 0);
    String text = new String(buffer.array(), 0, buffer.position(), StandardCharsets.UTF_8).strip();
    return text.isEmpty() ? "unknown" : text;
  }

  private static void closeQuietly(FileChannel channel) {
    try {
      if (channel != null) {
        channel.close();
      }
    } catch (IOException e) {
      System.getLogger(NioDisk.class.getName())
          .log(System.Logger.Level.WARNING, "close lock file: was=" + e.getMessage());
    }
  }

  /** Holds the channel whose closing releases the system's lock. */
  private record NioLock(Path path, FileChannel channel, AtomicBoolean isClosed)
      implements DiskLock {
    NioLock(Path path, FileChannel channel) {
      this(path, channel, new AtomicBoolean());
    }

    @Override
    public void close() {
      if (isClosed.compareAndSet(false, true)) {
        closeQuietly(channel);
        LOCKED_HERE.remove(path);
      }
    }
  }
}
