package holdfast.app;

import holdfast.client.ClientFileSystem;
import holdfast.client.api.FileAttributes;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.time.ZoneId;
import java.time.format.DateTimeFormatter;
import java.util.Locale;
import java.util.TreeMap;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code holdfast ls}: lists a directory of the pool. */
@Command(
    name = "ls",
    description = "Lists a directory of the pool.",
    mixinStandardHelpOptions = true)
final class ListCommand extends FileCommand {
  private static final DateTimeFormatter TIME =
      DateTimeFormatter.ofPattern("yyyy-MM-dd HH:mm").withZone(ZoneId.systemDefault());
  private static final long NS_PER_S = 1_000_000_000L;
  private static final String PERMISSIONS = "rwxrwxrwx";

  @Parameters(
      arity = "0..1",
      paramLabel = "PATH",
      description = "What to list (default: the root).")
  String path = "/";

  @Option(names = "-l", description = "One line each with mode, owner, size and time.")
  boolean isLong;

  @Override
  void checkArguments() {
    PoolPath.parse(path);
  }

  @Override
  void run(ClientFileSystem files, PrintWriter out) {
    attempt("ls " + path, () -> list(files, out));
  }

  private void list(ClientFileSystem files, PrintWriter out) {
    PoolPath at = PoolPath.parse(path);
    FileAttributes found = at.find(files);
    if (!found.isDirectory()) {
      print(out, at.last(), found);
      return;
    }
    var entries = new TreeMap<String, Long>();
    files.readDirectory(
        found.inode(),
        0,
        (name, inode, type, cookie) -> {
          entries.put(new String(name, StandardCharsets.UTF_8), inode);
          return true;
        });
    entries.remove(".");
    entries.remove("..");
    entries.forEach((name, inode) -> print(out, name, isLong ? files.attributes(inode) : null));
  }

  private void print(PrintWriter out, String name, FileAttributes attributes) {
    if (!isLong) {
      out.println(name);
      return;
    }
    out.println(
        String.format(
            Locale.ROOT,
            "%s %3d %6d %6d %12d %s %s",
            mode(attributes),
            attributes.linkCount(),
            attributes.uid(),
            attributes.gid(),
            attributes.sizeBytes(),
            TIME.format(Instant.ofEpochSecond(Math.floorDiv(attributes.mtimeNs(), NS_PER_S))),
            name));
  }

  private static String mode(FileAttributes attributes) {
    var text = new StringBuilder();
    text.append(
        switch (attributes.type()) {
          case FileAttributes.DIRECTORY -> 'd';
          case FileAttributes.SYMBOLIC_LINK -> 'l';
          case FileAttributes.PIPE -> 'p';
          case FileAttributes.SOCKET -> 's';
          case FileAttributes.BLOCK_DEVICE -> 'b';
          case FileAttributes.CHARACTER_DEVICE -> 'c';
          default -> '-';
        });
    for (int i = 0; i < PERMISSIONS.length(); i++) {
      boolean isSet = (attributes.mode() >> (PERMISSIONS.length() - 1 - i) & 1) != 0;
      text.append(isSet ? PERMISSIONS.charAt(i) : '-');
    }
    return text.toString();
  }
}
