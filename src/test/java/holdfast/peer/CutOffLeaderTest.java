package holdfast.peer;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import holdfast.metadata.Answer;
import holdfast.metadata.OperationResult;
import holdfast.peer.port.FileService;
import holdfast.sim.SimClient;
import holdfast.sim.SimCluster;
import holdfast.sim.SimPeer;
import holdfast.sim.SimWorld;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;

/** A leader that is cut off from the others, and asked by somebody who reaches only it. */
class CutOffLeaderTest {
  private static final int RUNS = 100;

  /** The successor must be elected, and have changed something, before the leader gives up. */
  private static final int FAULT_RUNS_MAX = 1_000;

  private static final long STEP_NS = 10 * SimWorld.MS;

  @Test
  void itAnswersNothingThatItsSuccessorHasChanged() {
    for (long seed = 1; seed <= RUNS; seed++) {
      assertFalse(isStale(SimCluster.of(3).seed(seed).start()), "seed " + seed);
    }
  }

  @Test
  void oneThatReadsWithoutAQuorumIsFoundOut() {
    String fault = PeerFault.READ_WITHOUT_QUORUM.name();
    boolean isFound = false;
    for (long seed = 1; seed <= FAULT_RUNS_MAX && !isFound; seed++) {
      isFound = isStale(SimCluster.of(3).seed(seed).fault(fault).start());
    }
    assertTrue(isFound);
  }

  private static boolean isStale(SimCluster cluster) {
    SimClient author = cluster.client();
    cluster.get(author.open());
    // Without a session: else the successor would wait until its lease is over.
    SimClient reader = cluster.client();
    cluster.get(author.put("f", new byte[] {1}));
    cluster.run(2 * SimWorld.S);
    cluster.get(reader.lookup("f"));
    SimPeer leader = cluster.leader().orElseThrow();
    for (SimPeer other : cluster.peers()) {
      if (other != leader) {
        cluster.network().cutBoth(leader.id(), other.id());
        cluster.network().cutBoth(reader.id(), other.id());
      }
    }
    cluster.network().cutBoth(leader.id(), author.id());

    CompletableFuture<OperationResult> change = author.unlink("f");
    for (long ns = 0; ns < 4 * SimWorld.S && !change.isDone(); ns += STEP_NS) {
      cluster.run(STEP_NS);
    }
    if (!change.isDone() || !(change.join() instanceof OperationResult.Done)) {
      return false;
    }
    CompletableFuture<FileService.Told> told = reader.lookup("f");
    cluster.run(300 * SimWorld.MS);
    return told.isDone()
        && !told.isCompletedExceptionally()
        && !told.join().stale()
        && told.join().answer() instanceof Answer.Entry;
  }
}
