package holdfast.storage;

import holdfast.util.Invariants;
import java.util.List;

/** What is appended to the operation log at once. */
final class LogBatch {
  private LogBatch() {}

  /** Checks that entries follow (lastIndex, lastTerm) and are few enough; returns their bytes. */
  static int check(List<StoredEntry> entries, long lastIndex, long lastTerm) {
    long index = lastIndex;
    long term = lastTerm;
    int batchBytes = 0;
    for (StoredEntry entry : entries) {
      index++;
      Invariants.check(
          entry.index() == index,
          "entries are consecutive: expected=%s, was=%s",
          index,
          entry.index());
      Invariants.check(
          entry.term() >= term, "terms don't fall: was=%s after %s", entry.term(), term);
      term = entry.term();
      batchBytes += LogFormat.ENTRY_HEADER_BYTES + entry.payload().length;
      Invariants.check(
          batchBytes <= LogFormat.BATCH_BYTES_MAX,
          "batch has at most %s bytes",
          LogFormat.BATCH_BYTES_MAX);
    }
    return batchBytes;
  }
}
