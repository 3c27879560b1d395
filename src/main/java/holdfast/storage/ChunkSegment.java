package holdfast.storage;

import holdfast.model.ChunkId;
import holdfast.model.ErrorCode;
import holdfast.model.StorageException;
import holdfast.util.ByteWriter;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.concurrent.Semaphore;
import java.util.concurrent.locks.ReentrantLock;
import java.util.concurrent.locks.ReentrantReadWriteLock;

/**
 * A file of the chunk store: appended to, forced, sealed with a footer, and read. Appending,
 * forcing and sealing are the store's, under its append lock; reading is anyone's: readers share a
 * lock that is taken alone only while the way of reading changes (file to map).
 */
final class ChunkSegment {
  /** Records up to this size are written in one call, header included. */
  private static final int ONE_WRITE_BYTES_MAX = 128 * 1024;

  enum State {
    /** Takes records. */
    OPEN,
    /** No longer written: it has its footer, or damage that stays as it is. */
    SEALED,
    /** A write or force failed: its content isn't trusted. */
    BAD
  }

  private final Disk disk;
  private final long number;
  private final int sizeBytes;
  private final Semaphore maps;
  private final ReentrantReadWriteLock sourceLock = new ReentrantReadWriteLock();

  /** Held over each force of the file: none may begin while it isn't known how one ends. */
  private final ReentrantLock forceLock = new ReentrantLock();

  /** Guarded by {@link #forceLock}. */
  private boolean hasForceFailed;

  /** Guarded by {@link #sourceLock}: at most one of the two is there. */
  private DiskFile file;

  private Region region;
  private boolean isClosed;

  private volatile State state;
  private volatile int tailBytes;
  private int recordCount;
  private ByteWriter footer = new ByteWriter();
  private int footerEntryCount;

  /** A segment whose content is described by the caller. */
  ChunkSegment(Disk disk, long number, int sizeBytes, Semaphore maps, DiskFile file, State state) {
    this.disk = disk;
    this.number = number;
    this.sizeBytes = sizeBytes;
    this.maps = maps;
    this.file = file;
    this.state = state;
    this.tailBytes = ChunkFormat.SEGMENT_HEADER_BYTES;
  }

  /** Makes a new segment; its existence is durable when this returns. */
  static ChunkSegment create(Disk disk, long number, int sizeBytes, Semaphore maps) {
    String name = ChunkFormat.segmentName(number);
    SmallFile.replace(disk, name, ChunkFormat.segmentHeader(number, sizeBytes));
    var file = disk.open(name, Disk.Mode.WRITE);
    return new ChunkSegment(disk, number, sizeBytes, maps, file, State.OPEN);
  }

  /** Size of a segment that has just room for one chunk. */
  static int bytesForOne(int lengthBytes) {
    return ChunkFormat.SEGMENT_HEADER_BYTES
        + ChunkFormat.RECORD_HEADER_BYTES
        + lengthBytes
        + ChunkFormat.FOOTER_ENTRY_BYTES
        + ChunkFormat.TRAILER_BYTES;
  }

  long number() {
    return number;
  }

  State state() {
    return state;
  }

  /** Bytes it takes on disk. */
  int tailBytes() {
    return tailBytes;
  }

  /** Whether a record with so much data fits, and the footer behind it. */
  boolean hasRoom(int lengthBytes) {
    long needed =
        (long) tailBytes
            + ChunkFormat.RECORD_HEADER_BYTES
            + lengthBytes
            + (long) (footerEntryCount + 1) * ChunkFormat.FOOTER_ENTRY_BYTES
            + ChunkFormat.TRAILER_BYTES;
    return needed <= sizeBytes;
  }

  /** Takes over a record that recovery found. */
  void recovered(int offset, ChunkFormat.RecordHeader header, boolean isWhole) {
    if (isWhole) {
      addToFooter(offset, header);
    }
    tailBytes = offset + ChunkFormat.RECORD_HEADER_BYTES + header.lengthBytes();
    recordCount = header.number() + 1;
  }

  /** Takes over the size of a file that recovery found and that is not written any more. */
  void keptAsIs(long fileBytes) {
    if (file != null) {
      file.close();
      file = null;
    }
    state = State.SEALED;
    tailBytes = (int) Math.min(fileBytes, Integer.MAX_VALUE);
    footer = new ByteWriter(0);
    footerEntryCount = 0;
  }

  /** Goes on behind the last record that recovery found: the file is this one's now. */
  void reopen(DiskFile writable) {
    file = writable;
    state = State.OPEN;
  }

  /** Whether this is the footer of the records so far. */
  boolean isFooter(byte[] bytes) {
    return Arrays.equals(bytes, footerAndTrailer());
  }

  /**
   * Whether this is what is left of the footer: a part from its beginning, or most of its bytes.
   */
  boolean isRestOfFooter(byte[] bytes) {
    byte[] expected = footerAndTrailer();
    int equalCount = 0;
    for (int i = 0; i < Math.min(bytes.length, expected.length); i++) {
      equalCount += bytes[i] == expected[i] ? 1 : 0;
    }
    return bytes.length < expected.length && equalCount == bytes.length
        || bytes.length == expected.length && equalCount > expected.length / 2;
  }

  /** Bytes that footer and trailer take. */
  int footerBytes() {
    return footerEntryCount * ChunkFormat.FOOTER_ENTRY_BYTES + ChunkFormat.TRAILER_BYTES;
  }

  /** Writes a record at the end; returns its offset. Nothing is forced. */
  int append(int recordState, ChunkId id, int dataCrc, byte[] bytes, int offset, int lengthBytes) {
    var header = new ChunkFormat.RecordHeader(recordState, id, lengthBytes, dataCrc, recordCount);
    byte[] headerBytes = ChunkFormat.recordHeader(header);
    int position = tailBytes;
    if (lengthBytes <= ONE_WRITE_BYTES_MAX) {
      var record = new ByteWriter(headerBytes.length + lengthBytes).raw(headerBytes);
      file.write(position, ByteBuffer.wrap(record.raw(bytes, offset, lengthBytes).toBytes()));
    } else {
      file.write(position, ByteBuffer.wrap(headerBytes));
      file.write(position + (long) headerBytes.length, ByteBuffer.wrap(bytes, offset, lengthBytes));
    }
    addToFooter(position, header);
    recordCount++;
    tailBytes = position + headerBytes.length + lengthBytes;
    return position;
  }

  /** Cuts off what a failed append or footer left behind the last record. */
  void cutToTail() {
    file.truncate(tailBytes);
  }

  /** Forces what is in the file now. After a failure it is never forced again. */
  void forceFile() {
    forceLock.lock();
    try {
      if (hasForceFailed) {
        throw forceFailure("no failed force before", "one", null);
      }
      hasForceFailed = true;
      file.force();
      if (!file.isInPlace()) {
        throw forceFailure("its file in its place", "removed or replaced", null);
      }
      hasForceFailed = false;
    } catch (StorageException e) {
      // Without room too: what a force was for is gone then, other than with a write.
      throw e.code() == ErrorCode.STORE_FAILED ? e : forceFailure("success", e.getMessage(), e);
    } finally {
      forceLock.unlock();
    }
  }

  private StorageException forceFailure(String expected, String was, StorageException cause) {
    return new StorageException(
        ErrorCode.STORE_FAILED,
        "force segment: expected=%s, was=%s, path=%s"
            .formatted(expected, was, disk.path(ChunkFormat.segmentName(number))),
        cause);
  }

  private byte[] footerAndTrailer() {
    byte[] entries = footer.toBytes();
    byte[] trailer =
        ChunkFormat.trailer(
            new ChunkFormat.Trailer(
                footerEntryCount, tailBytes, Crc.of(entries, 0, entries.length), number));
    return new ByteWriter(entries.length + trailer.length).raw(entries).raw(trailer).toBytes();
  }

  /** Writes the footer and forces; readers go over to a map. */
  void seal() {
    // Data first: a footer that outlives a crash which its records don't would vouch for garbage.
    forceFile();
    byte[] end = footerAndTrailer();
    file.write(tailBytes, ByteBuffer.wrap(end));
    forceFile();
    tailBytes += end.length;
    footer = new ByteWriter(0);
    sourceLock.writeLock().lock();
    try {
      state = State.SEALED;
      file.close();
      file = null;
    } finally {
      sourceLock.writeLock().unlock();
    }
  }

  /** No longer written; still readable. */
  void markBad() {
    state = State.BAD;
    footer = new ByteWriter(0);
  }

  /** Marks it bad, on disk too: durable when this returns. */
  void markBadOnDisk() {
    markBad();
    String mark = ChunkFormat.badName(number);
    if (!disk.exists(mark)) {
      disk.open(mark, Disk.Mode.CREATE).close();
    }
    disk.forceDirectory();
  }

  /** Returns when all records so far are durable; STORE_FAILED if it is bad, or becomes so. */
  void force() {
    sourceLock.readLock().lock();
    try {
      if (state == State.OPEN && file != null) {
        forceFile();
      }
      // Sealed in the meantime: sealing forced it.
    } finally {
      sourceLock.readLock().unlock();
    }
    if (state == State.BAD) {
      throw forceFailure("good", "bad", null);
    }
  }

  /** Reads exactly so many bytes. STORE_FAILED if they aren't all there. */
  void read(int position, byte[] into, int intoOffset, int lengthBytes) {
    sourceLock.readLock().lock();
    try {
      if (region != null) {
        region.read(position, into, intoOffset, lengthBytes);
        return;
      }
      if (file != null) {
        readFile(file, position, into, intoOffset, lengthBytes);
        return;
      }
    } finally {
      sourceLock.readLock().unlock();
    }
    if (openMap()) {
      read(position, into, intoOffset, lengthBytes);
      return;
    }
    try (var once = disk.open(ChunkFormat.segmentName(number), Disk.Mode.READ)) {
      readFile(once, position, into, intoOffset, lengthBytes);
    }
  }

  /** Lets files and maps go. */
  void close() {
    sourceLock.writeLock().lock();
    try {
      isClosed = true;
      if (file != null) {
        file.close();
        file = null;
      }
      if (region != null) {
        region.close();
        region = null;
        maps.release();
      }
    } finally {
      sourceLock.writeLock().unlock();
    }
  }

  /** Maps the file unless somebody did; false if there are as many maps as there may be. */
  private boolean openMap() {
    sourceLock.writeLock().lock();
    try {
      if (isClosed) {
        throw new StorageException(
            ErrorCode.SHUTTING_DOWN, "read segment: expected=open, was=closed");
      }
      if (region != null || file != null) {
        return true;
      }
      if (!maps.tryAcquire()) {
        return false;
      }
      try (var opened = disk.open(ChunkFormat.segmentName(number), Disk.Mode.READ)) {
        region = opened.map(0, opened.size());
      } finally {
        if (region == null) {
          maps.release();
        }
      }
      return true;
    } finally {
      sourceLock.writeLock().unlock();
    }
  }

  private void readFile(DiskFile from, int position, byte[] into, int intoOffset, int length) {
    int readBytes = from.read(position, ByteBuffer.wrap(into, intoOffset, length));
    if (readBytes != length) {
      throw new StorageException(
          ErrorCode.STORE_FAILED,
          "read segment: expected=%d bytes at %d, was=%d, path=%s"
              .formatted(length, position, readBytes, disk.path(from.name())));
    }
  }

  private void addToFooter(int offset, ChunkFormat.RecordHeader header) {
    ChunkFormat.footerEntry(
        footer,
        new ChunkFormat.FooterEntry(
            header.id(), offset, header.lengthBytes(), header.state(), header.dataCrc()));
    footerEntryCount++;
  }
}
