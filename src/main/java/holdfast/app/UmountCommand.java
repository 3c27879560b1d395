package holdfast.app;

import holdfast.client.fuse.Unmount;
import holdfast.model.ErrorCode;
import holdfast.model.HoldfastException;
import java.nio.file.Files;
import java.nio.file.Path;
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
  @Parameters(paramLabel = "DIR", description = "Where the pool is mounted.")
  Path directory;

  @Mixin CommonOptions common;

  @Override
  public Integer call() {
    LogOutput.start(System.err, common.isVerbose, true);
    try {
      new Unmount(NodeBase.machineClock()).unmount(directory);
    } catch (HoldfastException e) {
      throw e.code() == ErrorCode.NOT_FOUND ? notMounted(e) : e;
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
