package holdfast.storage;

import holdfast.util.ByteWriter;
import holdfast.util.Invariants;
import holdfast.util.Sha256;
import java.nio.ByteBuffer;

/**
 * Writes one snapshot file: whole under its name, or not at all. Nothing of it counts until {@link
 * #commit} has returned; closed before that it is gone. Used by one thread at a time. Blocks on the
 * disk; throws {@link holdfast.model.StorageException} (NO_SPACE, STORE_FAILED), after which only
 * closing makes sense.
 */
final class SnapshotWriter implements AutoCloseable {
  /** The largest piece. */
  public static final int PIECE_BYTES_MAX = SnapshotFormat.PIECE_BYTES_MAX;

  private final SnapshotStore store;
  private final Disk disk;
  private final String temporary;
  private final String name;
  private final DiskFile file;
  private final Sha256 digest = new Sha256();
  private long position;
  private long pieceCount;
  private long totalBytes;
  private boolean isClosed;

  SnapshotWriter(
      SnapshotStore store, Disk disk, LogSnapshot snapshot, String temporary, String name) {
    this.store = store;
    this.disk = disk;
    this.temporary = temporary;
    this.name = name;
    this.file = disk.open(temporary, Disk.Mode.CREATE);
    byte[] configuration = snapshot.meta().configuration().toBytes();
    Invariants.check(
        configuration.length <= SnapshotFormat.CONFIGURATION_BYTES_MAX,
        "configuration has at most 65536 bytes, was=%s",
        configuration.length);
    var header =
        new SnapshotFormat.Header(
            snapshot.logId(),
            snapshot.index(),
            snapshot.term(),
            configuration.length,
            Crc.of(configuration, 0, configuration.length));
    boolean isStarted = false;
    try {
      write(new ByteWriter().raw(SnapshotFormat.header(header)).raw(configuration).toBytes());
      isStarted = true;
    } finally {
      if (!isStarted) {
        close();
      }
    }
  }

  /** Appends a piece of 1 to {@value #PIECE_BYTES_MAX} bytes. */
  public void piece(byte[] bytes) {
    Invariants.check(!isClosed, "snapshot is still being written");
    Invariants.check(
        bytes.length > 0 && bytes.length <= PIECE_BYTES_MAX,
        "piece has 1 to 131072 bytes, was=%s",
        bytes.length);
    var header = new SnapshotFormat.PieceHeader(bytes.length, Crc.of(bytes, 0, bytes.length));
    byte[] headerBytes = SnapshotFormat.pieceHeader(header);
    write(new ByteWriter(headerBytes.length + bytes.length).raw(headerBytes).raw(bytes).toBytes());
    digest.update(bytes, 0, bytes.length);
    pieceCount++;
    totalBytes += bytes.length;
  }

  /** Makes it the snapshot for its index; durable when this returns. Older ones may go. */
  public void commit() {
    commit(() -> {});
  }

  /** As above, unless {@code check} throws when it is about to get its name: then it never does. */
  void commit(Runnable check) {
    Invariants.check(!isClosed, "snapshot is still being written");
    write(
        SnapshotFormat.footer(new SnapshotFormat.Footer(pieceCount, totalBytes, digest.digest())));
    file.force();
    file.close();
    store.publish(temporary, name, check);
    isClosed = true;
  }

  /** Discards what was not committed; after a commit it does nothing. */
  @Override
  public void close() {
    if (!isClosed) {
      isClosed = true;
      file.close();
      disk.delete(temporary);
    }
  }

  private void write(byte[] bytes) {
    file.write(position, ByteBuffer.wrap(bytes));
    position += bytes.length;
  }
}
