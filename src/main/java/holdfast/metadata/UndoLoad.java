package holdfast.metadata;

import holdfast.metadata.op.Checks;
import holdfast.util.ByteReader;
import java.util.HashMap;
import java.util.Map;

/**
 * Checks the undo records of a snapshot while it is read: whole records, each found under its
 * commit's place, and nothing else there. One thread.
 */
final class UndoLoad {
  /** The inodes of the records that were read, by tick, until their place was seen. */
  private final Map<Long, Long> inodes = new HashMap<>();

  private RecordWriter parts;
  private long inode;
  private long tick;
  private int partCount;
  private int count;

  void onPart(byte[] key, byte[] value) {
    int part = Keys.keptPart(key);
    if (part == 0) {
      finish();
      inode = Keys.u64(key, 1);
      tick = Keys.u64(key, 9);
      parts = new RecordWriter();
      partCount = 0;
    }
    boolean isNext =
        parts != null && part == partCount && Keys.u64(key, 1) == inode && Keys.u64(key, 9) == tick;
    if (!isNext) {
      throw new ByteReader.Malformed(
          "load kept content: expected=part " + partCount + ", was=part " + part);
    }
    parts.raw(value);
    partCount++;
  }

  void onTick(long atTick, long ofInode) {
    finish();
    Long there = inodes.remove(atTick);
    if (there == null || there != ofInode) {
      throw new ByteReader.Malformed(
          "load kept content: expected=of inode " + ofInode + ", was=" + there);
    }
    count++;
  }

  private void finish() {
    if (parts == null) {
      return;
    }
    byte[] packed = parts.toBytes();
    parts = null;
    UndoRecord kept = Checks.decoding(() -> UndoRecord.unpack(inode, tick, packed));
    if (inodes.put(kept.tick(), kept.inode()) != null) {
      throw new ByteReader.Malformed("load kept content: was=two commits at " + kept.tick());
    }
  }

  int count() {
    return count;
  }

  /** Whether every record has its place. */
  boolean isWhole() {
    return parts == null && inodes.isEmpty();
  }
}
