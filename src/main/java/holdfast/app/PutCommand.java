package holdfast.app;

import holdfast.client.ClientFileSystem;
import holdfast.client.api.FileAttributes;
import holdfast.client.api.PoolFileSystem;
import holdfast.model.ErrorCode;
import holdfast.model.HoldfastException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.SecureRandom;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;

/**
 * {@code holdfast put}: a local file, or standard input, to a file of the pool. It is on disk when
 * this ends well; a file of that name that was there is untouched until then, and whenever it
 * fails.
 */
@Command(
    name = "put",
    description = {
      "Copies a local file to the pool, with its permissions and time; - is standard input.",
      "A file that has the name is replaced when all of the new one is in the pool and on disk:"
          + " there must be room for both. Its other names keep the old one."
    },
    mixinStandardHelpOptions = true)
final class PutCommand extends FileCommand {
  /** What comes from standard input has no permissions of its own. */
  private static final int MODE = 0644;

  private static final int MODE_MASK = 0777;

  @Parameters(index = "0", paramLabel = "FILE", description = "The local file.")
  String source;

  @Parameters(index = "1", paramLabel = "PATH", description = "Where to in the pool.")
  String target;

  @Override
  void checkArguments() {
    PoolPath.parse(target);
    Path local = Path.of(source);
    if (source.equals("-")) {
      return;
    }
    if (!Files.exists(local)) {
      throw new UsageException("put " + source + ": no such file or directory");
    }
    if (!Files.isRegularFile(local)) {
      boolean isDirectory = Files.isDirectory(local);
      throw new UsageException(
          "put " + source + ": " + (isDirectory ? "is a directory" : "not a regular file"));
    }
    if (!Files.isReadable(local)) {
      throw new CommandFailure(ErrorCode.ACCESS_DENIED, "put " + source + ": permission denied");
    }
  }

  @Override
  void run(ClientFileSystem files, PrintWriter out) {
    checkArguments();
    boolean isStdin = source.equals("-");
    try (var from = isStdin ? LocalSource.standardInput() : LocalSource.open(Path.of(source))) {
      attempt("put " + target, () -> put(files, from));
    }
  }

  private void put(ClientFileSystem files, LocalSource from) {
    PoolPath path = PoolPath.parse(target).follow(files);
    FileAttributes found = findOrNull(files, path);
    if (found != null && found.isDirectory()) {
      if (!from.isFile()) {
        throw new UsageException("put " + target + ": is a directory");
      }
      path = path.child(Path.of(source).getFileName().toString()).follow(files);
      found = findOrNull(files, path);
    } else if (target.endsWith("/")) {
      throw new UsageException(
          "put " + target + ": " + (found == null ? "no such directory" : "not a directory"));
    }
    copy(files, from, path, found);
  }

  private static FileAttributes findOrNull(ClientFileSystem files, PoolPath path) {
    try {
      return path.find(files);
    } catch (HoldfastException e) {
      if (e.code() == ErrorCode.NOT_FOUND) {
        return null;
      }
      throw e;
    }
  }

  private void copy(
      ClientFileSystem files, LocalSource from, PoolPath path, FileAttributes foundOrNull) {
    if (foundOrNull != null && foundOrNull.type() != FileAttributes.REGULAR) {
      boolean isDirectory = foundOrNull.isDirectory();
      throw new UsageException(
          "put " + path + ": " + (isDirectory ? "is a directory" : "not a regular file"));
    }
    FileAttributes directory = path.parent().find(files);
    if (!directory.isDirectory()) {
      throw new CommandFailure(
          ErrorCode.NOT_DIRECTORY, "put " + target + ": " + path.parent() + ": not a directory");
    }
    var random = new SecureRandom();
    var to =
        new PoolReplacement(
            files, Ids.ofThisProcess(), random::nextLong, path, directory.inode(), foundOrNull);
    int standardMode = foundOrNull == null ? MODE : foundOrNull.mode() & MODE_MASK;
    Transfer.run("put " + source, to, begun -> fill(begun, from, standardMode));
  }

  private static void fill(Replacement to, LocalSource from, int standardMode) {
    byte[] buffer = new byte[PoolFileSystem.TRANSFER_BYTES_MAX];
    for (int count = from.read(buffer); count >= 0; count = from.read(buffer)) {
      to.write(buffer, count);
    }
    from.checkUnchanged();
    if (from.isFile()) {
      to.complete(from.mode(), from.mtimeNs());
    } else {
      to.complete(standardMode, Replacement.NOW);
    }
  }
}
