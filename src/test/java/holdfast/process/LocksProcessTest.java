package holdfast.process;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;

/** Locks that hold across the mounts of a pool. */
@Tag("process")
@Timeout(value = 300, unit = TimeUnit.SECONDS, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class LocksProcessTest {
  private static final Duration SOON = Duration.ofSeconds(20);

  /** Locks of a client that has died are free after this long. */
  private static final Duration RELEASED_WITHIN = Duration.ofSeconds(15);

  private static final Duration COUNTED_WITHIN = Duration.ofSeconds(120);
  private static final int COUNT = 100;

  private static final String LOCK_AND_WAIT =
      """
      f = open('f', 'r+')
      fcntl.lockf(f, fcntl.LOCK_EX)
      print('locked')
      wait()
      """;

  @RegisterExtension static final SharedPool SHARED = new SharedPool();
  @RegisterExtension final Pools pools = new Pools();
  private final List<Python> programs = new ArrayList<>();
  private Pool pool;
  private Path here;
  private Path there;

  /** For who does something to a mount. */
  private void startOwn() throws Exception {
    pool = pools.start(3);
    here = pool.mount("here");
    there = pool.mount("there");
    Files.writeString(here.resolve("f"), "0");
  }

  private void share(String folder) throws Exception {
    here = Files.createDirectory(SHARED.one().resolve(folder));
    there = SHARED.two().resolve(folder);
    Files.writeString(here.resolve("f"), "0");
  }

  @AfterEach
  void end() {
    programs.forEach(Python::close);
  }

  private Script start(Path folder, String program) throws Exception {
    var python = new Python(folder);
    programs.add(python);
    return python.start("program in " + folder.getFileName(), program);
  }

  private void expect(Script script, String line) throws Exception {
    assertThat(script.line(SOON)).isEqualTo(line);
  }

  @Test
  @Execution(ExecutionMode.CONCURRENT)
  void aLockHereIsSeenThereAndWaitedForUntilItsProcessEnds() throws Exception {
    share("seen");
    Script holder = start(here, LOCK_AND_WAIT);
    expect(holder, "locked");
    Script other =
        start(
            there,
            """
            f = open('f', 'r+')
            found = struct.unpack('hhqqi4x',
                fcntl.fcntl(f, 5, struct.pack('hhqqi4x', 1, 0, 0, 0, 0)))
            print(found)
            try:
              fcntl.lockf(f, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError as e:
              print(e.errno)
            fcntl.flock(f, fcntl.LOCK_EX | fcntl.LOCK_NB)
            print('flock is another matter')
            fcntl.lockf(f, fcntl.LOCK_EX)
            print('locked')
            """);
    expect(other, "(1, 0, 0, 0, 0)");
    expect(other, "11");
    expect(other, "flock is another matter");

    holder.kill();

    expect(other, "locked");
    assertThat(other.awaitExit(SOON)).isZero();
  }

  /** Read, add, write without fsync, under a lock: every step of every process counts. */
  @Test
  @Execution(ExecutionMode.CONCURRENT)
  void processesOfBothMountsCountTogetherUnderEitherKindOfLock() throws Exception {
    share("counted");
    String count =
        """
        for i in range(%d):
          f = open('f', 'r+')
          fcntl.%s(f, fcntl.LOCK_EX)
          number = int(f.read())
          f.seek(0)
          f.write(str(number + 1))
          f.flush()
          fcntl.%s(f, fcntl.LOCK_UN)
          f.close()
        print('counted')
        """;
    for (String kind : List.of("lockf", "flock")) {
      Files.writeString(here.resolve("f"), "0");
      var counters = new ArrayList<Script>();
      for (Path mount : List.of(here, there, here, there)) {
        counters.add(start(mount, count.formatted(COUNT, kind, kind)));
      }
      for (Script counter : counters) {
        assertThat(counter.line(COUNTED_WITHIN)).isEqualTo("counted");
      }

      assertThat(Files.readString(here.resolve("f"))).isEqualTo(String.valueOf(4 * COUNT));
      assertThat(Files.readString(there.resolve("f"))).isEqualTo(String.valueOf(4 * COUNT));
    }
  }

  /** The file stays open, so that only locks bring the two mounts together. */
  @Test
  @Execution(ExecutionMode.CONCURRENT)
  void whoeverGetsTheLockReadsWhatTheOneBeforeWroteThroughAFileOpenAllTheTime() throws Exception {
    share("turns");
    String turns =
        """
        f = os.open('f', os.O_RDWR)
        for i in range(%d):
          fcntl.lockf(f, fcntl.LOCK_EX)
          number = int(os.pread(f, 100, 0))
          os.pwrite(f, str(number + 1).encode(), 0)
          fcntl.lockf(f, fcntl.LOCK_UN)
        print('counted')
        """
            .formatted(COUNT);
    var counters = List.of(start(here, turns), start(there, turns));
    for (Script counter : counters) {
      assertThat(counter.line(COUNTED_WITHIN)).isEqualTo("counted");
    }

    assertThat(Files.readString(there.resolve("f"))).isEqualTo(String.valueOf(2 * COUNT));
  }

  @Test
  @Execution(ExecutionMode.CONCURRENT)
  void theLocksOfAMountThatDiesAreFreeWithin15Seconds() throws Exception {
    startOwn();
    Script holder = start(here, LOCK_AND_WAIT);
    expect(holder, "locked");
    Script waiter = start(there, LOCK_AND_WAIT);
    Await.holds(Duration.ofSeconds(1), () -> pool.mountAt(here).isAlive());

    pool.mountAt(here).kill();

    assertThat(waiter.line(RELEASED_WITHIN)).isEqualTo("locked");
    waiter.goOn();
    assertThat(waiter.awaitExit(SOON)).isZero();
    pool.umount(there);
  }

  @Test
  @Execution(ExecutionMode.CONCURRENT)
  void aHolderWhoseMountSleptCannotWriteOverItsSuccessor() throws Exception {
    startOwn();
    Script holder =
        start(
            here,
            """
            f = os.open('f', os.O_RDWR)
            fcntl.lockf(f, fcntl.LOCK_EX)
            os.pwrite(f, b'holder', 0)
            print('locked')
            wait()
            failed = []
            for call in [lambda: os.pwrite(f, b'late', 0), lambda: os.fsync(f),
                         lambda: os.pread(f, 1, 0), lambda: fcntl.lockf(f, fcntl.LOCK_EX)]:
              try:
                call()
              except OSError as e:
                failed.append(e.errno)
            print(failed)
            g = os.open('f', os.O_RDWR)
            fcntl.lockf(g, fcntl.LOCK_EX)
            print(os.pread(g, 100, 0))
            """);
    expect(holder, "locked");
    pool.mountAt(here).signal("STOP");
    Script successor =
        start(
            there,
            """
            f = os.open('f', os.O_RDWR)
            fcntl.lockf(f, fcntl.LOCK_EX)
            os.pwrite(f, b'successor', 0)
            fcntl.lockf(f, fcntl.LOCK_UN)
            print('wrote')
            """);
    try {
      expect(successor, "wrote");
    } finally {
      pool.mountAt(here).signal("CONT");
    }
    // Its next question tells it that its session is over.
    Await.until(
        "lost lock",
        SOON,
        () -> pool.mountAt(here).err().contains("lost with the session"),
        () -> pool.mountAt(here).err());

    holder.goOn();

    expect(holder, "[5, 5, 5, 5]");
    expect(holder, "b'successor'");
    assertThat(Files.readString(there.resolve("f"))).isEqualTo("successor");
    pool.umount(here);
    pool.umount(there);
  }
}
