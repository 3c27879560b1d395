package holdfast.peer.chunk;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import holdfast.metadata.Namespace;
import holdfast.model.ChunkId;
import holdfast.model.ErrorCode;
import holdfast.model.SealId;
import holdfast.peer.view.PeerPorts;
import holdfast.sim.MemoryVault;
import holdfast.sim.SimLoop;
import holdfast.sim.SimWorld;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** What a peer does by itself for the chunks that were written to it. */
class ChunkRequestsTest {
  private static final ChunkId CHUNK = new ChunkId(1, 2, 3, 4);

  private final SimWorld world = new SimWorld(1);
  private final SimLoop loop = new SimLoop(world, "peer");
  private final MemoryVault.Platter platter = new MemoryVault.Platter();
  private final MemoryVault vault = new MemoryVault(world, loop, platter);
  private final Namespace namespace = Namespace.empty(1, new SealId(1, 2), 0755, 0, 0, 0);
  private final MissingChunks missingChunks =
      new MissingChunks(loop, vault, () -> namespace, (chunk, ns) -> {});
  private final ChunkRequests chunks =
      new ChunkRequests(
          new PeerPorts(loop, null, vault, null, null, null),
          null,
          null,
          null,
          missingChunks,
          Set.of());

  private void store() {
    vault.put(CHUNK, new byte[] {1}, 1, why -> chunks.onStored(CHUNK));
    world.run(10 * SimWorld.MS);
  }

  @ParameterizedTest
  @EnumSource(names = {"BUSY", "NO_SPACE"})
  void whatCouldNotBeForcedIsForcedLaterThoughNothingElseIsWritten(ErrorCode code) {
    store();
    platter.failForces(code);
    chunks.forceEverySecond();
    world.run(1_500 * SimWorld.MS);
    assertTrue(platter.failedForces() > 0);
    assertFalse(platter.isForced(CHUNK));

    platter.failForces(null);

    world.run(5 * SimWorld.S);
    assertTrue(platter.isForced(CHUNK));
  }

  @Test
  void aDiskThatFailsForGoodHasSomeRest() {
    store();
    platter.failForces(ErrorCode.NO_SPACE);

    chunks.forceEverySecond();
    world.run(300 * SimWorld.S);

    // After 0, 1, 3, 7, 15, 31, 63 s, then every 60 s.
    assertEquals(10, platter.failedForces(), 1);
    platter.failForces(null);
    world.run(61 * SimWorld.S);
    assertTrue(platter.isForced(CHUNK));
  }

  @Test
  void whatIsForcedIsNotForcedAgain() {
    store();
    chunks.forceEverySecond();
    world.run(2 * SimWorld.S);
    assertTrue(platter.isForced(CHUNK));

    platter.failForces(ErrorCode.BUSY);
    world.run(10 * SimWorld.S);

    assertEquals(0, platter.failedForces());
  }
}
