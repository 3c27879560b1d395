package holdfast.peer.state;

import holdfast.metadata.Namespace;
import holdfast.metadata.NamespaceLoader;
import holdfast.metadata.SnapshotCursor;
import holdfast.port.OperationLog;
import holdfast.util.ByteReader;
import holdfast.util.ByteWriter;
import java.util.Arrays;

/**
 * Serializes a snapshot's content: the pool state, then the namespace's pieces, each behind a u32
 * length, cut into pieces of the size the store takes.
 */
final class SnapshotStream {
  private static final int FRAME_MAX_BYTES =
      Math.max(SnapshotCursor.PIECE_MAX_BYTES, PoolState.ENCODED_MAX_BYTES);

  private SnapshotStream() {}

  /** Makes the bytes as they are asked for, from values that never change. Any one thread. */
  static final class Source implements OperationLog.SnapshotSource {
    private final SnapshotCursor namespaceOrNull;
    private byte[] pending;
    private int offset;

    Source(PoolState state, Namespace namespaceOrNull) {
      this.namespaceOrNull = namespaceOrNull == null ? null : namespaceOrNull.snapshot();
      this.pending = framed(state.toBytes());
    }

    @Override
    public byte[] next() {
      if (offset == pending.length) {
        if (namespaceOrNull == null || !namespaceOrNull.hasNext()) {
          return null;
        }
        pending = framed(namespaceOrNull.next());
        offset = 0;
      }
      int end = Math.min(pending.length, offset + OperationLog.SNAPSHOT_PIECE_BYTES_MAX);
      byte[] piece = Arrays.copyOfRange(pending, offset, end);
      offset = end;
      return piece;
    }

    private static byte[] framed(byte[] bytes) {
      return new ByteWriter(bytes.length + 4).blob(bytes).toBytes();
    }
  }

  /** Takes the bytes in whatever pieces they come. One thread. */
  static final class Sink {
    private final NamespaceLoader loader = new NamespaceLoader();
    private ByteWriter pending = new ByteWriter();
    private PoolState state;
    private boolean hasNamespace;

    void feed(byte[] bytes) {
      pending.raw(bytes);
      byte[] all = pending.toBytes();
      int at = 0;
      while (all.length - at >= Integer.BYTES) {
        int length = new ByteReader(all, at, Integer.BYTES).u32();
        if (length < 0 || length > FRAME_MAX_BYTES) {
          throw new ByteReader.Malformed("load snapshot: was=frame of " + length + " bytes");
        }
        if (all.length - at - Integer.BYTES < length) {
          break;
        }
        at += Integer.BYTES;
        take(Arrays.copyOfRange(all, at, at + length));
        at += length;
      }
      pending = new ByteWriter();
      pending.raw(all, at, all.length - at);
    }

    private void take(byte[] frame) {
      if (state == null) {
        state = PoolState.of(frame);
      } else {
        hasNamespace = true;
        loader.add(frame);
      }
    }

    PoolState state() {
      return state;
    }

    /** The namespace, or null if the pool had not begun. Only when all bytes were fed. */
    Namespace namespaceOrNull() {
      if (state == null || pending.sizeBytes() > 0 || hasNamespace != state.isPoolCreated()) {
        throw new ByteReader.Malformed("load snapshot: expected=a whole one, was=cut");
      }
      return hasNamespace ? loader.finish() : null;
    }
  }
}
