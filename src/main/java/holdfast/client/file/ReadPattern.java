package holdfast.client.file;

/** Detects a sequential reader, and decides how far to read ahead for it. Not thread-safe. */
final class ReadPattern {
  private static final Ranges.Range NOTHING = new Ranges.Range(0, 0);

  /** Where a sequential reader would read next. */
  private long nextOffset;

  private int sequentialCount;

  /** How far was read ahead. */
  private long aheadTo;

  /**
   * Notes a read and returns what to read ahead: empty when the reading isn't sequential. Several
   * threads of one reader arrive slightly out of order: that counts as sequential.
   *
   * @param slackBytes how far out of order
   */
  Ranges.Range ahead(long offset, int lengthBytes, int aheadBytes, int slackBytes) {
    boolean isSequential = offset <= nextOffset + slackBytes && offset >= nextOffset - slackBytes;
    if (!isSequential) {
      sequentialCount = 0;
      aheadTo = 0;
      nextOffset = offset + lengthBytes;
      return NOTHING;
    }
    nextOffset = Math.max(nextOffset, offset + lengthBytes);
    if (++sequentialCount < 2) {
      return NOTHING;
    }
    long from = Math.max(aheadTo, nextOffset);
    long to = nextOffset + aheadBytes;
    if (to - from < aheadBytes / 4) {
      return NOTHING; // in larger steps, so that runs are long
    }
    aheadTo = to;
    return new Ranges.Range(from, to);
  }
}
