package holdfast.network;

import holdfast.model.ErrorCode;
import holdfast.model.HoldfastException;
import holdfast.model.NetworkException;
import holdfast.model.NodeId;
import holdfast.port.Body;
import holdfast.port.Loop;
import holdfast.port.Transport;
import holdfast.protocol.Reply;
import holdfast.protocol.Request;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.function.LongSupplier;

/**
 * One own request until its reply, its silence or the end of its session. Loop only. Its handler
 * gets exactly one end of it.
 */
final class OutboundRequest implements Transport.InFlight {
  /** No request lasts longer, whatever moves: a member that only pretends to work holds nobody. */
  static final long LONGEST_NS = TimeUnit.HOURS.toNanos(1);

  /** How often in its silence, and at least, one looks what has moved. */
  private static final int LOOKS_PER_SILENCE = 4;

  private static final long LOOK_MAX_NS = TimeUnit.MILLISECONDS.toNanos(500);

  private final NodeId to;
  private final Request request;
  private final Body bodyOrNull;
  private final long silenceNs;
  private final Loop loop;
  private final long startNs;
  private final Transport.ReplyHandler handler;
  private final Runnable onEnded;
  private final Consumer<Runnable> poster;
  private Loop.Timer timer;
  private Connection connection;
  private Outgoing.WithBody outgoing;
  private Session session;
  private int number;
  private boolean isEnded;

  /** What the other side reported last. */
  private long told;

  /** Of the bytes of its reply as many were seen. */
  private long replyBytes;

  private LongSupplier waitedFor = () -> 0;
  private long moved;
  private long movedNs;

  /**
   * {@code onEnded} runs once, before the handler. A failure reaches the handler through {@code
   * poster}, so that no caller of {@link Transport#request} is called back before it returns.
   */
  OutboundRequest(
      NodeId to,
      Request request,
      Body bodyOrNull,
      long silenceNs,
      Loop loop,
      Transport.ReplyHandler handler,
      Runnable onEnded,
      Consumer<Runnable> poster) {
    this.to = to;
    this.request = request;
    this.bodyOrNull = bodyOrNull;
    this.silenceNs = silenceNs;
    this.loop = loop;
    this.startNs = loop.nowNs();
    this.movedNs = startNs;
    this.handler = handler;
    this.onEnded = onEnded;
    this.poster = poster;
  }

  Request request() {
    return request;
  }

  Body bodyOrNull() {
    return bodyOrNull;
  }

  boolean isEnded() {
    return isEnded;
  }

  /** True when it must travel on a bulk connection: it has a body, or its reply has. */
  boolean isBulk() {
    return bodyOrNull != null || request instanceof Request.GetChunk;
  }

  /** Fails it when nothing of it has moved for too long, from now on. */
  void watch() {
    long nowNs = loop.nowNs();
    // What this process missed while it was late is nobody's silence.
    long sinceNs = Math.max(movedNs, loop.awakeSinceNs());
    long leftNs = Math.min(sinceNs + silenceNs, startNs + LONGEST_NS) - nowNs;
    long lookNs = Math.min(silenceNs / LOOKS_PER_SILENCE, LOOK_MAX_NS);
    timer = loop.at(nowNs + Math.max(0, Math.min(leftNs, lookNs)), "request", this::look);
  }

  private void look() {
    long nowNs = loop.nowNs();
    noteMoved(nowNs);
    boolean isSilent = nowNs - Math.max(movedNs, loop.awakeSinceNs()) >= silenceNs;
    if (isSilent || nowNs - startNs >= LONGEST_NS) {
      fail(
          new NetworkException(
              ErrorCode.TIMED_OUT,
              "wait for reply: expected=a sign of work, was=none for "
                  + silenceNs / 1_000_000
                  + " ms, request="
                  + request.getClass().getSimpleName()
                  + ", peer="
                  + to.shortForm()));
    } else if (!isEnded) {
      watch();
    }
  }

  private void noteMoved(long nowNs) {
    long now = told + waitedFor.getAsLong();
    if (connection != null) {
      replyBytes = Math.max(replyBytes, connection.replyBytes(number));
      now += replyBytes + (outgoing == null ? 0 : connection.sentFor(outgoing));
    }
    if (now != moved) {
      moved = now;
      movedNs = nowNs;
      handler.onProgress();
    }
  }

  /** The other side works on it: a count that isn't higher than the last one says nothing. */
  void progress(long count) {
    told = Math.max(told, count);
  }

  @Override
  public void giveUp(HoldfastException why) {
    fail(why);
  }

  /** It waits for what moves with this count, until it is sent. */
  void waitsFor(LongSupplier count) {
    waitedFor = count;
  }

  /** It goes out under this number of a session. */
  void submittedTo(Session onSession, Connection on, int as, Outgoing.WithBody outgoingOrNull) {
    long waited = waitedFor.getAsLong();
    waitedFor = () -> waited;
    session = onSession;
    connection = on;
    number = as;
    outgoing = outgoingOrNull;
  }

  /** The connection it went out on, or null. */
  Connection connection() {
    return connection;
  }

  /** The reply came. */
  void reply(Reply reply, Body replyBodyOrNull) {
    if (end()) {
      handler.onReply(reply, replyBodyOrNull);
    }
  }

  /** No reply will come, or none is waited for any more: sends no more of its body. */
  void fail(HoldfastException why) {
    if (end()) {
      if (outgoing != null) {
        connection.cancel(outgoing, why);
      }
      if (session != null) {
        session.forget(number);
      }
      poster.accept(() -> handler.onFailure(why));
    }
  }

  private boolean end() {
    if (isEnded) {
      return false;
    }
    isEnded = true;
    timer.cancel();
    onEnded.run();
    return true;
  }
}
