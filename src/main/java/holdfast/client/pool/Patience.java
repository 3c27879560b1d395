package holdfast.client.pool;

/**
 * Measures for how long something was tried that may yet succeed. What passes between two tries
 * counts up to a bound: the machine may have slept. Not thread-safe.
 */
public final class Patience {
  private long countedNs;
  private long triedNs;

  /** Begins now, on the monotonic clock. */
  public Patience(long nowNs) {
    countedNs = nowNs;
  }

  /**
   * For how long by now.
   *
   * @param tryMaxNs what counts since the call before, at most
   */
  public long triedNs(long nowNs, long tryMaxNs) {
    triedNs += Math.min(nowNs - countedNs, tryMaxNs);
    countedNs = nowNs;
    return triedNs;
  }
}
