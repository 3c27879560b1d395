package holdfast.app;

import java.util.concurrent.Callable;
import picocli.CommandLine;
import picocli.CommandLine.Command;

/** The program's entry point: parses the command line and ends with the command's exit code. */
@Command(
    name = "holdfast",
    description = "Pools the spare disks of a LAN into one encrypted folder.",
    version = "holdfast " + Version.CURRENT,
    mixinStandardHelpOptions = true,
    subcommands = Main.VersionCommand.class,
    synopsisSubcommandLabel = "COMMAND")
final class Main {

  private Main() {}

  public static void main(String[] args) {
    System.exit(new CommandLine(new Main()).execute(args));
  }

  /** {@code holdfast version}. */
  @Command(name = "version", description = "Prints the version.")
  static final class VersionCommand implements Callable<Integer> {

    @Override
    public Integer call() {
      System.out.println("holdfast " + Version.CURRENT);
      return CommandLine.ExitCode.OK;
    }
  }
}
