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

/**
 * The retries that all calls of a client share: one peer is tried after another until the call
 * succeeds, its deadline comes, or an answer says that trying again is of no use. Loop only.
 *
 * @param <T> what the call is for
 */
abstract class RetryingCall<T> {
  /** A peer that is silent about the call for so long is left, and the next one tried. */
  static final long ATTEMPT_SILENCE_NS = 2_500_000_000L;

  /**
   * Attempts that moved and failed all the same; what moves after as many counts no more. A body
   * that is sent again and again brings nobody forward.
   */
  private static final int MOVED_IN_VAIN_MAX = 4;

  private static final long BACKOFF_FIRST_NS = 20_000_000L;
  private static final long BACKOFF_MAX_NS = 400_000_000L;

  final Loop loop;
  final Transport transport;
  final PoolView view;
  final long startNs;
  private final Deadline deadline;
  final CompletableFuture<T> result;
  private HoldfastException lastFailure;
  private long dialStepCount;
  private int attemptCount;

  /** Whether something of the present attempt has moved. */
  private boolean hasMoved;

  private int movedInVainCount;
  private long backoffNs = BACKOFF_FIRST_NS;

  RetryingCall(
      Loop loop,
      Transport transport,
      PoolView view,
      Deadline deadline,
      CompletableFuture<T> result) {
    this.loop = loop;
    this.transport = transport;
    this.view = view;
    this.startNs = loop.nowNs();
    this.deadline = deadline;
    this.result = result;
    dialStepCount = transport.dialStepCount();
  }

  /** The peer to try now, or null to wait a little and be asked again. */
  abstract NodeId target(int attempt);

  abstract Request request();

  Body bodyOrNull() {
    return null;
  }

  /** How long nothing of an attempt may move before the next one. */
  long attemptSilenceNs() {
    return ATTEMPT_SILENCE_NS;
  }

  /** A reply that is no failure: complete {@link #result}, or throw to have it tried elsewhere. */
  abstract void onReply(NodeId from, Reply reply, Body bodyOrNull);

  /**
   * The peer said no, or said nothing.
   *
   * @return true to try again at once, false to wait a little first
   */
  abstract boolean onFailure(NodeId from, HoldfastException why, Reply.Leader leaderOrNull);

  /** Whether this failure ends the call before its deadline. */
  boolean isFinal(HoldfastException why) {
    return why.code().retry() == ErrorCode.Retry.NEVER;
  }

  /** What the call fails with when its deadline comes; {@code last} is the last failure. */
  HoldfastException atDeadline(HoldfastException last) {
    return last;
  }

  /**
   * Whether what the machine slept through counts for nothing: the call has its whole time again.
   */
  boolean mayGoOnAfterPause() {
    return true;
  }

  /** When the call fails. */
  private long untilNs() {
    return mayGoOnAfterPause() ? untilNs(loop, startNs, deadline) : deadline.untilNs();
  }

  /** The deadline of what began then; after a pause of this process it has its whole time again. */
  static long untilNs(Loop loop, long startNs, Deadline deadline) {
    long awakeNs = loop.awakeSinceNs();
    long untilNs = deadline.untilNs();
    boolean hasPaused = awakeNs - startNs > 0;
    return hasPaused ? Math.max(untilNs, awakeNs + deadline.silenceNs()) : untilNs;
  }

  final void start() {
    attempt();
  }

  final int attemptCount() {
    return attemptCount;
  }

  private void attempt() {
    if (result.isDone()) {
      return;
    }
    long untilNs = untilNs();
    long nowNs = loop.nowNs();
    if (untilNs - nowNs <= 0) {
      fail(lastFailure != null ? atDeadline(lastFailure) : noPeer());
      return;
    }
    if (deadline.isHopeless() && attemptCount >= view.connectedCount()) {
      fail(view.outOfReach(lastFailure != null ? lastFailure : noPeer()));
      return;
    }
    NodeId to = target(attemptCount);
    if (result.isDone()) {
      return; // target() has failed the call
    }
    if (to == null) {
      noteDials();
      later();
      return;
    }
    attemptCount++;
    hasMoved = false;
    transport.request(
        to,
        request(),
        bodyOrNull(),
        Math.min(untilNs - nowNs, attemptSilenceNs()),
        new Transport.ReplyHandler() {
          @Override
          public void onProgress() {
            hasMoved = true;
            if (movedInVainCount < MOVED_IN_VAIN_MAX) {
              deadline.moved();
            }
          }

          @Override
          public void onReply(Reply reply, Body bodyOrNull) {
            replied(to, reply, bodyOrNull);
          }

          @Override
          public void onFailure(HoldfastException why) {
            failed(to, notReached(why), null);
          }
        });
  }

  /** Nobody is known yet whom to ask: what moves is that peers are being reached. */
  private void noteDials() {
    long count = transport.dialStepCount();
    if (count != dialStepCount && !view.hasPeers()) {
      deadline.moved();
    }
    dialStepCount = count;
  }

  private void replied(NodeId from, Reply reply, Body bodyOrNull) {
    if (reply instanceof Reply.Failure failure) {
      failed(from, new HoldfastException(failure.code(), failure.text()), failure.leaderOrNull());
      return;
    }
    try {
      onReply(from, reply, bodyOrNull);
    } catch (HoldfastException e) {
      failed(from, e, null);
    }
  }

  private void failed(NodeId from, HoldfastException why, Reply.Leader leaderOrNull) {
    lastFailure = why;
    movedInVainCount += hasMoved ? 1 : 0;
    boolean again = onFailure(from, why, leaderOrNull);
    if (isFinal(why)) {
      fail(why);
    } else if (again) {
      attempt();
    } else {
      later();
    }
  }

  /**
   * That one peer can't be connected to says nothing of the others, whatever the reason: another
   * disk, and so another peer, may be at its address now. The last reason is reported at the
   * deadline.
   */
  private static HoldfastException notReached(HoldfastException why) {
    return switch (why.code()) {
      case REFUSED, UNSUPPORTED, MALFORMED ->
          new HoldfastException(ErrorCode.UNREACHABLE, why.getMessage(), why);
      default -> why;
    };
  }

  private void later() {
    long nowNs = loop.nowNs();
    long atNs = nowNs + Math.max(1, Math.min(backoffNs, untilNs() - nowNs));
    backoffNs = Math.min(BACKOFF_MAX_NS, backoffNs * 2);
    loop.at(atNs, "retry", this::attempt);
  }

  final void fail(HoldfastException why) {
    result.completeExceptionally(why);
  }

  final HoldfastException unexpected(NodeId from, Reply reply) {
    return new HoldfastException(
        ErrorCode.MALFORMED,
        "read reply: expected=an answer to "
            + request().getClass().getSimpleName()
            + ", was="
            + reply.getClass().getSimpleName()
            + ", peer="
            + from.shortForm());
  }

  private HoldfastException noPeer() {
    return view.hasPeers()
        ? new HoldfastException(
            ErrorCode.TIMED_OUT, "ask the pool: expected=an answer, was=none before the deadline")
        : new HoldfastException(
            ErrorCode.UNREACHABLE,
            "find a peer: expected=one that answers, was=none; is `holdfast peer` running?");
  }
}
