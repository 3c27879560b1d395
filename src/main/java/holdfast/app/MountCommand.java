package holdfast.app;

import holdfast.client.ClientFileSystem;
import holdfast.client.api.ClientOptions;
import holdfast.client.fuse.FuseMount;
import holdfast.client.fuse.MountOptions;
import holdfast.client.fuse.MountProcess;
import holdfast.crypto.seal.CryptoWarmUp;
import holdfast.model.HoldfastException;
import holdfast.util.ByteSize;
import holdfast.util.NamedThreads;
import java.lang.System.Logger.Level;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code holdfast mount}: runs in the foreground until it is unmounted or told to stop. */
@Command(name = "mount", description = "Mounts the pool.", mixinStandardHelpOptions = true)
final class MountCommand implements Callable<Integer> {
  /** The watchdog's margin over the file system's own deadline. */
  private static final Duration MARGIN = Duration.ofSeconds(2);

  private static final System.Logger LOG = System.getLogger("holdfast.app");

  @Option(names = "--mount", required = true, paramLabel = "DIR", description = "Where to mount.")
  Path directory;

  @Option(names = "--read-only", description = "Refuse every change.")
  boolean isReadOnly;

  @Option(names = "--allow-other", description = "Let other users in as well.")
  boolean allowsOther;

  @Option(
      names = "--timeout",
      paramLabel = "TIME",
      description = "How long nothing of a call may move (default: ${DEFAULT-VALUE}).")
  String timeout = "10s";

  @Option(
      names = "--cache-size",
      paramLabel = "SIZE",
      description = "Opened blocks kept in memory (default: ${DEFAULT-VALUE}).")
  String cacheSize = "64MiB";

  @Mixin CommonOptions common;
  @Spec CommandSpec spec;

  @Override
  public Integer call() throws InterruptedException {
    LogOutput.start(System.err, common.isVerbose, false);
    Duration limit = Durations.timeout(timeout);
    ClientOptions options = options(limit);
    checkDirectory();
    var stop = new StopSignal();
    try (ClientNode node = ClientNode.connect(common, limit)) {
      // The first megabytes would be sealed twenty times slower before the ciphers are compiled.
      node.base().threads.startPlatform("warm-up", CryptoWarmUp::run);
      ClientFileSystem files = node.fileSystem(options);
      try {
        files.attributes(holdfast.client.api.PoolFileSystem.ROOT_INODE);
        var mountOptions =
            new MountOptions(MountProcess.source(), isReadOnly, allowsOther, limit.plus(MARGIN));
        FuseMount mount =
            FuseMount.mount(files, directory, mountOptions, node.base().threads, node.base().clock);
        stop.whileMoves(files::movedCount);
        stop.whenAsked(mount::unmount);
        node.base().whenBroken(() -> Runtime.getRuntime().halt(Main.EXIT_FAILED));
        spec.commandLine()
            .getOut()
            .println("mount ready at=" + mount.mountPoint() + " pool=" + node.base().pool().id());
        mount.awaitUnmounted();
      } finally {
        files.close();
      }
      stop.wentWell();
      return Main.EXIT_DONE;
    } finally {
      stop.done();
    }
  }

  /** Before any peer is searched; mounting looks again. */
  private void checkDirectory() {
    var threads =
        new NamedThreads(
            (thread, failure) ->
                LOG.log(Level.ERROR, "thread " + thread.getName() + " failed", failure));
    try {
      FuseMount.check(directory, threads, NodeBase.machineClock());
    } catch (HoldfastException e) {
      throw inWords(e);
    }
  }

  private HoldfastException inWords(HoldfastException why) {
    String words =
        switch (why.code()) {
          case NOT_FOUND -> "no such directory; make it: mkdir -p " + directory;
          case NOT_DIRECTORY -> "not a directory";
          case NOT_EMPTY ->
              "directory not empty; its content would be hidden, choose or make another one";
          default -> null;
        };
    return words == null
        ? why
        : new CommandFailure(why.code(), "mount " + directory + ": " + words, why);
  }

  private ClientOptions options(Duration limit) {
    try {
      long cacheBytes = ByteSize.parse(cacheSize);
      long cacheMaxBytes = Runtime.getRuntime().maxMemory() / 2;
      if (cacheBytes > cacheMaxBytes) {
        throw new UsageException(
            "read --cache-size: expected=at most half of the memory this program may use, "
                + ByteSize.format(cacheMaxBytes)
                + ", was="
                + cacheSize
                + "; allow more with HOLDFAST_JAVA_OPTIONS=-Xmx…");
      }
      return new ClientOptions(limit, cacheBytes, isReadOnly, owner());
    } catch (IllegalArgumentException e) {
      throw new UsageException("read --cache-size: " + e.getMessage());
    }
  }

  /** Root sees owners as stored; everybody else owns all there is. */
  private static ClientOptions.Owner owner() {
    Ids ids = Ids.ofThisProcess();
    return ids.uid() == 0 ? null : new ClientOptions.Owner(ids.uid(), ids.gid());
  }
}
