package holdfast.client.fuse;

import holdfast.model.ErrorCode;
import holdfast.model.HoldfastException;
import holdfast.model.StorageException;
import holdfast.util.MonotonicClock;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

/**
 * Unmounts a Holdfast mount, from whichever process: as root with umount, else with fusermount. The
 * mount's own process notices, writes out and ends by itself. Loads nothing native.
 */
public final class Unmount {
  private static final Duration COMMAND_TIMEOUT = Duration.ofSeconds(10);
  private static final Duration GONE_TIMEOUT = Duration.ofSeconds(10);
  private static final long LOOK_EVERY_NS = 5_000_000L;
  private static final List<Path> FUSERMOUNT =
      List.of(
          Path.of("/bin/fusermount3"),
          Path.of("/bin/fusermount"),
          Path.of("/usr/local/bin/fusermount3"),
          Path.of("/usr/local/bin/fusermount"));

  /** How long a mount may stay busy without an open file to show for it. */
  private static final Duration FREE_TIMEOUT = Duration.ofSeconds(3);

  /** Pause between tries: each starts a program and looks through all processes. */
  private static final long TRY_AGAIN_NS = 50_000_000L;

  private static final List<Path> UMOUNT = List.of(Path.of("/bin/umount"), Path.of("/sbin/umount"));

  private final MonotonicClock clock;

  /** The clock bounds the waits. */
  public Unmount(MonotonicClock clock) {
    this.clock = clock;
  }

  /**
   * Unmounts what Holdfast mounted at a directory and returns when it is gone from the mount table;
   * a stale mount is cleared too. Blocks for 20 s at most.
   *
   * @throws HoldfastException {@code NOT_FOUND} if nothing of ours is mounted there, {@code BUSY}
   *     if files are open there, {@code NOT_PERMITTED}, {@code TIMED_OUT}
   */
  public void unmount(Path mountPoint) {
    Path place = MountPoints.resolve(mountPoint);
    var entry = MountTable.read().at(place);
    if (entry.isEmpty() || !entry.get().type().equals(MountTable.TYPE)) {
      throw new StorageException(
          ErrorCode.NOT_FOUND,
          "unmount "
              + place
              + ": expected=a mounted pool, was="
              + entry.map(MountTable.Entry::description).orElse("not mounted"));
    }
    runUntilFree(place);
    awaitGone(place, entry.get());
  }

  /**
   * A call that is just ending keeps a mount busy for a moment, and no process shows that it has
   * anything open: that is worth waiting for. Open files are not.
   */
  private void runUntilFree(Path place) {
    long deadlineNs = clock.nowNs() + FREE_TIMEOUT.toNanos();
    while (true) {
      try {
        run(place, false);
        return;
      } catch (HoldfastException e) {
        boolean isPassing =
            e.code() == ErrorCode.BUSY
                && OpenFiles.describe(place).isEmpty()
                && clock.nowNs() - deadlineNs < 0;
        if (!isPassing) {
          throw e;
        }
        LockSupport.parkNanos(TRY_AGAIN_NS);
      }
    }
  }

  /** Takes a mount out of the tree even if files are open in it or its process is dead or hangs. */
  void detach(Path place) {
    var entry = MountTable.read().at(place);
    if (entry.isPresent()) {
      run(place, true);
      awaitGone(place, entry.get());
    }
  }

  private void awaitGone(Path place, MountTable.Entry entry) {
    long deadlineNs = clock.nowNs() + GONE_TIMEOUT.toNanos();
    while (true) {
      var now = MountTable.read().at(place);
      if (now.isEmpty() || !now.get().device().equals(entry.device())) {
        return;
      }
      if (clock.nowNs() - deadlineNs >= 0) {
        throw new HoldfastException(
            ErrorCode.TIMED_OUT,
            "unmount "
                + place
                + ": expected=gone within "
                + GONE_TIMEOUT.toSeconds()
                + " s, was=still mounted");
      }
      LockSupport.parkNanos(LOOK_EVERY_NS);
    }
  }

  private static void run(Path place, boolean detach) {
    String output;
    int exit;
    try {
      var command = isRoot() ? umount(place, detach) : fusermount(place, detach);
      var builder = new ProcessBuilder(command).redirectErrorStream(true);
      builder.environment().put("LC_ALL", "C");
      var process = builder.start();
      process.getOutputStream().close();
      if (!process.waitFor(COMMAND_TIMEOUT.toMillis(), TimeUnit.MILLISECONDS)) {
        process.destroyForcibly();
        throw new HoldfastException(
            ErrorCode.TIMED_OUT,
            "unmount "
                + place
                + ": expected="
                + command.get(0)
                + " done within "
                + COMMAND_TIMEOUT.toSeconds()
                + " s, was=still running");
      }
      exit = process.exitValue();
      // A few lines at most: they fit the pipe, so reading after the end can't have blocked it.
      output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8).strip();
    } catch (IOException e) {
      throw new StorageException(
          ErrorCode.STORE_FAILED, "unmount " + place + ": failed to run the command", e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new HoldfastException(ErrorCode.SHUTTING_DOWN, "unmount " + place + ": interrupted", e);
    }
    if (exit != 0) {
      throw failure(place, output);
    }
  }

  /** What the command said, as an error; that a mount of ours is there was looked up before. */
  static HoldfastException failure(Path place, String output) {
    String was = output.replace('\n', ' ');
    if (was.contains("busy")) {
      return new HoldfastException(
          ErrorCode.BUSY,
          "unmount "
              + place
              + ": expected=no open files, was=busy; leave the directory and close what is open"
              + " there"
              + OpenFiles.describe(place));
    }
    // To fusermount the mounts of others don't exist, and users without a name have none.
    if (was.contains("not permitted")
        || was.contains("must be superuser")
        || was.contains("not found in /etc/mtab")
        || was.contains("could not determine username")) {
      return new HoldfastException(
          ErrorCode.NOT_PERMITTED,
          "unmount " + place + ": expected=the user who mounted it or root, was=" + was);
    }
    return new HoldfastException(
        ErrorCode.INVALID, "unmount " + place + ": expected=success, was=" + was);
  }

  private static List<String> umount(Path place, boolean detach) {
    String program = find(UMOUNT, "util-linux", place);
    return detach
        ? List.of(program, "-i", "-l", "--", place.toString())
        : List.of(program, "-i", "--", place.toString());
  }

  private static List<String> fusermount(Path place, boolean detach) {
    String program = find(FUSERMOUNT, "fuse3", place);
    return detach
        ? List.of(program, "-u", "-z", "--", place.toString())
        : List.of(program, "-u", "--", place.toString());
  }

  private static String find(List<Path> programs, String debianPackage, Path place) {
    for (Path program : programs) {
      if (Files.isExecutable(program)) {
        return program.toString();
      }
    }
    throw new HoldfastException(
        ErrorCode.UNSUPPORTED,
        "unmount "
            + place
            + ": expected="
            + programs.get(0)
            + ", was=missing; apt-get install "
            + debianPackage);
  }

  /** The owner of /proc/self is the process's effective user: no native call needed. */
  static boolean isRoot() {
    try {
      return Integer.valueOf(0).equals(Files.getAttribute(Path.of("/proc/self"), "unix:uid"));
    } catch (IOException e) {
      throw new StorageException(ErrorCode.STORE_FAILED, "find the user: failed", e);
    }
  }
}
