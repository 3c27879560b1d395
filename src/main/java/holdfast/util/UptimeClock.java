package holdfast.util;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.LongSupplier;

/**
 * A monotonic clock that counts the time in which the machine slept: a clock that stands still
 * meanwhile, plus how far the kernel's uptime has ever been seen ahead of it.
 *
 * <p>While the machine is awake both run at the same rate, so the lead stays what it was, and time
 * has the fine steps of the first clock; the uptime's own are 10 ms. The lead grows by what was
 * slept at the first reading afterwards. What is returned is never ahead of the kernel's uptime,
 * and at most {@link #BEHIND_MAX_NS} behind it at the moment of reading, so an interval is wrong by
 * no more than that. It never goes back, whichever thread asks: neither clock does, nor does the
 * lead.
 */
final class UptimeClock implements MonotonicClock {
  /** Hundredths of a second are cut off from what the kernel reports. */
  static final long BEHIND_MAX_NS = 10_000_000L;

  /** Enough for both of the numbers. */
  private static final int TEXT_BYTES_MAX = 64;

  /** Where the kernel reports its uptime as text. */
  @FunctionalInterface
  interface Source {
    /** Reads it anew into an array; the number of bytes. Never waits. Any thread. */
    int read(byte[] into) throws IOException;
  }

  private final LongSupplier awakeNs;
  private final Source uptime;
  private final AtomicLong leadNs = new AtomicLong(Long.MIN_VALUE);

  /**
   * A clock on these two.
   *
   * @param awakeNs never goes back and runs at the uptime's rate, but stands still in sleep
   */
  UptimeClock(LongSupplier awakeNs, Source uptime) {
    this.awakeNs = awakeNs;
    this.uptime = uptime;
  }

  @Override
  public long nowNs() {
    long uptimeNs = uptimeNs();
    // The other one after it: in the other order, a thread that is held up between the two would
    // count that time twice from then on.
    long nowNs = awakeNs.getAsLong();
    long seenNs = uptimeNs - nowNs;
    long knownNs = leadNs.get();
    return nowNs + (seenNs > knownNs ? leadNs.accumulateAndGet(seenNs, Math::max) : knownNs);
  }

  private long uptimeNs() {
    byte[] text = new byte[TEXT_BYTES_MAX];
    try {
      int lengthBytes = uptime.read(text);
      long hundredths = hundredths(text, lengthBytes);
      if (hundredths < 0) {
        String was = new String(text, 0, Math.max(0, lengthBytes), StandardCharsets.US_ASCII);
        throw new IOException("read uptime: expected=seconds with hundredths, was=" + was.strip());
      }
      return hundredths * BEHIND_MAX_NS;
    } catch (IOException e) {
      throw new UncheckedIOException("read clock: " + e.getMessage(), e);
    }
  }

  /** The first number, which has two digits behind its point; -1 if it hasn't. */
  private static long hundredths(byte[] text, int lengthBytes) {
    long value = 0;
    int point = -1;
    for (int i = 0; i < lengthBytes; i++) {
      byte next = text[i];
      if (next >= '0' && next <= '9') {
        value = value * 10 + (next - '0');
      } else if (next == '.' && i > 0 && point < 0) {
        point = i;
      } else {
        return next == ' ' && point > 0 && i == point + 3 ? value : -1;
      }
    }
    return -1;
  }
}
