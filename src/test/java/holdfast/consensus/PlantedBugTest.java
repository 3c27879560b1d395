package holdfast.consensus;

import static org.junit.jupiter.api.Assertions.assertTrue;

import holdfast.util.Invariants;
import java.util.EnumSet;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Each planted bug is seen within so many seeds: by a checker (AssertionError) or by an invariant
 * of the core itself. Whatever else is thrown is a mistake of the simulator and fails the test.
 */
class PlantedBugTest {
  private static final int SEEDS_MAX = 500;

  @ParameterizedTest
  @EnumSource(Fault.class)
  void theCheckersSeeIt(Fault fault) {
    String seen = null;
    long seed = 0;
    while (seen == null && seed < SEEDS_MAX) {
      try {
        new Sim(seed, EnumSet.of(fault)).run(20_000);
      } catch (AssertionError | Invariants.Violation failure) {
        seen = failure.getMessage();
      }
      seed++;
    }
    System.out.println(fault + ": " + seed + " seeds: " + seen);
    assertTrue(seen != null, fault + " was not seen in " + SEEDS_MAX + " seeds");
  }
}
