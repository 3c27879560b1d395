package holdfast.app;

import holdfast.protocol.PoolStatus;
import holdfast.protocol.Request;
import java.io.PrintWriter;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code holdfast pool show|set}: shows and changes the settings of the pool. */
@Command(
    name = "pool",
    description = "Shows or changes the pool's settings.",
    mixinStandardHelpOptions = true,
    synopsisSubcommandLabel = "show|set",
    subcommands = {PoolCommand.Show.class, PoolCommand.Set.class})
final class PoolCommand implements Callable<Integer> {
  private static final Duration TIMEOUT = Duration.ofSeconds(10);

  @Mixin CommonOptions common;
  @Spec CommandSpec spec;

  @Override
  public Integer call() {
    return show(common, spec.commandLine().getOut());
  }

  private static int show(CommonOptions common, PrintWriter out) {
    LogOutput.start(System.err, common.isVerbose, true);
    try (ClientNode node = ClientNode.connect(common, TIMEOUT)) {
      PoolStatus status = node.ask(node.service()::status);
      out.println("pool=" + status.pool());
      out.println("replicas=" + status.replicas());
      out.println("min-copies=" + status.minCopies());
      out.println("down-out=" + Durations.format(status.downOutMs()));
      return Main.EXIT_DONE;
    }
  }

  /** {@code holdfast pool show}. */
  @Command(name = "show", description = "Prints the settings.", mixinStandardHelpOptions = true)
  static final class Show implements Callable<Integer> {
    @Mixin CommonOptions common;
    @Spec CommandSpec spec;

    @Override
    public Integer call() {
      return show(common, spec.commandLine().getOut());
    }
  }

  /** {@code holdfast pool set}. */
  @Command(
      name = "set",
      description = "Changes settings: replicas=N min-copies=N down-out=TIME.",
      mixinStandardHelpOptions = true)
  static final class Set implements Callable<Integer> {
    @Parameters(arity = "1..*", paramLabel = "NAME=VALUE", description = "What to change.")
    List<String> settings = new ArrayList<>();

    @Mixin CommonOptions common;

    @Override
    public Integer call() {
      LogOutput.start(System.err, common.isVerbose, true);
      List<Request.SetPool.Setting> wanted = settings.stream().map(Set::parse).toList();
      try (ClientNode node = ClientNode.connect(common, TIMEOUT)) {
        node.ask(deadline -> node.service().setPool(wanted, deadline));
        return Main.EXIT_DONE;
      }
    }

    private static Request.SetPool.Setting parse(String text) {
      int equals = text.indexOf('=');
      String name = equals < 0 ? text : text.substring(0, equals);
      String value = equals < 0 ? "" : text.substring(equals + 1);
      return switch (name) {
        case "replicas", "min-copies" -> {
          if (!value.matches("\\d{1,3}")) {
            throw new UsageException("set " + name + ": expected=a number, was=" + value);
          }
          yield new Request.SetPool.Setting(name, value);
        }
        case "down-out", "away-out" ->
            new Request.SetPool.Setting(
                name, Durations.format(Durations.parse(name, value).toMillis()));
        default ->
            throw new UsageException(
                "set pool: expected=replicas=N, min-copies=N or down-out=TIME, was=" + text);
      };
    }
  }
}
