package holdfast.consensus;

import holdfast.consensus.RaftMessage.InstallSnapshot;
import holdfast.consensus.RaftMessage.InstallSnapshotReply;

/**
 * Receives a leader's snapshot piece by piece (dissertation, 5.1). Apart from {@link Following}
 * because it outlives the term: the disk goes on with the piece it stores, and a leader that is
 * elected again goes on where it was.
 */
final class SnapshotIntake {
  /** A snapshot on its way in. {@code storedBytes}: the next offset; one piece at a time. */
  private static final class Incoming {
    final Endpoint from;
    final SnapshotMeta meta;
    final long totalBytes;
    long storedBytes;
    boolean isStoring;

    Incoming(InstallSnapshot first) {
      from = first.header().from();
      meta = first.meta();
      totalBytes = first.totalBytes();
    }

    boolean matches(InstallSnapshot piece) {
      return from.equals(piece.header().from())
          && meta.equals(piece.meta())
          && totalBytes == piece.totalBytes();
    }
  }

  private final CoreState core;
  private Incoming incoming;

  SnapshotIntake(CoreState core) {
    this.core = core;
  }

  void onInstallSnapshot(InstallSnapshot piece) {
    if (piece.meta().index() <= core.commitIndex) {
      core.following.acceptInstead(piece.header().from());
      return;
    }
    if (incoming == null || !incoming.matches(piece)) {
      if (incoming != null && incoming.isStoring) {
        return;
      }
      if (piece.offset() != 0) {
        reply(piece.header().from(), piece.meta().index(), 0, false);
        return;
      }
      incoming = new Incoming(piece);
    }
    if (incoming.isStoring) {
      return;
    }
    if (piece.offset() != incoming.storedBytes) {
      reply(incoming.from, incoming.meta.index(), incoming.storedBytes, false);
      return;
    }
    incoming.isStoring = true;
    core.out.add(
        new Effect.StoreSnapshotChunk(
            piece.meta(), piece.totalBytes(), piece.offset(), piece.bytes()));
  }

  void chunkStored(long snapshotIndex, long nextOffset) {
    if (incoming != null && incoming.isStoring && incoming.meta.index() == snapshotIndex) {
      incoming.isStoring = false;
      incoming.storedBytes = nextOffset;
      reply(incoming.from, snapshotIndex, nextOffset, false);
    }
  }

  /** The whole snapshot is verified and forced. */
  void received(SnapshotMeta meta) {
    if (incoming == null || !incoming.isStoring || !incoming.meta.equals(meta)) {
      core.out.add(new Effect.DiscardSnapshot(meta.index()));
      return;
    }
    Endpoint from = incoming.from;
    long totalBytes = incoming.totalBytes;
    incoming = null;
    if (meta.index() <= core.commitIndex) {
      core.out.add(new Effect.DiscardSnapshot(meta.index()));
      core.following.acceptInstead(from);
    } else {
      core.installSnapshot(meta);
      core.following.snapshotInstalled(meta);
      reply(from, meta.index(), totalBytes, true);
      core.following.recoverIfWhole();
    }
  }

  /** No answer: the leader tries again after a while, and is then told to start from 0. */
  void failed(long snapshotIndex) {
    if (incoming != null && incoming.meta.index() == snapshotIndex) {
      incoming = null;
    }
  }

  private void reply(Endpoint to, long snapshotIndex, long nextOffset, boolean installed) {
    if (core.follows(to)) {
      core.out.sendWhenWritten(
          new InstallSnapshotReply(core.to(to), snapshotIndex, nextOffset, installed));
    }
  }
}
