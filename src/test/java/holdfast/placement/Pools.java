package holdfast.placement;

import holdfast.model.HostPort;
import holdfast.model.LogId;
import holdfast.model.NodeId;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;

/** Peers for tests. */
final class Pools {
  static final MapVersion VERSION = new MapVersion(new LogId(1, 2), 3);

  private Pools() {}

  static PeerEntry peer(Random random, long capacityBytes, String host) {
    var node =
        new NodeId(random.nextLong(), random.nextLong(), random.nextLong(), random.nextLong());
    return new PeerEntry(
        node, new HostPort("10.0.0.1", 8000), capacityBytes, 0, host, "", PeerState.UP, 1);
  }

  static List<PeerEntry> equal(Random random, int count) {
    var peers = new ArrayList<PeerEntry>();
    for (int i = 0; i < count; i++) {
      peers.add(peer(random, 1L << 40, "host" + i));
    }
    return peers;
  }

  /** Peers of different size, some of them on one host, some zones. */
  static List<PeerEntry> mixed(Random random, int count) {
    var peers = new ArrayList<PeerEntry>();
    int hosts = 1 + random.nextInt(count);
    for (int i = 0; i < count; i++) {
      long capacityBytes = (1 + random.nextInt(4)) * (200L << 30) + random.nextInt(1 << 30);
      peers.add(peer(random, capacityBytes, "host" + random.nextInt(hosts)));
    }
    return peers;
  }
}
