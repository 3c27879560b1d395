package holdfast.client.fuse;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import holdfast.process.Python;
import holdfast.process.Script;
import holdfast.util.SystemClocks;
import java.io.IOException;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Calls for locks on their way through the kernel and libfuse. */
class LockMountTest {
  private static final Duration LINE_MAX = Duration.ofSeconds(20);

  private final MemoryFileSystem files = new MemoryFileSystem();
  private MountedFixture mounted;
  private Python programs;

  @BeforeEach
  void mount() throws Exception {
    mounted = new MountedFixture(files);
    programs = new Python(mounted.directory);
    mounted.run("echo content > f");
  }

  @AfterEach
  void unmount() throws Exception {
    programs.close();
    mounted.close();
  }

  /** A program in the mounted folder that has f open. */
  private Script python(String program) throws IOException {
    return programs.start("program", "import signal\nf = open('f', 'r+')\n" + program);
  }

  private static String line(Script script) throws InterruptedException {
    return script.line(LINE_MAX);
  }

  private static void await(String what, BooleanSupplier condition) {
    long endNs = SystemClocks.monotonic().nowNs() + TimeUnit.SECONDS.toNanos(20);
    while (!condition.getAsBoolean()) {
      assertTrue(SystemClocks.monotonic().nowNs() - endNs < 0, what);
      LockSupport.parkNanos(1_000_000);
    }
  }

  private static final String HOLD =
      """
      fcntl.lockf(f, fcntl.LOCK_EX, 10, 5)
      print('locked', flush=True)
      wait()
      """;

  @Test
  void aRecordLockIsSeenByOthersWithItsRangeAndItsProcess() throws Exception {
    var holder = python(HOLD);
    assertEquals("locked", line(holder));

    var asking =
        python(
            """
            lock = fcntl.fcntl(f, 5, struct.pack('hhqqi4x', 0, 0, 0, 0, 0))
            print(struct.unpack('hhqqi4x', lock), flush=True)
            lock = fcntl.fcntl(f, 5, struct.pack('hhqqi4x', 0, 0, 0, 5, 0))
            print(struct.unpack('hhqqi4x', lock)[0], flush=True)
            try:
              fcntl.lockf(f, fcntl.LOCK_SH | fcntl.LOCK_NB, 1, 14)
            except BlockingIOError as e:
              print(e.errno, flush=True)
            fcntl.lockf(f, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, 15)
            print('beside it', flush=True)
            """);
    assertEquals("(1, 0, 5, 10, " + holder.pid() + ")", line(asking));
    assertEquals("2", line(asking), "F_UNLCK: nothing in the way");
    assertEquals("11", line(asking), "EAGAIN");
    assertEquals("beside it", line(asking));
  }

  @Test
  void whoWaitsGetsTheLockWhenItsHolderCloses() throws Exception {
    var holder = python(HOLD);
    assertEquals("locked", line(holder));
    var waiter = python("fcntl.lockf(f, fcntl.LOCK_EX)\nprint('mine', flush=True)\n");
    await("somebody waits", () -> files.waitingCount() == 1);

    holder.goOn();

    assertEquals("mine", line(waiter));
  }

  @Test
  void aSignalEndsTheWaitWithEintrAndAKilledProcessGoesAtOnce() throws Exception {
    var holder = python(HOLD);
    assertEquals("locked", line(holder));
    var waiter =
        python(
            """
            class Alarm(Exception):
              pass
            def on(number, frame):
              raise Alarm()
            signal.signal(signal.SIGUSR1, on)
            try:
              fcntl.lockf(f, fcntl.LOCK_EX)
            except Alarm:
              print('interrupted', flush=True)
            """);
    await("somebody waits", () -> files.waitingCount() == 1);
    mounted.run("kill -USR1 " + waiter.pid());
    assertEquals("interrupted", line(waiter));
    await("nobody waits", () -> files.waitingCount() == 0);

    var killed = python("fcntl.flock(f, fcntl.LOCK_EX)\nfcntl.lockf(f, fcntl.LOCK_EX)\n");
    await("somebody waits", () -> files.waitingCount() == 1);
    killed.kill();
    await("nobody waits", () -> files.waitingCount() == 0);
  }

  @Test
  void flockIsOfTheOpenFileAndOutlivesTheCloseOfACopy() throws Exception {
    assertNotEquals(0, mounted.shell("exec 9<f 8<f; flock 9; flock -n 8").exit());
    mounted.run("exec 9<f; flock 9; exec 8<&9 9<&-; ! flock -n f true");
    mounted.run("exec 9<f; flock 9; exec 8<&9; exec 8<&- 9<&-; flock -n f true");
    mounted.run("exec 9<f 8<f; flock -s 9; flock -ns 8; flock -u 9; flock -n 8");
  }

  @Test
  void manyMoreCanWaitThanThereAreThreadsAndOthersAreServedMeanwhile() throws Exception {
    int waiters = FuseSession.THREAD_COUNT_MAX + 10;
    mounted.run(
        "exec 9<f; flock 9; for i in $(seq "
            + waiters
            + "); do flock f true & done; sleep 1; cat f > /dev/null; flock -u 9; wait");

    assertEquals(0, files.waitingCount());
  }

  @Test
  void openFileDescriptionsLocksGoWithTheirLastClose() throws Exception {
    // F_OFD_SETLK is 37.
    var process =
        python(
            """
            g = open('f', 'r+')
            lock = struct.pack('hhqqi4x', 1, 0, 0, 0, 0)
            fcntl.fcntl(f, 37, lock)
            try:
              fcntl.fcntl(g, 37, lock)
            except BlockingIOError as e:
              print(e.errno, flush=True)
            f.close()
            for i in range(2000):
              try:
                fcntl.fcntl(g, 37, lock)
                print('mine', flush=True)
                break
              except BlockingIOError:
                pass
            """);
    assertEquals("11", line(process));
    assertEquals("mine", line(process));
  }

  @Test
  void whoWaitsIsAnsweredWhenTheMountIsTornDown() throws Exception {
    var holder = python(HOLD);
    assertEquals("locked", line(holder));
    var waiter =
        python(
            """
            try:
              fcntl.lockf(f, fcntl.LOCK_EX)
            except OSError as e:
              print('ended', flush=True)
            """);
    await("somebody waits", () -> files.waitingCount() == 1);

    mounted.run("umount -f . || true; cd /; umount -l " + mounted.directory);

    assertEquals("ended", line(waiter));
  }
}
