package holdfast.sim;

import holdfast.model.ErrorCode;
import holdfast.model.NetworkException;
import holdfast.port.Body;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** One side of a session between two processes. */
final class SimSession {
  /** Between two pieces of a body that takes longer. */
  private static final long STEP_NS = 250 * SimWorld.MS;

  private record Carry(Body source, Body body, Runnable onMoved, Runnable whenWhole) {}

  private final SimNetwork network;
  private final SimTransport owner;
  private final Map<Long, SimTransport.Pending> pending = new LinkedHashMap<>();
  private final List<Body> arriving = new ArrayList<>();
  private SimSession other;

  /** Who passes everything on; null where nobody needs to. */
  private SimTransport relayOrNull;

  private boolean open = true;
  private boolean breaking;
  private long lastArrivalNs;
  private final ArrayDeque<Carry> line = new ArrayDeque<>();
  private boolean isCarrying;

  private SimSession(SimNetwork network, SimTransport owner) {
    this.network = network;
    this.owner = owner;
  }

  static SimSession between(
      SimNetwork network, SimTransport a, SimTransport b, SimTransport relayOrNull) {
    var here = new SimSession(network, a);
    here.other = new SimSession(network, b);
    here.other.other = here;
    here.relayOrNull = relayOrNull;
    here.other.relayOrNull = relayOrNull;
    return here;
  }

  boolean isRelayed() {
    return relayOrNull != null;
  }

  /** Nobody needs to pass anything on any more. */
  void becomeDirect() {
    relayOrNull = null;
    other.relayOrNull = null;
  }

  /** Whether what is sent now arrives, as far as the wires go. */
  private boolean isLinked() {
    if (relayOrNull == null) {
      return network.passes(owner.self(), other.owner.self());
    }
    return !relayOrNull.isGone()
        && network.passes(owner.self(), relayOrNull.self())
        && network.passes(relayOrNull.self(), other.owner.self());
  }

  private long delayNs() {
    return relayOrNull == null ? network.delayNs() : network.delayNs() + network.delayNs();
  }

  SimSession other() {
    return other;
  }

  SimTransport owner() {
    return owner;
  }

  boolean isOpen() {
    return open && !owner.isGone();
  }

  Map<Long, SimTransport.Pending> pending() {
    return pending;
  }

  /** Carries {@code arrival} to the other side in order, unless something happens to it. */
  void carry(String what, Runnable arrival) {
    if (!passes()) {
      return;
    }
    long atNs = Math.max(lastArrivalNs + 1, network.world().nowNs() + delayNs());
    lastArrivalNs = atNs;
    deliver(atNs, what, arrival);
  }

  /** As {@link #carry}, but it may be lost, doubled, and overtaken. */
  void carryNotice(String what, Runnable arrival) {
    if (!passes() || network.losesNotice()) {
      return;
    }
    long lateNs = network.lateNs();
    if (lateNs == 0) {
      carry(what, arrival);
    } else {
      deliver(network.world().nowNs() + delayNs() + lateNs, what, arrival);
    }
    if (network.doublesNotice()) {
      long atNs = network.world().nowNs() + delayNs() + network.lateNs();
      deliver(atNs, what, arrival);
    }
  }

  /**
   * The body at the other side, which arrives while the source does. {@code whenWhole} runs there
   * when all is there; a failed one fails the body only.
   *
   * @param onMoved runs in the world as it, or what is before it on the wire, moves
   */
  Body carryBody(Body source, Runnable onMoved, Runnable whenWhole) {
    var body = Body.arriving(new byte[source.lengthBytes()], source.lengthBytes());
    other.arriving.add(body);
    source.whenEnded(failure -> enqueue(new Carry(source, body, onMoved, whenWhole)));
    return body;
  }

  /** One body after another, as on a wire. */
  private void enqueue(Carry carry) {
    line.add(carry);
    if (!isCarrying) {
      carryNext();
    }
  }

  private void carryNext() {
    Carry next = line.poll();
    isCarrying = next != null;
    if (isCarrying) {
      carryOn(next, 0);
    }
  }

  private void carryOn(Carry carry, int sentBytes) {
    if (!other.arriving.contains(carry.body())) {
      carryNext(); // given up, or the session is over
      return;
    }
    long bytesPerMs = network.bytesPerMs(owner.self(), other.owner.self());
    long leftNs = (carry.source().lengthBytes() - sentBytes) / bytesPerMs * SimWorld.MS;
    if (leftNs > STEP_NS) {
      int upTo = (int) (sentBytes + STEP_NS / SimWorld.MS * bytesPerMs);
      network
          .world()
          .after(
              STEP_NS,
              "piece",
              () -> {
                advance(carry.source(), carry.body(), upTo);
                carry.onMoved().run();
                line.forEach(waiting -> waiting.onMoved().run());
                carryOn(carry, upTo);
              });
      return;
    }
    network
        .world()
        .after(
            leftNs,
            "end of body",
            () -> {
              network
                  .world()
                  .after(
                      delayNs(),
                      "body",
                      () -> finish(carry.source(), carry.body(), carry.whenWhole()));
              carryNext();
            });
  }

  /** The sender gave it up: no more of it comes. */
  void abortBody(Body body) {
    if (other.arriving.contains(body)) {
      carry(
          "abort",
          () -> {
            if (other.arriving.remove(body)) {
              body.fail(new NetworkException(ErrorCode.UNREACHABLE, "receive body: given up"));
            }
          });
    }
  }

  private void advance(Body source, Body body, int upTo) {
    int have = body.availableBytes();
    boolean passes =
        other.isOpen() && isOpen() && !breaking && !other.owner.loop().isDeafTo(owner.loop());
    boolean isWanted = other.arriving.contains(body);
    if (passes && isWanted && source.isComplete() && upTo > have && upTo < body.lengthBytes()) {
      System.arraycopy(source.array(), have, body.array(), have, upTo - have);
      body.advance(upTo - have);
    }
  }

  private void finish(Body source, Body body, Runnable whenWhole) {
    if (!other.isOpen() || !isOpen() || !passes() || isMissed()) {
      return;
    }
    if (!other.arriving.remove(body)) {
      return; // given up
    }
    if (!source.isComplete()) {
      body.fail(new NetworkException(ErrorCode.UNREACHABLE, "receive body: sender gave up"));
      return;
    }
    int have = body.availableBytes();
    System.arraycopy(source.array(), have, body.array(), have, source.lengthBytes() - have);
    body.advance(source.lengthBytes() - have);
    body.complete();
    other.owner.loop().post(whenWhole);
  }

  private void deliver(long atNs, String what, Runnable arrival) {
    network
        .world()
        .arrive(
            atNs,
            other.owner.loop(),
            what,
            () -> {
              if (other.open) {
                arrival.run();
              }
            },
            this::isMissed);
  }

  /** Whether the other side sleeps, and this one's bytes with nobody to acknowledge them. */
  private boolean isMissed() {
    if (other.owner.loop().isDeafTo(owner.loop())) {
      stall();
      return true;
    }
    return false;
  }

  private boolean passes() {
    if (!open || breaking || owner.isGone()) {
      return false;
    }
    if (!isLinked() || network.resets()) {
      stall();
      return false;
    }
    return true;
  }

  /** A message was lost for good: both sides find out, each in its own time. */
  void stall() {
    if (!breaking) {
      breaking = true;
      closeAfter(network.breakNs());
      other.closeAfter(network.breakNs());
    }
  }

  void closeAfter(long delayNs) {
    owner.loop().postAfter(delayNs, "session break", this::close);
  }

  /** This side is closed, at once. */
  void close() {
    if (!open) {
      return;
    }
    open = false;
    arriving.forEach(
        body ->
            body.fail(new NetworkException(ErrorCode.UNREACHABLE, "receive body: session end")));
    arriving.clear();
    owner.onClosed(this);
    if (isLinked()) {
      other.closeAfter(delayNs());
    }
  }

  /** The owner's process is gone; its system tells the other side, if it still can. */
  void abandon(boolean systemLives) {
    boolean told = systemLives && isLinked();
    open = false;
    other.closeAfter(told ? network.delayNs() : network.breakNs());
  }
}
