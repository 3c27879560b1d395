package holdfast.consensus;

import holdfast.consensus.RaftMessage.Append;
import holdfast.consensus.RaftMessage.AppendAccepted;
import holdfast.consensus.RaftMessage.AppendRejected;
import holdfast.consensus.RaftMessage.Heartbeat;
import holdfast.consensus.RaftMessage.HeartbeatReply;
import java.util.List;

/**
 * A follower's part in one term: takes entries and the commit index from the term's leader
 * (dissertation, 3.5 and 3.6). Made anew with each term, as {@link Leading} is: how far the log of
 * an earlier leader equalled this one's says nothing about the next leader's.
 */
final class Following {
  private final CoreState core;

  /** Up to here the log is known to equal that of the leader of this term. */
  private long matchedIndex;

  private long forceWantedIndex;

  /** Up to here the log must equal the leader's for the loss to be made good; -1: not known yet. */
  private long recoverUpTo = -1;

  Following(CoreState core) {
    this.core = core;
    matchedIndex = core.commitIndex;
  }

  void onAppend(Append append) {
    Endpoint leader = append.header().from();
    long prevIndex = append.prevIndex();
    long endIndex = prevIndex + append.entries().size();
    if (prevIndex > core.log.lastIndex()) {
      core.out.send(new AppendRejected(core.to(leader), prevIndex, 0, core.log.lastIndex() + 1));
      return;
    }
    // The log matches the leader's up to where the entry before matches (dissertation, 3.5).
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
    if (!appendEntries(leader, append.entries())) {
      return;
    }
    // What is committed here is in the leader's log too, even if this message ends before it.
    matchedIndex = Math.max(matchedIndex, Math.max(endIndex, core.commitIndex));
    core.commitTo(Math.min(append.commitIndex(), endIndex));
    requestForce(Math.max(append.forceUpTo(), lastConfiguration(append.entries())));
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
  private boolean appendEntries(Endpoint leader, List<LogEntry> entries) {
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

  private void requestForce(long index) {
    forceWantedIndex = Math.max(forceWantedIndex, index);
    core.askForce(Math.min(forceWantedIndex, matchedIndex));
  }

  /** The log is forced further; a leader that waits for it is answered at once. */
  void logForced(long beforeIndex) {
    if (core.role == Role.FOLLOWER && core.leader.isPresent() && beforeIndex < forceWantedIndex) {
      accept(core.leader.get());
    }
  }

  void onHeartbeat(Heartbeat heartbeat) {
    noteRecovery(heartbeat);
    // The leader caps this by what this very endpoint has acknowledged in this term; but it may
    // have lost that since.
    boolean isTrusted = !core.recovery.isNeeded();
    long commit =
        Math.min(heartbeat.commitIndex(), isTrusted ? core.log.lastIndex() : matchedIndex);
    matchedIndex = Math.max(matchedIndex, commit);
    core.commitTo(commit);
    requestForce(heartbeat.forceUpTo());
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
  void recoverIfWhole() {
    if (recoverUpTo >= 0 && matchedIndex >= recoverUpTo && core.out.writtenIndex() >= recoverUpTo) {
      core.recovered();
    }
  }

  /** A write is done. */
  void written() {
    if (core.recovery.isNeeded()) {
      recoverIfWhole();
    }
  }

  /** A snapshot of the leader's is installed: it covers the log up to there. */
  void snapshotInstalled(SnapshotMeta meta) {
    matchedIndex = Math.min(Math.max(matchedIndex, meta.index()), core.log.lastIndex());
  }

  /**
   * The log got beyond the snapshot by itself: what of it is forced may be less than the snapshot
   * covers, so it isn't "installed". <i>Event: an fsync was acknowledged that rested on one
   * copy.</i>
   */
  void acceptInstead(Endpoint leader) {
    matchedIndex = Math.max(matchedIndex, core.commitIndex);
    if (core.follows(leader)) {
      accept(leader);
    }
  }
}
