package holdfast.storage;

import holdfast.consensus.SnapshotMeta;
import holdfast.model.LogId;

/**
 * The name of a snapshot file: which snapshot of which log, since a directory may hold those of
 * several.
 */
record LogSnapshot(LogId logId, SnapshotMeta meta) {
  /** The last entry it covers. */
  long index() {
    return meta.index();
  }

  /** That entry's term. */
  long term() {
    return meta.term();
  }

  /** Its file. */
  String fileName() {
    return SnapshotFormat.name(meta.index(), meta.term());
  }
}
