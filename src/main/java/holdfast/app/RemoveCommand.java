package holdfast.app;

import holdfast.client.ClientFileSystem;
import holdfast.client.api.FileAttributes;
import holdfast.model.ErrorCode;
import holdfast.model.HoldfastException;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code holdfast rm}: removes files of the pool. */
@Command(
    name = "rm",
    description = "Removes files of the pool; with -r directories and all below them.",
    mixinStandardHelpOptions = true)
final class RemoveCommand extends FileCommand {
  @Parameters(arity = "1..*", paramLabel = "PATH", description = "What to remove.")
  List<String> paths = new ArrayList<>();

  @Option(names = "-r", description = "Directories too, with all that is in them.")
  boolean isRecursive;

  @Override
  void run(ClientFileSystem files, PrintWriter out) {
    for (String text : paths) {
      PoolPath path = PoolPath.parse(text);
      if (path.isRoot()) {
        throw new UsageException("rm /: expected=something in the pool, was=all of it");
      }
      long parent = path.parent().find(files).inode();
      remove(files, parent, PoolPath.bytes(path.last()), path.find(files), path);
    }
  }

  private void remove(
      ClientFileSystem files, long parent, byte[] name, FileAttributes found, PoolPath path) {
    if (!found.isDirectory()) {
      files.unlink(parent, name);
      return;
    }
    if (!isRecursive) {
      throw new HoldfastException(
          ErrorCode.IS_DIRECTORY, "rm " + path + ": it is a directory; use -r");
    }
    for (byte[] child : children(files, found.inode())) {
      PoolPath childPath = path.child(new String(child, StandardCharsets.UTF_8));
      remove(files, found.inode(), child, files.lookup(found.inode(), child), childPath);
    }
    files.removeDirectory(parent, name);
  }

  private static List<byte[]> children(ClientFileSystem files, long directory) {
    var names = new ArrayList<byte[]>();
    files.readDirectory(
        directory,
        0,
        (name, inode, type, cookie) -> {
          String text = new String(name, StandardCharsets.UTF_8);
          if (!text.equals(".") && !text.equals("..")) {
            names.add(name.clone());
          }
          return true;
        });
    return names;
  }
}
