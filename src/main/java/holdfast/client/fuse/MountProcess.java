package holdfast.client.fuse;

import holdfast.util.MonotonicClock;
import java.io.IOException;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.locks.LockSupport;

/**
 * Waits for the process of a mount, found by the source that the mount table shows, which names it.
 * It ends after the mount: what wasn't saved by then is saved in between. Loads nothing native.
 */
public final class MountProcess {
  private static final String SOURCE_PREFIX = "holdfast:";
  private static final Path PROCESSES = Path.of("/proc");
  private static final Path DEVICE = Path.of("/dev/fuse");
  private static final long LOOK_EVERY_NS = 10_000_000L;

  private final ProcessHandle process;

  private MountProcess(ProcessHandle process) {
    this.process = process;
  }

  /** The source of mounts of this process. */
  public static String source() {
    return SOURCE_PREFIX + ProcessHandle.current().pid();
  }

  /**
   * The process of the mount at this place, while it is mounted. Empty where nothing of ours is
   * mounted, its process has died, or is another user's or in another container.
   */
  public static Optional<MountProcess> of(Path mountPoint) {
    return MountTable.read()
        .at(MountPoints.resolve(mountPoint))
        .filter(entry -> entry.type().equals(MountTable.TYPE))
        .filter(entry -> entry.source().matches(SOURCE_PREFIX + "\\d{1,9}"))
        .map(entry -> Long.parseLong(entry.source().substring(SOURCE_PREFIX.length())))
        .filter(MountProcess::hasTheDevice)
        .flatMap(ProcessHandle::of)
        .map(MountProcess::new);
  }

  /** A process that has got the number of one that died hasn't. */
  private static boolean hasTheDevice(long pid) {
    Path folder = PROCESSES.resolve(Long.toString(pid)).resolve("fd");
    try (var descriptors = Files.newDirectoryStream(folder)) {
      for (Path descriptor : descriptors) {
        if (isTheDevice(descriptor)) {
          return true;
        }
      }
    } catch (IOException | DirectoryIteratorException e) {
      return false; // another user's, or gone
    }
    return false;
  }

  private static boolean isTheDevice(Path descriptor) {
    try {
      return Files.readSymbolicLink(descriptor).equals(DEVICE);
    } catch (IOException e) {
      return false; // closed meanwhile
    }
  }

  /** Its number. */
  public long pid() {
    return process.pid();
  }

  /** Waits for its end; false if it lives on after this time. */
  public boolean awaitEnd(Duration limit, MonotonicClock clock) {
    long deadlineNs = clock.nowNs() + limit.toNanos();
    while (process.isAlive() && !isZombie()) {
      if (clock.nowNs() - deadlineNs >= 0) {
        return false;
      }
      LockSupport.parkNanos(LOOK_EVERY_NS);
    }
    return true;
  }

  /** It has ended, but who started it hasn't asked how. */
  private boolean isZombie() {
    try {
      String stat = Files.readString(PROCESSES.resolve(Long.toString(pid())).resolve("stat"));
      return stat.startsWith("Z", stat.lastIndexOf(')') + 2);
    } catch (IOException e) {
      return true; // gone since
    }
  }
}
