package holdfast.util;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.fail;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Locale;
import java.util.SplittableRandom;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A clock that counts sleep, on a machine whose sleep a test decides about. */
final class UptimeClockTest {
  private static final long MS = 1_000_000L;
  private static final long S = 1_000 * MS;

  private long awakeNs = 7_123 * MS;
  private long sleptNs = 40 * S + 4 * MS;

  private final UptimeClock clock = new UptimeClock(() -> awakeNs, into -> write(bootNs(), into));

  /** What the kernel counts. */
  private long bootNs() {
    return awakeNs + sleptNs;
  }

  private static int write(long uptimeNs, byte[] into) {
    long hundredths = uptimeNs / (10 * MS);
    String text =
        String.format(Locale.ROOT, "%d.%02d 1234.56\n", hundredths / 100, hundredths % 100);
    byte[] bytes = text.getBytes(StandardCharsets.US_ASCII);
    System.arraycopy(bytes, 0, into, 0, bytes.length);
    return bytes.length;
  }

  @Test
  void anHourOfSleepIsCountedAtTheFirstReadingAfterIt() {
    long beforeNs = clock.nowNs();

    sleptNs += 3_600 * S;

    assertThat(clock.nowNs() - beforeNs).isBetween(3_600 * S - 10 * MS, 3_600 * S + 10 * MS);
  }

  @Test
  void whileTheMachineIsAwakeTimeHasTheFineStepsOfTheOtherClock() {
    for (int i = 0; i < 40; i++) {
      clock.nowNs(); // until it was read right behind a step of the uptime
      awakeNs += MS;
    }
    long beforeNs = clock.nowNs();

    awakeNs += 17;

    assertThat(clock.nowNs() - beforeNs).isEqualTo(17);
  }

  @Test
  void whateverHappensItNeverGoesBackNorAheadNorFarBehind() {
    long seed = Long.getLong("seed", 4_711);
    var random = new SplittableRandom(seed);
    long lastNs = clock.nowNs();
    for (int i = 0; i < 50_000; i++) {
      awakeNs += random.nextLong(random.nextInt(10) == 0 ? 50 * MS : MS);
      if (random.nextInt(100) == 0) {
        sleptNs += random.nextLong(random.nextBoolean() ? 5 * MS : 100 * S);
      }
      long nowNs = clock.nowNs();
      long behindNs = bootNs() - nowNs;
      if (nowNs < lastNs || behindNs < 0 || behindNs > UptimeClock.BEHIND_MAX_NS) {
        fail("seed %s, step %s: %s after %s, at %s", seed, i, nowNs, lastNs, bootNs());
      }
      lastNs = nowNs;
    }
  }

  /** Held up for a second between its two readings, it would be ahead by that second for ever. */
  @Test
  void aThreadHeldUpBetweenTheTwoReadingsDoesNotPutItAhead() {
    var isHeldUp = new AtomicBoolean(true);
    var held =
        new UptimeClock(
            () -> awakeNs,
            into -> {
              int lengthBytes = write(bootNs(), into);
              awakeNs += isHeldUp.getAndSet(false) ? S : 0;
              return lengthBytes;
            });

    held.nowNs();

    assertThat(held.nowNs()).isBetween(bootNs() - UptimeClock.BEHIND_MAX_NS, bootNs());
  }

  @Test
  void aSleepBetweenTheTwoReadingsIsCountedAtTheNext() {
    var sleepsNs = new AtomicReference<>(0L);
    var asleep =
        new UptimeClock(
            () -> awakeNs,
            into -> {
              int lengthBytes = write(bootNs(), into);
              sleptNs += sleepsNs.getAndSet(0L);
              return lengthBytes;
            });
    long beforeNs = asleep.nowNs();

    sleepsNs.set(60 * S);

    assertThat(asleep.nowNs() - beforeNs).isLessThan(20 * MS);
    assertThat(asleep.nowNs() - beforeNs).isBetween(60 * S - 10 * MS, 60 * S + 10 * MS);
  }

  @Test
  void noThreadReadsLessThanAnotherHasReadBefore() throws Exception {
    var real = SystemClocks.monotonic();
    var newestNs = new AtomicReference<>(real.nowNs());
    var failures = new ConcurrentLinkedQueue<Throwable>();
    var threads = new ArrayList<Thread>();
    for (int i = 0; i < 4; i++) {
      var thread =
          new Thread(
              () -> {
                for (int reading = 0; reading < 20_000; reading++) {
                  long beforeNs = newestNs.get();
                  long nowNs = real.nowNs();
                  if (nowNs < beforeNs) {
                    fail("%s after %s", nowNs, beforeNs);
                  }
                  newestNs.accumulateAndGet(nowNs, Math::max);
                }
              });
      thread.setUncaughtExceptionHandler((which, failure) -> failures.add(failure));
      threads.add(thread);
      thread.start();
    }
    for (Thread thread : threads) {
      thread.join();
    }

    assertThat(failures).isEmpty();
  }

  @Test
  void theRealOneIsTheKernelsUptimeAndRunsLikeTheProcessesOwn() throws Exception {
    var real = SystemClocks.monotonic();
    real.nowNs();
    String text = Files.readString(Path.of("/proc/uptime"));
    long uptimeNs = (long) (Double.parseDouble(text.split(" ")[0]) * S);

    long startNs = real.nowNs();
    long processStartNs = System.nanoTime();
    while (System.nanoTime() - processStartNs < 200 * MS) {
      Thread.onSpinWait();
    }
    long tookNs = real.nowNs() - startNs;
    long processTookNs = System.nanoTime() - processStartNs;

    assertThat(startNs - uptimeNs).isBetween(-10 * MS, 5 * S);
    assertThat(tookNs).isBetween(190 * MS, processTookNs + 10 * MS);
  }

  @Test
  void anInterruptedThreadReadsTimeLikeEveryOtherAndStaysInterrupted() {
    var real = SystemClocks.monotonic();
    long beforeNs = real.nowNs();

    Thread.currentThread().interrupt();
    long interruptedNs = real.nowNs();
    boolean isInterrupted = Thread.interrupted();

    assertThat(isInterrupted).isTrue();
    assertThat(interruptedNs).isGreaterThanOrEqualTo(beforeNs);
    assertThat(real.nowNs()).isGreaterThanOrEqualTo(interruptedNs);
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "12", "12.3 1.00", "12.345 1.00", "1x.34 1.00", ".12 1", "12.34"})
  void whatIsNoUptimeIsNoTime(String text) {
    byte[] bytes = text.getBytes(StandardCharsets.US_ASCII);
    var odd =
        new UptimeClock(
            () -> 1,
            into -> {
              System.arraycopy(bytes, 0, into, 0, bytes.length);
              return bytes.length;
            });

    assertThatThrownBy(odd::nowNs)
        .isInstanceOf(UncheckedIOException.class)
        .hasMessageContaining("expected=seconds with hundredths")
        .hasMessageContaining("was=" + text);
  }

  @Test
  void aClockThatCannotBeReadSaysSo() {
    var broken =
        new UptimeClock(
            () -> 1,
            into -> {
              throw new IOException("Input/output error");
            });

    assertThatThrownBy(broken::nowNs)
        .isInstanceOf(UncheckedIOException.class)
        .hasMessage("read clock: Input/output error");
  }

  /** As a container has it that shows another uptime than the kernel's. */
  @Test
  void aFileThatIsNotTheKernelsIsRefused(@TempDir Path folder) throws Exception {
    Path file = Files.writeString(folder.resolve("uptime"), "12.34 1.00\n");

    assertThatThrownBy(() -> UptimeFile.open(file))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("in its place")
        .hasMessageContaining("umount " + file);
    assertThatThrownBy(() -> UptimeFile.open(folder.resolve("none")))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("was=no such file")
        .hasMessageContaining("subset=pid");
  }
}
