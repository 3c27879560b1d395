package holdfast.storage;

import holdfast.model.ChunkId;
import holdfast.model.ErrorCode;
import holdfast.model.StorageException;
import holdfast.util.ByteReader;
import holdfast.util.ByteWriter;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Semaphore;

/**
 * Recovers a chunk store at start: reads its segments, fills the index, cuts what a crash left of
 * an append. What may be a record is evidence: it is neither cut nor overwritten. Used once, on one
 * thread.
 */
final class ChunkRecovery {
  private static final System.Logger LOG = System.getLogger(ChunkRecovery.class.getName());

  /** Pages are as large or a multiple. */
  private static final int PAGE_BYTES = 4_096;

  private static final int SECTOR_BYTES = 512;

  /** So many zeros in a row are a hole, or fewer where a sector begins or ends. */
  private static final int ZEROS_MIN = 32;

  private static final int ZEROS_AT_SECTOR_MIN = 8;

  private final Disk disk;
  private final ChunkIndex index;
  private final Semaphore maps;
  private final List<ChunkSegment> segments = new ArrayList<>();
  private final List<ChunkSegment> unforced = new ArrayList<>();
  private Optional<ChunkFormat.End> cleanEnd = Optional.empty();
  private final SegmentNotes notes;
  private long highestNumber;
  private long damage;
  private long flipped;
  private boolean isCutNow;

  ChunkRecovery(Disk disk, ChunkIndex index, Semaphore maps, SegmentNotes notes) {
    this.disk = disk;
    this.index = index;
    this.maps = maps;
    this.notes = notes;
  }

  /** The segments found, by number; entries of the index name their places in this list. */
  List<ChunkSegment> segments() {
    return segments;
  }

  /** Those of {@link #segments} that may never have been forced, and found no room for a copy. */
  List<ChunkSegment> unforced() {
    return unforced;
  }

  /** The highest number a segment has or is known to have had, 0 without any. */
  long highestNumber() {
    return highestNumber;
  }

  void run() {
    long[] numbers =
        disk.list().stream()
            .mapToLong(ChunkFormat::segmentNumber)
            .filter(number -> number >= 0)
            .sorted()
            .toArray();
    readCleanEnd();
    reportMissing(numbers);
    boolean isFinished = false;
    try {
      if (numbers.length == 0) {
        scanned(true);
      }
      for (int i = 0; i < numbers.length; i++) {
        segments.add(recover(numbers[i], i == numbers.length - 1));
      }
      isFinished = true;
    } finally {
      if (!isFinished) {
        segments.forEach(ChunkSegment::close);
      }
    }
  }

  private void readCleanEnd() {
    Optional<byte[]> bytes = SmallFile.read(disk, ChunkFormat.END_FILE);
    if (bytes.isPresent()) {
      String path = disk.path(ChunkFormat.END_FILE);
      cleanEnd = ChunkFormat.readEnd(bytes.get(), path);
      if (cleanEnd.isEmpty()) {
        warn("note of where chunks ended is damaged and not used: path=" + path);
      }
    }
  }

  /**
   * Numbers follow each other from 1: one that isn't there has been removed, its chunks with it.
   */
  private void reportMissing(long[] numbers) {
    long next = 1;
    for (long number : numbers) {
      if (next < number) {
        damage |= damage(next, number - 1);
        warn("segments are missing, the first: path=" + disk.path(ChunkFormat.segmentName(next)));
      }
      next = number + 1;
    }
    long endNumber = Math.max(notes.lastMade(), cleanEnd.map(ChunkFormat.End::number).orElse(0L));
    if (endNumber >= next) {
      damage |= damage(next, endNumber);
      warn("segment is missing: path=" + disk.path(ChunkFormat.segmentName(endNumber)));
    }
    long markNumber = disk.list().stream().mapToLong(ChunkFormat::badNumber).max().orElse(0);
    // A number that has been used is not used again: its mark, or the file, may be there once more.
    highestNumber = Math.max(next - 1, Math.max(endNumber, markNumber));
  }

  /** Bits that name what is wrong with a segment, or with those up to another one. */
  private static long damage(long number, long... found) {
    var out = new ByteWriter(Long.BYTES * (1 + found.length)).u64(number);
    for (long part : found) {
      out.u64(part);
    }
    byte[] bytes = out.toBytes();
    int hash = Crc.of(bytes, 0, bytes.length);
    return 1L << hash | 1L << (hash >>> 6) | 1L << (hash >>> 12); // three of 64
  }

  private ChunkSegment recover(long number, boolean isHighest) {
    String name = ChunkFormat.segmentName(number);
    boolean isBad = disk.exists(ChunkFormat.badName(number));
    try (var file = disk.open(name, Disk.Mode.READ)) {
      byte[] headerBytes = SmallFile.readUpTo(file, 0, ChunkFormat.SEGMENT_HEADER_BYTES);
      var header =
          ChunkFormat.readSegmentHeader(headerBytes, disk.path(name))
              .filter(read -> read.number() == number);
      if (header.isEmpty()) {
        warn("segment has no right header, its records are used: path=" + disk.path(name));
      }
      long sizeBytes =
          header
              .map(ChunkFormat.SegmentHeader::sizeBytes)
              .orElse((long) ChunkFormat.SEGMENT_BYTES_MAX);
      var segment =
          new ChunkSegment(disk, number, (int) sizeBytes, maps, null, ChunkSegment.State.SEALED);
      // What the highest one ends in may be the end of a chunk that looks like a footer.
      if (!isBad && !isHighest && loadFooter(file, number)) {
        segment.keptAsIs(file.size());
        return segment;
      }
      var found = new Records(segment, file);
      boolean isInOrder = new ChunkScan(file, disk.path(name), found).run();
      if (isBad) {
        warn("segment is not trusted, a force had failed: path=" + disk.path(name));
        scanned(isHighest);
        segment.keptAsIs(file.size());
        segment.markBad();
        suspectAll(segments.size());
      } else {
        boolean isSound = header.isPresent() && isInOrder && found.lostCount == 0;
        end(segment, found, file, isHighest, isSound);
      }
      return segment;
    }
  }

  /** Decides what a segment that was scanned becomes: open, sealed, or kept as it is. */
  private void end(
      ChunkSegment segment, Records found, DiskFile file, boolean isHighest, boolean isSound) {
    String path = disk.path(file.name());
    long restBytes = file.size() - segment.tailBytes();
    byte[] rest = SmallFile.readUpTo(file, segment.tailBytes(), segment.footerBytes() + 1);
    boolean isShort =
        isHighest
            && cleanEnd
                .filter(end -> end.number() == segment.number())
                .filter(end -> end.sizeBytes() > segment.tailBytes())
                .isPresent();
    boolean isFooter = isSound && segment.isFooter(rest);
    boolean isCut = isSound && isHighest && !isShort && !isFooter;
    boolean isSealed =
        isSound && !isCut && found.torn == null && !isFooter && segment.isRestOfFooter(rest);
    boolean isLost = !isFooter && !isCut && !isSealed;
    isCutNow |= isCut && restBytes > 0 && !mayBeTorn(segment, found, file.size(), rest);
    // So little is no proof of a footer. None at all may never have been written, for want of room.
    isCutNow |= isSealed && restBytes > 0 && restBytes < ChunkFormat.TRAILER_BYTES;
    if (isLost) {
      long bits = damage(segment.number(), file.size(), found.wholeCount, found.lostCount);
      damage |= bits;
      flipped |= found.isFlipped ? bits : 0;
    }
    scanned(isHighest);
    if (isFooter) {
      segment.keptAsIs(file.size()); // Its records were forced before that was written.
    } else if (isCut) {
      if (restBytes > 0) {
        LOG.log(
            System.Logger.Level.DEBUG,
            "cut torn tail: bytes=%d, path=%s".formatted(restBytes, path));
      }
      if (isVouchedFor(segment, file.size()) || renew(segment, segment.tailBytes(), file)) {
        segment.reopen(disk.open(file.name(), Disk.Mode.WRITE));
      }
    } else if (isSealed) {
      warn("footer was damaged, it is written again from the records: path=" + path);
      seal(segment);
    } else {
      warn(
          "segment is damaged or has lost its end, its file stays as it is:"
              + " whole records=%d, records that are not=%d, path=%s"
                  .formatted(found.wholeCount, found.lostCount, path));
      if (!isHighest || isVouchedFor(segment, file.size()) || renew(segment, file.size(), file)) {
        segment.keptAsIs(file.size());
      }
    }
  }

  /** Reports what was found, once everything was looked at: the highest segment comes last. */
  private void scanned(boolean isHighest) {
    if (isHighest) {
      notes.onScanned(new SegmentNotes.Scanned(isCutNow, damage, flipped, highestNumber));
    }
  }

  /**
   * Whether the end of a file may be what a process that died left of a write. The kernel takes a
   * write page by page and looks for a kill between them, so that it ends there, or between the
   * header and the data of a record, which may be two writes. <i>Event: a kill tears a record, and
   * the power fails a second later: what that took counted as damaged, and was missing for
   * good.</i>
   */
  private static boolean mayBeTorn(
      ChunkSegment segment, Records found, long fileBytes, byte[] rest) {
    boolean isAtPage = fileBytes % PAGE_BYTES == 0;
    boolean isInRecord = found.torn != null || rest.length < ChunkFormat.RECORD_HEADER_BYTES;
    boolean isHeaderOnly =
        found.torn != null && fileBytes == segment.tailBytes() + ChunkFormat.RECORD_HEADER_BYTES;
    return isHeaderOnly || isAtPage && (isInRecord || segment.isRestOfFooter(rest));
  }

  /** Whether the note of a clean end says that all of this file had been forced. */
  private boolean isVouchedFor(ChunkSegment segment, long fileBytes) {
    return cleanEnd
        .filter(
            end ->
                end.number() > segment.number()
                    || end.number() == segment.number() && end.sizeBytes() >= fileBytes)
        .isPresent();
  }

  /**
   * Puts the beginning of the highest segment into a new file, forced: the process that wrote it
   * may have died over a force that failed. False if that can't be: then it isn't to be written to.
   */
  private boolean renew(ChunkSegment segment, long sizeBytes, DiskFile file) {
    try {
      ChunkCopy.renew(disk, file.name(), sizeBytes);
      return true;
    } catch (StorageException e) {
      if (e.code() == ErrorCode.NO_SPACE) {
        warn("segment is only read until there is room for a copy of it: was=" + e.getMessage());
        segment.keptAsIs(sizeBytes);
        unforced.add(segment);
      } else {
        abandon(segment, e);
      }
      return false;
    }
  }

  private void abandon(ChunkSegment segment, StorageException why) {
    warn("give up segment: was=" + why.getMessage());
    segment.markBadOnDisk();
    suspectAll(segments.size());
  }

  /** Writes the footer behind records that have been forced. */
  private void seal(ChunkSegment segment) {
    var file = disk.open(ChunkFormat.segmentName(segment.number()), Disk.Mode.WRITE);
    segment.reopen(file);
    boolean isFinished = false;
    try {
      segment.seal();
      isFinished = true;
    } catch (StorageException e) {
      if (e.code() == ErrorCode.NO_SPACE) {
        warn("footer is not written yet: was=" + e.getMessage());
        segment.keptAsIs(file.size());
      } else {
        abandon(segment, e);
      }
      isFinished = true;
    } finally {
      if (!isFinished) {
        segment.close();
      }
    }
  }

  private boolean loadFooter(DiskFile file, long number) {
    long trailerAt = file.size() - ChunkFormat.TRAILER_BYTES;
    if (trailerAt < ChunkFormat.SEGMENT_HEADER_BYTES) {
      return false;
    }
    var read =
        ChunkFormat.readTrailer(SmallFile.readUpTo(file, trailerAt, ChunkFormat.TRAILER_BYTES));
    if (read.isEmpty()) {
      return false;
    }
    var trailer = read.get();
    long entriesBytes = (long) trailer.entryCount() * ChunkFormat.FOOTER_ENTRY_BYTES;
    if (trailer.number() != number
        || trailer.entryCount() < 0
        || trailer.entriesOffset() < ChunkFormat.SEGMENT_HEADER_BYTES
        || trailer.entriesOffset() + entriesBytes != trailerAt) {
      return false;
    }
    byte[] entries = SmallFile.readUpTo(file, trailer.entriesOffset(), (int) entriesBytes);
    if (Crc.of(entries, 0, entries.length) != trailer.entriesCrc()) {
      return false;
    }
    var in = new ByteReader(entries);
    while (in.remaining() > 0) {
      var entry = ChunkFormat.readFooterEntry(in);
      apply(entry.state(), entry.id(), entry.offset(), entry.lengthBytes());
    }
    return true;
  }

  /** Takes what a scan finds into the index, and what is in order into the segment. */
  private final class Records implements ChunkScan.Found {
    private final ChunkSegment segment;
    private final DiskFile file;
    private int wholeCount;
    private int lostCount;

    /** Null unless the file ends inside this one. */
    private ChunkId torn;

    /** Whether a record isn't whole, and has no hole. */
    private boolean isFlipped;

    Records(ChunkSegment segment, DiskFile file) {
      this.segment = segment;
      this.file = file;
    }

    @Override
    public void inOrder(int offset, ChunkFormat.RecordHeader header, boolean isWhole) {
      if (isWhole) {
        apply(header.state(), header.id(), offset, header.lengthBytes());
        wholeCount++;
      } else {
        lostCount++;
        int dataAt = offset + ChunkFormat.RECORD_HEADER_BYTES;
        byte[] data = SmallFile.readUpTo(file, dataAt, header.lengthBytes() + SECTOR_BYTES);
        isFlipped |= !hasHole(data, header.lengthBytes(), dataAt);
      }
      segment.recovered(offset, header, isWhole);
    }

    @Override
    public void byName(int offset, ChunkId id, int lengthBytes) {
      apply(ChunkFormat.STATE_LIVE, id, offset, lengthBytes);
      wholeCount++;
    }

    @Override
    public void torn(int offset, ChunkFormat.RecordHeader header) {
      torn = header.id();
    }
  }

  /**
   * Whether there are zeros where a power cut may have left them: many, or some up to where a
   * sector ends or begins. Sealed bytes have none.
   *
   * @param data those of a record, and some of what follows in the file
   * @param lengthBytes of the record's
   */
  private static boolean hasHole(byte[] data, int lengthBytes, int dataAt) {
    int from = 0;
    while (from < lengthBytes) {
      int to = from;
      while (to < data.length && data[to] == 0) {
        to++;
      }
      boolean isFromSector = (dataAt + from) % SECTOR_BYTES == 0;
      boolean isToSector = (dataAt + to) % SECTOR_BYTES == 0;
      boolean isAtSector = isFromSector || isToSector;
      // Of a sector there may be but a few bytes of the record, at its beginning or its end.
      boolean isPart = isFromSector && to == data.length || isToSector && from == 0;
      int min = isPart ? 1 : isAtSector ? ZEROS_AT_SECTOR_MIN : ZEROS_MIN;
      if (to - from >= min) {
        return true;
      }
      from = to + 1;
    }
    return false;
  }

  private void apply(int state, ChunkId id, int offset, int lengthBytes) {
    if (state == ChunkFormat.STATE_LIVE) {
      index.put(id, segments.size(), offset, lengthBytes);
    } else {
      index.remove(id);
    }
  }

  private void suspectAll(int ordinal) {
    index.forEachInSegment(ordinal, index::suspect);
  }

  private static void warn(String text) {
    LOG.log(System.Logger.Level.WARNING, text);
  }
}
