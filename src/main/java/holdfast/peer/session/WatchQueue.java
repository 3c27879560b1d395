package holdfast.peer.session;

import holdfast.metadata.op.Invalidation;
import holdfast.model.ErrorCode;
import holdfast.peer.state.Leadership;
import holdfast.port.Loop;
import holdfast.port.Responder;
import holdfast.protocol.Reply;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalLong;

/**
 * The invalidations queued for one client, what it has confirmed of those sent, and its lease. Loop
 * thread.
 */
final class WatchQueue {
  /** Changes that wait for a client; one that falls further behind forgets all it knows. */
  static final int QUEUE_MAX = 4_096;

  /** The client is granted one part in so many less than is waited for: clocks run unevenly. */
  private static final int CLOCK_MARGIN = 10;

  private record Queued(long index, Invalidation change) {}

  private final Loop loop;
  private final ArrayDeque<Queued> queue = new ArrayDeque<>();

  /** Sent, but not known to have arrived: the answer may be lost on its way. */
  private final ArrayDeque<Queued> sent = new ArrayDeque<>();

  /** That anything may have changed has arrived when the client has received up to here. */
  private long allIndex = -1;

  /** It knows nothing of what happened before its first answer. */
  private boolean isAll = true;

  private long lastIndex;
  private long sentIndex = -1;
  private long confirmedIndex = -1;
  private long leaseUntilNs = Long.MIN_VALUE;
  private Responder responder;
  private Loop.Timer timer;

  /** When the last Watch was answered, until the next one comes. */
  private OptionalLong answeredNs = OptionalLong.empty();

  WatchQueue(Loop loop) {
    this.loop = loop;
  }

  long leaseUntilNs() {
    return leaseUntilNs;
  }

  /** How long its client took to ask again, if it was answered. Once. */
  OptionalLong sinceAnsweredMs() {
    OptionalLong last = answeredNs;
    answeredNs = OptionalLong.empty();
    return last.isEmpty() ? last : OptionalLong.of((loop.nowNs() - last.getAsLong()) / 1_000_000L);
  }

  /** Whether it has processed everything that the change at this index made stale. */
  boolean hasConfirmed(long index) {
    return confirmedIndex >= Math.min(index, lastIndex);
  }

  void add(long index, List<Invalidation> changes) {
    lastIndex = index;
    enqueue(index, changes);
  }

  /** Queues what nobody waits for to be confirmed. */
  void enqueue(long index, List<Invalidation> changes) {
    if (isAll) {
      return;
    }
    changes.forEach(change -> queue.add(new Queued(index, change)));
    if (queue.size() + sent.size() > QUEUE_MAX) {
      forgetAll();
    }
  }

  private void forgetAll() {
    isAll = true;
    queue.clear();
    sent.clear();
  }

  /**
   * A Watch came; an older one that still waits is refused. What was sent and has not arrived is
   * sent again: it may be in flight still, and then it is heard twice.
   */
  void await(Responder newest, long received, long confirmed) {
    if (responder != null) {
      Leadership.fail(responder, ErrorCode.BUSY, "watch changes: was=another watch of this client");
    }
    if (received < allIndex) {
      forgetAll();
    }
    while (!sent.isEmpty() && sent.peekFirst().index() <= received) {
      sent.pollFirst();
    }
    while (!sent.isEmpty()) {
      queue.addFirst(sent.pollLast());
    }
    confirmedIndex = Math.max(confirmedIndex, Math.min(confirmed, sentIndex));
    responder = newest;
    cancelTimer();
  }

  /** Answers now if something is queued, else calls {@code later} after a moment. */
  void answerIfDue(long term, long index, long grantNs, Runnable later) {
    if (responder == null) {
      return;
    }
    if (isAll || !queue.isEmpty()) {
      answer(term, index, grantNs);
    } else if (timer == null) {
      timer = loop.at(loop.nowNs() + LeaseManager.LONG_POLL_NS, "watch", later);
    }
  }

  /** Answers with what is queued. Who hasn't confirmed what it was sent gets no longer lease. */
  void answer(long term, long index, long grantNs) {
    if (responder == null) {
      return;
    }
    cancelTimer();
    long nowNs = loop.nowNs();
    boolean isCurrent = confirmedIndex >= Math.min(sentIndex, lastIndex) && sentIndex >= 0;
    if (isCurrent || isAll) {
      leaseUntilNs = Math.max(leaseUntilNs, nowNs + grantNs);
    }
    var changes = new ArrayList<Invalidation>();
    while (!queue.isEmpty() && changes.size() < Reply.Watched.CHANGES_MAX) {
      sent.addLast(queue.pollFirst());
      changes.add(sent.peekLast().change());
    }
    long upTo = queue.isEmpty() ? index : queue.peekFirst().index() - 1;
    sentIndex = Math.max(sentIndex, upTo);
    allIndex = isAll ? upTo : allIndex;
    long leftMs = Math.clamp((leaseUntilNs - nowNs) / 1_000_000L, 0, Reply.Watched.LEASE_MAX_MS);
    long leaseMs = leftMs - leftMs / CLOCK_MARGIN;
    answeredNs = OptionalLong.of(nowNs);
    Responder now = responder;
    responder = null;
    boolean all = isAll;
    isAll = false;
    now.reply(new Reply.Watched(term, upTo, (int) leaseMs, all, List.copyOf(changes)), null);
  }

  /** This peer leads no more, or the session has ended. */
  void refuse(Leadership leadership) {
    cancelTimer();
    if (responder != null) {
      Responder now = responder;
      responder = null;
      leadership.refuse(now);
    }
  }

  private void cancelTimer() {
    if (timer != null) {
      timer.cancel();
      timer = null;
    }
  }
}
