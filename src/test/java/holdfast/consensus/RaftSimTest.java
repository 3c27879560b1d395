package holdfast.consensus;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.EnumSet;
import java.util.Set;
import org.junit.jupiter.api.Test;

/** The core under chaos. {@code -Dseeds=N} runs more seeds, {@code -Dseed=N} one of them. */
class RaftSimTest {
  private static final long CHAOS_MS = 20_000;
  private static final Set<Fault> NONE = EnumSet.noneOf(Fault.class);

  private static Sim run(long seed, Set<Fault> faults) {
    return run(new Sim(seed, faults));
  }

  static Sim run(Sim sim) {
    long seed = sim.seed;
    try {
      sim.run(CHAOS_MS);
    } catch (AssertionError | RuntimeException failure) {
      if (Boolean.getBoolean("simTrace")) {
        System.out.println(sim.trace());
      }
      throw new AssertionError(
          "seed "
              + seed
              + " at "
              + sim.nowMs
              + " ms (-Dseed="
              + seed
              + "): "
              + failure.getMessage(),
          failure);
    }
    return sim;
  }

  @Test
  void everyInvariantHoldsInEverySeed() {
    if (Long.getLong("seed") != null) {
      run(Long.getLong("seed"), NONE);
      return;
    }
    long count = Long.getLong("seeds", 200);
    long acknowledged = 0;
    long reads = 0;
    long installs = 0;
    long forced = 0;
    long startNs = System.nanoTime();
    for (long seed = 0; seed <= count; seed++) {
      long used = seed < count ? seed : System.nanoTime() >>> 8;
      if (seed == count) {
        System.out.println("random seed " + used);
      }
      Sim sim = run(used, NONE);
      acknowledged += sim.acknowledgedCount;
      reads += sim.readCount;
      installs += sim.installCount;
      forced += sim.forcedCount;
    }
    System.out.printf(
        "%d seeds: %d acknowledged, %d reads, %d snapshots installed, %d forced, %d ms%n",
        count + 1,
        acknowledged,
        reads,
        installs,
        forced,
        (System.nanoTime() - startNs) / 1_000_000);
    assertTrue(acknowledged > 100 * count && reads > 100 * count, "the runs did too little");
    assertTrue(
        installs > 0 && forced > count, "no snapshots or forces: " + installs + " " + forced);
  }

  @Test
  void pairsLoseAndRegainTheirPartnersOverAndOver() {
    long alone = 0;
    for (long seed = 0; seed < 60; seed++) {
      alone += run(new Sim(seed, NONE, 2)).pairCount;
    }
    assertTrue(alone > 60, "a leader went on alone only " + alone + " times");
  }

  @Test
  void theSameSeedGivesTheSameTrace() {
    assertEquals(run(5, NONE).traceHash(), run(5, NONE).traceHash());
    assertTrue(run(5, NONE).traceHash() != run(6, NONE).traceHash());
  }
}
