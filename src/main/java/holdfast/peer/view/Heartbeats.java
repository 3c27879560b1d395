package holdfast.peer.view;

import holdfast.model.InstanceId;
import holdfast.model.NodeId;
import holdfast.port.Periodic;
import holdfast.port.Remote;
import holdfast.protocol.Notice;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Consumer;
import java.util.function.Supplier;

/**
 * Sends heartbeats to the other peers every 500 ms, and keeps the last one of each: by their
 * silence a peer is suspected. Loop thread.
 */
public final class Heartbeats {
  /** Between two heartbeats. */
  public static final long EVERY_NS = 500_000_000L;

  /** Three missed and some slack: suspect. */
  public static final long SUSPECT_NS = 1_750_000_000L;

  private static final int PIGGYBACK_EVERY = 10;

  /** Most nodes remembered. */
  private static final int PULSES_MAX = 1_024;

  /**
   * What a peer said last.
   *
   * @param steadySinceNs since when heartbeats have come without a gap
   */
  public record Pulse(
      Notice.Heartbeat beat, InstanceId instance, long heardNs, long steadySinceNs) {}

  private final PeerPorts ports;
  private final Supplier<Notice.Heartbeat> own;
  private final Supplier<Set<NodeId>> receivers;
  private final Map<NodeId, Pulse> pulses = new HashMap<>();
  private final Map<NodeId, Long> brokenNs = new HashMap<>();
  private final Map<NodeId, Long> heardNs = new HashMap<>();
  private Consumer<NodeId> piggyback = node -> {};
  private long beatCount;
  private final Periodic beats;

  public Heartbeats(
      PeerPorts ports, Supplier<Notice.Heartbeat> own, Supplier<Set<NodeId>> receivers) {
    this.ports = ports;
    this.own = own;
    this.receivers = receivers;
    beats = new Periodic(ports.loop(), EVERY_NS, "heartbeat", this::beat);
  }

  /** Something else is sent to each receiver with one heartbeat of {@value #PIGGYBACK_EVERY}. */
  public void piggyback(Consumer<NodeId> piggyback) {
    this.piggyback = piggyback;
  }

  public void start() {
    beats.start();
  }

  public void stop() {
    beats.stop();
  }

  /** Sends one now, besides every 500 ms. */
  public void beat() {
    Notice.Heartbeat beat = own.get();
    boolean isPiggybacked = ++beatCount % PIGGYBACK_EVERY == 0;
    for (NodeId node : receivers.get()) {
      ports.transport().send(node, beat);
      if (isPiggybacked) {
        piggyback.accept(node);
      }
    }
  }

  public void onHeartbeat(Remote from, Notice.Heartbeat beat) {
    long nowNs = ports.loop().nowNs();
    Pulse before = pulses.get(from.node());
    boolean isSteady =
        before != null
            && before.instance().equals(from.instance())
            && nowNs - before.heardNs() < SUSPECT_NS;
    if (before != null || pulses.size() < PULSES_MAX) {
      long sinceNs = isSteady ? before.steadySinceNs() : nowNs;
      pulses.put(from.node(), new Pulse(beat, from.instance(), nowNs, sinceNs));
      brokenNs.remove(from.node());
    }
  }

  /** Anything came from the node. */
  public void onHeard(NodeId node) {
    if (heardNs.size() < PULSES_MAX || heardNs.containsKey(node)) {
      heardNs.put(node, ports.loop().nowNs());
    }
  }

  /** The session broke and the node couldn't be reached again: silence that counts for more. */
  public void onUnreachable(NodeId node) {
    brokenNs.put(node, ports.loop().nowNs());
  }

  /** The session is there again. */
  public void onReachable(NodeId node) {
    brokenNs.remove(node);
  }

  /** True from when redialling failed until the node is heard or reached again. */
  public boolean isUnreachable(NodeId node) {
    return brokenNs.containsKey(node);
  }

  public Optional<Pulse> pulse(NodeId node) {
    return Optional.ofNullable(pulses.get(node));
  }

  /** Since when nothing was heard of the node; Long.MAX_VALUE / 2 if nothing ever was. */
  public long silentNs(NodeId node) {
    Long lastNs = heardNs.get(node);
    return lastNs == null ? Long.MAX_VALUE / 2 : ports.loop().nowNs() - lastNs;
  }

  /** Heartbeats are missing, and not because this process slept: others are preferred. */
  public boolean isSuspect(NodeId node) {
    Long lastNs = heardNs.get(node);
    boolean isSilent =
        lastNs == null
            || ports.loop().nowNs() - Math.max(lastNs, ports.loop().awakeSinceNs()) > SUSPECT_NS;
    return isUnreachable(node) || isSilent;
  }

  /** Another process says that it is this peer: what the one before said may be no more so. */
  public void invalidate(NodeId node) {
    pulses.remove(node);
  }

  /** A goodbye, or a new run: what was said before doesn't count. */
  public void forget(NodeId node) {
    pulses.remove(node);
    heardNs.remove(node);
  }
}
