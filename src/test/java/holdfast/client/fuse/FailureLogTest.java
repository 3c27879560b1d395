package holdfast.client.fuse;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

final class FailureLogTest {
  private long nowNs = Long.MAX_VALUE - TimeUnit.SECONDS.toNanos(5);
  private final FailureLog log = new FailureLog(() -> nowNs);

  @Test
  void oneOfAKindIsLoggedInTenSeconds() {
    var bug = new IllegalStateException("expected in this test");

    assertTrue(log.bug("read", bug));
    assertFalse(log.bug("read", bug));
    assertTrue(log.bug("write", bug));
    nowNs += TimeUnit.SECONDS.toNanos(9); // past the clock's overflow
    assertFalse(log.bug("read", bug));
    nowNs += TimeUnit.SECONDS.toNanos(1);
    assertTrue(log.bug("read", bug));
    assertFalse(log.bug("read", bug));
  }
}
