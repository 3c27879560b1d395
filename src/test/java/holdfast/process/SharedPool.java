package holdfast.process;

import java.nio.file.Path;
import org.junit.jupiter.api.extension.AfterAllCallback;
import org.junit.jupiter.api.extension.AfterEachCallback;
import org.junit.jupiter.api.extension.BeforeAllCallback;
import org.junit.jupiter.api.extension.BeforeEachCallback;
import org.junit.jupiter.api.extension.ExtensionContext;

/**
 * One pool of three peers with two mounts for all tests of a class, each of which keeps to a folder
 * of its own. Ended after the last, its logs kept if one failed.
 */
final class SharedPool
    implements BeforeAllCallback, BeforeEachCallback, AfterEachCallback, AfterAllCallback {
  private static final int PEERS = 3;

  private Pool pool;
  private Path one;
  private Path two;
  private boolean hasFailed;
  private long startNs;

  Pool pool() {
    return pool;
  }

  Path one() {
    return one;
  }

  Path two() {
    return two;
  }

  @Override
  public void beforeAll(ExtensionContext context) throws Exception {
    String name = context.getRequiredTestClass().getSimpleName().replace("ProcessTest", "");
    pool = Pool.start(name.toLowerCase(), PEERS);
    try {
      one = pool.mount("one");
      two = pool.mount("two");
    } catch (Exception | AssertionError e) {
      pool.close();
      throw e;
    }
  }

  @Override
  public void beforeEach(ExtensionContext context) {
    startNs = System.nanoTime();
  }

  @Override
  public void afterEach(ExtensionContext context) {
    hasFailed |= context.getExecutionException().isPresent();
    long elapsedMs = (System.nanoTime() - startNs) / 1_000_000;
    System.out.println(context.getDisplayName() + ": " + elapsedMs + " ms");
  }

  @Override
  public void afterAll(ExtensionContext context) throws Exception {
    try {
      if (!hasFailed) {
        pool.umount(one);
        pool.umount(two);
        pool.passed();
      }
    } finally {
      pool.close();
    }
  }
}
