package holdfast.client.pool;

import holdfast.metadata.op.Operation;
import holdfast.metadata.op.OperationResult;
import holdfast.model.ClientId;
import holdfast.model.ErrorCode;
import holdfast.port.Loop;
import java.util.ArrayDeque;
import java.util.concurrent.CompletableFuture;

/**
 * Settles changes that had no answer by their deadline: each may have happened, or may yet. An
 * author is sent no invalidations of its own changes, so until all are settled this client has no
 * lease. One is settled by a change of nothing under its own number: the pool answers what it
 * remembers of that number, or applies this one in its place. Where the session is over the pool
 * applies nothing under its numbers, but still answers what it remembers. Loop only.
 */
public final class UnknownOutcomes {
  /** Between two tries to settle. */
  private static final long PAUSE_NS = 100_000_000L;

  /** Changes nothing, and fails: the root is a directory, which can't be pinned. */
  public static final Operation NOTHING = new Operation.Unpin(1, 0);

  /** Asks the pool by a change of {@link #NOTHING} under this number. */
  interface Ask {
    CompletableFuture<OperationResult> of(ClientId under, ChangeWindow window, long sequence);
  }

  /** Most that are asked for, of many sessions; one more is reported as unknown at once. */
  static final int OPEN_MAX = 4_096;

  private record Change(
      ClientId under,
      ChangeWindow window,
      long sequence,
      CompletableFuture<OperationResult> outcome) {}

  private final Loop loop;
  private final PoolSession session;
  private final Ask ask;

  /** As many as a window spans, and what is left of earlier sessions; bounded. */
  private final ArrayDeque<Change> open = new ArrayDeque<>();

  private boolean isAsking;
  private boolean isClosed;

  UnknownOutcomes(Loop loop, PoolSession session, Ask ask) {
    this.loop = loop;
    this.session = session;
    this.ask = ask;
  }

  /**
   * A change that was begun under this id and number has failed without an answer. Its number stays
   * in use until it is settled.
   *
   * @return as {@link holdfast.port.UnansweredException#outcome}
   */
  CompletableFuture<OperationResult> add(ClientId under, ChangeWindow window, long sequence) {
    var change = new Change(under, window, sequence, new CompletableFuture<>());
    if (isClosed || open.size() >= OPEN_MAX) {
      endUnknown(change);
      return change.outcome();
    }
    session.suspendLease();
    open.add(change);
    if (!isAsking) {
      isAsking = true;
      askNext();
    }
    return change.outcome();
  }

  /** Ends the asking: what isn't settled by now never is. */
  void close() {
    isClosed = true;
    while (!open.isEmpty()) {
      endUnknown(open.remove());
    }
  }

  /** Whether a change was refused because its session has ended. */
  public static boolean isOfNoSession(OperationResult result) {
    return result instanceof OperationResult.Failed failed && failed.code() == ErrorCode.NO_SESSION;
  }

  /** Throws NO_SESSION if {@link #NOTHING} was refused for that. */
  static void requireSession(OperationResult ofNothing) {
    if (isOfNoSession(ofNothing)) {
      ofNothing.orThrow();
    }
  }

  private static void endUnknown(Change change) {
    end(
        change,
        new OperationResult.Failed(
            ErrorCode.NO_SESSION,
            "ask what became of a change: expected=an answer of the pool, was=none before this"
                + " client's end, or too many that wait for one"));
  }

  private static void end(Change change, OperationResult result) {
    change.window().end(change.sequence());
    change.outcome().complete(result);
  }

  private void askNext() {
    Change next = open.peek();
    if (next == null) {
      isAsking = false;
      session.resumeLease();
      return;
    }
    ask.of(next.under(), next.window(), next.sequence())
        .whenComplete(
            (result, failure) -> {
              if (isClosed) {
                return;
              }
              if (failure == null) {
                open.remove();
                end(next, result);
                askNext();
              } else {
                loop.at(loop.nowNs() + PAUSE_NS, "ask outcome", this::askNext);
              }
            });
  }
}
