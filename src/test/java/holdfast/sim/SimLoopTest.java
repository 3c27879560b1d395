package holdfast.sim;

import static org.junit.jupiter.api.Assertions.assertTrue;

import holdfast.port.Loop;
import holdfast.port.LoopContractTest;
import java.util.function.BooleanSupplier;

final class SimLoopTest extends LoopContractTest {
  private final SimWorld world = new SimWorld(1);
  private final SimLoop loop = new SimLoop(world, "loop");

  @Override
  protected Loop loop() {
    return loop;
  }

  @Override
  protected void runUntil(BooleanSupplier condition) {
    for (int i = 0; i < 10_000 && !condition.getAsBoolean(); i++) {
      world.run(SimWorld.MS);
    }
    assertTrue(condition.getAsBoolean());
  }

  @Override
  protected void pause(long forNs) {
    loop.sleep(forNs, this);
    world.run(forNs);
  }
}
