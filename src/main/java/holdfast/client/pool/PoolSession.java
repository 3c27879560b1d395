package holdfast.client.pool;

import holdfast.metadata.op.Invalidation;
import holdfast.model.ClientId;
import holdfast.model.ErrorCode;
import holdfast.model.HoldfastException;
import holdfast.model.NodeId;
import holdfast.port.Body;
import holdfast.port.Loop;
import holdfast.port.Transport;
import holdfast.protocol.Reply;
import holdfast.protocol.Request;
import java.lang.System.Logger.Level;
import java.util.ArrayDeque;
import java.util.List;
import java.util.function.Supplier;

/**
 * This client's session with the pool: its id and its numbered changes, and the one Watch that is
 * always in flight to the leader. The Watch keeps the session and its lease alive and brings
 * others' changes. Loop only.
 */
public final class PoolSession {
  /** One part in so many of a lease is left for the recall of all that relies on it. */
  private static final int RECALL_SHARE = 2;

  /** Most answers that are being processed at once. */
  static final int UNPROCESSED_MAX = 1_024;

  /**
   * How long a Watch may take without a lease: the leader answers after a tenth of a second. Else
   * as long as the lease, which lasts several of the round trips that the leader measures.
   */
  private static final long WATCH_SILENCE_NS = 1_000_000_000L;

  /** Pause after a Watch that failed. */
  private static final long AGAIN_NS = 50_000_000L;

  private static final long NS_PER_MS = 1_000_000L;

  private static final System.Logger LOG = System.getLogger(PoolSession.class.getName());

  private static final PoolService.Watcher NO_WATCHER =
      new PoolService.Watcher() {
        @Override
        public void onChanges(boolean all, List<Invalidation> changes, Runnable confirm) {
          confirm.run();
        }

        @Override
        public void onLease(long reliedUntilNs, long untilNs) {}

        @Override
        public void onLeaseEnding() {}

        @Override
        public void onOutcomeUnknown() {}

        @Override
        public void onSessionLost() {}
      };

  private final Loop loop;
  private final Transport transport;
  private final PoolView view;
  private final Supplier<ClientId> newId;
  private final Runnable onLost;
  private PoolService.Watcher watcher = NO_WATCHER;
  private volatile ClientId client;
  private ChangeWindow changes = new ChangeWindow();
  private boolean isOpen;
  private boolean isClosed;
  private boolean isLost;
  private boolean isLeaseSuspended;

  /** How long the last lease was that this term's leader granted. */
  private long leaseNs;

  private int attempt;
  private long term;
  private long receivedIndex = -1;
  private long confirmedIndex = -1;

  /** Answers that are being processed, in order: confirmed together up to the first that is not. */
  private final ArrayDeque<Received> unprocessed = new ArrayDeque<>();

  private Loop.Timer leaseTimer;

  /** Counts Watches: the answer to any but the newest doesn't start another. */
  private long watchNumber;

  /** The answer to one Watch, until it is confirmed. */
  private static final class Received {
    final long index;
    boolean isProcessed;

    Received(long index) {
      this.index = index;
    }
  }

  /** {@code onLost} is called when another session has to be opened. */
  PoolSession(
      Loop loop, Transport transport, PoolView view, Supplier<ClientId> newId, Runnable onLost) {
    this.loop = loop;
    this.transport = transport;
    this.view = view;
    this.newId = newId;
    this.onLost = onLost;
    this.client = newId.get();
  }

  /** Who this client is now. Any thread. */
  ClientId client() {
    return client;
  }

  /** The changes made under this id. */
  ChangeWindow changes() {
    return changes;
  }

  boolean isOpen() {
    return isOpen;
  }

  /** Whether it was lost and isn't open again yet. */
  boolean isReopening() {
    return isLost && !isOpen;
  }

  void watch(PoolService.Watcher theWatcher) {
    watcher = theWatcher;
  }

  /** The leader knows the session. */
  void opened() {
    if (!isOpen && !isClosed) {
      isOpen = true;
      sendWatch();
    }
  }

  void close() {
    isClosed = true;
  }

  /** An own change has no known outcome: leases don't count until {@link #resumeLease}. */
  void suspendLease() {
    if (!isLeaseSuspended) {
      isLeaseSuspended = true;
      watcher.onOutcomeUnknown();
    }
  }

  void resumeLease() {
    isLeaseSuspended = false;
  }

  /**
   * The pool has no session of this id any more: another begins. Nothing happens when that was an
   * earlier one.
   */
  void lost(ClientId which) {
    if (!which.equals(client) || isClosed) {
      return;
    }
    LOG.log(
        Level.WARNING,
        "session with the pool: expected=one that lives, was=ended; opening another");
    // Before the id changes: what was made for the old session is abandoned by then.
    watcher.onSessionLost();
    client = newId.get();
    changes = new ChangeWindow();
    isOpen = false;
    isLost = true;
    term = 0;
    forget();
    watchNumber++;
    onLost.run();
  }

  private void forget() {
    leaseNs = 0;
    receivedIndex = -1;
    confirmedIndex = -1;
    unprocessed.clear();
  }

  private void sendWatch() {
    if (isClosed || !isOpen) {
      return;
    }
    long number = ++watchNumber;
    NodeId to = view.candidate(attempt++);
    if (to == null) {
      again(number);
      return;
    }
    ClientId under = client;
    long sentNs = loop.nowNs();
    transport.request(
        to,
        new Request.Watch(client, term, receivedIndex, confirmedIndex),
        null,
        Math.max(WATCH_SILENCE_NS, leaseNs),
        new Transport.ReplyHandler() {
          @Override
          public void onReply(Reply reply, Body bodyOrNull) {
            if (reply instanceof Reply.Watched watched) {
              received(under, number, to, sentNs, watched);
            } else if (reply instanceof Reply.Failure failure) {
              refused(under, number, to, failure);
            } else {
              again(number);
            }
          }

          @Override
          public void onFailure(HoldfastException why) {
            view.notLedBy(to, loop.nowNs());
            again(number);
          }
        });
  }

  private void received(
      ClientId under, long number, NodeId from, long sentNs, Reply.Watched watched) {
    if (!under.equals(client) || isClosed) {
      return;
    }
    view.ledBy(from);
    attempt = 0;
    if (watched.term() != term) {
      term = watched.term();
      forget();
    }
    receivedIndex = Math.max(receivedIndex, watched.index());
    var received = new Received(watched.index());
    unprocessed.add(received);
    if (watched.all() || !watched.changes().isEmpty()) {
      watcher.onChanges(watched.all(), watched.changes(), () -> loop.post(() -> confirm(received)));
    } else {
      received.isProcessed = true;
      advance();
    }
    if (!watched.all() && watched.leaseMs() > 0) {
      leaseNs = watched.leaseMs() * NS_PER_MS;
      lease(sentNs + leaseNs);
    }
    // Beyond the bound the next confirmation asks for more; meanwhile the leader keeps it, bounded.
    if (number == watchNumber && unprocessed.size() < UNPROCESSED_MAX) {
      sendWatch();
    }
  }

  private void lease(long untilNs) {
    if (leaseTimer != null) {
      leaseTimer.cancel();
    }
    if (isLeaseSuspended) {
      return;
    }
    long reliedUntilNs = untilNs - leaseNs / RECALL_SHARE;
    watcher.onLease(reliedUntilNs, untilNs);
    leaseTimer = loop.at(reliedUntilNs, "lease", () -> watcher.onLeaseEnding());
  }

  /** Sent at once: an author waits for it. */
  private void confirm(Received received) {
    received.isProcessed = true;
    if (advance()) {
      sendWatch();
    }
  }

  /** Whether more is confirmed than before. */
  private boolean advance() {
    long before = confirmedIndex;
    while (!unprocessed.isEmpty() && unprocessed.peek().isProcessed) {
      confirmedIndex = Math.max(confirmedIndex, unprocessed.poll().index);
    }
    return confirmedIndex > before;
  }

  private void refused(ClientId under, long number, NodeId from, Reply.Failure failure) {
    if (failure.code() == ErrorCode.NO_SESSION) {
      view.ledBy(from); // who doesn't lead doesn't know
      lost(under);
      return;
    }
    if (failure.leaderOrNull() != null && !failure.leaderOrNull().node().equals(from)) {
      view.leaderIs(failure.leaderOrNull());
    } else if (failure.code() != ErrorCode.BUSY) {
      view.notLedBy(from, loop.nowNs());
    }
    again(number);
  }

  private void again(long number) {
    loop.at(
        loop.nowNs() + AGAIN_NS,
        "watch again",
        () -> {
          if (number == watchNumber) {
            sendWatch();
          }
        });
  }
}
