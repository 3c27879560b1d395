package holdfast.network;

import holdfast.model.ErrorCode;
import holdfast.model.HoldfastException;
import holdfast.model.NetworkException;
import holdfast.port.Body;
import holdfast.port.Remote;
import holdfast.port.Transport;
import holdfast.protocol.Message;
import holdfast.protocol.Notice;
import holdfast.protocol.Reply;
import holdfast.protocol.Request;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * One authenticated session with another process: a control connection, the bulk connections
 * attached to it, and the requests in flight on them. Its state belongs to the loop; connections
 * report their events on their own threads and are answered from there only with what is final.
 */
final class Session {
  /** Bulk connections of one session at most. */
  static final int BULK_MAX = 2;

  /** Requests that wait for a bulk connection at most. */
  static final int BULK_WAITING_MAX = 256;

  /** Messages of one connection that the loop hasn't taken yet; its reader waits at more. */
  static final int TASKS_MAX = 256;

  /** Requests of the other side that this one has not answered; more are answered BUSY. */
  static final int INBOUND_MAX = Transport.REQUESTS_MAX;

  private final SessionHost host;
  private final Authenticated identity;
  private final Remote remote;
  private final Connection control;
  private final List<Connection> bulk = new ArrayList<>();
  private final Map<Integer, OutboundRequest> pending = new HashMap<>();
  private final ArrayDeque<OutboundRequest> awaitingBulk = new ArrayDeque<>();
  private final AtomicInteger inboundCount = new AtomicInteger();
  private final InboundRequests inbound;
  private int lastNumber;
  private boolean isOpeningBulk;
  private int bulkWantCount;
  private long lastUsedNs;
  private volatile HoldfastException ended;

  Session(SessionHost host, Authenticated identity, Connection control) {
    this.host = host;
    this.identity = identity;
    this.remote = identity.remote();
    this.control = control;
    this.inbound = new InboundRequests(host, control);
    this.lastUsedNs = host.loop().nowNs();
  }

  Remote remote() {
    return remote;
  }

  Authenticated identity() {
    return identity;
  }

  /** True when this node dialled. */
  boolean isDialler() {
    return identity.isInitiator();
  }

  boolean isOpen() {
    return ended == null;
  }

  /** Nothing comes, though it was asked for: the way may be broken. */
  boolean isSilent() {
    return control.isSilent();
  }

  /** Starts to read and write. */
  void start() {
    start(control);
  }

  /** Nothing in flight in either direction since {@code sinceNs}. */
  boolean isIdleSince(long sinceNs) {
    return pending.isEmpty()
        && awaitingBulk.isEmpty()
        && inboundCount.get() == 0
        && sinceNs - lastUsedNs >= 0;
  }

  /** Sends a notice, if there is room for it. */
  void send(Notice notice) {
    control.offer(Outgoing.Frame.of(0, notice));
  }

  /** Sends a request, now or when a bulk connection is there. */
  void submit(OutboundRequest request) {
    lastUsedNs = host.loop().nowNs();
    if (pending.size() >= requestCountMax()) {
      request.fail(busy("the session"));
      return;
    }
    if (!request.isBulk()) {
      submit(request, control);
      return;
    }
    Connection free = freestBulk();
    if (free == null && awaitingBulk.size() >= BULK_WAITING_MAX) {
      request.fail(busy("bulk connections"));
    } else if (free == null) {
      awaitingBulk.add(request);
      wantBulk();
    } else {
      if (bulk.size() < bulkMax() && loadOf(free) > 0) {
        wantBulk();
      }
      submit(request, free);
    }
  }

  /** The request with this number is over. */
  void forget(int number) {
    pending.remove(number);
  }

  /** A bulk connection is attached: it starts, and what waited for it goes out. */
  void attach(Connection connection) {
    isOpeningBulk = false;
    if (!isOpen() || bulk.size() >= BULK_MAX) {
      connection.close(
          new NetworkException(
              ErrorCode.BUSY, "attach connection: expected=at most " + BULK_MAX + " of a session"));
      return;
    }
    bulk.add(connection);
    start(connection);
    submitWaiting();
  }

  /** No bulk connection could be attached. */
  void attachFailed(HoldfastException why) {
    isOpeningBulk = false;
    if (bulk.isEmpty()) {
      var waiting = List.copyOf(awaitingBulk);
      awaitingBulk.clear();
      waiting.forEach(request -> request.fail(why));
    } else {
      submitWaiting();
    }
  }

  /** Ends in good order: CLOSE on every connection; what is in flight fails. */
  void end(String why) {
    if (isOpen()) {
      control.end();
      bulk.forEach(Connection::end);
      over(
          new NetworkException(
              ErrorCode.UNREACHABLE, "session: ended, peer=" + name() + ", why=" + why));
    }
  }

  /** Breaks off at once. */
  void abort(HoldfastException why) {
    if (isOpen()) {
      over(why);
      control.close(why);
      List.copyOf(bulk).forEach(connection -> connection.close(why));
    }
  }

  /** Short name for logs. */
  String name() {
    return remote.node().shortForm();
  }

  /** Why a connection whose queue is full is closed. */
  static HoldfastException overflow(Connection connection) {
    return new NetworkException(
        ErrorCode.BUSY,
        "write "
            + connection.name()
            + ": expected=at most "
            + Outbox.FRAMES_MAX
            + " frames queued");
  }

  private int requestCountMax() {
    return isDialler() ? identity.session().limits().requestCountMax() : INBOUND_MAX;
  }

  private int bulkMax() {
    return isDialler()
        ? Math.min(BULK_MAX, identity.session().limits().connectionCountMax() - 1)
        : BULK_MAX;
  }

  private HoldfastException busy(String what) {
    return new NetworkException(
        ErrorCode.BUSY,
        "send request: expected=room for it, was=" + what + " full, peer=" + name());
  }

  private static HoldfastException closed(Connection connection) {
    return new NetworkException(
        ErrorCode.UNREACHABLE,
        "send request: expected=an open connection, was=closed, connection=" + connection.name());
  }

  private void submitWaiting() {
    var waiting = List.copyOf(awaitingBulk);
    awaitingBulk.clear();
    for (OutboundRequest request : waiting) {
      if (!request.isEnded()) {
        submit(request);
      }
    }
  }

  private void submit(OutboundRequest request, Connection on) {
    int number = nextNumber();
    var frame = Outgoing.Frame.of(number, request.request());
    Body bodyOrNull = request.bodyOrNull();
    boolean isTaken;
    if (bodyOrNull == null) {
      request.submittedTo(this, on, number, null);
      isTaken = on.offer(frame);
    } else {
      bodyOrNull.retain();
      var outgoing =
          new Outgoing.WithBody(
              frame,
              false,
              BodyIntake.chunkOf(request.request()),
              true,
              bodyOrNull,
              why -> host.post(() -> request.fail(why)),
              bodyOrNull::release);
      request.submittedTo(this, on, number, outgoing);
      isTaken = on.offer(outgoing);
      if (!isTaken) {
        bodyOrNull.release();
      }
    }
    if (isTaken) {
      pending.put(number, request);
    } else {
      request.fail(on.isOpen() ? busy("the connection's queue") : closed(on));
    }
  }

  private int nextNumber() {
    do {
      lastNumber++;
    } while (lastNumber == 0 || pending.containsKey(lastNumber));
    return lastNumber;
  }

  private Connection freestBulk() {
    Connection freest = null;
    for (Connection connection : bulk) {
      if (connection.isOpen() && (freest == null || loadOf(connection) < loadOf(freest))) {
        freest = connection;
      }
    }
    return freest;
  }

  private int loadOf(Connection connection) {
    int count = connection.bodyCount();
    for (OutboundRequest request : pending.values()) {
      count += request.connection() == connection ? 1 : 0;
    }
    return count;
  }

  private void wantBulk() {
    if (isOpeningBulk) {
      return;
    }
    isOpeningBulk = true;
    if (isDialler()) {
      host.openBulk(this);
    } else {
      control.offer(new Outgoing.Frame(SessionFrames.BULK_WANTED, 0, new byte[0]));
      expectBulk(++bulkWantCount);
    }
  }

  /** What has come by then is looked at first: hence behind what waits for the loop. */
  private void expectBulk(int want) {
    long sinceNs = host.loop().nowNs();
    host.loop()
        .at(
            sinceNs + host.limits().handshakeSilenceNs(),
            "bulk connection wanted",
            () -> host.post(() -> bulkIsLate(want, sinceNs)));
  }

  private void bulkIsLate(int want, long sinceNs) {
    if (!isOpen() || !isOpeningBulk || want != bulkWantCount) {
      return;
    }
    if (host.loop().awakeSinceNs() - sinceNs > 0) {
      expectBulk(want); // this node was late itself
      return;
    }
    attachFailed(
        new NetworkException(
            ErrorCode.UNREACHABLE,
            "open bulk connection: expected=one from the side that dialled, was=none, peer="
                + name()));
  }

  private void over(HoldfastException why) {
    ended = why;
    var failed = new ArrayList<>(pending.values());
    failed.addAll(awaitingBulk);
    pending.clear();
    awaitingBulk.clear();
    failed.forEach(request -> request.fail(why));
    host.onSessionOver(this);
  }

  private void start(Connection connection) {
    connection.start(
        host.threads(),
        new SessionEvents(this, connection, host),
        message -> host.permits().acquire(kindOf(message), connection::isOpen));
  }

  private BodyPermits.Kind kindOf(Message message) {
    if (message instanceof Reply) {
      return BodyPermits.Kind.FETCHED;
    }
    return remote.isPeer() && message instanceof Request.PutChunk put && put.replica()
        ? BodyPermits.Kind.REPLICA
        : BodyPermits.Kind.CLIENT;
  }

  // The events of SessionEvents, on the loop.

  void onLoopRequest(Connection on, int number, Request request, Body bodyOrNull) {
    lastUsedNs = host.loop().nowNs();
    boolean isTooMany = inboundCount.incrementAndGet() > INBOUND_MAX;
    var responder =
        new InboundRequest(
            on,
            number,
            () -> {
              inboundCount.decrementAndGet();
              releaseWhenEnded(bodyOrNull);
            });
    inbound.add(number, responder);
    if (bodyOrNull != null) {
      responder.working(bodyOrNull::availableBytes);
      bodyOrNull.whenEnded(
          why -> {
            if (why != null) {
              responder.fail(why);
            }
          });
    }
    if (isTooMany || !isOpen()) {
      responder.fail(busy("unanswered requests"));
    } else {
      host.service().onRequest(remote, request, bodyOrNull, responder);
    }
  }

  private static void releaseWhenEnded(Body bodyOrNull) {
    if (bodyOrNull != null) {
      bodyOrNull.whenEnded(why -> bodyOrNull.release());
    }
  }

  void onLoopReply(int number, Reply reply, Body bodyOrNull) {
    lastUsedNs = host.loop().nowNs();
    OutboundRequest request = pending.remove(number);
    if (request != null) {
      request.reply(reply, bodyOrNull);
    }
  }

  void onLoopProgress(int number, long count) {
    OutboundRequest request = pending.get(number);
    if (request != null) {
      request.progress(count);
    }
  }

  void onLoopReplyFailed(int number, HoldfastException why) {
    OutboundRequest request = pending.remove(number);
    if (request != null) {
      request.fail(why);
    }
  }

  void onLoopNotice(Notice notice) {
    if (isOpen()) {
      host.service().onNotice(remote, notice);
    }
  }

  void onLoopBulkWanted() {
    if (isOpen() && isDialler() && bulk.size() < bulkMax()) {
      wantBulk();
    }
  }

  void onLoopSilent() {
    if (isOpen() && isSilent()) {
      host.onSessionSilent(this);
    }
  }

  void onLoopClosed(Connection connection, HoldfastException why) {
    if (connection == control) {
      abort(why);
      return;
    }
    bulk.remove(connection);
    var failed = new ArrayList<OutboundRequest>();
    for (OutboundRequest request : pending.values()) {
      if (request.connection() == connection) {
        failed.add(request);
      }
    }
    failed.forEach(request -> request.fail(why));
  }
}
