package holdfast.consensus;

/**
 * The source of randomness for election timeouts, injected. Called on the core's thread; never
 * blocks.
 */
@FunctionalInterface
public interface RandomSource {
  /** A number from 0 to {@code bound - 1}, {@code bound > 0}, evenly spread. */
  int below(int bound);
}
