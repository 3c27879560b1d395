package holdfast.storage;

import holdfast.port.OperationLogContractTest;
import holdfast.sim.FileStore;
import holdfast.sim.SimStore;
import holdfast.sim.SimWorld;

final class DiskLogContractTest extends OperationLogContractTest {
  @Override
  protected SimStore make(SimWorld world) {
    return FileStore.make(world, 1L << 30);
  }
}
