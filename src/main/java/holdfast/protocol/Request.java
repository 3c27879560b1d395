package holdfast.protocol;

import holdfast.metadata.op.Operation;
import holdfast.metadata.op.Query;
import holdfast.model.ChunkId;
import holdfast.model.ClientId;
import holdfast.model.HostPort;
import holdfast.model.LogId;
import holdfast.model.NodeId;
import java.util.List;

/** A message that gets exactly one {@link Reply}, or the end of the session. */
public sealed interface Request extends Message {
  /** Most bytes of one chunk id list or directory page: what fits a frame with room to spare. */
  int LIST_MAX = 2_048;

  /**
   * A client begins to work: the leader answers {@link Reply.Session}; the first data key id ever
   * given becomes the pool's.
   *
   * @param dataKeyId first 8 bytes of the id; never 0
   */
  record OpenSession(ClientId client, long dataKeyId) implements Request {}

  /**
   * Asks the namespace; answered by the leader, linearizably, or with {@code allowStale} by any
   * peer from what it holds, marked stale.
   */
  record Ask(Query query, boolean allowStale) implements Request {}

  /**
   * Changes the namespace, exactly once for each (author, sequence). A body is the sealed chunk
   * {@code inlineChunk} names, stored at min-copies before the change is proposed.
   *
   * @param answeredBelow every smaller sequence of this author has been answered
   * @param inlineChunk the chunk in the body, or null
   * @param forced answer only when the change is forced to disk at a majority of voters
   */
  record Change(
      ClientId author,
      long sequence,
      long answeredBelow,
      Operation operation,
      ChunkId inlineChunk,
      boolean forced)
      implements Request {}

  /** Answered when everything committed before is forced to disk at a majority of voters. */
  record ForceLog() implements Request {}

  /**
   * Stores the chunk in the body. A primary ({@code replica} false) forwards it to the other
   * targets and answers when {@code minCopies} of the pool are written; a replica stores it only.
   *
   * @param epoch the client's upload epoch
   */
  record PutChunk(ChunkId chunk, long epoch, boolean replica) implements Request {}

  /** Reads sealed bytes of a chunk, cut at its end; a length of -1 is the whole chunk. */
  record GetChunk(ChunkId chunk, int offsetBytes, int lengthBytes) implements Request {}

  /** Answered with those of the chunks that this peer holds, when they are forced to its disk. */
  record ForceChunks(List<ChunkId> chunks) implements Request {}

  /** A block of the chunk did not open: re-read it and compare it with its name. */
  record VerifyChunk(ChunkId chunk) implements Request {}

  /** Asks for the pool map unless the asker has this version: answered by any peer. */
  record GetMap(long knownIndex) implements Request {}

  /** Asks for what {@code holdfast status} shows; answered by the leader, else marked stale. */
  record GetStatus() implements Request {}

  /** Asks for the space of the pool as a file system shows it: answered by any peer. */
  record GetSpace() implements Request {}

  /**
   * Changes settings of the pool: replicas, min-copies, down-out, … by their command line names.
   */
  record SetPool(List<Setting> settings) implements Request {
    /** One NAME=VALUE. */
    public record Setting(String name, String value) {}
  }

  /** A peer asks the leader to be listed (again), with what it lends. */
  record Join(
      long incarnation,
      HostPort address,
      long capacityBytes,
      String host,
      String zone,
      long lastIndex)
      implements Request {}

  /** Asks which of a partition's chunks the other owner holds, to compare. */
  record GetSummary(int partition) implements Request {}

  /** Asks for the chunk ids of a partition after one (or null), in order. */
  record ListChunks(int partition, ChunkId afterOrNull, int maxCount) implements Request {}

  /**
   * A client is alive, has received what was sent up to {@code receivedIndex} in this term, has
   * worked it off up to {@code confirmedIndex}, and asks for what others change from then on.
   * Answered by the leader as soon as there is something, or after a moment; a newer Watch of the
   * same client ends the wait too.
   *
   * @param term the one of the last answer; 0 before the first
   */
  record Watch(ClientId client, long term, long receivedIndex, long confirmedIndex)
      implements Request {}

  /** The client ends its session, in good order: its locks and pins are released. */
  record CloseSession(ClientId client) implements Request {}

  /**
   * A peer says what it has of its log, and asks what that log is to the one that the other peer
   * follows: answered by {@link Reply.Compared}.
   *
   * @param commitIndex up to here it knows that its log is committed
   * @param term its term in that log
   * @param votedForOrNull whom it voted for in that term
   */
  record CompareLog(
      LogId log, long lastIndex, long lastTerm, long commitIndex, long term, NodeId votedForOrNull)
      implements Request {}

  /** Asks who leads, without a state of the namespace: answered by any peer. */
  record WhoLeads(NodeId asker) implements Request {}
}
