package holdfast.client.file;

import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/** How long a write that may have more to come is waited for. */
final class AppendLogTest {
  private static final int PAGE_BYTES = 4_096;

  private final AppendLog appends = new AppendLog();

  private long leftMsAfter(long ms) {
    return TimeUnit.NANOSECONDS.toMillis(appends.openLeftNs(TimeUnit.MILLISECONDS.toNanos(ms)));
  }

  /** On a busy machine a record of another mount came between the two parts of one. */
  @Test
  void theRestOfAWriteIsWaitedForThoughItsProgramHasNoCoreForAWhile() {
    appends.add(null, 0, PAGE_BYTES, true, 0);

    assertTrue(leftMsAfter(500) > 0);
    assertTrue(leftMsAfter(2_000) <= 0, "who waits for it isn't held up for long");

    appends.add(null, PAGE_BYTES, PAGE_BYTES + 1, false, 0);

    assertTrue(leftMsAfter(0) <= 0, "it ended within a page: that was all");
  }
}
