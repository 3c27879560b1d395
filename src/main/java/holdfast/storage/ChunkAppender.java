package holdfast.storage;

import holdfast.model.ChunkId;
import holdfast.model.ErrorCode;
import holdfast.model.StorageException;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.Semaphore;
import java.util.function.IntConsumer;

/**
 * The write side of a chunk store: its segments, and the one that is appended to. What writes is
 * called with the store's append lock held; {@link #segment}, {@link #diskBytes} by anyone.
 */
final class ChunkAppender {
  private static final System.Logger LOG = System.getLogger(ChunkAppender.class.getName());
  private static final int NONE = -1;

  private final Disk disk;
  private final int segmentBytes;
  private final Semaphore maps;
  private final SegmentNotes notes;
  private final IntConsumer onAbandoned;

  /** Grows only; a segment keeps its place, by which the index names it. */
  private final List<ChunkSegment> segments;

  /** Abandoned, but the disk doesn't know: until it does nothing counts as durable. */
  private final Set<ChunkSegment> unmarked = new HashSet<>();

  /** Found at start, perhaps never forced, and not copied: until they are nothing is durable. */
  private final Set<ChunkSegment> unforced;

  /** No segment of this number or a lower one is made. */
  private final long highestNumber;

  private int openOrdinal = NONE;

  /** Whether a note may be there of where the segments ended: true only until one is written to. */
  private boolean mayHaveEnd;

  /** {@code onAbandoned} is called with the ordinal of a segment that has become bad. */
  ChunkAppender(
      Disk disk,
      int segmentBytes,
      Semaphore maps,
      ChunkRecovery recovery,
      SegmentNotes notes,
      IntConsumer onAbandoned) {
    List<ChunkSegment> found = recovery.segments();
    this.disk = disk;
    this.segmentBytes = segmentBytes;
    this.maps = maps;
    highestNumber = recovery.highestNumber();
    unforced = new HashSet<>(recovery.unforced());
    this.notes = notes;
    this.onAbandoned = onAbandoned;
    this.segments = new CopyOnWriteArrayList<>(found);
    mayHaveEnd = disk.exists(ChunkFormat.END_FILE);
    int last = found.size() - 1;
    if (last >= 0 && found.get(last).state() == ChunkSegment.State.OPEN) {
      openOrdinal = last;
    }
  }

  /** Where a record was written. */
  record Place(int ordinal, int offset) {}

  ChunkSegment segment(int ordinal) {
    return segments.get(ordinal);
  }

  /** Ordinal of the segment that is appended to, -1 if there is none now. */
  int openOrdinal() {
    return openOrdinal;
  }

  long diskBytes() {
    long sumBytes = 0;
    for (ChunkSegment segment : segments) {
      sumBytes += segment.tailBytes();
    }
    return sumBytes;
  }

  /** Writes a record at the end of the open segment, or of a new one. */
  Place append(int state, ChunkId id, int dataCrc, byte[] bytes, int offset, int lengthBytes) {
    forgetEnd();
    int ordinal = ordinalFor(lengthBytes);
    var segment = segment(ordinal);
    if (segment.number() > notes.lastMade()) {
      notes.onMade(segment.number());
    }
    try {
      return new Place(ordinal, segment.append(state, id, dataCrc, bytes, offset, lengthBytes));
    } catch (StorageException e) {
      throw afterFailure(ordinal, e);
    }
  }

  /** Nothing is written before this is durable: the next start would take it for the last run's. */
  private void forgetEnd() {
    if (mayHaveEnd) {
      disk.delete(ChunkFormat.END_FILE);
      disk.forceDirectory();
      mayHaveEnd = false;
    }
  }

  /** Marks a segment bad, on disk too. */
  void abandon(int ordinal, StorageException why) {
    var segment = segment(ordinal);
    LOG.log(System.Logger.Level.ERROR, "give up segment: was=" + why.getMessage());
    segment.markBad();
    if (openOrdinal == ordinal) {
      openOrdinal = NONE;
    }
    onAbandoned.accept(ordinal);
    unmarked.add(segment);
    try {
      requireMarked();
    } catch (StorageException e) {
      LOG.log(System.Logger.Level.ERROR, "mark segment bad: was=" + e.getMessage());
    }
  }

  /**
   * Throws as long as the next start would trust what may not be on the disk: nothing counts as
   * durable before, and no other segment is begun. NO_SPACE, STORE_FAILED
   */
  void requireReliable() {
    requireRenewed();
    requireMarked(); // That may have given one up, and not have been able to say so.
  }

  /** Throws if an abandoned segment can't be noted on disk: the next start trusted it. */
  private void requireMarked() {
    for (ChunkSegment segment : List.copyOf(unmarked)) {
      segment.markBadOnDisk();
      unmarked.remove(segment);
    }
  }

  /** Throws as long as what an earlier process wrote may not be on the disk: NO_SPACE. */
  private void requireRenewed() {
    for (ChunkSegment segment : List.copyOf(unforced)) {
      try {
        String name = ChunkFormat.segmentName(segment.number());
        ChunkCopy.renew(disk, name, segment.tailBytes());
      } catch (StorageException e) {
        if (e.code() == ErrorCode.NO_SPACE) {
          throw e;
        }
        abandon(segments.indexOf(segment), e);
      }
      unforced.remove(segment);
    }
  }

  /** Notes where the segments end: durable when this returns. Only after everything was forced. */
  void writeEnd() {
    var end = new ChunkFormat.End(0, 0);
    if (!segments.isEmpty()) {
      var last = segments.get(segments.size() - 1);
      end = new ChunkFormat.End(last.number(), last.tailBytes());
    }
    mayHaveEnd = true;
    SmallFile.replace(disk, ChunkFormat.END_FILE, ChunkFormat.end(end));
  }

  void close() {
    segments.forEach(ChunkSegment::close);
  }

  private int ordinalFor(int lengthBytes) {
    if (openOrdinal != NONE) {
      if (segment(openOrdinal).hasRoom(lengthBytes)) {
        return openOrdinal;
      }
      try {
        segment(openOrdinal).seal();
      } catch (StorageException e) {
        throw afterFailure(openOrdinal, e);
      }
      openOrdinal = NONE;
    }
    requireReliable();
    long last = segments.isEmpty() ? 0 : segments.get(segments.size() - 1).number();
    long number = Math.max(last, highestNumber) + 1;
    int sizeBytes = Math.max(segmentBytes, ChunkSegment.bytesForOne(lengthBytes));
    segments.add(ChunkSegment.create(disk, number, sizeBytes, maps));
    openOrdinal = segments.size() - 1;
    return openOrdinal;
  }

  /**
   * A full disk costs only what was being written; anything else the segment, and is what is
   * reported.
   */
  private StorageException afterFailure(int ordinal, StorageException e) {
    if (e.code() != ErrorCode.NO_SPACE) {
      abandon(ordinal, e);
      return e;
    }
    try {
      segment(ordinal).cutToTail();
    } catch (StorageException cut) {
      cut.addSuppressed(e);
      abandon(ordinal, cut);
      return cut;
    }
    return e;
  }
}
