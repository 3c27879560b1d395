package holdfast.consensus;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import holdfast.util.Invariants;
import java.util.EnumSet;
import java.util.List;
import java.util.random.RandomGenerator;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * {@code mvn -Psim test}: the core under chaos for so many random seeds, what met what, and every
 * planted bug. {@code -Dseeds=N}, {@code -Dfrom=SEED}.
 */
@Tag("sim")
class RaftLongTest {
  private static final int SEEDS = 4_000;
  private static final int FAULT_SEEDS_MAX = 500;
  private static final long CHAOS_MS = 20_000;
  private static final EnumSet<Fault> NONE = EnumSet.noneOf(Fault.class);

  private static long from() {
    return Long.getLong("from", RandomGenerator.getDefault().nextLong() >>> 16);
  }

  @Test
  void everyInvariantHoldsAndEveryFaultMeetsEverything() {
    long from = from();
    int count = Integer.getInteger("seeds", SEEDS);
    System.out.println("core: seeds from " + from);
    var met = new Met();
    for (long seed = from; seed < from + count; seed++) {
      met.addAll(RaftSimTest.run(new Sim(seed, NONE)).met);
    }
    System.out.println(met);
    if (count >= SEEDS) {
      assertEquals(List.of(), met.never(), "never came together");
    }
  }

  @ParameterizedTest
  @EnumSource(Fault.class)
  void everyPlantedBugIsSeen(Fault fault) {
    long from = from();
    long seed = from;
    String seen = null;
    while (seen == null && seed < from + FAULT_SEEDS_MAX) {
      try {
        new Sim(seed, EnumSet.of(fault)).run(CHAOS_MS);
      } catch (AssertionError | Invariants.Violation failure) {
        seen = String.valueOf(failure.getMessage()).lines().findFirst().orElse("");
      }
      seed++;
    }
    System.out.println(fault + ": " + (seed - from) + " seeds from " + from + ": " + seen);
    assertTrue(seen != null, fault + " was not seen in " + FAULT_SEEDS_MAX + " seeds");
  }
}
