package holdfast.process;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.extension.AfterEachCallback;
import org.junit.jupiter.api.extension.BeforeEachCallback;
import org.junit.jupiter.api.extension.ExtensionContext;

/** The pools of one test: ended after it whatever happened, their logs kept if it failed. */
final class Pools implements BeforeEachCallback, AfterEachCallback {
  private final List<Pool> pools = new ArrayList<>();
  private String name = "pool";
  private long startNs;

  /** A pool with this many peers up. */
  Pool start(int peerCount, String... flags) throws Exception {
    return keep(Pool.start(name, peerCount, flags));
  }

  /** A pool without peers. */
  Pool empty() throws IOException {
    return keep(Pool.empty(name));
  }

  private Pool keep(Pool pool) {
    pools.add(pool);
    return pool;
  }

  @Override
  public void beforeEach(ExtensionContext context) {
    name = context.getRequiredTestClass().getSimpleName().replace("ProcessTest", "").toLowerCase();
    startNs = System.nanoTime();
  }

  @Override
  public void afterEach(ExtensionContext context) throws IOException {
    long elapsedMs = (System.nanoTime() - startNs) / 1_000_000;
    System.out.println(context.getDisplayName() + ": " + elapsedMs + " ms");
    for (Pool pool : pools) {
      if (context.getExecutionException().isEmpty()) {
        pool.passed();
      }
      pool.close();
    }
    pools.clear();
  }
}
