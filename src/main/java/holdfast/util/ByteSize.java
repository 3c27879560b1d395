package holdfast.util;

import java.math.BigDecimal;
import java.util.Locale;
import java.util.regex.Pattern;

/** Byte counts as people write them: {@code 64MiB}, {@code 1.5TB}, {@code 4096}. */
public final class ByteSize {
  /** The largest size that can be written: 4 EiB. */
  public static final long MAX_BYTES = 1L << 62;

  private static final Pattern FORM =
      Pattern.compile("(\\d{1,18}(?:\\.\\d{1,3})?)\\s*([A-Za-z]{0,3})");
  private static final String[] UNITS = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};

  private ByteSize() {}

  /**
   * Parses a size: a number and an optional unit (B; K, KiB, M, MiB, G, GiB, T, TiB by 1,024; KB,
   * MB, GB, TB by 1,000; case doesn't matter).
   *
   * @throws IllegalArgumentException with a text for the user if it is no size or too large
   */
  public static long parse(String text) {
    var form = FORM.matcher(text.trim());
    if (!form.matches()) {
      throw bad(text);
    }
    long unitBytes =
        switch (form.group(2).toUpperCase(Locale.ROOT)) {
          case "", "B" -> 1L;
          case "K", "KIB" -> 1L << 10;
          case "M", "MIB" -> 1L << 20;
          case "G", "GIB" -> 1L << 30;
          case "T", "TIB" -> 1L << 40;
          case "KB" -> 1_000L;
          case "MB" -> 1_000_000L;
          case "GB" -> 1_000_000_000L;
          case "TB" -> 1_000_000_000_000L;
          default -> throw bad(text);
        };
    var sizeBytes = new BigDecimal(form.group(1)).multiply(BigDecimal.valueOf(unitBytes));
    if (sizeBytes.compareTo(BigDecimal.valueOf(MAX_BYTES)) > 0) {
      throw bad(text);
    }
    return sizeBytes.longValue();
  }

  /** Writes a size for people, in binary units with at most one decimal: {@code 1.5 GiB}. */
  public static String format(long sizeBytes) {
    double value = sizeBytes;
    int unit = 0;
    while (value >= 1024 && unit < UNITS.length - 1) {
      value /= 1024;
      unit++;
    }
    String number =
        unit == 0 ? Long.toString(sizeBytes) : String.format(Locale.ROOT, "%.1f", value);
    String shortNumber = number.endsWith(".0") ? number.substring(0, number.length() - 2) : number;
    return shortNumber + " " + UNITS[unit];
  }

  private static IllegalArgumentException bad(String text) {
    return new IllegalArgumentException(
        "parse size: expected=a number with an optional unit such as 500M, 64GiB or 2TB, was="
            + text);
  }
}
