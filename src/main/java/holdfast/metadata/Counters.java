package holdfast.metadata;

import holdfast.metadata.op.Statistics;

/**
 * The totals of a namespace, kept up with each change so that nothing has to be counted: one set,
 * changed by its owner only.
 */
final class Counters {
  long inodePrefix;
  long nextInodeCounter;
  long epoch;

  /** Counts applied operations: orders clients by their last one. */
  long tick;

  long clientCount;

  /** Clients among them whose session lives. */
  long sessionCount;

  long fileCount;
  long directoryCount;
  long sizeBytes;
  long allocatedBytes;
  long chunkCount;

  /** Commits that aren't settled, and what of the content they replaced is kept, packed. */
  long keptCount;

  long keptBytes;

  /** Files that were reverted, and have had no other content since. */
  long revertedCount;

  Counters copy() {
    var copy = new Counters();
    copy.inodePrefix = inodePrefix;
    copy.nextInodeCounter = nextInodeCounter;
    copy.epoch = epoch;
    copy.tick = tick;
    copy.clientCount = clientCount;
    copy.sessionCount = sessionCount;
    copy.fileCount = fileCount;
    copy.directoryCount = directoryCount;
    copy.sizeBytes = sizeBytes;
    copy.allocatedBytes = allocatedBytes;
    copy.chunkCount = chunkCount;
    copy.keptCount = keptCount;
    copy.keptBytes = keptBytes;
    copy.revertedCount = revertedCount;
    return copy;
  }

  Statistics statistics() {
    return new Statistics(fileCount, directoryCount, sizeBytes, allocatedBytes, chunkCount);
  }

  byte[] pack() {
    return new RecordWriter()
        .u64(inodePrefix)
        .u64(nextInodeCounter)
        .u64(epoch)
        .u64(tick)
        .u64(clientCount)
        .u64(sessionCount)
        .u64(fileCount)
        .u64(directoryCount)
        .u64(sizeBytes)
        .u64(allocatedBytes)
        .u64(chunkCount)
        .u64(keptCount)
        .u64(keptBytes)
        .u64(revertedCount)
        .toBytes();
  }

  static Counters unpack(byte[] packed) {
    var in = new RecordReader(packed);
    var counters = new Counters();
    counters.inodePrefix = in.u64();
    counters.nextInodeCounter = in.u64();
    counters.epoch = in.u64();
    counters.tick = in.u64();
    counters.clientCount = in.u64();
    counters.sessionCount = in.u64();
    counters.fileCount = in.u64();
    counters.directoryCount = in.u64();
    counters.sizeBytes = in.u64();
    counters.allocatedBytes = in.u64();
    counters.chunkCount = in.u64();
    counters.keptCount = in.u64();
    counters.keptBytes = in.u64();
    counters.revertedCount = in.u64();
    in.end();
    return counters;
  }
}
