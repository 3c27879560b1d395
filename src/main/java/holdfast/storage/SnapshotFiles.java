package holdfast.storage;

import holdfast.model.ErrorCode;
import holdfast.model.LogId;
import holdfast.model.StorageException;
import holdfast.port.OperationLog;
import java.util.Arrays;
import java.util.Optional;
import java.util.function.Supplier;

/**
 * Transfers snapshots by byte offset: sends one to a follower piece by piece, and receives one so.
 * One thread at a time saves, receives and reads; meanwhile another one may leave the log: what is
 * being written of it is discarded then, and nothing of it is read any more.
 */
final class SnapshotFiles {
  private final SnapshotStore store;
  private final Supplier<LogId> log;
  private SnapshotReader readerOrNull;
  private long readerOffset;
  private byte[] rest = new byte[0];
  private SnapshotWriter writerOrNull;
  private LogSnapshot receiving;
  private long receivedBytes;
  private volatile long newestBytes;

  /** {@code log} is the one that is followed: another one before that is left here. */
  SnapshotFiles(SnapshotStore store, Supplier<LogId> log) {
    this.store = store;
    this.log = log;
  }

  /** How large the newest one's content is, as found. */
  void newestBytes(long sizeBytes) {
    newestBytes = sizeBytes;
  }

  /** The entry up to which the older of the two newest reaches; 0 if there is one at most. */
  long olderIndex() {
    return store.olderIndex();
  }

  /** Bytes of the newest snapshot's content. */
  long diskBytes() {
    return newestBytes;
  }

  /**
   * Writes a whole snapshot; durable when this returns its size.
   *
   * @throws StorageException INVALID if its log was left
   */
  long save(LogSnapshot snapshot, OperationLog.SnapshotSource source) {
    requireFollowed(snapshot);
    long sizeBytes = 0;
    try (SnapshotWriter writer = store.write(snapshot)) {
      for (byte[] piece = source.next(); piece != null; piece = source.next()) {
        requireFollowed(snapshot);
        writer.piece(piece);
        sizeBytes += piece.length;
      }
      writer.commit(() -> requireFollowed(snapshot));
    }
    newestBytes = sizeBytes;
    return sizeBytes;
  }

  private void requireFollowed(LogSnapshot snapshot) {
    LogId followed = log.get();
    if (!snapshot.logId().equals(followed)) {
      throw new StorageException(
          ErrorCode.INVALID,
          "write snapshot: expected=of log " + followed + ", was=of log " + snapshot.logId());
    }
  }

  /** Writes a snapshot of a log that isn't followed yet. */
  void stage(LogSnapshot snapshot, OperationLog.SnapshotSource source) {
    try (SnapshotWriter writer = store.stage(snapshot)) {
      for (byte[] piece = source.next(); piece != null; piece = source.next()) {
        writer.piece(piece);
      }
      writer.commit();
    }
  }

  /**
   * Sets aside what belongs to other logs; what was staged for this one is its snapshot now.
   * Durable with the next force of the directory.
   */
  void leaveAllBut(LogId followed) {
    store.leaveAllBut(followed);
  }

  /** Lets go what was being read and received of logs that were left. */
  void forgetLeft() {
    if (readerOrNull != null && !readerOrNull.snapshot().logId().equals(log.get())) {
      closeReader();
    }
    if (receiving != null && !receiving.logId().equals(log.get())) {
      closeWriter();
    }
  }

  /** Bytes from an offset on; reading on where the last call ended costs no search. */
  byte[] read(long index, long offset, int maxBytes) {
    forgetLeft();
    boolean goesOn =
        readerOrNull != null
            && readerOrNull.snapshot().index() == index
            && readerOffset - rest.length == offset;
    if (!goesOn) {
      open(index);
      skipTo(offset);
    }
    while (rest.length == 0 && readerOrNull.hasNext()) {
      rest = readerOrNull.next();
      readerOffset += rest.length;
    }
    byte[] bytes = Arrays.copyOf(rest, Math.min(rest.length, maxBytes));
    rest = Arrays.copyOfRange(rest, bytes.length, rest.length);
    return bytes;
  }

  /** Size of the content of the snapshot last read. */
  long totalBytes(long index) {
    return readerOrNull.totalBytes();
  }

  private void open(long index) {
    closeReader();
    LogSnapshot wanted =
        store.list().stream()
            .filter(found -> found.index() == index && found.logId().equals(log.get()))
            .findFirst()
            .orElse(null);
    readerOrNull =
        Optional.ofNullable(wanted)
            .flatMap(found -> store.read(found.index(), found.term()))
            .orElseThrow(
                () ->
                    new StorageException(
                        ErrorCode.NOT_FOUND,
                        "read snapshot: expected=one of index " + index + ", was=none"));
    readerOffset = 0;
    rest = new byte[0];
  }

  private void skipTo(long offset) {
    while (readerOffset < offset && readerOrNull.hasNext()) {
      rest = readerOrNull.next();
      readerOffset += rest.length;
    }
    if (readerOffset < offset) {
      throw new StorageException(
          ErrorCode.INVALID,
          "read snapshot: expected=offset up to " + readerOffset + ", was=" + offset);
    }
    rest = Arrays.copyOfRange(rest, (int) (rest.length - (readerOffset - offset)), rest.length);
  }

  /**
   * Takes the next piece of a snapshot from elsewhere; durable with the last one.
   *
   * @throws StorageException INVALID if its log was left
   */
  void receive(LogSnapshot snapshot, long totalBytes, long offset, byte[] bytes) {
    forgetLeft();
    requireFollowed(snapshot);
    if (offset == 0) {
      closeWriter();
      writerOrNull = store.write(snapshot);
      receiving = snapshot;
      receivedBytes = 0;
    }
    boolean fits =
        writerOrNull != null && receiving.index() == snapshot.index() && receivedBytes == offset;
    if (!fits) {
      throw new StorageException(
          ErrorCode.INVALID,
          "receive snapshot: expected=offset " + receivedBytes + ", was=" + offset);
    }
    if (bytes.length > 0) {
      writerOrNull.piece(bytes);
    }
    receivedBytes += bytes.length;
    if (receivedBytes >= totalBytes) {
      writerOrNull.commit(() -> requireFollowed(snapshot));
      newestBytes = receivedBytes;
      closeWriter();
    }
  }

  /** Drops what was received of a snapshot. */
  void discard(long index) {
    if (receiving != null && receiving.index() == index) {
      closeWriter();
    }
  }

  void close() {
    closeReader();
    closeWriter();
  }

  private void closeReader() {
    if (readerOrNull != null) {
      readerOrNull.close();
      readerOrNull = null;
    }
  }

  private void closeWriter() {
    if (writerOrNull != null) {
      writerOrNull.close();
      writerOrNull = null;
      receiving = null;
    }
  }
}
