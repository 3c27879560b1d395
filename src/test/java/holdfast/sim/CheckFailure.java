package holdfast.sim;

/**
 * What a checker of the simulator says when a pool did what it must never do, or doesn't become
 * what it must. Any other error of a run is a mistake of the simulator.
 */
public final class CheckFailure extends AssertionError {
  private static final long serialVersionUID = 1L;

  CheckFailure(String message) {
    super(message);
  }
}
