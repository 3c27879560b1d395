package holdfast.client.fuse;

import holdfast.util.MonotonicClock;
import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Logs bugs with their stack traces, one for each operation in {@value #QUIET_S} s: a program that
 * tries again at once must not fill the disk. The next line says how many were left out. Safe on
 * every thread; as many entries as there are operations.
 */
final class FailureLog {
  private static final Logger LOG = System.getLogger("holdfast.client.fuse");
  private static final long QUIET_S = 10;
  private static final long QUIET_NS = QUIET_S * 1_000_000_000L;

  private record Last(long loggedNs, long omittedCount, boolean due) {}

  private final Map<String, Last> lasts = new ConcurrentHashMap<>();
  private final MonotonicClock clock;

  FailureLog(MonotonicClock clock) {
    this.clock = clock;
  }

  /** Logs, or counts, a failure that was answered with EIO. Returns whether it logged. */
  boolean bug(String operation, Throwable e) {
    long now = clock.nowNs();
    long[] omittedCount = new long[1];
    Last last =
        lasts.compute(
            operation,
            (key, before) -> {
              if (before == null || now - before.loggedNs() >= QUIET_NS) {
                omittedCount[0] = before == null ? 0 : before.omittedCount();
                return new Last(now, 0, true);
              }
              return new Last(before.loggedNs(), before.omittedCount() + 1, false);
            });
    if (last.due()) {
      String more =
          omittedCount[0] == 0 ? "" : "; " + omittedCount[0] + " more since the last such line";
      LOG.log(Level.ERROR, "fuse " + operation + ": failed; answered EIO" + more, e);
    }
    return last.due();
  }
}
