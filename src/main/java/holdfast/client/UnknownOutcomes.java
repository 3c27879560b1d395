package holdfast.client;

import holdfast.metadata.Operation;
import holdfast.metadata.OperationResult;
import holdfast.model.ClientId;
import holdfast.model.ErrorCode;
import holdfast.model.HoldfastException;
import holdfast.peer.port.Loop;
import java.util.concurrent.CompletableFuture;
import java.util.function.Function;

/**
 * Changes that had no answer by their deadline: each may have happened, or may yet. Nobody tells an
 * author of its own changes, so until it is settled this client relies on nothing that it knows. It
 * is settled by a later change that the pool has answered: the pool takes none from before it then,
 * as that one says. Loop only.
 */
final class UnknownOutcomes {
  /** Between two tries to settle. */
  private static final long PAUSE_NS = 100_000_000L;

  /** Changes nothing: the root is a directory, which can't be held. */
  static final Operation NOTHING = new Operation.Release(1, 0);

  private final Loop loop;
  private final PoolSession session;
  private final Function<Operation, CompletableFuture<OperationResult>> change;

  /** Whose numbers these are, and those of its changes that have to be over. */
  private ClientId client;

  private ChangeWindow changes;
  private long below;
  private boolean isSettling;

  /** {@code change} makes a change, on the loop. */
  UnknownOutcomes(
      Loop loop,
      PoolSession session,
      Function<Operation, CompletableFuture<OperationResult>> change) {
    this.loop = loop;
    this.session = session;
    this.change = change;
  }

  /** A change that was begun under this id has failed without an answer. */
  void add(ClientId under, ChangeWindow window) {
    if (!under.equals(session.client())) {
      return; // what the pool hadn't taken by the end of its session it never takes
    }
    // In another session's numbers than those it may still be settling.
    below = under.equals(client) ? Math.max(below, window.nextSequence()) : window.nextSequence();
    client = under;
    changes = window;
    session.distrust();
    if (!isSettling) {
      isSettling = true;
      settle();
    }
  }

  /** Throws NO_SESSION if {@link #NOTHING} was refused for that. */
  static void requireSession(OperationResult ofNothing) {
    if (ofNothing instanceof OperationResult.Failed failed
        && failed.code() == ErrorCode.NO_SESSION) {
      throw new HoldfastException(failed.code(), failed.text());
    }
  }

  private void settle() {
    if (!client.equals(session.client())) {
      settled();
    } else if (changes.answeredBelow() < below) {
      later(); // another one that is under way keeps the window open
    } else {
      ClientId under = client;
      long target = below;
      change
          .apply(NOTHING)
          .whenComplete(
              (result, failure) -> {
                if (failure == null && target == below && under.equals(client)) {
                  settled();
                } else {
                  later();
                }
              });
    }
  }

  private void later() {
    loop.at(loop.nowNs() + PAUSE_NS, "settle", this::settle);
  }

  private void settled() {
    isSettling = false;
    session.trust();
  }
}
