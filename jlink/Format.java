import com.google.googlejavaformat.java.Formatter;
import com.google.googlejavaformat.java.FormatterException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Stream;

/**
 * Checks or rewrites Java files with google-java-format.
 *
 * <p>Run as {@code java -cp FORMATTER_JAR jlink/Format.java check|write MEMORY FILE_OR_FOLDER...}.
 * It runs in a process of its own because the formatter parses with the compiler of the JDK it runs
 * on, and the one that runs mvn may not know the language of these sources. MEMORY is a file that
 * remembers, by hash, what was found well formatted, so that an unchanged file costs nothing.
 */
final class Format {

  private static final int SHOWN_MAX = 20;

  private final Set<String> known = new TreeSet<>();
  private final Formatter formatter = new Formatter();

  private Format() {}

  public static void main(String[] args) throws IOException, NoSuchAlgorithmException {
    if (args.length < 3 || !Set.of("check", "write").contains(args[0])) {
      throw new IllegalArgumentException("usage: Format check|write MEMORY FILE_OR_FOLDER...");
    }
    List<Path> roots = Stream.of(args).skip(2).map(Path::of).toList();
    System.exit(new Format().run(args[0].equals("write"), Path.of(args[1]), roots));
  }

  private int run(boolean isWriting, Path memory, List<Path> roots)
      throws IOException, NoSuchAlgorithmException {
    if (Files.exists(memory)) {
      known.addAll(Files.readAllLines(memory));
    }
    int wrongCount = 0;
    for (Path file : javaFiles(roots)) {
      if (!isWellFormatted(file, isWriting)) {
        wrongCount++;
        if (wrongCount <= SHOWN_MAX) {
          System.err.println((isWriting ? "formatted " : "not formatted: ") + file);
        }
      }
    }
    Files.createDirectories(memory.toAbsolutePath().getParent());
    Files.write(memory, known);
    if (wrongCount > 0 && !isWriting) {
      System.err.println(wrongCount + " files are not formatted; run: jlink/format --all");
      return 1;
    }
    return 0;
  }

  private static List<Path> javaFiles(List<Path> roots) throws IOException {
    Set<Path> files = new TreeSet<>();
    for (Path root : roots) {
      try (Stream<Path> found = Files.walk(root)) {
        found.filter(file -> file.toString().endsWith(".java")).forEach(files::add);
      }
    }
    return List.copyOf(files);
  }

  private boolean isWellFormatted(Path file, boolean isWriting)
      throws IOException, NoSuchAlgorithmException {
    String source = Files.readString(file);
    if (known.contains(hash(source))) {
      return true;
    }
    try {
      String formatted = formatter.formatSourceAndFixImports(source);
      known.add(hash(formatted));
      if (isWriting && !formatted.equals(source)) {
        Files.writeString(file, formatted);
      }
      return formatted.equals(source);
    } catch (FormatterException e) {
      System.err.println(file + ": " + e.getMessage());
      return false;
    }
  }

  private static String hash(String source) throws NoSuchAlgorithmException {
    byte[] bytes = source.getBytes(StandardCharsets.UTF_8);
    return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(bytes));
  }
}
