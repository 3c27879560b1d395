package holdfast.consensus;

import holdfast.model.LogId;
import java.util.Arrays;
import java.util.List;

/**
 * What endpoints say to each other. A message may be lost, delayed, doubled or overtaken. {@link
 * RaftMessageCodec} gives the bytes: at most {@link #BYTES_MAX} a message.
 */
public sealed interface RaftMessage {
  /** No encoded message is longer. */
  int BYTES_MAX = 200 * 1_024;

  /** Most bytes of a snapshot in one message. */
  int SNAPSHOT_CHUNK_BYTES_MAX = 128 * 1_024;

  /** Most entries in one Append. */
  int APPEND_ENTRIES_MAX = 4_096;

  /** Who, to whom, about which log, and the sender's term. */
  Header header();

  /**
   * Whether others may rely on it later. Who only asked and told what might be promised nothing,
   * and may be forgotten; what isn't known to be of that kind is a promise.
   */
  default boolean isPromise() {
    return !(this instanceof PreVoteRequest
        || this instanceof PreVoteReply
        || this instanceof TermRequest
        || this instanceof TermReply);
  }

  /**
   * Stands before every message. A receiver that is not exactly {@code to}, incarnation included,
   * or follows another log drops the message.
   */
  record Header(LogId logId, Endpoint from, Endpoint to, long term) {}

  /**
   * Would you vote for me in the term after mine, if I asked? Changes nothing at the receiver.
   * {@code lastIndex}, {@code lastTerm}: the end of the sender's log. {@code byAll}: only every
   * voter's vote can elect the sender, so that members without a vote are asked too whether they
   * have more of the log.
   */
  record PreVoteRequest(Header header, long lastIndex, long lastTerm, boolean byAll)
      implements RaftMessage {}

  /**
   * A vote, or what it would be.
   *
   * @param recovering what the voter may have lost
   * @param promised who may have ended the log by the voter's earlier vote, and hasn't announced it
   *     yet; {@link HardState#PROMISED_MAX} at most
   */
  record Vote(boolean granted, Recovery.Cause recovering, List<Endpoint> promised) {
    /** Freezes the list. */
    public Vote {
      promised = List.copyOf(promised);
    }
  }

  /**
   * {@code askedTerm} is the term of the request that this answers. {@code ahead}: the sender's log
   * ends later than the asker's. {@code writeMs}: how long a forced write has taken at the sender
   * lately, 0 or more: so long its vote may take.
   */
  record PreVoteReply(Header header, long askedTerm, Vote vote, boolean ahead, int writeMs)
      implements RaftMessage {}

  /**
   * Vote for me in this term. {@code transfer}: the leader itself asked for it, so that a voter
   * that hears from a leader grants it too. {@code ends}: the sender ends the log if it wins by
   * every vote only.
   */
  record VoteRequest(Header header, long lastIndex, long lastTerm, boolean transfer, boolean ends)
      implements RaftMessage {}

  /** In the term of the header. */
  record VoteReply(Header header, Vote vote) implements RaftMessage {}

  /**
   * Entries that follow (prevIndex, prevTerm); none to probe. {@code forceUpTo}: the receiver
   * forces its log up to there as soon as it has it, and answers again; 0 for none.
   */
  record Append(
      Header header,
      long prevIndex,
      long prevTerm,
      long commitIndex,
      long forceUpTo,
      List<LogEntry> entries)
      implements RaftMessage {
    /** Freezes the list. */
    public Append {
      entries = List.copyOf(entries);
    }
  }

  /**
   * Accepted: the sender's log is written and equal to the leader's up to {@code matchIndex}, and
   * forced up to {@code forcedIndex}. Sent after the entries are written.
   */
  record AppendAccepted(Header header, long matchIndex, long forcedIndex) implements RaftMessage {}

  /**
   * Refused: no entry (prevIndex, prevTerm) here. {@code conflictTerm} is the term that stands at
   * prevIndex (0: the log ends before it); {@code conflictIndex} is the first index of that term,
   * or the end of the log + 1.
   */
  record AppendRejected(Header header, long prevIndex, long conflictTerm, long conflictIndex)
      implements RaftMessage {}

  /**
   * I lead. {@code round} counts a leader's rounds of heartbeats; {@code sentMs} is the leader's
   * clock when it sent this one, and comes back as it is. {@code commitIndex} never exceeds what
   * the receiver has acknowledged. {@code recovering}: the nonce of the receiver's loss as the
   * leader knows it, 0 for none; once the receiver has the log up to {@code recoverUpTo}, that loss
   * is made good.
   */
  record Heartbeat(
      Header header,
      long round,
      long sentMs,
      long commitIndex,
      long forceUpTo,
      long recovering,
      long recoverUpTo)
      implements RaftMessage {}

  /**
   * {@code lastIndex}: the end of the log as received, perhaps not yet written. {@code recovering}:
   * the nonce of the sender's loss, 0 for none.
   */
  record HeartbeatReply(
      Header header, long round, long sentMs, long lastIndex, long forcedIndex, long recovering)
      implements RaftMessage {}

  /** A piece of a snapshot of {@code totalBytes} bytes. */
  record InstallSnapshot(
      Header header, SnapshotMeta meta, long totalBytes, long offset, byte[] bytes)
      implements RaftMessage {
    @Override
    public boolean equals(Object other) {
      return other instanceof InstallSnapshot that
          && header.equals(that.header)
          && meta.equals(that.meta)
          && totalBytes == that.totalBytes
          && offset == that.offset
          && Arrays.equals(bytes, that.bytes);
    }

    @Override
    public int hashCode() {
      return header.hashCode() * 31 + Long.hashCode(offset);
    }
  }

  /**
   * {@code nextOffset}: where to go on; everything before it is stored. {@code installed}: the
   * sender's state is at {@code snapshotIndex} or beyond, durably.
   */
  record InstallSnapshotReply(Header header, long snapshotIndex, long nextOffset, boolean installed)
      implements RaftMessage {}

  /** Start an election at once: the leader hands over. */
  record TimeoutNow(Header header) implements RaftMessage {}

  /** The sender may have lost its term or vote, under this nonce: which term are you in? */
  record TermRequest(Header header, long nonce) implements RaftMessage {}

  /**
   * The term is that of the header; {@code nonce} as it was asked. {@code voters}: of every
   * configuration that may be in force as far as the sender knows.
   */
  record TermReply(Header header, long nonce, List<Endpoint> voters) implements RaftMessage {
    /** Most voters said. */
    static final int VOTERS_MAX = 6 * Configuration.VOTERS_MAX;

    /** Freezes the list. */
    public TermReply {
      voters = List.copyOf(voters);
    }
  }
}
