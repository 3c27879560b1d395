package holdfast.peer.session;

import holdfast.metadata.op.Invalidation;
import holdfast.metadata.op.LockMode;
import holdfast.metadata.op.Operation;
import holdfast.metadata.op.OperationResult;
import holdfast.metadata.op.RequestId;
import holdfast.model.ClientId;
import holdfast.model.ErrorCode;
import holdfast.peer.state.Leadership;
import holdfast.peer.view.PeerFault;
import holdfast.peer.view.PeerPorts;
import holdfast.port.Loop;
import holdfast.port.Responder;
import holdfast.protocol.Request;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * The leader's cache leases: which invalidations each client was sent and has confirmed, and until
 * when it may rely on its cache. A change is acknowledged to its author when every other client
 * with a live lease has confirmed it, or the lease has expired. All of this is volatile and ends
 * with the term, unlike sessions, which are part of the log ({@link SessionReaper}); a new leader
 * acknowledges nothing for the longest lease its predecessor can have granted. Loop thread.
 */
public final class LeaseManager {
  /**
   * How long a Watch waits for an invalidation (long poll): well below half a lease, so that it is
   * renewed in time.
   */
  static final long LONG_POLL_NS = 100_000_000L;

  private final PeerPorts ports;
  private final Leadership leadership;
  private final Set<PeerFault> faults;
  private final Map<ClientId, WatchQueue> watchers = new HashMap<>();
  private final Map<ClientId, Long> heardNs = new HashMap<>();
  private final List<Waiting> waiting = new ArrayList<>();
  private final LockWakeups lockWakeups = new LockWakeups();
  private final LeaseLength length;
  private long term = -1;
  private long ledSinceNs;
  private long sentIndex;
  private boolean isStopped;

  public LeaseManager(PeerPorts ports, Leadership leadership, Set<PeerFault> faults) {
    this.faults = faults;
    this.ports = ports;
    this.leadership = leadership;
    length = new LeaseLength(ports, leadership, faults);
  }

  /** An acknowledgement that waits for others to confirm. */
  private static final class Waiting {
    final long index;
    final ClientId author;
    final Runnable then;
    final Responder responder;
    Loop.Timer timer;

    Waiting(long index, ClientId author, Runnable then, Responder responder) {
      this.index = index;
      this.author = author;
      this.then = then;
      this.responder = responder;
    }
  }

  public void stop() {
    isStopped = true;
    forget();
  }

  /** Leadership or the term may have changed. */
  public void sync() {
    long newTerm = leadership.isLeader() ? leadership.driver().term() : -1;
    if (newTerm == term) {
      return;
    }
    forget();
    term = newTerm;
    ledSinceNs = ports.loop().nowNs();
    length.startTerm(term);
  }

  /** The term whose leases these are; -1 while this peer doesn't lead. */
  long term() {
    return term;
  }

  /** Since when this peer leads, as far as leases go. */
  long ledSinceNs() {
    return ledSinceNs;
  }

  /** Who waits is refused: what was sent in this term counts for nothing any more. */
  private void forget() {
    var unanswered = new ArrayList<>(waiting);
    waiting.clear();
    for (Waiting each : unanswered) {
      each.timer.cancel();
      leadership.refuse(each.responder);
    }
    for (WatchQueue queue : List.copyOf(watchers.values())) {
      queue.refuse(leadership);
    }
    watchers.clear();
    heardNs.clear();
    lockWakeups.clear();
  }

  /** A sign of life. */
  void heard(ClientId client) {
    heardNs.put(client, ports.loop().nowNs());
  }

  /** When the client was heard last; {@code otherwiseNs} if never in this term. */
  long heardNs(ClientId client, long otherwiseNs) {
    return heardNs.getOrDefault(client, otherwiseNs);
  }

  public void onWatch(Request.Watch watch, Responder responder) {
    sync();
    if (!leadership.isLeader()) {
      leadership.refuse(responder);
    } else if (!leadership.isCurrent()) {
      Leadership.fail(responder, ErrorCode.BUSY, "watch changes: expected=a moment's patience");
    } else if (!leadership.stateMachine().namespace().hasSession(watch.client())) {
      Leadership.fail(
          responder,
          ErrorCode.NO_SESSION,
          "watch changes: expected=a client with a session, was=" + watch.client());
    } else {
      heard(watch.client());
      var queue = watchers.computeIfAbsent(watch.client(), client -> new WatchQueue(ports.loop()));
      // What was sent and confirmed in another term was another leader's.
      boolean isOurs = watch.term() == term;
      if (isOurs) {
        queue.sinceAnsweredMs().ifPresent(length::measured);
      }
      queue.await(
          responder, isOurs ? watch.receivedIndex() : -1, isOurs ? watch.confirmedIndex() : -1);
      answerIfDue(queue);
      settle();
    }
  }

  private void answerIfDue(WatchQueue queue) {
    queue.answerIfDue(term, sentIndex, grantNs(), () -> answerNow(queue));
  }

  private void answerNow(WatchQueue queue) {
    if (!isStopped && leadership.isLeader()) {
      queue.answer(term, sentIndex, grantNs());
    }
  }

  /**
   * How long a lease given now may last. None is given by who may be deposed already: so nobody who
   * is elected later needs to wait for longer than one from its election on.
   */
  private long grantNs() {
    boolean hasQuorum =
        leadership.driver().core().leaseUntilMs() > ports.loop().nowNs() / 1_000_000L;
    return hasQuorum && leadership.isCurrent() ? length.grantNs() : 0;
  }

  /**
   * A change was applied, here as everywhere: queues its invalidations for all clients but the
   * author, if this peer leads.
   */
  public void onChange(
      long index, RequestId requestId, Operation operation, OperationResult.Done done) {
    if (!leadership.isCurrent() || leadership.driver().term() != term) {
      return;
    }
    List<Invalidation> changes = Invalidation.of(operation, done);
    sentIndex = index;
    if (operation instanceof Operation.SetLock set && set.lock().mode() != LockMode.EXCLUSIVE) {
      notifyFreed(index, set.inode());
    }
    if (changes.isEmpty()) {
      return;
    }
    watchers.forEach(
        (client, queue) -> {
          if (!client.equals(requestId.client())) {
            queue.add(index, changes);
            answerIfDue(queue);
          }
        });
  }

  /**
   * A file was reverted, here as everywhere: queues its invalidation for all clients, if this peer
   * leads.
   */
  public void onReverted(long index, long inode) {
    if (!leadership.isCurrent() || leadership.driver().term() != term) {
      return;
    }
    sentIndex = index;
    for (WatchQueue queue : List.copyOf(watchers.values())) {
      queue.add(index, List.of(new Invalidation.OfInode(inode, true, false)));
      answerIfDue(queue);
    }
  }

  /** A lock was refused, here as everywhere: the leader notifies the client when it may be free. */
  public void onLockRefused(RequestId requestId, Operation.SetLock set) {
    if (leadership.isCurrent() && leadership.driver().term() == term) {
      lockWakeups.refused(set.inode(), requestId.client());
    }
  }

  private void notifyFreed(long index, long inode) {
    for (ClientId client : lockWakeups.freed(inode)) {
      WatchQueue queue = watchers.get(client);
      if (queue != null) {
        queue.enqueue(index, List.of(new Invalidation.OfLocks(inode)));
        answerIfDue(queue);
      }
    }
  }

  /**
   * Calls {@code then} when every other client with a live lease has confirmed all up to the index;
   * {@code responder} is refused instead if this peer stops leading before.
   */
  void whenSeen(long index, ClientId author, Responder responder, Runnable then) {
    sync();
    var one = new Waiting(index, author, then, responder);
    long untilNs = untilNs(one);
    boolean isUnwaited = faults.contains(PeerFault.ACKNOWLEDGE_UNCONFIRMED);
    if (untilNs <= ports.loop().nowNs() || isUnwaited) {
      then.run();
    } else {
      arm(one, untilNs);
      waiting.add(one);
    }
  }

  private void arm(Waiting one, long untilNs) {
    one.timer = ports.loop().at(untilNs, "lease", this::settle);
  }

  /** When nobody has to be waited for any more, as far as is known now. */
  private long untilNs(Waiting one) {
    long untilNs = Long.MIN_VALUE;
    boolean isForgetful = faults.contains(PeerFault.FORGET_LEASES);
    if (leadership.stateMachine().namespace().sessionCount() > 1 && !isForgetful) {
      // The leader before this one may have granted leases just before it lost its quorum.
      untilNs = ledSinceNs + length.inheritedNs();
    }
    for (var entry : watchers.entrySet()) {
      WatchQueue queue = entry.getValue();
      if (!entry.getKey().equals(one.author) && !queue.hasConfirmed(one.index)) {
        untilNs = Math.max(untilNs, queue.leaseUntilNs());
      }
    }
    return untilNs;
  }

  private void settle() {
    long nowNs = ports.loop().nowNs();
    var done = new ArrayList<Waiting>();
    for (Waiting one : List.copyOf(waiting)) {
      long untilNs = untilNs(one);
      one.timer.cancel();
      if (untilNs <= nowNs) {
        waiting.remove(one);
        done.add(one);
      } else {
        arm(one, untilNs);
      }
    }
    done.forEach(one -> one.then.run());
  }

  /** The client's session is over, by the entry at this index: nobody waits for it any more. */
  void onEnded(long index, ClientId client) {
    heardNs.remove(client);
    WatchQueue queue = watchers.remove(client);
    if (queue != null) {
      queue.refuse(leadership);
    }
    // Whatever it had locked is free. A client that has received so far isn't notified again.
    sentIndex = Math.max(sentIndex, index);
    lockWakeups.files().forEach(inode -> notifyFreed(sentIndex, inode));
    settle();
  }
}
