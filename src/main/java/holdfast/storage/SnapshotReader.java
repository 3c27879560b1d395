package holdfast.storage;

import holdfast.consensus.Configuration;
import holdfast.consensus.SnapshotMeta;
import holdfast.model.ErrorCode;
import holdfast.model.StorageException;
import holdfast.util.ByteReader;
import holdfast.util.Sha256;
import java.util.Arrays;
import java.util.Iterator;
import java.util.NoSuchElementException;

/**
 * Reads a snapshot file piece by piece, checking each. Each piece is checked; the whole is when the
 * last one has been taken: only once {@link #hasNext} has returned false is all of it known to be
 * right. Used by one thread at a time. Blocks on the disk; throws STORE_FAILED if anything is
 * damaged.
 */
final class SnapshotReader implements Iterator<byte[]>, AutoCloseable {
  private final DiskFile file;
  private final String path;
  private final LogSnapshot snapshot;
  private final SnapshotFormat.Footer footer;
  private final Sha256 digest = new Sha256();
  private final long endPosition;
  private long position;
  private long pieceCount;
  private long totalBytes;
  private boolean isChecked;

  SnapshotReader(Disk disk, String name) {
    this.file = disk.open(name, Disk.Mode.READ);
    this.path = disk.path(name);
    boolean isOpened = false;
    try {
      var start = readStart(file, path);
      snapshot = start.snapshot();
      position = start.bytes();
      endPosition = file.size() - SnapshotFormat.FOOTER_BYTES;
      footer =
          SnapshotFormat.readFooter(
                  SmallFile.readUpTo(file, Math.max(0, endPosition), SnapshotFormat.FOOTER_BYTES))
              .orElseThrow(() -> corrupt("footer"));
      isOpened = true;
    } finally {
      if (!isOpened) {
        file.close();
      }
    }
  }

  /** What stands in front of the pieces, and how many bytes that is. */
  record Start(LogSnapshot snapshot, long bytes) {}

  /** What the header says, whatever is behind it. */
  static Start readStart(DiskFile file, String path) {
    var header =
        SnapshotFormat.readHeader(SmallFile.readUpTo(file, 0, SnapshotFormat.HEADER_BYTES), path);
    int sizeBytes = header.configurationBytes();
    boolean isSized = sizeBytes >= 0 && sizeBytes <= SnapshotFormat.CONFIGURATION_BYTES_MAX;
    byte[] bytes = SmallFile.readUpTo(file, SnapshotFormat.HEADER_BYTES, isSized ? sizeBytes : 0);
    if (bytes.length != sizeBytes || Crc.of(bytes, 0, sizeBytes) != header.configurationCrc()) {
      throw corrupt("configuration", path);
    }
    try {
      var meta = new SnapshotMeta(header.index(), header.term(), Configuration.of(bytes));
      return new Start(
          new LogSnapshot(header.logId(), meta), SnapshotFormat.HEADER_BYTES + (long) sizeBytes);
    } catch (ByteReader.Malformed e) {
      throw corrupt("configuration", path);
    }
  }

  /** Which snapshot it is. */
  LogSnapshot snapshot() {
    return snapshot;
  }

  /** Bytes of all pieces. */
  public long totalBytes() {
    return footer.totalBytes();
  }

  @Override
  public boolean hasNext() {
    if (position < endPosition) {
      return true;
    }
    if (!isChecked) {
      boolean isRight =
          position == endPosition
              && pieceCount == footer.pieceCount()
              && totalBytes == footer.totalBytes()
              && Arrays.equals(digest.digest(), footer.digest());
      if (!isRight) {
        throw corrupt("digest");
      }
      isChecked = true;
    }
    return false;
  }

  @Override
  public byte[] next() {
    if (!hasNext()) {
      throw new NoSuchElementException("snapshot has no further piece");
    }
    var header =
        SnapshotFormat.readPieceHeader(
                SmallFile.readUpTo(file, position, SnapshotFormat.PIECE_HEADER_BYTES))
            .orElseThrow(() -> corrupt("piece header"));
    position += SnapshotFormat.PIECE_HEADER_BYTES;
    byte[] bytes = SmallFile.readUpTo(file, position, header.lengthBytes());
    if (bytes.length != header.lengthBytes()
        || Crc.of(bytes, 0, bytes.length) != header.dataCrc()) {
      throw corrupt("piece");
    }
    position += bytes.length;
    digest.update(bytes, 0, bytes.length);
    pieceCount++;
    totalBytes += bytes.length;
    return bytes;
  }

  /** Lets the file go; a second call does nothing. */
  @Override
  public void close() {
    file.close();
  }

  private StorageException corrupt(String part) {
    return corrupt(part, path);
  }

  private static StorageException corrupt(String part, String path) {
    return new StorageException(
        ErrorCode.STORE_FAILED,
        "read snapshot: expected=a right %s, was=corrupt, path=%s".formatted(part, path));
  }
}
