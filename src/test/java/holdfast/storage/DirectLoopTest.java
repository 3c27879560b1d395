package holdfast.storage;

import static org.junit.jupiter.api.Assertions.assertTrue;

import holdfast.port.Loop;
import holdfast.port.LoopContractTest;
import java.util.function.BooleanSupplier;

final class DirectLoopTest extends LoopContractTest {
  private final DirectLoop loop = new DirectLoop();

  @Override
  protected Loop loop() {
    return loop;
  }

  @Override
  protected void runUntil(BooleanSupplier condition) {
    for (int i = 0; i < 10_000 && !condition.getAsBoolean(); i++) {
      loop.advance(1_000_000);
    }
    assertTrue(condition.getAsBoolean());
  }

  @Override
  protected void pause(long forNs) {
    loop.sleep(forNs);
  }
}
