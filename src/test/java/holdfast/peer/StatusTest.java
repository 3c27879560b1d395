package holdfast.peer;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import holdfast.protocol.PoolStatus;
import holdfast.sim.SimClient;
import holdfast.sim.SimCluster;
import holdfast.sim.SimPeer;
import holdfast.sim.SimWorld;
import org.junit.jupiter.api.Test;

/** What the status says while there is always more to tell. */
class StatusTest {
  private static final int ASKED = 20;

  private final SimCluster cluster = SimCluster.of(3).seed(5).settings(3, 2, 60_000).start();
  private final SimClient client = cluster.client();
  private final SimClient asker = cluster.client();
  private boolean isWriting = true;
  private int written;

  StatusTest() {
    cluster.get(client.open());
    cluster.get(asker.open());
  }

  private void writeOn() {
    if (isWriting) {
      client
          .put("f" + written, new byte[] {1, (byte) written})
          .whenComplete(
              (done, failure) -> {
                written++;
                writeOn();
              });
    }
  }

  private PoolStatus status() {
    return cluster.get(asker.service().status(asker.deadline()));
  }

  @Test
  void aPoolThatIsWrittenToAllTheTimeIsSafe() {
    cluster.await("safe", 20 * SimWorld.S, () -> status().safe());
    writeOn();
    cluster.run(SimWorld.S);

    int before = written;
    int safe = 0;
    for (int i = 0; i < ASKED; i++) {
      PoolStatus status = status();
      safe += status.safe() ? 1 : 0;
      cluster.run(100 * SimWorld.MS);
    }
    isWriting = false;

    assertTrue(written > before + ASKED, () -> written - before + " files in the meantime");
    assertEquals(ASKED, safe);
  }

  @Test
  void aPeerThatIsSilentIsNotWaitedForLongAndTheAnswerSaysSo() {
    cluster.await("safe", 20 * SimWorld.S, () -> status().safe());
    SimPeer leader = cluster.leader().orElseThrow();
    cluster.peers().stream().filter(peer -> peer != leader).findFirst().orElseThrow().kill();
    cluster.get(client.put("f", new byte[] {1}));

    long askedNs = cluster.world().nowNs();
    PoolStatus status = status();

    long tookNs = cluster.world().nowNs() - askedNs;
    assertTrue(tookNs <= StatusRequests.WAIT_MAX_NS + 200 * SimWorld.MS, () -> tookNs + " ns");
    assertFalse(status.safe(), status::summary);
    assertTrue(status.summary().contains("still checking 1 of 3 peers"), status::summary);
  }
}
