package holdfast.sim;

import holdfast.client.pool.Deadline;
import holdfast.client.pool.PoolService;
import holdfast.client.pool.PoolServiceContractTest;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.BeforeEach;

final class RemotePoolServiceContractTest extends PoolServiceContractTest {
  private final SimCluster cluster = SimCluster.of(3).seed(1).start();
  private final SimClient client = cluster.client();

  @BeforeEach
  void open() {
    cluster.get(client.open());
    cluster.await("the pool is whole", 60 * SimWorld.S, cluster::isWhole);
  }

  @Override
  protected PoolService service() {
    return client.service();
  }

  @Override
  protected Deadline deadline() {
    return client.deadline();
  }

  @Override
  protected <T> T join(CompletableFuture<T> future) {
    return cluster.get(future);
  }
}
