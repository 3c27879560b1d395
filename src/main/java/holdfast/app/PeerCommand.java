package holdfast.app;

import holdfast.util.ByteSize;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code holdfast peer}: lends a disk; runs in the foreground until it is told to stop. */
@Command(
    name = "peer",
    description = "Lends a part of a disk to the pool.",
    mixinStandardHelpOptions = true)
final class PeerCommand implements Callable<Integer> {
  private static final int PORT_MAX = 65_535;

  @Option(
      names = "--storage-dir",
      required = true,
      paramLabel = "DIR",
      description = "Where to keep what is lent; made if it isn't there.")
  Path storageDirectory;

  @Option(names = "--port", description = "TCP port (default: ${DEFAULT-VALUE}).")
  int port = 8_000;

  @Option(
      names = "--capacity",
      paramLabel = "SIZE",
      description = "Most to lend, such as 500GB (default: all but what is left free).")
  String capacity;

  @Option(
      names = "--leave-free",
      paramLabel = "SIZE",
      description = "What stays free on the disk (default: 5 %% of it).")
  String leaveFree;

  @Option(
      names = "--zone",
      paramLabel = "NAME",
      description = "What fails together with this peer, instead of its machine.")
  String zone = "";

  @Option(
      names = "--run-dir",
      paramLabel = "DIR",
      description =
          "Where to note how far this peer is, so that an older copy of its storage is noticed;"
              + " best emptied at boot (default: /run/holdfast for root, else"
              + " $XDG_RUNTIME_DIR/holdfast if that is set).")
  Path runDirectory;

  @Option(
      names = "--http",
      paramLabel = "ADDR:PORT|off",
      description = "Where to show the status page; this version has none.")
  String http = "off";

  @Option(
      names = "--accept-damage",
      description =
          "Goes on with what is left of a damaged log although no other peer can give back the"
              + " rest; status says so afterwards if anything is known to be missing.")
  boolean acceptDamage;

  @Mixin CommonOptions common;
  @Spec CommandSpec spec;

  @Override
  public Integer call() throws InterruptedException {
    if (port < 1 || port > PORT_MAX) {
      throw new UsageException("read --port: expected=1 to 65535, was=" + port);
    }
    if (!http.equals("off")) {
      throw new UsageException(
          "read --http: expected=off (this version has no status page), was=" + http);
    }
    OptionalLong capacityBytes = size("--capacity", capacity);
    OptionalLong leaveFreeBytes = size("--leave-free", leaveFree);
    LogOutput.start(System.err, common.isVerbose, false);
    var stopAsked = new CountDownLatch(1);
    var stop = new StopSignal();
    stop.whenAsked(stopAsked::countDown);
    try (PeerProcess peer =
        PeerProcess.start(
            common,
            new PeerProcess.Options(
                storageDirectory,
                port,
                capacityBytes,
                leaveFreeBytes,
                zone,
                Optional.ofNullable(runDirectory).or(PeerCommand::defaultRunDirectory),
                acceptDamage))) {
      spec.commandLine().getOut().println(peer.readyLine());
      stop.whileMoves(peer::diskTaskCount);
      peer.whenFailed(stopAsked::countDown);
      stopAsked.await();
      boolean isWell = peer.stop();
      if (isWell) {
        stop.wentWell();
      }
      return isWell ? Main.EXIT_DONE : Main.EXIT_FAILED;
    } finally {
      stop.done();
    }
  }

  private static Optional<Path> defaultRunDirectory() {
    Path ofRoot = Path.of("/run");
    return Ids.ofThisProcess().uid() == 0 && Files.isDirectory(ofRoot)
        ? Optional.of(ofRoot.resolve("holdfast"))
        : Optional.ofNullable(System.getenv("XDG_RUNTIME_DIR"))
            .filter(folder -> !folder.isEmpty())
            .map(folder -> Path.of(folder, "holdfast"));
  }

  private static OptionalLong size(String option, String text) {
    if (text == null) {
      return OptionalLong.empty();
    }
    try {
      return OptionalLong.of(ByteSize.parse(text));
    } catch (IllegalArgumentException e) {
      throw new UsageException("read " + option + ": " + e.getMessage());
    }
  }
}
