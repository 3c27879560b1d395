package holdfast.storage;

import holdfast.model.ChunkId;
import holdfast.model.ErrorCode;
import holdfast.model.StorageException;
import holdfast.util.Invariants;
import holdfast.util.Sha256;
import java.util.List;
import java.util.concurrent.Semaphore;
import java.util.concurrent.locks.ReentrantLock;

/**
 * The chunks of a peer on disk: append-only segment files and an index in memory. Synchronous,
 * unlike {@link DiskVault} above it.
 *
 * <p>Every method may block on the disk and throws {@link StorageException}. Safe on several
 * threads: writers take turns, readers wait for nobody's I/O (index lookups take a lock that is
 * never held over I/O). What is durable when: {@link #put} and {@link #delete} have written, {@link
 * #force} makes all that was written before it durable. Threads inside are never interrupted.
 *
 * <p>A chunk that failed a check, or lies in a segment of which a write or force failed, is
 * <em>lost</em>: {@link #contains}, {@link #list}, {@link #digest} and the counts leave it out, so
 * that repair brings it again and {@link #put} takes it anew; {@link #read} still tries.
 */
public final class ChunkStore implements AutoCloseable {
  /** The largest chunk that is taken. */
  public static final int CHUNK_BYTES_MAX = ChunkFormat.CHUNK_BYTES_MAX;

  private final StorageSpace space;

  /** Held over appends and their I/O. Taken before {@link #indexLock}. */
  private final ReentrantLock appendLock = new ReentrantLock();

  /** Held over memory only. Guards index and digests. */
  private final ReentrantLock indexLock = new ReentrantLock();

  private final ChunkIndex index = new ChunkIndex();
  private final ChunkAppender segments;
  private final byte[][] digests = new byte[ChunkId.PARTITION_COUNT][];
  private final long[] changeCounts = new long[ChunkId.PARTITION_COUNT];

  /** Guarded by {@link #appendLock}. */
  private boolean isClosed;

  private ChunkStore(Disk disk, StorageSpace space, int segmentBytes, SegmentNotes notes) {
    this.space = space;
    var maps = new Semaphore(ChunkFormat.MAPS_MAX);
    var recovery = new ChunkRecovery(disk, index, maps, notes);
    recovery.run();
    segments = new ChunkAppender(disk, segmentBytes, maps, recovery, notes, this::loseSegment);
  }

  /**
   * Opens the chunks of a directory: reads the footers, scans the highest segment and cuts what a
   * crash left of an append; what may be lost is noted in the directory before. Takes about as long
   * as reading that segment, and each that is damaged.
   *
   * @param segmentBytes size of new segments, 64 KiB to 1 GiB; {@link StorageSpace#segmentBytes}
   * @throws StorageException UNSUPPORTED if a segment's version is too new or too old
   */
  public static ChunkStore open(StorageDirectory directory, StorageSpace space, int segmentBytes) {
    return open(directory.disk(), space, segmentBytes, directory.segmentNotes());
  }

  /** As above, with somebody else to take the notes. */
  static ChunkStore open(Disk disk, StorageSpace space, int segmentBytes, SegmentNotes notes) {
    Invariants.check(
        segmentBytes >= ChunkFormat.SEGMENT_BYTES_MIN
            && segmentBytes <= ChunkFormat.SEGMENT_BYTES_MAX,
        "segments have 64 KiB to 1 GiB, was=%s",
        segmentBytes);
    return new ChunkStore(disk, space, segmentBytes, notes);
  }

  /**
   * Writes a chunk, unless it is stored already. The caller has checked that the bytes have this
   * name. Not durable before the next {@link #force}. After an exception the chunk isn't stored;
   * trying again is allowed.
   *
   * @return whether it is new here
   * @throws StorageException NO_SPACE if capacity, reserve or disk are used up; INVALID if it ends
   *     like a segment, which no sealed chunk does; STORE_FAILED
   */
  public boolean put(ChunkId id, byte[] bytes, int offset, int lengthBytes) {
    if (lengthBytes < 1 || lengthBytes > CHUNK_BYTES_MAX) {
      throw new StorageException(
          ErrorCode.TOO_LARGE,
          "store chunk: expected=1 to %d bytes, was=%d, chunk=%s"
              .formatted(CHUNK_BYTES_MAX, lengthBytes, id));
    }
    if (ChunkFormat.isTrailerAtEnd(bytes, offset + lengthBytes, lengthBytes)) {
      throw new StorageException(
          ErrorCode.INVALID,
          "store chunk: expected=no trailer of a segment at its end, was=one, chunk=" + id);
    }
    int dataCrc = Crc.of(bytes, offset, lengthBytes);
    appendLock.lock();
    try {
      requireOpen();
      if (contains(id)) {
        return false;
      }
      space.requireRoom(
          diskBytes(),
          (long) ChunkFormat.RECORD_HEADER_BYTES + lengthBytes + ChunkFormat.FOOTER_ENTRY_BYTES);
      var place = segments.append(ChunkFormat.STATE_LIVE, id, dataCrc, bytes, offset, lengthBytes);
      indexLock.lock();
      try {
        index.put(id, place.ordinal(), place.offset(), lengthBytes);
        changed(id);
      } finally {
        indexLock.unlock();
      }
      return true;
    } finally {
      appendLock.unlock();
    }
  }

  /**
   * Returns when everything put and deleted before the call is durable. After a failure the chunks
   * of the segment are lost ones; it is not forced again. If another caller's put or force met the
   * failure, this one may succeed: ask {@link #contains} for the chunks that matter afterwards.
   *
   * @throws StorageException STORE_FAILED; NO_SPACE as long as what an earlier process wrote can't
   *     be vouched for, since it needs a copy
   */
  public void force() {
    ChunkSegment segment;
    int ordinal;
    appendLock.lock();
    try {
      requireOpen();
      segments.requireReliable();
      ordinal = segments.openOrdinal();
      if (ordinal < 0) {
        return;
      }
      segment = segments.segment(ordinal);
    } finally {
      appendLock.unlock();
    }
    try {
      segment.force();
    } catch (StorageException e) {
      appendLock.lock();
      try {
        segments.abandon(ordinal, e);
      } finally {
        appendLock.unlock();
      }
      throw e;
    }
  }

  /** Whether a chunk is stored (not a lost one). Doesn't block on the disk. */
  public boolean contains(ChunkId id) {
    return place(id) >= 0;
  }

  /** Where a stored chunk is: another number each time it is put anew; -1 if it isn't stored. */
  long place(ChunkId id) {
    indexLock.lock();
    try {
      return index.isStored(id) ? index.location(index.find(id)).place() : -1;
    } finally {
      indexLock.unlock();
    }
  }

  /** Length of a chunk that can be read, -1 without one. Doesn't block on the disk. */
  public int lengthBytes(ChunkId id) {
    indexLock.lock();
    try {
      int slot = index.find(id);
      return slot < 0 ? -1 : index.location(slot).lengthBytes();
    } finally {
      indexLock.unlock();
    }
  }

  /**
   * Reads a whole chunk and checks its CRC.
   *
   * @throws StorageException CHUNK_MISSING; CHUNK_CORRUPT if the check fails (it is a lost one
   *     then); STORE_FAILED
   */
  public byte[] read(ChunkId id) {
    var found = locate(id);
    byte[] header = new byte[ChunkFormat.RECORD_HEADER_BYTES];
    byte[] bytes = new byte[found.lengthBytes()];
    readOrLose(id, found, found.offset(), header, 0, header.length);
    readOrLose(id, found, found.dataOffset(), bytes, 0, bytes.length);
    var record = ChunkFormat.readRecordHeader(header, 0);
    boolean isRight =
        record.isPresent()
            && record.get().id().equals(id)
            && record.get().lengthBytes() == bytes.length
            && record.get().dataCrc() == Crc.of(bytes, 0, bytes.length);
    // The header may be what is damaged: the name proves the bytes without it.
    if (!isRight && !ChunkId.nameOf(bytes, 0, bytes.length).equals(id)) {
      lose(id, found);
      throw new StorageException(
          ErrorCode.CHUNK_CORRUPT, "read chunk: expected=a right CRC, was=another, chunk=" + id);
    }
    return bytes;
  }

  /**
   * Reads a part of a chunk, unchecked: the client authenticates every block it opens, and has the
   * holder {@link #verify} if one fails.
   *
   * @throws StorageException CHUNK_MISSING; INVALID if the chunk is shorter; STORE_FAILED
   */
  public void read(ChunkId id, int offset, int lengthBytes, byte[] into, int intoOffset) {
    var found = locate(id);
    if (offset < 0 || lengthBytes < 0 || offset > found.lengthBytes() - lengthBytes) {
      throw new StorageException(
          ErrorCode.INVALID,
          "read chunk: expected=a range within %d bytes, was=%d at %d, chunk=%s"
              .formatted(found.lengthBytes(), lengthBytes, offset, id));
    }
    readOrLose(id, found, found.dataOffset() + offset, into, intoOffset, lengthBytes);
  }

  /**
   * Reads a chunk and compares its SHA-256 with its name; if they differ it is a lost one.
   *
   * @return whether it is right
   * @throws StorageException CHUNK_MISSING; STORE_FAILED
   */
  public boolean verify(ChunkId id) {
    var found = locate(id);
    byte[] bytes = new byte[found.lengthBytes()];
    readOrLose(id, found, found.dataOffset(), bytes, 0, bytes.length);
    boolean isRight = ChunkId.nameOf(bytes, 0, bytes.length).equals(id);
    if (!isRight) {
      lose(id, found);
    }
    return isRight;
  }

  /**
   * Writes that a chunk is no longer here. Durable after the next {@link #force}; before that a
   * crash may bring it back. Its space stays taken.
   *
   * @return whether it was here
   */
  public boolean delete(ChunkId id) {
    appendLock.lock();
    try {
      requireOpen();
      if (lengthBytes(id) < 0) {
        return false;
      }
      byte[] none = new byte[0];
      segments.append(ChunkFormat.STATE_DELETED, id, Crc.of(none, 0, 0), none, 0, 0);
      indexLock.lock();
      try {
        index.remove(id);
        changed(id);
      } finally {
        indexLock.unlock();
      }
      return true;
    } finally {
      appendLock.unlock();
    }
  }

  /** The chunks stored in a partition, sorted by id, as of now. Doesn't block on the disk. */
  public List<StoredChunk> list(int partition) {
    indexLock.lock();
    try {
      return List.of(index.sorted(partition));
    } finally {
      indexLock.unlock();
    }
  }

  /**
   * SHA-256 over the sorted ids stored in a partition: two peers that store the same have the same.
   * Kept until the partition changes. Doesn't block on the disk.
   */
  public byte[] digest(int partition) {
    StoredChunk[] chunks;
    long changeCount;
    indexLock.lock();
    try {
      if (digests[partition] != null) {
        return digests[partition].clone();
      }
      chunks = index.sorted(partition);
      changeCount = changeCounts[partition];
    } finally {
      indexLock.unlock();
    }
    var hash = new Sha256();
    for (StoredChunk chunk : chunks) {
      hash.update(chunk.id().toBytes(), 0, ChunkId.BYTES);
    }
    byte[] digest = hash.digest();
    indexLock.lock();
    try {
      if (changeCounts[partition] == changeCount) {
        digests[partition] = digest;
      }
    } finally {
      indexLock.unlock();
    }
    return digest.clone();
  }

  /** Number of chunks stored. */
  public int chunkCount() {
    indexLock.lock();
    try {
      return index.storedCount();
    } finally {
      indexLock.unlock();
    }
  }

  /** Number of chunks stored in a partition. */
  public int chunkCount(int partition) {
    indexLock.lock();
    try {
      return index.storedCount(partition);
    } finally {
      indexLock.unlock();
    }
  }

  /** Bytes of the chunks stored. */
  public long storedBytes() {
    indexLock.lock();
    try {
      return index.storedBytes();
    } finally {
      indexLock.unlock();
    }
  }

  /** Bytes the segment files take on disk, dead records and footers included. */
  public long diskBytes() {
    return segments.diskBytes();
  }

  /** Bytes chunks could take in all on this disk, as of now. */
  public long capacityBytes() {
    return space.capacityBytes(diskBytes());
  }

  /**
   * Forces everything, notes how far the segments reach, so that the next {@link #open} sees if
   * something is missing, and closes. After an exception it is open still, and nothing is noted.
   *
   * @throws StorageException STORE_FAILED; NO_SPACE
   */
  public void closeCleanly() {
    appendLock.lock();
    try {
      force();
      segments.writeEnd();
      close();
    } finally {
      appendLock.unlock();
    }
  }

  /** Lets files and maps go as if the process had died. Forces nothing. */
  @Override
  public void close() {
    appendLock.lock();
    try {
      isClosed = true;
      segments.close();
    } finally {
      appendLock.unlock();
    }
  }

  /** Where a readable chunk is. */
  private record Located(ChunkSegment segment, int ordinal, int offset, int lengthBytes) {
    int dataOffset() {
      return offset + ChunkFormat.RECORD_HEADER_BYTES;
    }
  }

  private Located locate(ChunkId id) {
    indexLock.lock();
    try {
      int slot = index.find(id);
      if (slot < 0) {
        throw new StorageException(
            ErrorCode.CHUNK_MISSING, "read chunk: expected=held, was=missing, chunk=" + id);
      }
      var location = index.location(slot);
      return new Located(
          segments.segment(location.segment()),
          location.segment(),
          location.offset(),
          location.lengthBytes());
    } finally {
      indexLock.unlock();
    }
  }

  private void readOrLose(
      ChunkId id, Located found, int position, byte[] into, int intoOffset, int lengthBytes) {
    try {
      found.segment().read(position, into, intoOffset, lengthBytes);
    } catch (StorageException e) {
      if (e.code() == ErrorCode.STORE_FAILED) {
        lose(id, found);
      }
      throw e;
    }
  }

  /** Counts a chunk as lost if it is still where it was read. */
  private void lose(ChunkId id, Located found) {
    indexLock.lock();
    try {
      int slot = index.find(id);
      if (slot < 0) {
        return;
      }
      var location = index.location(slot);
      if (location.segment() == found.ordinal() && location.offset() == found.offset()) {
        suspect(slot);
      }
    } finally {
      indexLock.unlock();
    }
  }

  /** Counts all chunks of a segment as lost. */
  private void loseSegment(int ordinal) {
    indexLock.lock();
    try {
      index.forEachInSegment(ordinal, this::suspect);
    } finally {
      indexLock.unlock();
    }
  }

  private void suspect(int slot) {
    if (index.suspect(slot)) {
      changed(index.id(slot));
    }
  }

  private void changed(ChunkId id) {
    digests[id.partition()] = null;
    changeCounts[id.partition()]++;
  }

  /** With the append lock held. */
  private void requireOpen() {
    if (isClosed) {
      throw new StorageException(
          ErrorCode.SHUTTING_DOWN, "use chunk store: expected=open, was=closed");
    }
  }
}
