package holdfast.client;

import holdfast.client.pool.Deadline;
import holdfast.client.pool.PoolService;
import holdfast.client.pool.PoolServiceContractTest;
import java.util.concurrent.CompletableFuture;

final class MemoryPoolServiceTest extends PoolServiceContractTest {
  private final MemoryPoolService service = new MemoryPoolService();

  @Override
  protected PoolService service() {
    return service;
  }

  @Override
  protected Deadline deadline() {
    return Deadline.in(() -> 0, 1L << 60);
  }

  @Override
  protected <T> T join(CompletableFuture<T> future) {
    return future.join();
  }
}
