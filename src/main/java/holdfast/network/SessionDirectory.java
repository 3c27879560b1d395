package holdfast.network;

import holdfast.crypto.handshake.SessionId;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/**
 * Finds sessions by id, for connections that want to be attached to one. A session is entered
 * before its last handshake message is sent: the other side may attach before this one has looked.
 * Safe on every thread.
 */
final class SessionDirectory {
  private final Map<SessionId, CompletableFuture<Authenticated>> sessions =
      new ConcurrentHashMap<>();

  /** The session will be open in a moment, or gone. */
  void expect(SessionId id) {
    sessions.put(id, new CompletableFuture<>());
  }

  /** The session is open. */
  void opened(Authenticated session) {
    sessions.computeIfAbsent(session.id(), id -> new CompletableFuture<>()).complete(session);
  }

  /** The session is over, or wasn't opened after all. */
  void gone(SessionId id) {
    var expected = sessions.remove(id);
    if (expected != null) {
      expected.cancel(false);
    }
  }

  /** Number of sessions, those expected included. */
  int count() {
    return sessions.size();
  }

  /** The session with this id; waits for one that is expected. Empty for every other. */
  Optional<Authenticated> find(SessionId id, Silence silence) {
    var session = sessions.get(id);
    if (session == null) {
      return Optional.empty();
    }
    while (!silence.isOver()) {
      try {
        return Optional.of(session.get(silence.lookNs(), TimeUnit.NANOSECONDS));
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        return Optional.empty();
      } catch (ExecutionException | CancellationException e) {
        return Optional.empty();
      } catch (TimeoutException e) {
        silence.looked(); // this node's own loop is late: it opens the session
      }
    }
    return Optional.empty();
  }
}
