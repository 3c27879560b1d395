package holdfast.app;

import holdfast.client.ClientFileSystem;
import holdfast.client.api.FileAttributes;
import holdfast.model.ErrorCode;
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
  void checkArguments() {
    paths.forEach(RemoveCommand::parse);
  }

  private static PoolPath parse(String text) {
    PoolPath path = PoolPath.parse(text);
    if (path.isRoot()) {
      throw new UsageException("rm " + text + ": that is all of the pool, which can't be removed");
    }
    return path;
  }

  @Override
  void run(ClientFileSystem files, PrintWriter out) {
    for (String text : paths) {
      PoolPath path = parse(text);
      attempt(
          "rm " + text,
          () -> {
            long parent = path.parent().find(files).inode();
            remove(files, parent, PoolPath.bytes(path.last()), path.find(files), text);
          });
    }
  }

  private void remove(
      ClientFileSystem files, long parent, byte[] name, FileAttributes found, String path) {
    if (!found.isDirectory()) {
      files.unlink(parent, name);
      return;
    }
    if (!isRecursive) {
      throw new CommandFailure(ErrorCode.IS_DIRECTORY, "rm " + path + ": is a directory; use -r");
    }
    for (byte[] child : children(files, found.inode())) {
      String childPath = path + "/" + new String(child, StandardCharsets.UTF_8);
      attempt(
          "rm " + childPath,
          () -> remove(files, found.inode(), child, files.lookup(found.inode(), child), childPath));
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
