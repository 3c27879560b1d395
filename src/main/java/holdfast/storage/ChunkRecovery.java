package holdfast.storage;

import holdfast.model.ChunkId;
import holdfast.util.ByteReader;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Semaphore;

/** Reads the segments at start: fills the index, cuts the torn tail. Used once, on one thread. */
final class ChunkRecovery {
  private static final System.Logger LOG = System.getLogger(ChunkRecovery.class.getName());

  private final Disk disk;
  private final ChunkIndex index;
  private final Semaphore maps;
  private final List<ChunkSegment> segments = new ArrayList<>();
  private final List<ChunkId> lost = new ArrayList<>();

  /** Holds the largest record, so that each is whole in the window at some time. */
  private byte[] window = new byte[0];

  private long windowStart;
  private int windowBytes;

  ChunkRecovery(Disk disk, ChunkIndex index, Semaphore maps) {
    this.disk = disk;
    this.index = index;
    this.maps = maps;
  }

  /** The segments found, by number; entries of the index name their places in this list. */
  List<ChunkSegment> segments() {
    return segments;
  }

  /** Chunks of which a record is there, but not whole. */
  List<ChunkId> lost() {
    return lost;
  }

  void run() {
    long[] numbers =
        disk.list().stream()
            .mapToLong(ChunkFormat::segmentNumber)
            .filter(number -> number >= 0)
            .sorted()
            .toArray();
    boolean isFinished = false;
    try {
      for (int i = 0; i < numbers.length; i++) {
        segments.add(recover(numbers[i], i == numbers.length - 1));
      }
      isFinished = true;
    } finally {
      if (!isFinished) {
        segments.forEach(ChunkSegment::close);
      }
    }
    window = new byte[0];
  }

  private ChunkSegment recover(long number, boolean isHighest) {
    String name = ChunkFormat.segmentName(number);
    boolean isBad = disk.exists(ChunkFormat.badName(number));
    try (var file = disk.open(name, Disk.Mode.READ)) {
      byte[] headerBytes = SmallFile.readUpTo(file, 0, ChunkFormat.SEGMENT_HEADER_BYTES);
      var header = ChunkFormat.readSegmentHeader(headerBytes, disk.path(name));
      if (!isBad && header.isPresent() && loadFooter(file, number)) {
        return finished(number, file.size(), ChunkSegment.State.SEALED);
      }
      if (isBad || header.isEmpty() || !isHighest) {
        // Sealed ones have a footer: this one was given up, or has been damaged since.
        LOG.log(System.Logger.Level.WARNING, "segment is not trusted: path=" + disk.path(name));
        var segment = finished(number, file.size(), ChunkSegment.State.BAD);
        scan(file, segment, false);
        segment.recoveredSize(file.size());
        segment.markBad();
        int ordinal = segments.size();
        index.forEachInSegment(ordinal, this::suspect);
        return segment;
      }
      return reopen(number, (int) header.get().sizeBytes(), file);
    }
  }

  private ChunkSegment finished(long number, long fileBytes, ChunkSegment.State state) {
    var segment = new ChunkSegment(disk, number, ChunkFormat.SEGMENT_BYTES_MAX, maps, null, state);
    segment.recoveredSize(fileBytes);
    return segment;
  }

  private ChunkSegment reopen(long number, int sizeBytes, DiskFile reader) {
    String name = ChunkFormat.segmentName(number);
    var file = disk.open(name, Disk.Mode.WRITE);
    var segment = new ChunkSegment(disk, number, sizeBytes, maps, file, ChunkSegment.State.OPEN);
    boolean isFinished = false;
    try {
      scan(reader, segment, true);
      if (file.size() > segment.tailBytes()) {
        LOG.log(
            System.Logger.Level.DEBUG,
            "cut torn tail: bytes=%d, path=%s"
                .formatted(file.size() - segment.tailBytes(), disk.path(name)));
        segment.cutToTail();
        // Before anything is appended, or what was cut could come back behind it.
        file.force();
      }
      isFinished = true;
    } finally {
      if (!isFinished) {
        file.close();
      }
    }
    return segment;
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

  /** Takes every whole record; stops at the first header that isn't right. */
  private void scan(DiskFile file, ChunkSegment segment, boolean isTrusted) {
    if (window.length == 0) {
      window = new byte[ChunkFormat.RECORD_HEADER_BYTES + ChunkFormat.CHUNK_BYTES_MAX];
    }
    windowBytes = 0;
    windowStart = 0;
    int position = ChunkFormat.SEGMENT_HEADER_BYTES;
    int number = 0;
    while (true) {
      Optional<ChunkFormat.RecordHeader> header = header(file, position);
      if (header.isEmpty() || header.get().number() != number) {
        return;
      }
      var record = header.get();
      int at = fill(file, position, ChunkFormat.RECORD_HEADER_BYTES + record.lengthBytes());
      if (at < 0) {
        return;
      }
      int dataAt = at + ChunkFormat.RECORD_HEADER_BYTES;
      boolean isWhole = Crc.of(window, dataAt, record.lengthBytes()) == record.dataCrc();
      if (isWhole) {
        apply(record.state(), record.id(), position, record.lengthBytes());
      } else {
        lost.add(record.id());
      }
      if (isTrusted) {
        segment.recovered(position, record, isWhole);
      }
      position += ChunkFormat.RECORD_HEADER_BYTES + record.lengthBytes();
      number++;
    }
  }

  private Optional<ChunkFormat.RecordHeader> header(DiskFile file, int position) {
    int at = fill(file, position, ChunkFormat.RECORD_HEADER_BYTES);
    return at < 0 ? Optional.empty() : ChunkFormat.readRecordHeader(window, at);
  }

  /** Brings a range into the window; returns where it is there, -1 if the file ends before. */
  private int fill(DiskFile file, long position, int lengthBytes) {
    if (position < windowStart || position + lengthBytes > windowStart + windowBytes) {
      windowStart = position;
      windowBytes = file.read(position, ByteBuffer.wrap(window));
    }
    return position + lengthBytes <= windowStart + windowBytes
        ? (int) (position - windowStart)
        : -1;
  }

  private void apply(int state, ChunkId id, int offset, int lengthBytes) {
    if (state == ChunkFormat.STATE_LIVE) {
      index.put(id, segments.size(), offset, lengthBytes);
    } else {
      index.remove(id);
    }
  }

  private void suspect(int slot) {
    if (index.suspect(slot)) {
      lost.add(index.id(slot));
    }
  }
}
