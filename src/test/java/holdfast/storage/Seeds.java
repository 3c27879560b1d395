package holdfast.storage;

import java.util.Random;
import java.util.function.LongConsumer;
import java.util.logging.Level;
import java.util.logging.Logger;
import java.util.stream.LongStream;

/** The seeds a test runs over: 200 fixed ones and a random one; {@code -Dseed=} runs one alone. */
final class Seeds {
  private static final int FIXED_COUNT = 200;

  /** Recovery logs what it cuts: expected here, thousands of times. Held, or it is forgotten. */
  private static final Logger QUIET;

  static {
    QUIET = Logger.getLogger("holdfast.storage");
    QUIET.setLevel(Level.OFF);
  }

  private Seeds() {}

  /** Runs the body for each seed; a failure names the seed. */
  static void run(LongConsumer body) {
    Long only = Long.getLong("seed");
    long[] seeds =
        only != null
            ? new long[] {only}
            : LongStream.concat(
                    LongStream.range(0, FIXED_COUNT),
                    LongStream.of(new Random().nextLong(1L << 40)))
                .toArray();
    System.out.println("random seed: " + seeds[seeds.length - 1]);
    for (long seed : seeds) {
      try {
        body.accept(seed);
      } catch (RuntimeException | AssertionError e) {
        throw new AssertionError("with -Dseed=" + seed + ": " + e.getMessage(), e);
      }
    }
  }
}
