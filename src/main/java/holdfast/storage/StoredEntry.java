package holdfast.storage;

import holdfast.consensus.LogEntry;
import holdfast.model.ErrorCode;
import holdfast.model.StorageException;
import holdfast.util.Invariants;

/**
 * An entry of the operation log as it is stored.
 *
 * @param index from 1 up, without gaps
 * @param term never less than the entry before
 * @param kind what the payload is, 0 to 255; the log doesn't care
 * @param payload at most {@value LogFormat#PAYLOAD_BYTES_MAX} bytes; not copied, never changed
 */
public record StoredEntry(long index, long term, int kind, byte[] payload) {
  /** Checks the ranges. */
  public StoredEntry {
    Invariants.check(index > 0 && term >= 0, "index from 1, term from 0, was=%s, %s", index, term);
    Invariants.check(kind >= 0 && kind <= 0xFF, "kind is 0 to 255, was=%s", kind);
    Invariants.check(
        payload.length <= LogFormat.PAYLOAD_BYTES_MAX,
        "payload has at most 131072 bytes, was=%s",
        payload.length);
  }

  /** How an entry is stored. */
  static StoredEntry of(LogEntry entry) {
    return new StoredEntry(entry.index(), entry.term(), entry.kind().ordinal(), entry.payload());
  }

  /**
   * The entry.
   *
   * @throws StorageException STORE_FAILED if it is of no kind that is known
   */
  LogEntry toEntry() {
    var kinds = LogEntry.Kind.values();
    if (kind >= kinds.length) {
      throw new StorageException(
          ErrorCode.STORE_FAILED,
          "read log: expected=an entry kind of 0 to " + (kinds.length - 1) + ", was=" + kind);
    }
    return new LogEntry(index, term, kinds[kind], payload);
  }
}
