package holdfast.consensus;

import java.util.List;

/**
 * An input of the core: a message, the end of a write, a request of the driver, or time. See {@link
 * RaftCore#step}.
 */
public sealed interface Event {
  /** Time has passed: at least every {@code heartbeatMs / 3}. */
  record Tick() implements Event {}

  /** A message came in over a session whose node is {@code message.header().from().node()}. */
  record Receive(RaftMessage message) implements Event {}

  /**
   * Commands for the log, in this order. Proposals that waited together go in together: one write,
   * one message to each member.
   */
  record Propose(List<Proposal> proposals) implements Event {
    /** Freezes the list. */
    public Propose {
      proposals = List.copyOf(proposals);
    }
  }

  /** A linearizable read begins. Answered by ReadReady or ReadRejected, perhaps later. */
  record Read(long id) implements Event {}

  /**
   * A step of the configuration. Answered like a proposal; committed when a CONFIGURATION entry at
   * the accepted index and term is.
   */
  record ChangeMembership(long id, MembershipChange change) implements Event {}

  /**
   * Force the log up to this index on a majority; ForcedAtMajority says when, unless an earlier one
   * of this term already reached it. Leader only; to be repeated at the next leader.
   */
  record Force(long upToIndex) implements Event {}

  /**
   * The operator's word that nothing more of this log is to come: a folder that is damaged, older
   * or a copy needn't be waited for.
   */
  record AcceptDamage() implements Event {}

  /**
   * It turned out, while this core ran, that the store may lack something: durable in the store by
   * now. A leader steps down.
   */
  record Lost(Recovery recovery) implements Event {}

  /**
   * Hand leadership to this voter. Nothing answers but RoleChanged; ends by itself after a while.
   */
  record TransferLeadership(Endpoint target) implements Event {}

  /** Every write with this ticket or a lower one is done (hard state: forced). */
  record PersistDone(long ticket) implements Event {}

  /** The log up to this entry has been forced. */
  record LogForced(long index, long term) implements Event {}

  /** A write or force failed: this core stops for good. */
  record PersistFailed(String reason) implements Event {}

  /** The driver made a snapshot of its own, and it is durable. */
  record SnapshotTaken(SnapshotMeta meta) implements Event {}

  /**
   * Answers {@link Effect.ReadSnapshot}: these bytes of a snapshot that has {@code totalBytes}. Not
   * empty unless the snapshot is.
   */
  record SnapshotBytes(Endpoint to, long snapshotIndex, long offset, long totalBytes, byte[] bytes)
      implements Event {}

  /** Answers {@link Effect.ReadSnapshot}: no such snapshot any more, or unreadable. */
  record SnapshotUnavailable(Endpoint to, long snapshotIndex) implements Event {}

  /** Answers {@link Effect.StoreSnapshotChunk} of any but the last chunk. */
  record SnapshotChunkStored(long snapshotIndex, long nextOffset) implements Event {}

  /**
   * Answers the last {@link Effect.StoreSnapshotChunk}: the snapshot is whole, decoded and durable,
   * ready for {@link Effect.InstallSnapshot}.
   */
  record SnapshotReceived(SnapshotMeta meta) implements Event {}

  /** Answers {@link Effect.StoreSnapshotChunk}: bad bytes or no space; start again later. */
  record SnapshotFailed(long snapshotIndex) implements Event {}
}
