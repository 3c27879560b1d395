package holdfast.consensus;

import holdfast.consensus.RaftMessage.Append;
import holdfast.consensus.RaftMessage.AppendAccepted;
import holdfast.consensus.RaftMessage.AppendRejected;
import holdfast.consensus.RaftMessage.Heartbeat;
import holdfast.consensus.RaftMessage.HeartbeatReply;
import holdfast.consensus.RaftMessage.InstallSnapshot;
import holdfast.consensus.RaftMessage.InstallSnapshotReply;
import java.util.List;

/** Taking the log from a leader: entries, heartbeats, snapshots. */
final class Following {
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

  /** The term in which the two numbers below were learned. */
  private long knownTerm = -1;

  /** Up to here the log is known to equal that of the leader of this term. */
  private long matchedIndex;

  private long forceWantedIndex;

  /** Up to here the log must equal the leader's for the loss to be made good; -1: not known yet. */
  private long recoverUpTo;

  private Incoming incoming;

  Following(CoreState core) {
    this.core = core;
  }

  /** What an earlier leader's log had says nothing about this one's, however the term ended. */
  private void forgetEarlierTerm() {
    if (knownTerm != core.term) {
      knownTerm = core.term;
      matchedIndex = core.commitIndex;
      forceWantedIndex = 0;
      recoverUpTo = -1;
    }
  }

  void onAppend(Append append) {
    forgetEarlierTerm();
    Endpoint leader = append.header().from();
    long prevIndex = append.prevIndex();
    long endIndex = prevIndex + append.entries().size();
    if (prevIndex > core.log.lastIndex()) {
      core.out.send(new AppendRejected(core.to(leader), prevIndex, 0, core.log.lastIndex() + 1));
      return;
    }
    boolean joins =
        prevIndex < core.log.baseIndex() || core.log.termAt(prevIndex) == append.prevTerm();
    if (!joins && !core.has(Fault.SKIP_PREVIOUS_CHECK)) {
      core.out.send(
          new AppendRejected(
              core.to(leader),
              prevIndex,
              core.log.termAt(prevIndex),
              core.log.firstOfTermAt(prevIndex)));
      return;
    }
    if (!takeEntries(leader, append.entries())) {
      return;
    }
    // What is committed here is in the leader's log too, even if this message ends before it.
    matchedIndex = Math.max(matchedIndex, Math.max(endIndex, core.commitIndex));
    core.commitTo(Math.min(append.commitIndex(), endIndex));
    wantForce(Math.max(append.forceUpTo(), lastConfiguration(append.entries())));
    recoverIfWhole();
    accept(leader);
  }

  /** A configuration is forced at once: it counts when a majority of it has done so. */
  private static long lastConfiguration(List<LogEntry> entries) {
    long last = 0;
    for (LogEntry entry : entries) {
      last = entry.kind() == LogEntry.Kind.CONFIGURATION ? entry.index() : last;
    }
    return last;
  }

  /** False if there is no room: the leader tries again, and a snapshot makes some meanwhile. */
  private boolean takeEntries(Endpoint leader, List<LogEntry> entries) {
    int skipped = 0;
    while (skipped < entries.size()) {
      LogEntry entry = entries.get(skipped);
      boolean known =
          entry.index() <= core.log.baseIndex() || core.log.termAt(entry.index()) == entry.term();
      if (!known) {
        break;
      }
      skipped++;
    }
    List<LogEntry> fresh = entries.subList(skipped, entries.size());
    if (fresh.isEmpty()) {
      return true;
    }
    if (core.isLogFull(fresh.stream().mapToLong(LogEntry::sizeBytes).sum())) {
      return false;
    }
    long first = fresh.getFirst().index();
    if (first <= core.committedFloor()) {
      core.out.add(new Effect.CutRefused(leader, first));
      return false;
    }
    core.append(first <= core.log.lastIndex() ? first : 0, fresh);
    return true;
  }

  private void accept(Endpoint leader) {
    long forced = Math.min(core.forcedIndex, matchedIndex);
    core.out.sendWhenWritten(new AppendAccepted(core.to(leader), matchedIndex, forced));
  }

  private void wantForce(long index) {
    forceWantedIndex = Math.max(forceWantedIndex, index);
    core.askForce(Math.min(forceWantedIndex, matchedIndex));
  }

  /** The log is forced further; a leader that waits for it is told at once. */
  void logForced(long beforeIndex) {
    forgetEarlierTerm();
    if (core.role == Role.FOLLOWER && core.leader.isPresent() && beforeIndex < forceWantedIndex) {
      accept(core.leader.get());
    }
  }

  void onHeartbeat(Heartbeat heartbeat) {
    forgetEarlierTerm();
    noteRecovery(heartbeat);
    // The leader caps this by what this very endpoint has acknowledged in this term; but it may
    // have
    // lost that since.
    boolean isTrusted = !core.recovery.isNeeded();
    long commit =
        Math.min(heartbeat.commitIndex(), isTrusted ? core.log.lastIndex() : matchedIndex);
    matchedIndex = Math.max(matchedIndex, commit);
    core.commitTo(commit);
    wantForce(heartbeat.forceUpTo());
    core.out.send(
        new HeartbeatReply(
            core.to(heartbeat.header().from()),
            heartbeat.round(),
            heartbeat.sentMs(),
            core.log.lastIndex(),
            Math.min(core.forcedIndex, matchedIndex),
            core.recovery.nonce()));
  }

  private void noteRecovery(Heartbeat heartbeat) {
    boolean isOurs =
        heartbeat.recovering() == core.recovery.nonce() || core.has(Fault.RECOVER_BY_ANY_HEARTBEAT);
    if (core.recovery.isNeeded() && isOurs) {
      recoverUpTo = core.has(Fault.RECOVERED_WHEN_KNOWN) ? 0 : heartbeat.recoverUpTo();
      recoverIfWhole();
    }
  }

  /** Something else may be missing from now on. */
  void lost() {
    recoverUpTo = -1;
  }

  /** All that the leader had when it learned of the loss is here again, written. */
  private void recoverIfWhole() {
    if (recoverUpTo >= 0 && matchedIndex >= recoverUpTo && core.out.writtenIndex() >= recoverUpTo) {
      core.recovered();
    }
  }

  /** A write is done. */
  void written() {
    forgetEarlierTerm();
    if (core.recovery.isNeeded()) {
      recoverIfWhole();
    }
  }

  void onInstallSnapshot(InstallSnapshot piece) {
    forgetEarlierTerm();
    if (piece.meta().index() <= core.commitIndex) {
      acceptInstead(piece.header().from());
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

  void snapshotChunkStored(long snapshotIndex, long nextOffset) {
    if (incoming != null && incoming.isStoring && incoming.meta.index() == snapshotIndex) {
      incoming.isStoring = false;
      incoming.storedBytes = nextOffset;
      reply(incoming.from, snapshotIndex, nextOffset, false);
    }
  }

  void snapshotReceived(SnapshotMeta meta) {
    forgetEarlierTerm();
    if (incoming == null || !incoming.isStoring || !incoming.meta.equals(meta)) {
      core.out.add(new Effect.DiscardSnapshot(meta.index()));
      return;
    }
    Endpoint from = incoming.from;
    long totalBytes = incoming.totalBytes;
    incoming = null;
    if (meta.index() <= core.commitIndex) {
      core.out.add(new Effect.DiscardSnapshot(meta.index()));
      acceptInstead(from);
    } else {
      core.installSnapshot(meta);
      matchedIndex = Math.min(Math.max(matchedIndex, meta.index()), core.log.lastIndex());
      reply(from, meta.index(), totalBytes, true);
      recoverIfWhole();
    }
  }

  /**
   * The log got beyond the snapshot by itself: what of it is forced may be less than the snapshot
   * covers, so it isn't "installed". <i>Event: an fsync was acknowledged that rested on one
   * copy.</i>
   */
  private void acceptInstead(Endpoint leader) {
    matchedIndex = Math.max(matchedIndex, core.commitIndex);
    if (core.role == Role.FOLLOWER && core.leader.isPresent() && core.leader.get().equals(leader)) {
      accept(leader);
    }
  }

  /** No answer: the leader tries again after a while, and is then told to start from 0. */
  void snapshotFailed(long snapshotIndex) {
    if (incoming != null && incoming.meta.index() == snapshotIndex) {
      incoming = null;
    }
  }

  private void reply(Endpoint to, long snapshotIndex, long nextOffset, boolean installed) {
    if (core.role == Role.FOLLOWER && core.leader.isPresent() && core.leader.get().equals(to)) {
      core.out.sendWhenWritten(
          new InstallSnapshotReply(core.to(to), snapshotIndex, nextOffset, installed));
    }
  }
}
