package holdfast.sim;

import holdfast.model.ErrorCode;
import holdfast.model.HoldfastException;
import holdfast.model.HostPort;
import holdfast.model.InstanceId;
import holdfast.model.NetworkException;
import holdfast.model.NodeId;
import holdfast.port.Body;
import holdfast.port.Loop;
import holdfast.port.NodeService;
import holdfast.port.Remote;
import holdfast.port.Responder;
import holdfast.port.Transport;
import holdfast.protocol.Notice;
import holdfast.protocol.Reply;
import holdfast.protocol.Request;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.Consumer;
import java.util.function.LongSupplier;

/** {@link Transport} of one simulated process. */
public final class SimTransport implements Transport {
  private static final long DIAL_TIMEOUT_NS = 2 * SimWorld.S;
  private static final long RELAY_AFTER_NS = SimWorld.S / 2;
  private static final long DIRECT_LOOK_NS = 5 * SimWorld.S;
  private static final long TELL_EVERY_NS = SimWorld.S / 2;

  private final SimNetwork network;
  private final SimWorld world;
  private final SimLoop loop;
  private final NodeId self;
  private final boolean isPeer;
  private final InstanceId instance;
  private final HostPort listenOrNull;
  private final long dataKeyId;
  private final Map<NodeId, SimSession> sessions = new TreeMap<>();
  private final Map<NodeId, List<HostPort>> known = new TreeMap<>();
  private final TreeSet<NodeId> dialling = new TreeSet<>();
  private final Map<Long, Pending> waiting = new TreeMap<>();
  private NodeService service;
  private long nextRequest = 1;
  private int pendingCount;
  private long dialStepCount;
  private boolean gone;

  SimTransport(
      SimNetwork network,
      SimWorld world,
      SimLoop loop,
      NodeId self,
      boolean isPeer,
      InstanceId instance,
      HostPort listenOrNull,
      long dataKeyId) {
    this.network = network;
    this.world = world;
    this.loop = loop;
    this.self = self;
    this.isPeer = isPeer;
    this.instance = instance;
    this.listenOrNull = listenOrNull;
    this.dataKeyId = dataKeyId;
  }

  /** A request that hasn't been answered. */
  static final class Pending {
    private final long id;
    private final NodeId to;
    private final Request request;
    private final Body bodyOrNull;
    private final long silenceNs;
    private final ReplyHandler handler;
    private long movedNs;

    /** Where it went, and its body there. */
    private SimSession session;

    private Body arrivingOrNull;
    private Loop.Timer timer;
    private boolean done;

    private Pending(
        long id,
        NodeId to,
        Request request,
        Body bodyOrNull,
        long silenceNs,
        ReplyHandler handler) {
      this.silenceNs = silenceNs;
      this.id = id;
      this.to = to;
      this.request = request;
      this.bodyOrNull = bodyOrNull;
      this.handler = handler;
    }
  }

  /** From now on messages reach {@code receiver}. */
  public void start(NodeService receiver) {
    service = receiver;
  }

  /** The process is gone; {@code systemLives} resets its connections. */
  public void kill(boolean systemLives) {
    gone = true;
    network.stopListening(this);
    List.copyOf(sessions.values()).forEach(session -> session.abandon(systemLives));
    sessions.clear();
  }

  SimLoop loop() {
    return loop;
  }

  NodeId self() {
    return self;
  }

  boolean isGone() {
    return gone;
  }

  @Override
  public void send(NodeId to, Notice notice) {
    SimSession session = sessions.get(to);
    if (session == null) {
      dialKnown(to);
      return;
    }
    SimTransport there = session.other().owner();
    session.carryNotice(
        notice.getClass().getSimpleName(),
        () -> there.service.onNotice(remote(Optional.empty()), notice));
  }

  @Override
  public InFlight request(
      NodeId to, Request request, Body bodyOrNull, long silenceNs, ReplyHandler handler) {
    if (to.equals(self)) {
      throw new AssertionError("request to self: " + request);
    }
    var pending = new Pending(nextRequest++, to, request, bodyOrNull, silenceNs, handler);
    if (pendingCount >= REQUESTS_MAX) {
      loop.post(() -> handler.onFailure(error(ErrorCode.BUSY, "send request: too many", to)));
      return why -> {};
    }
    pendingCount++;
    pending.movedNs = loop.nowNs();
    expireLater(pending);
    SimSession session = sessions.get(to);
    if (session != null) {
      transmit(session, pending);
    } else {
      waiting.put(pending.id, pending);
      dialKnown(to);
    }
    return why -> giveUp(pending, why);
  }

  private void giveUp(Pending pending, HoldfastException why) {
    waiting.remove(pending.id);
    if (finish(pending)) {
      if (pending.arrivingOrNull != null) {
        pending.session.abortBody(pending.arrivingOrNull);
      }
      loop.post(() -> pending.handler.onFailure(why));
    }
  }

  @Override
  public long dialStepCount() {
    return dialStepCount;
  }

  private void expireLater(Pending pending) {
    long sinceNs = Math.max(pending.movedNs, loop.awakeSinceNs());
    pending.timer =
        loop.at(
            Math.max(loop.nowNs(), sinceNs + pending.silenceNs),
            "request silence",
            () -> expire(pending));
  }

  private void transmit(SimSession session, Pending pending) {
    session.pending().put(pending.id, pending);
    SimTransport there = session.other().owner();
    Body body =
        pending.bodyOrNull == null
            ? null
            : session.carryBody(
                pending.bodyOrNull, () -> loop.post(() -> progress(session, pending.id)), () -> {});
    pending.session = session;
    pending.arrivingOrNull = body;
    String what = pending.request.getClass().getSimpleName();
    session.carry(
        what,
        () ->
            there.service.onRequest(
                remote(Optional.empty()),
                pending.request,
                body,
                there.responder(session.other(), pending.id)));
  }

  private Responder responder(SimSession session, long id) {
    return new Responder() {
      private boolean used;
      private LongSupplier working = () -> 0;
      private long lastSeen;
      private boolean isTelling;

      @Override
      public void working(LongSupplier count) {
        working = count;
        if (!isTelling) {
          isTelling = true;
          tellLater();
        }
      }

      private void tellLater() {
        loop.postAfter(
            TELL_EVERY_NS,
            "tell progress",
            () -> {
              if (used || gone) {
                return;
              }
              long seen = working.getAsLong();
              if (seen != lastSeen) {
                lastSeen = seen;
                SimTransport there = session.other().owner();
                session.carry("progress", () -> there.progress(session.other(), id));
              }
              tellLater();
            });
      }

      @Override
      public void reply(Reply reply, Body bodyOrNull) {
        if (used || gone) {
          return;
        }
        used = true;
        loop.post(() -> sendReply(session, id, reply, bodyOrNull));
      }

      @Override
      public void fail(HoldfastException why) {
        reply(new Reply.Failure(why.code(), String.valueOf(why.getMessage()), null), null);
      }
    };
  }

  private void sendReply(SimSession session, long id, Reply reply, Body bodyOrNull) {
    SimTransport there = session.other().owner();
    String what = reply.getClass().getSimpleName();
    if (bodyOrNull == null) {
      session.carry(what, () -> there.settle(session.other(), id, reply, null));
      return;
    }
    var body = new Body[1];
    body[0] =
        session.carryBody(
            bodyOrNull,
            () -> there.loop.post(() -> there.progress(session.other(), id)),
            () -> there.settle(session.other(), id, reply, body[0]));
  }

  private void settle(SimSession session, long id, Reply reply, Body bodyOrNull) {
    Pending pending = session.pending().remove(id);
    if (pending == null || !finish(pending)) {
      return;
    }
    pending.handler.onReply(reply, bodyOrNull);
  }

  private void progress(SimSession session, long id) {
    Pending pending = session.pending().get(id);
    if (pending != null && !pending.done) {
      pending.movedNs = loop.nowNs();
      pending.handler.onProgress();
    }
  }

  private void expire(Pending pending) {
    long sinceNs = Math.max(pending.movedNs, loop.awakeSinceNs());
    if (!pending.done && loop.nowNs() - sinceNs < pending.silenceNs) {
      expireLater(pending);
      return;
    }
    waiting.remove(pending.id);
    if (finish(pending)) {
      pending.handler.onFailure(error(ErrorCode.TIMED_OUT, "send request: no reply", pending.to));
    }
  }

  private boolean finish(Pending pending) {
    if (pending.done) {
      return false;
    }
    pending.done = true;
    pending.timer.cancel();
    pendingCount--;
    return true;
  }

  @Override
  public void learn(NodeId node, List<HostPort> addresses) {
    if (!node.equals(self)) {
      known.put(node, List.copyOf(addresses));
    }
  }

  private void dialKnown(NodeId to) {
    if (dialling.contains(to)) {
      return;
    }
    List<HostPort> addresses = known.getOrDefault(to, List.of());
    if (addresses.isEmpty()) {
      loop.post(() -> failWaiting(to, error(ErrorCode.UNREACHABLE, "dial: no address", to)));
      return;
    }
    dialling.add(to);
    connect(
        addresses.get(0),
        to,
        why -> {
          dialling.remove(to);
          failWaiting(to, why);
        });
  }

  @Override
  public void dial(HostPort address, Consumer<HoldfastException> onFailure) {
    connect(address, null, onFailure);
  }

  private void connect(HostPort address, NodeId expected, Consumer<HoldfastException> onFailure) {
    loop.postAfter(
        3 * network.delayNs(),
        "dial",
        () -> {
          SimTransport there = network.listenerOrNull(address);
          if (there == null) {
            throughRelayOr(
                expected,
                () ->
                    onFailure.accept(
                        error(ErrorCode.UNREACHABLE, "dial: refused at " + address, expected)));
          } else if (!reaches(there)) {
            loop.postAfter(
                RELAY_AFTER_NS,
                "ask relays",
                () -> throughRelayOr(expected, () -> timeOutLater(address, expected, onFailure)));
          } else if (expected != null && !there.self.equals(expected)) {
            onFailure.accept(error(ErrorCode.UNREACHABLE, "dial: somebody else", expected));
          } else {
            establish(there, Optional.of(address), null);
          }
        });
  }

  private void timeOutLater(
      HostPort address, NodeId expected, Consumer<HoldfastException> onFailure) {
    loop.postAfter(
        DIAL_TIMEOUT_NS - RELAY_AFTER_NS,
        "dial timeout",
        () ->
            onFailure.accept(
                error(ErrorCode.UNREACHABLE, "dial: silence at " + address, expected)));
  }

  private boolean reaches(SimTransport there) {
    return network.passes(self, there.self)
        && network.passes(there.self, self)
        && !there.loop.isDeafTo(loop);
  }

  /** A session through whoever passes bytes on to a known node, or else this. */
  private void throughRelayOr(NodeId expected, Runnable otherwise) {
    for (SimSession session : expected == null ? List.<SimSession>of() : sessions.values()) {
      SimTransport relay = session.other().owner();
      SimSession onward = relay.sessions.get(expected);
      boolean isUsable =
          relay.isPeer
              && !relay.gone
              && onward != null
              && !session.isRelayed()
              && !onward.isRelayed();
      SimTransport there = isUsable ? onward.other().owner() : null;
      if (isUsable
          && there.listenOrNull != null
          && !there.gone
          && there.sessions.get(relay.self) == onward.other()
          && reaches(relay)
          && relay.reaches(there)) {
        establish(there, Optional.empty(), relay);
        lookForDirectWay(there);
        return;
      }
    }
    otherwise.run();
  }

  private void lookForDirectWay(SimTransport there) {
    loop.postAfter(
        DIRECT_LOOK_NS,
        "look for the direct way",
        () -> {
          SimSession session = sessions.get(there.self);
          if (session == null || !session.isRelayed() || session.other().owner() != there) {
            return;
          }
          if (reaches(there)) {
            session.becomeDirect();
          } else {
            lookForDirectWay(there);
          }
        });
  }

  private void establish(SimTransport there, Optional<HostPort> dialled, SimTransport relayOrNull) {
    dialStepCount++;
    dialling.remove(there.self);
    if (there == this) {
      return;
    }
    SimSession existing = sessions.get(there.self);
    boolean usable =
        existing != null
            && existing.isOpen()
            && existing.other().isOpen()
            && existing.other().owner() == there;
    if (!usable) {
      if (existing != null) {
        existing.close();
      }
      SimSession old = there.sessions.get(self);
      var session = SimSession.between(network, this, there, relayOrNull);
      sessions.put(there.self, session);
      world.schedule(
          world.nowNs(),
          there.loop,
          "accept",
          () -> {
            if (old != null) {
              old.close();
            }
            there.sessions.put(self, session.other());
            there.service.onConnected(remote(Optional.empty()));
            there.flush(self);
          });
    }
    service.onConnected(there.remote(dialled));
    flush(there.self);
  }

  private void flush(NodeId to) {
    SimSession session = sessions.get(to);
    List<Pending> ready = new ArrayList<>();
    for (Iterator<Pending> i = waiting.values().iterator(); i.hasNext(); ) {
      Pending pending = i.next();
      if (pending.to.equals(to)) {
        i.remove();
        ready.add(pending);
      }
    }
    ready.forEach(pending -> transmit(session, pending));
  }

  private void failWaiting(NodeId to, HoldfastException why) {
    List<Pending> failed = waiting.values().stream().filter(p -> p.to.equals(to)).toList();
    failed.forEach(
        pending -> {
          waiting.remove(pending.id);
          if (finish(pending)) {
            pending.handler.onFailure(why);
          }
        });
  }

  void onClosed(SimSession session) {
    NodeId node = session.other().owner().self;
    boolean current = sessions.remove(node, session);
    List<Pending> lost = List.copyOf(session.pending().values());
    session.pending().clear();
    for (Pending pending : lost) {
      if (finish(pending)) {
        pending.handler.onFailure(error(ErrorCode.UNREACHABLE, "send request: session end", node));
      }
    }
    if (current) {
      service.onDisconnected(node);
    }
  }

  @Override
  public boolean isConnected(NodeId node) {
    return sessions.containsKey(node);
  }

  @Override
  public boolean isDirect(NodeId node) {
    SimSession session = sessions.get(node);
    return session != null && !session.isRelayed();
  }

  private Remote remote(Optional<HostPort> dialled) {
    return new Remote(self, isPeer, instance, dialled, "sim", dataKeyId);
  }

  private static HoldfastException error(ErrorCode code, String text, NodeId node) {
    return new NetworkException(code, text + ", peer=" + (node == null ? "?" : node.shortForm()));
  }

  @Override
  public String toString() {
    return loop.name() + "@" + listenOrNull;
  }
}
