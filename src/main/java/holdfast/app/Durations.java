package holdfast.app;

import holdfast.client.api.ClientOptions;
import java.time.Duration;
import java.util.regex.Pattern;

/** Times as people write them: {@code 500ms}, {@code 10s}, {@code 5m}, {@code 24h}, {@code 7d}. */
final class Durations {
  private static final Pattern FORM = Pattern.compile("(\\d{1,9})(ms|s|m|h|d)");

  private Durations() {}

  /** Parses a time; wrong usage, naming {@code what}, for anything else. */
  static Duration parse(String what, String text) {
    var form = FORM.matcher(text.trim());
    if (!form.matches()) {
      throw new UsageException(
          "read " + what + ": expected=a time such as 500ms, 10s, 5m, 24h or 7d, was=" + text);
    }
    long count = Long.parseLong(form.group(1));
    return switch (form.group(2)) {
      case "ms" -> Duration.ofMillis(count);
      case "s" -> Duration.ofSeconds(count);
      case "m" -> Duration.ofMinutes(count);
      case "h" -> Duration.ofHours(count);
      default -> Duration.ofDays(count);
    };
  }

  /** Parses {@code --timeout}; wrong usage if it isn't what a client can wait. */
  static Duration timeout(String text) {
    Duration timeout = parse("--timeout", text);
    if (timeout.compareTo(ClientOptions.TIMEOUT_MIN) < 0
        || timeout.compareTo(ClientOptions.TIMEOUT_MAX) > 0) {
      throw new UsageException("read --timeout: expected=100ms to 1h, was=" + text);
    }
    return timeout;
  }

  /** Writes a time in its largest whole unit. */
  static String format(long timeMs) {
    if (timeMs % 1_000 != 0) {
      return timeMs + "ms";
    }
    long seconds = timeMs / 1_000;
    if (seconds % 3_600 == 0 && seconds > 0) {
      return seconds / 3_600 + "h";
    }
    return seconds % 60 == 0 && seconds > 0 ? seconds / 60 + "m" : seconds + "s";
  }
}
