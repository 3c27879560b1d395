package holdfast.sim;

import holdfast.port.OperationLogContractTest;

final class MemoryLogContractTest extends OperationLogContractTest {
  @Override
  protected SimStore make(SimWorld world) {
    return SimStore.inMemory(world, 1L << 30);
  }
}
