package holdfast.protocol;

import holdfast.model.LogId;
import holdfast.model.NodeId;
import holdfast.model.PoolId;
import java.util.List;

/**
 * The content of {@code holdfast status}: the pool as the leader sees it, or a follower without
 * one.
 *
 * @param safe true only when every chunk has as many copies as the pool wants, or as many as there
 *     are peers up
 * @param summary one line for people that says so
 */
public record PoolStatus(
    PoolId pool,
    boolean safe,
    String summary,
    boolean stale,
    int replicas,
    int minCopies,
    long downOutMs,
    List<Peer> peers,
    Copies copies,
    Repair repair,
    Log log,
    int conflicts) {
  /** Most peers of one pool. */
  public static final int PEERS_MAX = 255;

  /**
   * One listed peer.
   *
   * @param state up, suspect, down, away, out or draining
   * @param recovering whether it may have lost the end of its log and hasn't caught up yet
   * @param logsAside logs it keeps aside because they hold what the pool's lacks
   */
  public record Peer(
      NodeId node,
      String address,
      String state,
      long capacityBytes,
      long usedBytes,
      long chunks,
      boolean voter,
      boolean recovering,
      int logsAside) {}

  /** Chunks that should exist, copies that are missing, and chunks found bad. */
  public record Copies(long chunks, long missing, long unreadable) {}

  /** What is being copied; -1 seconds where no rate is known yet. */
  public record Repair(boolean active, long bytesLeft, long secondsLeft) {}

  /** The operation log. */
  public record Log(String leader, long index, boolean forked, LogId lineage) {}
}
