package holdfast.app;

import java.nio.charset.StandardCharsets;
import java.util.HexFormat;
import java.util.regex.Pattern;

/**
 * The name of a file that is still being written beside the one it is to replace: {@code
 * .NAME.holdfast-put-0123456789abcdef}. Whoever finds one sees what it is and what it was to
 * become.
 *
 * <p>The end is random and never used twice: a name that could come again would let a writer that
 * slept rename what is another's by then.
 */
final class TemporaryName {
  /**
   * Most bytes of the wanted name that are kept: with the rest it fits wherever a name does, also
   * on file systems that take fewer than 255 bytes.
   */
  static final int KEPT_BYTES_MAX = 100;

  private static final String MIDDLE = ".holdfast-";
  private static final Pattern RANDOM = Pattern.compile("[0-9a-f]{16}");

  private TemporaryName() {}

  /** One for the file {@code wanted}, written by {@code command}. */
  static String of(String wanted, String command, long random) {
    return beginning(wanted, command) + HexFormat.of().toHexDigits(random);
  }

  /** Whether {@link #of} made this name for that file, or for one that begins alike. */
  static boolean isOne(String name, String wanted, String command) {
    String beginning = beginning(wanted, command);
    return name.startsWith(beginning)
        && RANDOM.matcher(name.substring(beginning.length())).matches();
  }

  private static String beginning(String wanted, String command) {
    return "." + kept(wanted) + MIDDLE + command + "-";
  }

  /** The name's beginning, cut between two characters. */
  private static String kept(String wanted) {
    int end = 0;
    int bytes = 0;
    while (end < wanted.length()) {
      int next = wanted.offsetByCodePoints(end, 1);
      bytes += wanted.substring(end, next).getBytes(StandardCharsets.UTF_8).length;
      if (bytes > KEPT_BYTES_MAX) {
        break;
      }
      end = next;
    }
    return wanted.substring(0, end);
  }
}
