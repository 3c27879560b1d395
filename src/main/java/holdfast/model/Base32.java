package holdfast.model;

/** RFC 4648 base32 in lower case, without padding, in groups people can compare. */
final class Base32 {
  static final int GROUP_CHARS = 7;
  private static final String ALPHABET = "abcdefghijklmnopqrstuvwxyz234567";

  private Base32() {}

  static String groups(byte[] bytes) {
    var out = new StringBuilder();
    long bits = 0;
    int bitCount = 0;
    int charCount = 0;
    for (byte value : bytes) {
      bits = bits << 8 | value & 0xFF;
      bitCount += 8;
      while (bitCount >= 5) {
        bitCount -= 5;
        append(out, charCount++, bits >>> bitCount);
      }
    }
    if (bitCount > 0) {
      append(out, charCount, bits << (5 - bitCount));
    }
    return out.toString();
  }

  private static void append(StringBuilder out, int charIndex, long fiveBits) {
    if (charIndex > 0 && charIndex % GROUP_CHARS == 0) {
      out.append('-');
    }
    out.append(ALPHABET.charAt((int) fiveBits & 31));
  }
}
