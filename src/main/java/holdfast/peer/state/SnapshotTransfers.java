package holdfast.peer.state;

import holdfast.consensus.Effect;
import holdfast.consensus.Event;
import holdfast.consensus.SnapshotMeta;
import holdfast.model.StorageException;
import holdfast.port.Loop;
import holdfast.port.OperationLog;
import holdfast.util.ByteReader;
import holdfast.util.Invariants;
import java.util.function.Consumer;

/**
 * Saves snapshots of the state machine to this peer's disk, reads the saved one for members that
 * lag behind the log, and takes in the leader's when this peer lags: one class, since all three use
 * the log's one snapshot. Loop thread.
 */
final class SnapshotTransfers {
  private static final long SAVE_AGAIN_NS = 60_000_000_000L;

  private final Loop loop;
  private final OperationLog log;
  private final RaftDriver.Machine machine;
  private final Consumer<Event> step;
  private boolean isSaving;
  private RaftDriver.SnapshotLoading loading;
  private RaftDriver.SnapshotLoading loaded;

  /** {@code step} takes the events that answer the core's effects. */
  SnapshotTransfers(Loop loop, OperationLog log, RaftDriver.Machine machine, Consumer<Event> step) {
    this.loop = loop;
    this.log = log;
    this.machine = machine;
    this.step = step;
  }

  /** Whether one is being written. */
  boolean isSaving() {
    return isSaving;
  }

  /** Writes the state as it is now; if that fails, {@code again} is called some time later. */
  void save(SnapshotMeta meta, Runnable again) {
    isSaving = true;
    log.saveSnapshot(
        meta,
        machine.snapshotNow(),
        new OperationLog.SnapshotSaved() {
          @Override
          public void onSaved(long sizeBytes) {
            isSaving = false;
            step.accept(new Event.SnapshotTaken(meta));
          }

          @Override
          public void onFailure(StorageException why) {
            isSaving = false;
            loop.at(loop.nowNs() + SAVE_AGAIN_NS, "save snapshot", again);
          }
        });
  }

  void read(Effect.ReadSnapshot read) {
    log.readSnapshot(
        read.snapshotIndex(),
        read.offset(),
        Math.min(read.maxBytes(), OperationLog.SNAPSHOT_PIECE_BYTES_MAX),
        new OperationLog.SnapshotPiece() {
          @Override
          public void onBytes(byte[] bytes, long totalBytes) {
            step.accept(
                new Event.SnapshotBytes(
                    read.to(), read.snapshotIndex(), read.offset(), totalBytes, bytes));
          }

          @Override
          public void onFailure(StorageException why) {
            step.accept(new Event.SnapshotUnavailable(read.to(), read.snapshotIndex()));
          }
        });
  }

  /** Stores a piece from the leader and takes it in. */
  void store(Effect.StoreSnapshotChunk store) {
    if (store.offset() == 0) {
      loading = machine.beginLoading();
      loaded = null;
    }
    RaftDriver.SnapshotLoading into = loading;
    log.storeSnapshotPiece(
        store.meta(),
        store.totalBytes(),
        store.offset(),
        store.bytes(),
        why -> {
          if (why != null || into == null || into != loading) {
            step.accept(new Event.SnapshotFailed(store.meta().index()));
          } else {
            takeIn(into, store);
          }
        });
  }

  private void takeIn(RaftDriver.SnapshotLoading into, Effect.StoreSnapshotChunk store) {
    long index = store.meta().index();
    long end = store.offset() + store.bytes().length;
    try {
      into.feed(store.bytes());
      if (end == store.totalBytes()) {
        into.end();
        loaded = into;
      }
    } catch (ByteReader.Malformed e) {
      loading = null;
      step.accept(new Event.SnapshotFailed(index));
      return;
    }
    step.accept(
        end == store.totalBytes()
            ? new Event.SnapshotReceived(store.meta())
            : new Event.SnapshotChunkStored(index, end));
  }

  /** Makes the received snapshot the state. */
  void install(SnapshotMeta meta) {
    Invariants.check(loaded != null, "install snapshot: expected=a loaded one at %s", meta.index());
    loaded.install(meta);
    loaded = null;
    loading = null;
  }

  void discard(long snapshotIndex) {
    loading = null;
    loaded = null;
    log.discardSnapshot(snapshotIndex);
  }
}
