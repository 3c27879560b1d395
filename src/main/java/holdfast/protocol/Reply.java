package holdfast.protocol;

import holdfast.metadata.op.Answer;
import holdfast.metadata.op.Invalidation;
import holdfast.metadata.op.OperationResult;
import holdfast.model.ChunkId;
import holdfast.model.ChunkLoss;
import holdfast.model.ErrorCode;
import holdfast.model.HostPort;
import holdfast.model.LogId;
import holdfast.model.NodeId;
import holdfast.placement.PoolMap;
import java.util.List;

/** The answer to one {@link Request}. */
public sealed interface Reply extends Message {
  /** Longest text of a failure, in UTF-8 bytes. */
  int TEXT_MAX_BYTES = 1_024;

  /** It is done; there is nothing to say. */
  record Done() implements Reply {}

  /**
   * It failed.
   *
   * @param leaderOrNull who leads instead, with NOT_LEADER, if the answerer knows
   */
  record Failure(ErrorCode code, String text, Leader leaderOrNull) implements Reply {}

  /** Where the leader is. */
  record Leader(NodeId node, HostPort address) {}

  /**
   * What the asker's log is to the one that is followed here.
   *
   * @param log the log that is followed here
   * @param isByAsker whether the vote that the asker named is one by which its log ended
   */
  record Compared(LogId log, Relation relation, boolean isByAsker) implements Reply {
    /** The order is that of the numbers on the wire. */
    public enum Relation {
      /** It is the same. */
      SAME,
      /** It ended before ours, and ours holds all of it that the asker has. */
      HELD,
      /** It ended before ours, and the asker has entries that ours lacks. */
      LACKING,
      /** Nothing is known of it here: it may go on from ours. */
      UNKNOWN
    }
  }

  /** Answers OpenSession. */
  record Session(long epoch, long mapIndex, int sealingSuite) implements Reply {}

  /**
   * Answers Ask.
   *
   * @param index how far the log was applied in what the answer was taken from
   */
  record Answered(Answer answer, boolean stale, long index) implements Reply {}

  /** Answers Change: what became of it and where in the log it stands. */
  record Changed(OperationResult result, long index, long epoch) implements Reply {}

  /** Answers PutChunk: who has written it by now, and the newest epoch the primary knows. */
  record Stored(List<NodeId> holders, long epoch) implements Reply {}

  /** Answers GetChunk; the bytes are the body. */
  record Chunk(ChunkId chunk, int offsetBytes, int chunkLengthBytes) implements Reply {}

  /** Answers GetMap; null when the asker's version is the newest here. */
  record Map(PoolMap mapOrNull, Leader leaderOrNull) implements Reply {}

  /** Answers GetStatus. */
  record Status(PoolStatus status) implements Reply {}

  /** Answers GetSpace. */
  record Space(long totalBytes, long freeBytes, long fileCount) implements Reply {}

  /**
   * Answers Watch: what others have changed.
   *
   * @param term the leader's; another than last time means that changes in between may be unknown
   * @param index invalidations up to this index of the log have been sent
   * @param leaseMs until so long after the Watch was sent no change is acknowledged to anybody
   *     before this client has confirmed it, 0 to 4,000
   * @param all anything may have changed: the list is empty then
   */
  record Watched(long term, long index, int leaseMs, boolean all, List<Invalidation> changes)
      implements Reply {
    /** Most changes in one answer; the rest follows in the next. */
    public static final int CHANGES_MAX = 256;

    /** Longest lease, in milliseconds. */
    public static final int LEASE_MAX_MS = 4_000;
  }

  /** Answers Join: listed at this log index. */
  record Joined(long index) implements Reply {}

  /** Answers GetSummary. */
  record Summary(int partition, int chunkCount, long sizeBytes, byte[] digest) implements Reply {}

  /**
   * Answers ListChunks and ForceChunks.
   *
   * @param last when no more follow
   * @param indeterminate to ForceChunks: of these something is there, not known to be on disk
   * @param loss to ForceChunks: how what is neither there nor indeterminate may have been lost
   *     there
   */
  record Chunks(List<Entry> entries, boolean last, List<ChunkId> indeterminate, ChunkLoss loss)
      implements Reply {
    /** With none that is indeterminate. */
    public Chunks(List<Entry> entries, boolean last) {
      this(entries, last, List.of(), ChunkLoss.NONE);
    }

    /** One chunk and its sealed length. */
    public record Entry(ChunkId chunk, int lengthBytes) {}
  }
}
