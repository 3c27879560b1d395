package holdfast.consensus;

import java.util.List;
import java.util.Optional;

/**
 * An instruction of the core to its driver, carried out in the order given. Writes ({@link
 * PersistHardState}, {@link AppendEntries}, {@link ResetLog}) carry rising tickets and are carried
 * out in that order.
 */
public sealed interface Effect {
  /**
   * Send to {@code message.header().to()}. May go at once: the core defers what has to wait for a
   * write. May be lost.
   */
  record Send(RaftMessage message) implements Effect {}

  /** Write and force, then {@link Event.PersistDone}. */
  record PersistHardState(long ticket, HardState state) implements Effect {}

  /**
   * Drop every entry from {@code truncateFrom} on (0: none), then write these, then {@link
   * Event.PersistDone}. Needn't be forced, but is within a second, see {@link ForceLog}.
   */
  record AppendEntries(long ticket, long truncateFrom, List<LogEntry> entries) implements Effect {}

  /** Drop the whole log; it goes on after this durable snapshot. Then {@link Event.PersistDone}. */
  record ResetLog(long ticket, SnapshotMeta snapshot) implements Effect {}

  /** Entries up to this index may go: a durable snapshot covers them. No answer. */
  record CompactLog(long upToIndex) implements Effect {}

  /** Force the log up to this index at once, all earlier writes first, then LogForced. */
  record ForceLog(long upToIndex) implements Effect {}

  /** These entries, up to {@code upToIndex} without a gap, are committed: apply them. */
  record Commit(long upToIndex, List<LogEntry> entries) implements Effect {}

  /**
   * The proposal stands in the leader's log. It has succeeded when an entry with this index and
   * term is committed, and failed when another one is at this index.
   */
  record ProposalAccepted(long id, long index, long term) implements Effect {}

  /** The proposal or membership change was refused and has had no effect. */
  record ProposalRejected(long id, Rejection reason, Optional<Endpoint> leader) implements Effect {}

  /** Once the state has applied {@code index}, it may answer the read. */
  record ReadReady(long id, long index) implements Effect {}

  /** The read can't be answered here and now. */
  record ReadRejected(long id, Rejection reason, Optional<Endpoint> leader) implements Effect {}

  /**
   * A majority of voters has forced the committed log up to this index, an entry of the leader's
   * own term at the least. Leader only.
   */
  record ForcedAtMajority(long index) implements Effect {}

  /** The log has grown: take a snapshot of the applied state when convenient. */
  record SnapshotWanted() implements Effect {}

  /**
   * Read this part of a snapshot of ours (as many bytes as there are, at most {@code maxBytes}) for
   * a member; answer SnapshotBytes or SnapshotUnavailable.
   */
  record ReadSnapshot(Endpoint to, long snapshotIndex, long offset, int maxBytes)
      implements Effect {}

  /**
   * Store a piece of a snapshot from the leader; {@code offset} 0 starts anew and discards what was
   * stored of another. Answer SnapshotChunkStored, SnapshotReceived (offset + bytes = total) or
   * SnapshotFailed.
   */
  record StoreSnapshotChunk(SnapshotMeta meta, long totalBytes, long offset, byte[] bytes)
      implements Effect {}

  /** Make the received snapshot the state: swap the reference. Entries after it follow. */
  record InstallSnapshot(SnapshotMeta meta) implements Effect {}

  /** The received snapshot is not needed any more: the log has got further meanwhile. */
  record DiscardSnapshot(long snapshotIndex) implements Effect {}

  /**
   * What this endpoint had lost under this nonce is here again, or nobody has it: forget the mark,
   * durably, at leisure.
   */
  record Recovered(long nonce) implements Effect {}

  /**
   * This endpoint was elected by every voter, too many of whom may have lost the end of their logs:
   * what somebody was told may be in nobody's log any more. So the log ends here, at {@code base},
   * whose configuration is that of the next one. All of it is committed before this effect. Found a
   * log that goes on from there under another id, {@link InitialState#after}; this core takes no
   * part in anything any more.
   *
   * @param term the term in which it was elected
   */
  record LogEnded(SnapshotMeta base, long term) implements Effect {}

  /**
   * The leader of this term would have committed entries cut from {@code index} on: it is of
   * another lineage. Nothing was taken from it.
   */
  record CutRefused(Endpoint leader, long index) implements Effect {}

  /** Role, term or known leader changed. */
  record RoleChanged(Role role, long term, Optional<Endpoint> leader, Cause cause)
      implements Effect {}

  /** Another configuration is in force here: the one of the entry at {@code index}. */
  record ConfigurationChanged(long index, Configuration configuration) implements Effect {}

  /** Why a role changed. */
  enum Cause {
    /** No leader was heard for an election timeout, or a leader asked to be succeeded. */
    ELECTION,
    /** A quorum voted. */
    ELECTED,
    /** Every voter voted, too many of them with a loss: {@link Effect.LogEnded}. */
    ELECTED_BY_ALL,
    /** A leader of this term was heard. */
    LEADER_HEARD,
    /** Somebody was in a higher term. */
    HIGHER_TERM,
    /** The leader has not heard from a quorum for quorumTimeoutMs. */
    QUORUM_LOST,
    /** The configuration gives this endpoint no vote any more. */
    VOTE_TAKEN,
    /** A write or force failed. */
    STORE_FAILED,
    /** The store may lack something, as it turned out. */
    STORE_LOST
  }
}
