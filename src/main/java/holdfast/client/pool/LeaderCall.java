package holdfast.client.pool;

import holdfast.model.ErrorCode;
import holdfast.model.HoldfastException;
import holdfast.model.NodeId;
import holdfast.port.Body;
import holdfast.port.Loop;
import holdfast.port.Transport;
import holdfast.protocol.Reply;
import holdfast.protocol.Request;
import java.util.concurrent.CompletableFuture;
import java.util.function.BiFunction;
import java.util.function.Supplier;

/**
 * A call that the leader answers; where a stale answer will do and no leader is found, any peer.
 * Loop only.
 */
public final class LeaderCall<T> extends RetryingCall<T> {
  /** How long a leader is looked for before a stale answer will do. */
  static final long STALE_AFTER_NS = 3_000_000_000L;

  /** How long a change waits for a majority before it fails: some elections long. */
  public static final long QUORUM_WAIT_NS = 6_000_000_000L;

  /** Hints followed at once; then each costs a pause, so that two that blame each other stop. */
  private static final int HINTS_AT_ONCE_MAX = 4;

  private final Supplier<Request> request;
  private final Body bodyOrNull;
  private final BiFunction<NodeId, Reply, T> reader;
  private int hintCount;

  /** {@code reader} gives the call's value for its reply and null for any other reply. */
  LeaderCall(
      Loop loop,
      Transport transport,
      PoolView view,
      Deadline deadline,
      CompletableFuture<T> result,
      Supplier<Request> request,
      Body bodyOrNull,
      BiFunction<NodeId, Reply, T> reader) {
    super(loop, transport, view, deadline, result);
    this.request = request;
    this.bodyOrNull = bodyOrNull;
    this.reader = reader;
  }

  /** Whether a stale answer will do by now. */
  static boolean staleWillDo(PoolView view, Loop loop) {
    return view.leaderlessNs(loop) >= STALE_AFTER_NS;
  }

  /**
   * A change ends at its deadline, slept through or not: whether it was made already, the pool
   * remembers, but not for ever.
   */
  @Override
  boolean mayGoOnAfterPause() {
    return !(request() instanceof Request.Change);
  }

  @Override
  NodeId target(int attempt) {
    return view.candidate(attempt);
  }

  @Override
  Request request() {
    return request.get();
  }

  @Override
  Body bodyOrNull() {
    return bodyOrNull;
  }

  @Override
  void onReply(NodeId from, Reply reply, Body body) {
    T value = reader.apply(from, reply);
    if (value == null) {
      throw unexpected(from, reply);
    }
    result.complete(value);
  }

  @Override
  boolean onFailure(NodeId from, HoldfastException why, Reply.Leader leaderOrNull) {
    if (isFinal(why)) {
      return false;
    }
    if (why.code() == ErrorCode.BUSY) {
      return false; // it may well lead: the same one again, after a pause
    }
    view.notLedBy(from, loop.nowNs());
    if (leaderOrNull != null && !leaderOrNull.node().equals(from)) {
      view.leaderIs(leaderOrNull);
      return hintCount++ < HINTS_AT_ONCE_MAX;
    }
    return false;
  }

  /** That the one asked last doesn't lead is no fault of the files: nobody has led in time. */
  @Override
  HoldfastException atDeadline(HoldfastException last) {
    HoldfastException why =
        last.code() == ErrorCode.NOT_LEADER
            ? new HoldfastException(
                ErrorCode.TIMED_OUT,
                "ask the pool: expected=a leader by the deadline, was=none: " + last.getMessage(),
                last)
            : last;
    view.gaveUp(why);
    return why;
  }

  @Override
  boolean isFinal(HoldfastException why) {
    if (why.code() == ErrorCode.NO_QUORUM) {
      long sinceNs = Math.max(startNs, loop.awakeSinceNs());
      return loop.nowNs() - sinceNs >= QUORUM_WAIT_NS || view.leaderlessNs(loop) >= QUORUM_WAIT_NS;
    }
    return super.isFinal(why);
  }
}
