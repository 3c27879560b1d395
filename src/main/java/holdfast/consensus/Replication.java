package holdfast.consensus;

import holdfast.consensus.RaftMessage.Append;
import holdfast.consensus.RaftMessage.AppendAccepted;
import holdfast.consensus.RaftMessage.AppendRejected;
import holdfast.consensus.RaftMessage.Heartbeat;
import holdfast.consensus.RaftMessage.HeartbeatReply;
import holdfast.consensus.RaftMessage.InstallSnapshot;
import holdfast.consensus.RaftMessage.InstallSnapshotReply;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Brings each member's log up to the leader's: probes for where they match, then streams entries,
 * or sends a snapshot (dissertation, 3.5, 5.1 and 10.2.2). {@link Leading} decides what is in the
 * log; here is how it gets to the others.
 */
final class Replication {
  private final CoreState core;
  private final Map<Endpoint, Progress> members = new LinkedHashMap<>();
  private long lastRound;
  private long lastRoundMs;

  /** Members force their logs up to here as soon as they have it. */
  long forceWantedIndex;

  Replication(CoreState core) {
    this.core = core;
    lastRoundMs = core.nowMs;
    configurationChanged();
  }

  Map<Endpoint, Progress> members() {
    return members;
  }

  long lastRound() {
    return lastRound;
  }

  /** Begins with new members, forgets those that left. */
  void configurationChanged() {
    Configuration configuration = core.configuration();
    members.keySet().removeIf(member -> !configuration.isMember(member));
    for (Endpoint member : configuration.members()) {
      if (!member.equals(core.self)) {
        members.computeIfAbsent(
            member, added -> new Progress(added, core.log.lastIndex() + 1, core.nowMs));
      }
    }
  }

  void tick() {
    if (core.nowMs - lastRoundMs >= core.config.heartbeatMs()) {
      heartbeat();
    }
    for (Progress member : members.values()) {
      if (member.mode == Progress.Mode.SNAPSHOT && hasWaitedLong(member)) {
        member.outgoing.sentMs = core.nowMs;
        readSnapshot(member);
      }
    }
  }

  private boolean hasWaitedLong(Progress member) {
    return !member.outgoing.isReading
        && core.nowMs - member.outgoing.sentMs >= 4L * core.config.heartbeatMs()
        && isHeard(member);
  }

  private boolean isHeard(Progress member) {
    return core.isHeardLately(member);
  }

  /** A round of heartbeats to everybody. */
  void heartbeat() {
    lastRound++;
    lastRoundMs = core.nowMs;
    for (Progress member : members.values()) {
      member.streamedAtRound = member.nextIndex - 1;
      core.out.send(
          new Heartbeat(
              core.to(member.endpoint),
              lastRound,
              core.nowMs,
              Math.min(core.commitIndex, member.matchIndex),
              forceWantedIndex,
              member.recovering,
              member.recoverUpTo));
    }
  }

  void replicateToAll() {
    members.values().forEach(this::replicate);
  }

  /** Sends as much as the member's window takes. */
  private void replicate(Progress member) {
    switch (member.mode) {
      case PROBE -> probe(member);
      case STREAM -> stream(member);
      case SNAPSHOT -> {}
    }
  }

  private void probe(Progress member) {
    if (member.isProbing && core.nowMs - member.probeSentMs < core.config.heartbeatMs()) {
      return;
    }
    if (member.nextIndex <= core.log.baseIndex()) {
      sendSnapshot(member);
      return;
    }
    member.isProbing = true;
    member.probeSentMs = core.nowMs;
    sendAppend(member, List.of());
  }

  private void stream(Progress member) {
    long end = lastIndexFor(member);
    while (member.nextIndex <= end && !member.isWindowFull(core.config)) {
      if (member.nextIndex <= core.log.baseIndex()) {
        sendSnapshot(member);
        return;
      }
      var entries =
          core.log.slice(
              member.nextIndex, end, core.config.appendBytesMax(), RaftMessage.APPEND_ENTRIES_MAX);
      sendAppend(member, entries);
      int bytes = entries.stream().mapToInt(LogEntry::sizeBytes).sum();
      member.sent(entries.getLast().index(), bytes, core.nowMs);
    }
  }

  /**
   * A configuration is sent when it is forced here: else it may be in force elsewhere and unknown
   * to this leader after a power cut. Who loses its vote hears of it only when that is committed.
   * Else, if this leader dies before it has written the entry, the others may still need a vote of
   * somebody who no longer asks for votes, and refuses its own because its log is the longer.
   */
  private long lastIndexFor(Progress member) {
    long index = core.log.configurationIndex();
    if (core.forcedIndex < index && !core.has(Fault.COUNT_UNFORCED_CONFIGURATION)) {
      return index - 1;
    }
    boolean losesVote =
        index > core.commitIndex
            && !core.configuration().isVoter(member.endpoint)
            && core.log.configurationAt(core.commitIndex).isVoter(member.endpoint)
            && !core.has(Fault.SEND_DEMOTION_AT_ONCE);
    return losesVote ? index - 1 : core.log.lastIndex();
  }

  private void sendAppend(Progress member, List<LogEntry> entries) {
    long prevIndex = member.nextIndex - 1;
    core.out.send(
        new Append(
            core.to(member.endpoint),
            prevIndex,
            core.log.termAt(prevIndex),
            core.commitIndex,
            forceWantedIndex,
            entries));
  }

  void onAppendAccepted(Progress member, AppendAccepted reply) {
    if (reply.matchIndex() > core.log.lastIndex()) {
      return;
    }
    member.acknowledged(reply.matchIndex(), reply.forcedIndex(), core.nowMs);
    boolean probed = member.mode == Progress.Mode.PROBE;
    boolean overtook =
        member.mode == Progress.Mode.SNAPSHOT && member.matchIndex >= core.log.baseIndex();
    if (probed || overtook) {
      member.becomeStream();
    } else if (member.mode == Progress.Mode.SNAPSHOT
        && member.outgoing.meta.index() <= member.matchIndex) {
      sendSnapshot(member); // It is beyond this one, and our log begins later: a newer one then.
    }
    replicate(member);
  }

  void onAppendRejected(Progress member, AppendRejected reply) {
    boolean stale =
        reply.prevIndex() <= member.matchIndex
            || member.mode == Progress.Mode.SNAPSHOT
            || (member.mode == Progress.Mode.PROBE && reply.prevIndex() != member.nextIndex - 1);
    if (stale) {
      return;
    }
    long next = Math.min(reply.conflictIndex(), reply.prevIndex());
    if (reply.conflictTerm() > 0) {
      // Everything up to our last entry of the conflicting term may be the same there.
      long last = core.log.lastOfTerm(reply.conflictTerm(), reply.prevIndex() - 1);
      next = last >= next ? last + 1 : next;
    }
    member.becomeProbe(next);
    replicate(member);
  }

  /** What this member acknowledged it may have lost, if its loss is news here. */
  private void noteLoss(Progress member, HeartbeatReply reply) {
    boolean isNews =
        reply.recovering() != member.recovering || reply.lastIndex() < member.matchIndex;
    if (reply.recovering() != 0 && isNews) {
      long next = Math.min(reply.lastIndex(), core.log.lastIndex()) + 1;
      member.lost(
          reply.recovering(), core.log.lastIndex(), next, core.has(Fault.KEEP_MATCH_OF_RECOVERING));
    }
  }

  void onHeartbeatReply(Progress member, HeartbeatReply reply) {
    noteLoss(member, reply);
    member.hasAnsweredHeartbeat = true;
    member.answeredSentMs = Math.max(member.answeredSentMs, reply.sentMs());
    member.answeredRound = Math.max(member.answeredRound, reply.round());
    member.acknowledged(0, Math.min(reply.forcedIndex(), member.matchIndex), core.nowMs);
    if (member.mode == Progress.Mode.STREAM && reply.round() == lastRound) {
      if (reply.lastIndex() < member.streamedAtRound) {
        member.becomeProbe(reply.lastIndex() + 1);
      } else if (member.matchIndex < member.streamedAtRound
          && core.nowMs - member.progressMs >= 4L * core.config.heartbeatMs()) {
        // All of it arrived, but the acknowledgement was lost or the disk hangs: ask.
        member.becomeProbe(member.nextIndex);
      }
    }
    replicate(member);
  }

  private void sendSnapshot(Progress member) {
    member.becomeSnapshot(core.snapshot);
    member.outgoing.sentMs = core.nowMs;
    readSnapshot(member);
  }

  private void readSnapshot(Progress member) {
    member.outgoing.isReading = true;
    core.out.add(
        new Effect.ReadSnapshot(
            member.endpoint,
            member.outgoing.meta.index(),
            member.outgoing.offset,
            core.config.snapshotChunkBytes()));
  }

  void snapshotBytes(Event.SnapshotBytes piece) {
    Progress member = members.get(piece.to());
    if (member == null
        || member.mode != Progress.Mode.SNAPSHOT
        || !member.outgoing.isReading
        || member.outgoing.meta.index() != piece.snapshotIndex()
        || member.outgoing.offset != piece.offset()) {
      return;
    }
    member.outgoing.isReading = false;
    member.outgoing.sentMs = core.nowMs;
    core.out.send(
        new InstallSnapshot(
            core.to(member.endpoint),
            member.outgoing.meta,
            piece.totalBytes(),
            piece.offset(),
            piece.bytes()));
  }

  /** Starts over with the newest snapshot, after a while. */
  void snapshotUnavailable(Endpoint to, long snapshotIndex) {
    Progress member = members.get(to);
    if (member != null
        && member.mode == Progress.Mode.SNAPSHOT
        && member.outgoing.meta.index() == snapshotIndex) {
      member.becomeSnapshot(core.snapshot);
      member.outgoing.sentMs = core.nowMs;
    }
  }

  void onInstallSnapshotReply(Progress member, InstallSnapshotReply reply) {
    if (member.mode != Progress.Mode.SNAPSHOT
        || member.outgoing.meta.index() != reply.snapshotIndex()) {
      return;
    }
    if (reply.installed()) {
      member.acknowledged(reply.snapshotIndex(), reply.snapshotIndex(), core.nowMs);
      member.becomeStream();
      replicate(member);
    } else if (!member.outgoing.isReading && reply.nextOffset() != member.outgoing.offset) {
      member.outgoing.offset = reply.nextOffset();
      readSnapshot(member);
    }
  }

  /** The lowest index of a snapshot that somebody alive is being sent; MAX_VALUE if nobody. */
  long lowestOutgoingSnapshot() {
    return members.values().stream()
        .filter(member -> member.mode == Progress.Mode.SNAPSHOT && isHeard(member))
        .mapToLong(member -> member.outgoing.meta.index())
        .min()
        .orElse(Long.MAX_VALUE);
  }
}
