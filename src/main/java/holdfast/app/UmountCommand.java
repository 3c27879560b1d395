package holdfast.app;

import holdfast.client.fuse.MountProcess;
import holdfast.client.fuse.Unmount;
import holdfast.model.ErrorCode;
import holdfast.model.HoldfastException;
import holdfast.util.MonotonicClock;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Parameters;

/** {@code holdfast umount DIR}: unmounts a pool. */
@Command(
    name = "umount",
    description = "Unmounts a mount; waits until all of it is saved and gone.",
    mixinStandardHelpOptions = true)
final class UmountCommand implements Callable<Integer> {
  /** How long the mount's process may take to save what is unsaved and to end. */
  private static final Duration SAVED_MAX = Duration.ofSeconds(60);

  @Parameters(paramLabel = "DIR", description = "Where the pool is mounted.")
  Path directory;

  @Mixin CommonOptions common;

  @Override
  public Integer call() {
    LogOutput.start(System.err, common.isVerbose, true);
    MonotonicClock clock = NodeBase.machineClock();
    Optional<MountProcess> process;
    try {
      process = MountProcess.of(directory);
      new Unmount(clock).unmount(directory);
    } catch (HoldfastException e) {
      throw e.code() == ErrorCode.NOT_FOUND ? notMounted(e) : e;
    }
    if (process.isPresent() && !process.get().awaitEnd(SAVED_MAX, clock)) {
      throw new CommandFailure(
          ErrorCode.TIMED_OUT,
          "umount "
              + directory
              + ": it is unmounted here, but its process "
              + process.get().pid()
              + " hasn't ended in "
              + SAVED_MAX.toSeconds()
              + " s: it is still saving, or another mount namespace (a container?) has the mount");
    }
    return Main.EXIT_DONE;
  }

  /** Nothing that is mounted there is looked at: it may be another's, and hang. */
  private CommandFailure notMounted(HoldfastException why) {
    Path parent = directory.toAbsolutePath().normalize().getParent();
    boolean isPath = parent == null || Files.isDirectory(parent);
    return new CommandFailure(
        why.code(),
        "umount " + directory + (isPath ? ": no pool is mounted there" : ": no such directory"),
        why);
  }
}
