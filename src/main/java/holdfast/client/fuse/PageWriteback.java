package holdfast.client.fuse;

import holdfast.util.MonotonicClock;
import java.io.IOException;
import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.locks.LockSupport;

/**
 * Has the kernel write back what programs have stored into mapped files, while the mount still
 * answers: afterwards it drops those pages. Only the kernel knows of them.
 *
 * <p>Another process asks it (sync), for two reasons. A thread of this one that waited in the
 * kernel for its own answers couldn't be killed, and would keep the device open that the kernel
 * watches for the mount's end. And a process that isn't ours may be left behind when it hangs.
 */
final class PageWriteback {
  private static final Logger LOG = System.getLogger("holdfast.client.fuse");
  private static final List<Path> SYNC = List.of(Path.of("/bin/sync"), Path.of("/usr/bin/sync"));

  /** Longest wait for a page while none is being written: the kernel has none, or can't ask. */
  private static final Duration SILENCE_MAX = Duration.ofSeconds(5);

  /**
   * How long no page may have come after the kernel says that it has sent all: before Linux 6.16,
   * and in later versions again, it doesn't wait for their answers.
   */
  private static final Duration SETTLED_AFTER = Duration.ofMillis(100);

  private static final long LOOK_EVERY_NS = 5_000_000L;

  private final PageWrites writes;
  private final MonotonicClock clock;
  private final Duration deadline;

  /** The deadline is that of one write: slower ones are answered regardless. */
  PageWriteback(PageWrites writes, MonotonicClock clock, Duration deadline) {
    this.writes = writes;
    this.clock = clock;
    this.deadline = deadline;
  }

  /**
   * Writes back the pages of the mount at this place. Goes on for as long as pages are saved; gives
   * up, with a log line, after a deadline in which none was, or 5 s in which none came.
   */
  void ofMount(Path mountPoint) throws InterruptedException {
    run(mountPoint, List.of("-f", "--", mountPoint.toString()));
  }

  /**
   * The same for a mount that this process's tree has no more, and no path leads to: every file
   * system is synced.
   */
  void ofDetached(Path formerMountPoint) throws InterruptedException {
    run(formerMountPoint, List.of());
  }

  private void run(Path place, List<String> arguments) throws InterruptedException {
    Optional<Path> program = SYNC.stream().filter(Files::isExecutable).findFirst();
    if (program.isEmpty()) {
      warn(place, "the program sync", "none; apt-get install coreutils");
      return;
    }
    var command = new ArrayList<>(List.of(program.get().toString()));
    command.addAll(arguments);
    Process sync;
    try {
      var builder = new ProcessBuilder(command).redirectErrorStream(true);
      builder.environment().put("LC_ALL", "C");
      sync = builder.start();
    } catch (IOException e) {
      warn(place, "the program sync", e.getMessage());
      return;
    }
    if (!awaitQuiet(sync)) {
      sync.destroyForcibly();
      warn(place, "every page written", writes.isAnyInProgress() ? "some hang" : "none comes");
    } else if (sync.exitValue() != 0) {
      warn(place, "every page written", output(sync));
    }
  }

  /** False if nothing was saved for too long. */
  private boolean awaitQuiet(Process sync) throws InterruptedException {
    long savedNs = clock.nowNs();
    long savedCount = writes.savedCount();
    long activeNs = savedNs;
    long begunCount = writes.begunCount();
    while (true) {
      // In this order: what comes after the first look is seen by the next round's.
      boolean isActive = sync.isAlive() || writes.isAnyInProgress();
      long nowNs = clock.nowNs();
      if (isActive || writes.begunCount() != begunCount) {
        begunCount = writes.begunCount();
        activeNs = nowNs;
      } else if (nowNs - activeNs >= SETTLED_AFTER.toNanos()) {
        return true;
      }
      if (writes.savedCount() != savedCount) {
        savedCount = writes.savedCount();
        savedNs = nowNs;
      }
      Duration limit = writes.isAnyInProgress() ? deadline : SILENCE_MAX;
      if (nowNs - savedNs >= limit.toNanos()) {
        return false;
      }
      LockSupport.parkNanos(LOOK_EVERY_NS);
      if (Thread.interrupted()) {
        throw new InterruptedException("write back mapped files: interrupted");
      }
    }
  }

  private static String output(Process sync) {
    try {
      // A line at most: it fits the pipe, so that it couldn't block.
      byte[] bytes = sync.getInputStream().readAllBytes();
      return new String(bytes, StandardCharsets.UTF_8).strip().replace('\n', ' ');
    } catch (IOException e) {
      return "exit code " + sync.exitValue();
    }
  }

  private static void warn(Path place, String expected, String was) {
    LOG.log(
        Level.WARNING,
        "unmount {0}: write back mapped files: expected={1}, was={2}; what programs have stored"
            + " into shared mappings may be lost",
        place,
        expected,
        was);
  }
}
