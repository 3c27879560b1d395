package holdfast.app;

import holdfast.model.HoldfastException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.ParameterException;

/** The program's entry point: parses the command line and ends with the command's exit code. */
@Command(
    name = "holdfast",
    description = "Pools the spare disks of a LAN into one encrypted folder.",
    version = "holdfast " + Version.CURRENT,
    mixinStandardHelpOptions = true,
    synopsisSubcommandLabel = "COMMAND",
    subcommands = {
      PeerCommand.class,
      MountCommand.class,
      UmountCommand.class,
      StatusCommand.class,
      PoolCommand.class,
      ListCommand.class,
      GetCommand.class,
      PutCommand.class,
      RemoveCommand.class,
      VersionCommand.class
    })
final class Main {
  /** Done. */
  static final int EXIT_DONE = 0;

  /** Failed: one line on stderr says what and what to do. */
  static final int EXIT_FAILED = 1;

  /** Wrong usage. */
  static final int EXIT_USAGE = 2;

  private Main() {}

  /** Runs the command and exits. */
  public static void main(String[] args) {
    System.exit(run(args, System.getenv(), System.out, System.err));
  }

  static int run(String[] args, Map<String, String> environment, PrintStream out, PrintStream err) {
    boolean isVerbose = List.of(args).contains("--verbose");
    try {
      var commandLine = new CommandLine(new Main());
      commandLine.setDefaultValueProvider(new Settings(environment, CommonOptions.home()));
      commandLine.setOut(new java.io.PrintWriter(out, true, StandardCharsets.UTF_8));
      commandLine.setErr(new java.io.PrintWriter(err, true, StandardCharsets.UTF_8));
      commandLine.setParameterExceptionHandler(
          (failure, typed) -> {
            String words = WrongUsage.words(failure, List.of(typed));
            err.println("holdfast: " + oneLine(words) + helpHint(failure));
            return EXIT_USAGE;
          });
      commandLine.setExecutionExceptionHandler(
          (failure, command, parsed) -> report(failure, isVerbose, err));
      if (args.length == 0) {
        commandLine.usage(err);
        return EXIT_USAGE;
      }
      return commandLine.execute(args);
    } catch (UsageException e) {
      return report(e, isVerbose, err);
    }
  }

  private static String helpHint(ParameterException failure) {
    return " (see `" + failure.getCommandLine().getCommandSpec().qualifiedName() + " --help`)";
  }

  /** One line for people; the trace only when they asked for it. */
  private static int report(Exception failure, boolean isVerbose, PrintStream err) {
    String text =
        switch (failure) {
          case UsageException e -> e.getMessage();
          case HoldfastException e -> e.getMessage();
          default -> "internal error: " + failure + " (run again with --verbose and report it)";
        };
    err.println("holdfast: " + oneLine(text));
    if (isVerbose) {
      failure.printStackTrace(err);
    }
    return failure instanceof UsageException ? EXIT_USAGE : EXIT_FAILED;
  }

  private static String oneLine(String text) {
    return String.valueOf(text).replaceAll("\\s*\\R\\s*", " ");
  }
}
