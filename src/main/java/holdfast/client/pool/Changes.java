package holdfast.client.pool;

import holdfast.client.pool.PoolService.InlineChunk;
import holdfast.metadata.op.Operation;
import holdfast.metadata.op.OperationResult;
import holdfast.model.ClientId;
import holdfast.model.ErrorCode;
import holdfast.model.HoldfastException;
import holdfast.port.Body;
import holdfast.port.Loop;
import holdfast.port.Transport;
import holdfast.port.UnansweredException;
import holdfast.protocol.Reply;
import holdfast.protocol.Request;
import java.util.concurrent.CompletableFuture;
import java.util.function.BiConsumer;
import java.util.function.Supplier;

/**
 * Makes each change of the namespace happen once: it has a number in its session and is sent until
 * it is answered. Loop only, but for {@link #make}.
 */
final class Changes {
  /** How often a change looks whether the session is there again. */
  private static final long SESSION_LOOK_NS = 10_000_000L;

  /** How often a change looks whether it is worth to wait for room. */
  private static final long ROOM_LOOK_NS = 500_000_000L;

  private final Loop loop;
  private final Transport transport;
  private final PoolView view;
  private final PoolSession session;
  private final BiConsumer<ClientId, Reply.Changed> onAnswer;
  private final UnknownOutcomes outcomes;

  /** {@code onAnswer} receives every answer and the session that it is for. */
  Changes(
      Loop loop,
      Transport transport,
      PoolView view,
      PoolSession session,
      BiConsumer<ClientId, Reply.Changed> onAnswer) {
    this.loop = loop;
    this.transport = transport;
    this.view = view;
    this.session = session;
    this.onAnswer = onAnswer;
    this.outcomes = new UnknownOutcomes(loop, session, this::ask);
  }

  /** Ends the asking for outcomes of changes without an answer. */
  void close() {
    outcomes.close();
  }

  /** One change, until it is answered. */
  private record Change(
      Operation operation,
      InlineChunk chunkOrNull,
      boolean forced,
      Deadline deadline,
      CompletableFuture<OperationResult> changed) {}

  /**
   * As {@link PoolService#change}. Any thread.
   *
   * @param isOfSession under this id or not at all
   */
  CompletableFuture<OperationResult> make(
      ClientId under,
      Operation operation,
      InlineChunk chunkOrNull,
      boolean forced,
      Deadline deadline,
      boolean isOfSession) {
    var changed = new CompletableFuture<OperationResult>();
    var change = new Change(operation, chunkOrNull, forced, deadline, changed);
    loop.post(
        () -> {
          if (isOfSession && !under.equals(session.client())) {
            changed.complete(
                new OperationResult.Failed(
                    ErrorCode.NO_SESSION,
                    "change namespace: expected=the session it is meant for, was=another"));
          } else if (deadline.isHopeless() && view.connectedCount() == 0) {
            // It is never begun: nothing of it needs to be settled later.
            changed.completeExceptionally(view.outOfReach(nobody()));
          } else if (session.isReopening()) {
            awaitSession(change);
          } else {
            begin(change, !isOfSession);
          }
        });
    return changed;
  }

  private static HoldfastException nobody() {
    return new HoldfastException(
        ErrorCode.TIMED_OUT, "change namespace: expected=a peer in reach, was=none");
  }

  /** Begins when the window has room; by the deadline, or never. */
  private void begin(Change change, boolean mayRenew) {
    ClientId under = session.client();
    ChangeWindow window = session.changes();
    Runnable start = () -> start(under, window, change, mayRenew);
    try {
      if (!window.whenRoom(start)) {
        awaitRoom(window, start, change);
      }
    } catch (HoldfastException e) {
      change.changed().completeExceptionally(e);
    }
  }

  /**
   * Earlier changes without an answer leave no room: no reason to wait for longer than a change
   * does.
   */
  private void awaitRoom(ChangeWindow window, Runnable start, Change change) {
    long nowNs = loop.nowNs();
    long leftNs = change.deadline().leftNs();
    boolean isLeaderless = view.leaderlessNs(loop) >= LeaderCall.QUORUM_WAIT_NS;
    if (leftNs > 0 && !isLeaderless) {
      loop.at(
          nowNs + Math.min(leftNs, ROOM_LOOK_NS),
          "await room",
          () -> {
            if (window.isWaiting(start)) {
              awaitRoom(window, start, change);
            }
          });
      return;
    }
    window.leave(start);
    ErrorCode code = isLeaderless ? ErrorCode.NO_QUORUM : ErrorCode.TIMED_OUT;
    change
        .changed()
        .completeExceptionally(
            new HoldfastException(
                code,
                "change namespace: expected=an answer to earlier changes, was=none to "
                    + ChangeWindow.SPAN_MAX));
  }

  /** Makes the change when there is a session again. */
  private void awaitSession(Change change) {
    if (session.isOpen()) {
      begin(change, false);
    } else if (change.deadline().isOver()) {
      change
          .changed()
          .completeExceptionally(
              new HoldfastException(
                  ErrorCode.TIMED_OUT,
                  "change namespace: expected=a new session by the deadline, was=none"));
    } else {
      loop.at(loop.nowNs() + SESSION_LOOK_NS, "await session", () -> awaitSession(change));
    }
  }

  private void start(ClientId under, ChangeWindow window, Change change, boolean mayRenew) {
    long sequence = window.begin();
    InlineChunk chunkOrNull = change.chunkOrNull();
    send(
            under,
            change.deadline(),
            () ->
                new Request.Change(
                    under,
                    sequence,
                    window.answeredBelow(),
                    change.operation(),
                    chunkOrNull == null ? null : chunkOrNull.chunk(),
                    change.forced()),
            chunkOrNull == null ? null : Body.whole(chunkOrNull.sealed()))
        .whenComplete(
            (result, failure) -> {
              if (failure == null) {
                window.end(sequence);
                answered(under, change, result, mayRenew);
              } else {
                var outcome = outcomes.add(under, window, sequence);
                change
                    .changed()
                    .completeExceptionally(
                        new UnansweredException(Deadlines.asHoldfast(failure), outcome));
              }
            });
  }

  private void answered(ClientId under, Change change, OperationResult result, boolean mayRenew) {
    if (!UnknownOutcomes.isOfNoSession(result)) {
      change.changed().complete(result);
      return;
    }
    // Refused under the old id for ever, so it can't happen twice under the new one.
    session.lost(under);
    if (mayRenew) {
      awaitSession(change);
    } else {
      change.changed().complete(result);
    }
  }

  /** What became of the change of this number; it has no effect from then on, if it had none. */
  private CompletableFuture<OperationResult> ask(
      ClientId under, ChangeWindow window, long sequence) {
    return send(
            under,
            Deadline.in(loop::nowNs, RetryingCall.ATTEMPT_SILENCE_NS),
            () ->
                new Request.Change(
                    under, sequence, window.answeredBelow(), UnknownOutcomes.NOTHING, null, false),
            null)
        .whenComplete(
            (result, failure) -> {
              if (failure == null && UnknownOutcomes.isOfNoSession(result)) {
                session.lost(under);
              }
            });
  }

  private CompletableFuture<OperationResult> send(
      ClientId under, Deadline deadline, Supplier<Request> request, Body bodyOrNull) {
    var answered = new CompletableFuture<OperationResult>();
    var call =
        new LeaderCall<>(
            loop,
            transport,
            view,
            deadline,
            answered,
            request,
            bodyOrNull,
            (from, reply) -> {
              if (!(reply instanceof Reply.Changed answer)) {
                return null;
              }
              view.ledBy(from);
              onAnswer.accept(under, answer);
              return answer.result();
            });
    loop.post(call::start);
    return answered;
  }
}
