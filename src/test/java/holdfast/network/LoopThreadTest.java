package holdfast.network;

import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import holdfast.port.Loop;
import holdfast.port.LoopContractTest;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.AfterEach;

final class LoopThreadTest extends LoopContractTest {
  private final LoopThread loop = new LoopThread();

  @AfterEach
  void close() {
    loop.close();
    assertNull(loop.failure());
  }

  @Override
  protected Loop loop() {
    return loop;
  }

  @Override
  protected void runUntil(BooleanSupplier condition) {
    long endNs = loop.nowNs() + TimeUnit.SECONDS.toNanos(20);
    var holds = new boolean[1];
    while (!holds[0]) {
      assertTrue(loop.nowNs() - endNs < 0, "wait for the loop");
      loop.run(() -> holds[0] = condition.getAsBoolean());
      LockSupport.parkNanos(100_000);
    }
  }

  @Override
  protected void pause(long forNs) {
    loop.run(() -> LockSupport.parkNanos(forNs));
  }
}
