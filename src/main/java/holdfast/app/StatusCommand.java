package holdfast.app;

import holdfast.protocol.PoolStatus;
import holdfast.status.StatusJson;
import holdfast.status.StatusText;
import java.io.PrintWriter;
import java.time.Duration;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code holdfast status}: says whether the data is safe, once or with {@code --watch}. */
@Command(
    name = "status",
    description = "Tells whether the data is safe: peers, fill, missing copies, repair.",
    mixinStandardHelpOptions = true)
final class StatusCommand implements Callable<Integer> {
  private static final long WATCH_EVERY_NS = TimeUnit.SECONDS.toNanos(1);

  @Option(names = "--json", description = "Print one JSON object.")
  boolean isJson;

  @Option(names = "--watch", description = "Print again each second until interrupted.")
  boolean watches;

  @Option(
      names = "--timeout",
      paramLabel = "TIME",
      description = "How long nothing of a call may move (default: ${DEFAULT-VALUE}).")
  String timeout = "10s";

  @Mixin CommonOptions common;
  @Spec CommandSpec spec;

  @Override
  public Integer call() {
    LogOutput.start(System.err, common.isVerbose, true);
    Duration limit = Durations.timeout(timeout);
    PrintWriter out = spec.commandLine().getOut();
    try (ClientNode node = ClientNode.connect(common, limit)) {
      do {
        PoolStatus status = node.ask(node.service()::status);
        out.println(isJson ? StatusJson.of(status) : StatusText.of(status).stripTrailing());
        if (watches) {
          LockSupport.parkNanos(WATCH_EVERY_NS);
        }
      } while (watches && !out.checkError());
      return Main.EXIT_DONE;
    }
  }
}
