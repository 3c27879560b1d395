package holdfast.peer;

import static org.junit.jupiter.api.Assertions.assertTrue;

import holdfast.sim.ChaosRun;
import java.util.random.RandomGenerator;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * {@code mvn -Psim test}: whole pools under chaos for so many random seeds. {@code -Dseeds=N},
 * {@code -Dfrom=SEED}.
 */
@Tag("sim")
class ChaosLongTest {
  private static final int SEEDS = 2_000;

  @Test
  void nothingAcknowledgedIsLostWhateverHappens() {
    long from = Long.getLong("from", RandomGenerator.getDefault().nextLong() >>> 16);
    int count = Integer.getInteger("seeds", SEEDS);
    System.out.println("pools: seeds from " + from);
    long keptCount = 0;
    for (long seed = from; seed < from + count; seed++) {
      keptCount += ChaosRun.run(seed, null).keptCount();
    }
    assertTrue(keptCount > 5L * count, "lookups from what clients knew: was=" + keptCount);
  }
}
