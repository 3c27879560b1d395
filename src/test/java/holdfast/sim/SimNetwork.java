package holdfast.sim;

import holdfast.model.HostPort;
import holdfast.model.InstanceId;
import holdfast.model.NodeId;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.TreeMap;

/**
 * The wires between simulated nodes: who listens where, which directions are cut, and how late,
 * doubled or lost a message is. Sessions keep their order like TCP; a session that loses a message
 * is broken for good. Notices may be lost, doubled and reordered by themselves.
 */
public final class SimNetwork {
  /** How the network misbehaves; chances are per message. */
  public record Weather(
      long delayMinNs,
      long delayMaxNs,
      double noticeLoss,
      double noticeDouble,
      double noticeLate,
      double reset) {
    public static final Weather FAIR = new Weather(SimWorld.MS / 10, SimWorld.MS, 0, 0, 0, 0);
    public static final Weather FOUL =
        new Weather(SimWorld.MS / 10, 20 * SimWorld.MS, 0.03, 0.03, 0.05, 0.0005);
  }

  private static final long BYTES_PER_MS = 100_000;
  private static final long NOTICE_LATE_MAX_NS = 800 * SimWorld.MS;
  private static final long BREAK_MIN_NS = 1_500 * SimWorld.MS;
  private static final long BREAK_MAX_NS = 4_000 * SimWorld.MS;

  private record Link(NodeId from, NodeId to) {}

  private final SimWorld world;
  private final SplittableRandom random;
  private final Map<HostPort, SimTransport> listening =
      new TreeMap<>(java.util.Comparator.comparing(HostPort::toString));
  private final Set<Link> cuts = new HashSet<>();
  private final Map<NodeId, Long> bytesPerMs = new TreeMap<>();
  private Weather weather = Weather.FAIR;

  public SimNetwork(SimWorld world) {
    this.world = world;
    this.random = world.split();
  }

  public void weather(Weather now) {
    weather = now;
  }

  /** Bodies to and from this node take so long from now on. */
  public void slow(NodeId node, long nowBytesPerMs) {
    bytesPerMs.put(node, nowBytesPerMs);
  }

  long bytesPerMs(NodeId from, NodeId to) {
    return Math.min(
        bytesPerMs.getOrDefault(from, BYTES_PER_MS), bytesPerMs.getOrDefault(to, BYTES_PER_MS));
  }

  /** Cuts one direction. */
  public void cut(NodeId from, NodeId to) {
    cuts.add(new Link(from, to));
  }

  /** Cuts both directions. */
  public void cutBoth(NodeId a, NodeId b) {
    cut(a, b);
    cut(b, a);
  }

  /** Mends both directions of one link. */
  public void mendBoth(NodeId a, NodeId b) {
    cuts.remove(new Link(a, b));
    cuts.remove(new Link(b, a));
  }

  /** Every link works again; sessions that lost messages still have to be reopened. */
  public void mend() {
    cuts.clear();
  }

  /** A process's transport; it listens at {@code listenOrNull}. */
  public SimTransport open(
      SimLoop loop,
      NodeId self,
      boolean isPeer,
      InstanceId instance,
      HostPort listenOrNull,
      long dataKeyId) {
    var transport =
        new SimTransport(this, world, loop, self, isPeer, instance, listenOrNull, dataKeyId);
    if (listenOrNull != null) {
      listening.put(listenOrNull, transport);
    }
    return transport;
  }

  boolean passes(NodeId from, NodeId to) {
    return !cuts.contains(new Link(from, to));
  }

  SimTransport listenerOrNull(HostPort address) {
    SimTransport there = listening.get(address);
    return there == null || there.isGone() ? null : there;
  }

  void stopListening(SimTransport transport) {
    listening.values().removeIf(there -> there == transport);
  }

  SimWorld world() {
    return world;
  }

  long delayNs() {
    return random.nextLong(weather.delayMinNs(), weather.delayMaxNs() + 1);
  }

  long lateNs() {
    return chance(weather.noticeLate()) ? random.nextLong(NOTICE_LATE_MAX_NS) : 0;
  }

  long breakNs() {
    return random.nextLong(BREAK_MIN_NS, BREAK_MAX_NS);
  }

  boolean losesNotice() {
    return chance(weather.noticeLoss());
  }

  boolean doublesNotice() {
    return chance(weather.noticeDouble());
  }

  boolean resets() {
    return chance(weather.reset());
  }

  private boolean chance(double chance) {
    return chance > 0 && random.nextDouble() < chance;
  }
}
