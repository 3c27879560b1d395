package holdfast.peer.chunk;

import holdfast.model.NodeId;
import holdfast.peer.view.PeerFault;
import holdfast.placement.PeerEntry;
import holdfast.placement.PoolMap;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;

/**
 * The write quorum of chunks: one counts as stored at min-copies peers, in as many failure domains,
 * or as many as there are up. Who is up is what the log says, never what this peer believes: one
 * that was cut off must not take itself for the only one left.
 */
final class WriteQuorum {
  private final Map<NodeId, String> domains = new HashMap<>();
  private final int peersNeeded;
  private final int domainsNeeded;

  /**
   * @param isFresh whether the map is known to be no older than a moment; if it may be, nobody
   *     counts as down
   */
  WriteQuorum(PoolMap map, boolean isFresh, Set<PeerFault> faults) {
    var upDomains = new HashSet<String>();
    int upCount = 0;
    for (PeerEntry peer : map.peers()) {
      domains.put(peer.node(), peer.failureDomain());
      if (peer.state().isLive() || !isFresh) {
        upCount++;
        upDomains.add(peer.failureDomain());
      }
    }
    int minCopies = map.settings().minCopies();
    boolean isFaulty = faults.contains(PeerFault.ONE_COPY_IS_ENOUGH);
    int needed = isFresh ? Math.min(minCopies, upCount) : minCopies;
    peersNeeded = isFaulty ? 1 : Math.max(1, needed);
    domainsNeeded = isFaulty ? 1 : Math.max(1, Math.min(minCopies, upDomains.size()));
  }

  boolean isEnough(Set<NodeId> written) {
    var there = new HashSet<String>();
    written.forEach(node -> there.add(domains.getOrDefault(node, "")));
    return written.size() >= peersNeeded && there.size() >= domainsNeeded;
  }

  @Override
  public String toString() {
    return peersNeeded + " copies in " + domainsNeeded + " failure domains";
  }
}
