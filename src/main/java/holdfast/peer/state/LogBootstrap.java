package holdfast.peer.state;

import holdfast.consensus.InitialState;
import holdfast.consensus.SnapshotMeta;
import holdfast.metadata.Namespace;
import holdfast.model.ErrorCode;
import holdfast.model.LogId;
import holdfast.model.StorageException;
import holdfast.port.OperationLog;
import holdfast.util.ByteReader;
import java.util.function.Consumer;

/** Starts a log from what the disk holds: loads its snapshot, or begins one anew. */
final class LogBootstrap {
  /** What is to run. */
  interface Ready {
    /** The snapshot's content is null where there is no snapshot. */
    void run(
        LogId log, InitialState initial, SnapshotStream.Sink sinkOrNull, Namespace loadedOrNull);
  }

  private final OperationLog log;
  private final Ready ready;
  private final Consumer<StorageException> onFailure;

  LogBootstrap(OperationLog log, Ready ready, Consumer<StorageException> onFailure) {
    this.log = log;
    this.ready = ready;
    this.onFailure = onFailure;
  }

  /** Goes on with the log of this directory. */
  void goOn(OperationLog.Recovered found, Runnable then) {
    LogId id = found.log().orElseThrow();
    if (found.initial().snapshot().index() > 0) {
      load(id, found.initial(), new SnapshotStream.Sink(), 0, then);
    } else {
      ready.run(id, found.initial(), null, null);
      then.run();
    }
  }

  /** Begins a log in an empty directory. */
  void begin(LogId id, InitialState initial, Runnable then) {
    log.begin(
        id,
        initial,
        why -> {
          if (why == null) {
            ready.run(id, initial, null, null);
            then.run();
          } else {
            onFailure.accept(why);
          }
        });
  }

  private void load(
      LogId id, InitialState initial, SnapshotStream.Sink sink, long offset, Runnable then) {
    SnapshotMeta meta = initial.snapshot();
    log.readSnapshot(
        meta.index(),
        offset,
        OperationLog.SNAPSHOT_PIECE_BYTES_MAX,
        new OperationLog.SnapshotPiece() {
          @Override
          public void onBytes(byte[] bytes, long totalBytes) {
            long end = offset + bytes.length;
            try {
              sink.feed(bytes);
              if (end < totalBytes && bytes.length > 0) {
                load(id, initial, sink, end, then);
                return;
              }
              ready.run(id, initial, sink, sink.namespaceOrNull());
            } catch (ByteReader.Malformed e) {
              onFailure.accept(
                  new StorageException(
                      ErrorCode.STORE_FAILED, "load snapshot: was=" + e.getMessage(), e));
              return;
            }
            then.run();
          }

          @Override
          public void onFailure(StorageException why) {
            onFailure.accept(why);
          }
        });
  }
}
