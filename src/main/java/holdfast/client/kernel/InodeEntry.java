package holdfast.client.kernel;

import holdfast.metadata.op.Attributes;
import holdfast.metadata.op.FileType;
import holdfast.model.SealId;

/**
 * The value of the {@link InodeTable}: what is known of one inode that the kernel knows. Immutable.
 *
 * @param sealIdOrNull its seal id, for life; null before the first answer
 * @param absent extended attributes that it hasn't got
 * @param asOfNs when that was so, at the earliest, on the monotonic clock
 * @param lastOrNull its last attributes, of what isn't a regular file or has no name any more
 * @param closedVersion what the kernel's pages show of a file that is closed here, or none
 * @param staleCount changes by others whose pages the kernel hasn't dropped yet
 */
record InodeEntry(
    SealId sealIdOrNull,
    Absent absent,
    long asOfNs,
    Attributes lastOrNull,
    long closedVersion,
    int staleCount) {
  /** Instead of a version. */
  static final long NO_VERSION = -1;

  /** Of which nothing is known. */
  static final InodeEntry UNKNOWN = new InodeEntry(null, Absent.NOTHING, 0, null, NO_VERSION, 0);

  /** Extended attributes that need not be asked for. */
  enum Absent {
    NOTHING,
    CAPABILITY,
    ALL
  }

  /** An answer of the pool, or a change that it made. */
  static InodeEntry of(Attributes attributes, Absent absent, long asOfNs) {
    boolean isKept = attributes.type() != FileType.FILE || attributes.linkCount() == 0;
    return new InodeEntry(
        attributes.sealId(), absent, asOfNs, isKept ? attributes : null, NO_VERSION, 0);
  }

  /** The newer of this and an answer; what isn't in answers stays. */
  InodeEntry with(InodeEntry answer) {
    long laterNs = answer.asOfNs - asOfNs;
    boolean isNewer =
        sealIdOrNull == null || laterNs > 0 || laterNs == 0 && answer.absent.compareTo(absent) <= 0;
    return isNewer
        ? new InodeEntry(
            answer.sealIdOrNull,
            answer.absent,
            answer.asOfNs,
            answer.lastOrNull,
            closedVersion,
            staleCount)
        : this;
  }

  /** Others have changed it at this time: who asked before doesn't know what is absent. */
  InodeEntry changedAt(long nowNs) {
    return new InodeEntry(
        sealIdOrNull, Absent.NOTHING, nowNs, lastOrNull, closedVersion, staleCount);
  }

  InodeEntry withLast(Attributes last) {
    return new InodeEntry(sealIdOrNull, absent, asOfNs, last, closedVersion, staleCount);
  }

  InodeEntry withClosedVersion(long version) {
    return new InodeEntry(sealIdOrNull, absent, asOfNs, lastOrNull, version, staleCount);
  }

  InodeEntry withStaleCount(int count) {
    return new InodeEntry(sealIdOrNull, absent, asOfNs, lastOrNull, closedVersion, count);
  }
}
