package holdfast.process;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Predicate;

/**
 * Leaves out of a failing sequence what it doesn't need to fail: ever smaller parts of it, until
 * none can be left out or the time is over.
 */
final class Shrinker {
  private Shrinker() {}

  /**
   * The shortest sequence found that still fails.
   *
   * @param fails runs a sequence; whether it failed as the whole did
   * @param limit no run begins after it
   */
  static <T> List<T> shrink(List<T> whole, Predicate<List<T>> fails, Duration limit) {
    List<T> current = whole;
    long endNs = System.nanoTime() + limit.toNanos();
    int partSize = Math.max(1, current.size() / 2);
    while (true) {
      boolean isSmaller = false;
      int from = 0;
      while (from < current.size() && System.nanoTime() - endNs < 0) {
        var without = new ArrayList<>(current.subList(0, from));
        without.addAll(current.subList(Math.min(current.size(), from + partSize), current.size()));
        if (!without.isEmpty() && fails.test(without)) {
          current = without;
          isSmaller = true;
        } else {
          from += partSize;
        }
      }
      if (System.nanoTime() - endNs >= 0 || partSize == 1 && !isSmaller) {
        return current;
      }
      partSize = isSmaller && partSize > 1 ? partSize : Math.max(1, partSize / 2);
    }
  }
}
