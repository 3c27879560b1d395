package holdfast.app;

import holdfast.client.fuse.Unmount;
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
    new Unmount(NodeBase.machineClock()).unmount(directory);
    return Main.EXIT_DONE;
  }
}
