package holdfast.client;

/**
 * For how long something was tried that may yet succeed. What passes between two tries counts up to
 * a bound: the machine may have slept. Not thread-safe.
 */
final class Patience {
  private long countedNs;
  private long triedNs;

  /** Begins now, on the monotonic clock. */
  Patience(long nowNs) {
    countedNs = nowNs;
  }

  /**
   * For how long by now.
   *
   * @param tryMaxNs what counts since the call before, at most
   */
  long triedNs(long nowNs, long tryMaxNs) {
    triedNs += Math.min(nowNs - countedNs, tryMaxNs);
    countedNs = nowNs;
    return triedNs;
  }
}
