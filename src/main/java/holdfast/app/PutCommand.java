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
  void run(ClientFileSystem files, PrintWriter out) {
    boolean isStdin = source.equals("-");
    Path local = Path.of(source);
    if (!isStdin && !Files.isRegularFile(local)) {
      String was = Files.exists(local) ? "something else" : "no such file";
      throw new UsageException("put " + source + ": expected=a regular file, was=" + was);
    }
    try (var from = isStdin ? LocalSource.standardInput() : LocalSource.open(local)) {
      PoolPath path = PoolPath.parse(target).follow(files);
      FileAttributes found = findOrNull(files, path);
      if (found != null && found.isDirectory()) {
        if (isStdin) {
          throw new UsageException("put -: expected=a file's path, was=the directory " + path);
        }
        path = path.child(local.getFileName().toString()).follow(files);
        found = findOrNull(files, path);
      } else if (target.endsWith("/")) {
        throw new UsageException("put " + source + ": expected=a directory, was=none: " + target);
      }
      copy(files, from, path, found);
    }
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
      String kind = foundOrNull.isDirectory() ? "a directory" : "a special file";
      throw new UsageException(
          "put " + source + ": expected=a file's path, was=" + kind + " at " + path);
    }
    FileAttributes directory = path.parent().find(files);
    if (!directory.isDirectory()) {
      throw new HoldfastException(
          ErrorCode.NOT_DIRECTORY, "put " + source + ": no directory: " + path.parent());
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
