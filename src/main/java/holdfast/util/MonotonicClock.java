package holdfast.util;

/**
 * Time for leases, deadlines and timeouts: nanoseconds of which only differences mean anything.
 * They include the time in which the machine was suspended: a lease that ran out meanwhile has run
 * out, also for who slept.
 */
@FunctionalInterface
public interface MonotonicClock {
  /**
   * Nanoseconds since an arbitrary point; never goes back. Doesn't wait. Any thread. What was read
   * before a wait says nothing about now: the machine may have slept.
   *
   * @throws java.io.UncheckedIOException if the machine's clock can't be read any more: nothing
   *     that depends on time can go on then
   */
  long nowNs();
}
