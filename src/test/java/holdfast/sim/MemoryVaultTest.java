package holdfast.sim;

import holdfast.model.ChunkId;
import holdfast.model.ErrorCode;
import holdfast.port.ChunkVault;
import holdfast.port.ChunkVaultContractTest;

final class MemoryVaultTest extends ChunkVaultContractTest {
  private final MemoryVault.Platter platter = new MemoryVault.Platter();

  @Override
  protected ChunkVault open(SimLoop loop) {
    return new MemoryVault(world, loop, platter);
  }

  @Override
  protected void losePower() {
    platter.losePower(world.split());
  }

  @Override
  protected void kill() {}

  @Override
  protected void rot(ChunkId chunk, byte[] bytes) {
    platter.rot(chunk);
  }

  @Override
  protected void failForce() {
    platter.failForces(ErrorCode.STORE_FAILED);
  }

  @Override
  protected void fill() {
    platter.capacityBytes(0);
  }
}
