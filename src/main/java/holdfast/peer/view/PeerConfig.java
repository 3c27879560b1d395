package holdfast.peer.view;

import holdfast.consensus.RaftConfig;
import holdfast.model.HostPort;
import holdfast.model.InstanceId;
import holdfast.model.LogId;
import holdfast.model.NodeId;
import holdfast.model.PoolId;
import holdfast.placement.PoolSettings;
import java.util.List;
import java.util.Optional;

/**
 * The configuration of a peer, fixed at its start.
 *
 * @param self this peer
 * @param instance this run of it
 * @param pool the pool it belongs to
 * @param address where other nodes reach it
 * @param host names the machine: peers with the same text fail together
 * @param zone the failure domain if it isn't the host; may be empty
 * @param sealingSuite number of the pool's sealing, for clients
 * @param mayCreatePool a random id for a new log if this process created the pool and so may create
 *     it; empty for everybody else
 * @param known addresses to dial until somebody of the pool answers
 * @param settings what a created pool begins with
 * @param rootUid owner of a created pool's root directory
 * @param rootGid its group
 * @param startedAtNs wall clock when the process started, ns since 1970: a created pool's first
 *     time
 * @param raft numbers of the consensus core
 */
public record PeerConfig(
    NodeId self,
    InstanceId instance,
    PoolId pool,
    HostPort address,
    String host,
    String zone,
    int sealingSuite,
    Optional<LogId> mayCreatePool,
    List<HostPort> known,
    PoolSettings settings,
    int rootUid,
    int rootGid,
    long startedAtNs,
    RaftConfig raft) {
  /** Takes a copy of the addresses. */
  public PeerConfig {
    known = List.copyOf(known);
  }
}
