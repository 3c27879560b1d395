package holdfast.placement;

import holdfast.model.HostPort;
import holdfast.model.NodeId;
import holdfast.util.ByteReader;
import holdfast.util.ByteWriter;
import java.nio.charset.StandardCharsets;

/**
 * A peer's entry in the pool map.
 *
 * @param address where it listens for TCP
 * @param capacityBytes what it lends; its weight in the table
 * @param usedBytes what of that is used, as last reported: a hint for people and statfs
 * @param host names its machine; peers of one machine fail together
 * @param zone what the operator says fails together, instead of the machine; empty if nothing
 * @param incarnation goes up whenever it may have lost something it had acknowledged
 */
public record PeerEntry(
    NodeId node,
    HostPort address,
    long capacityBytes,
    long usedBytes,
    String host,
    String zone,
    PeerState state,
    long incarnation) {
  /** Longest host or zone name, in bytes of UTF-8. */
  public static final int DOMAIN_MAX_BYTES = 64;

  /** Largest capacity: an exbibyte. */
  public static final long CAPACITY_MAX_BYTES = 1L << 60;

  /** Checks the ranges; throws {@link IllegalArgumentException}. */
  public PeerEntry {
    check(
        capacityBytes >= 0 && capacityBytes <= CAPACITY_MAX_BYTES && usedBytes >= 0,
        "capacity",
        capacityBytes + " with " + usedBytes + " used");
    check(host.getBytes(StandardCharsets.UTF_8).length <= DOMAIN_MAX_BYTES, "host", host);
    check(zone.getBytes(StandardCharsets.UTF_8).length <= DOMAIN_MAX_BYTES, "zone", zone);
  }

  private static void check(boolean condition, String what, String was) {
    if (!condition) {
      throw new IllegalArgumentException("check peer's " + what + ": was=" + was);
    }
  }

  /** What it fails together with: its zone, else its machine. */
  public String failureDomain() {
    return zone.isEmpty() ? "host:" + host : "zone:" + zone;
  }

  /** The same peer in another state. */
  public PeerEntry withState(PeerState newState) {
    return new PeerEntry(
        node, address, capacityBytes, usedBytes, host, zone, newState, incarnation);
  }

  /** The same peer with another fill. */
  public PeerEntry withUsedBytes(long newUsedBytes) {
    return new PeerEntry(
        node, address, capacityBytes, newUsedBytes, host, zone, state, incarnation);
  }

  void write(ByteWriter out) {
    node.write(out);
    address.write(out);
    out.u64(capacityBytes).u64(usedBytes).text(host).text(zone);
    out.u8(state.wire()).u64(incarnation);
  }

  static PeerEntry read(ByteReader in) {
    try {
      return new PeerEntry(
          NodeId.read(in),
          HostPort.read(in),
          in.u64(),
          in.u64(),
          in.text(DOMAIN_MAX_BYTES),
          in.text(DOMAIN_MAX_BYTES),
          PeerState.ofWire(in.u8()),
          in.u64());
    } catch (IllegalArgumentException e) {
      throw new ByteReader.Malformed(e.getMessage());
    }
  }
}
