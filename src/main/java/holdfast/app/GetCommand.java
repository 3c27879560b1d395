package holdfast.app;

import holdfast.client.ClientFileSystem;
import holdfast.client.api.FileAttributes;
import holdfast.client.api.OpenFlags;
import holdfast.client.api.PoolFileSystem;
import holdfast.model.ErrorCode;
import holdfast.model.HoldfastException;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.io.PrintWriter;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotDirectoryException;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.util.function.ObjIntConsumer;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;

/**
 * {@code holdfast get}: a file of the pool to a local file, or to standard output. It is on disk
 * when this ends well; a file of that name that was there is untouched until then, and whenever it
 * fails.
 */
@Command(
    name = "get",
    description = {
      "Copies a file of the pool to a local file, with its permissions and time; - is standard"
          + " output.",
      "A file that has the name is replaced when the new one is whole and on disk: there must be"
          + " room for both. Its other names keep the old one."
    },
    mixinStandardHelpOptions = true)
final class GetCommand extends FileCommand {
  private static final int MODE_MASK = 0777;

  @Parameters(index = "0", paramLabel = "PATH", description = "The file in the pool.")
  String source;

  @Parameters(
      index = "1",
      arity = "0..1",
      paramLabel = "FILE",
      description = "Where to (default: its name, here).")
  String target;

  @Override
  void checkArguments() {
    PoolPath named = PoolPath.parse(source);
    if (named.isRoot()) {
      throw new UsageException("get " + source + ": is a directory");
    }
    if (!isToStandardOutput()) {
      destination(named);
    }
  }

  private boolean isToStandardOutput() {
    return "-".equals(target);
  }

  @Override
  void run(ClientFileSystem files, PrintWriter out) {
    checkArguments();
    attempt("get " + source, () -> get(files));
  }

  private void get(ClientFileSystem files) {
    PoolPath named = PoolPath.parse(source);
    PoolPath path = named.follow(files);
    FileAttributes found = path.find(files);
    if (found.type() != FileAttributes.REGULAR) {
      throw new UsageException(
          "get " + source + ": " + (found.isDirectory() ? "is a directory" : "not a regular file"));
    }
    if (isToStandardOutput()) {
      copyToStandardOutput(files, found.inode(), System.out);
    } else {
      copy(files, found.inode(), destination(named));
    }
  }

  /** Where the file is to lie: a symbolic link stays one. */
  private Path destination(PoolPath named) {
    Path local = Path.of(target == null ? named.last() : target);
    if (Files.isDirectory(local)) {
      local = local.resolve(named.last());
    } else if (target != null && target.endsWith("/")) {
      throw new UsageException(
          "get "
              + source
              + ": write "
              + target
              + (Files.exists(local) ? ": not a directory" : ": no such directory"));
    }
    String what = "get " + source + ": write " + local;
    try {
      Path end = Files.isSymbolicLink(local) ? local.toRealPath() : local;
      if (Files.isDirectory(end)) {
        throw new UsageException(what + ": is a directory");
      }
      boolean isThere = Files.exists(end, LinkOption.NOFOLLOW_LINKS);
      Path directory = end.toAbsolutePath().getParent();
      if (!isThere && !Files.isDirectory(directory)) {
        throw Files.exists(directory)
            ? new NotDirectoryException(directory.toString())
            : new NoSuchFileException(directory.toString());
      }
      if (!Files.isWritable(isThere ? end : directory)) {
        throw new AccessDeniedException(end.toString());
      }
      return end;
    } catch (IOException e) {
      throw LocalFailure.of(what, e);
    }
  }

  private void copy(ClientFileSystem files, long inode, Path local) {
    if (Files.exists(local) && !Files.isRegularFile(local)) {
      copyToDevice(files, inode, local);
      return;
    }
    var random = new SecureRandom();
    boolean isRoot = Ids.ofThisProcess().uid() == 0;
    var to = new LocalReplacement(local, isRoot, random::nextLong);
    Transfer.run(
        "get " + source,
        to,
        begun -> {
          FileAttributes read = copy(files, inode, begun::write);
          begun.complete(read.mode() & MODE_MASK, read.mtimeNs());
        });
  }

  /** A device or pipe has nothing to lose. */
  private void copyToDevice(ClientFileSystem files, long inode, Path local) {
    try (OutputStream to = Files.newOutputStream(local)) {
      copy(
          files,
          inode,
          (buffer, byteCount) -> {
            try {
              to.write(buffer, 0, byteCount);
            } catch (IOException e) {
              throw LocalFailure.of("write " + local, e);
            }
          });
    } catch (IOException e) {
      throw LocalFailure.of("get " + source + ": write " + local, e);
    }
  }

  private static void copyToStandardOutput(ClientFileSystem files, long inode, PrintStream to) {
    copy(
        files,
        inode,
        (buffer, byteCount) -> {
          to.write(buffer, 0, byteCount);
          if (to.checkError()) {
            throw new HoldfastException(
                ErrorCode.STORE_FAILED,
                "write standard output: expected=room and a reader, was=neither or one of them");
          }
        });
  }

  /** Copies all of it; returns what it was, and still is at the end, or fails. */
  private static FileAttributes copy(
      ClientFileSystem files, long inode, ObjIntConsumer<byte[]> to) {
    long handle = files.open(inode, OpenFlags.READ_ONLY).handle();
    try {
      FileAttributes before = files.attributes(inode);
      byte[] buffer = new byte[PoolFileSystem.TRANSFER_BYTES_MAX];
      long offset = 0;
      int count = files.read(handle, offset, buffer, 0, buffer.length);
      while (count > 0) {
        to.accept(buffer, count);
        offset += count;
        count = files.read(handle, offset, buffer, 0, buffer.length);
      }
      checkUnchanged(before, files.attributes(inode), offset);
      return before;
    } finally {
      files.release(handle);
    }
  }

  /** What was read must be a state that the file has had. */
  private static void checkUnchanged(FileAttributes before, FileAttributes after, long readBytes) {
    if (before.mtimeNs() != after.mtimeNs()
        || before.sizeBytes() != after.sizeBytes()
        || before.sizeBytes() != readBytes) {
      throw new HoldfastException(
          ErrorCode.STALE_VERSION,
          "read it: expected=a file that nobody writes, was="
              + before.sizeBytes()
              + " bytes when it was opened, "
              + readBytes
              + " read, "
              + after.sizeBytes()
              + " at the end");
    }
  }
}
