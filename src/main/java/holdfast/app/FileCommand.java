package holdfast.app;

import holdfast.client.ClientFileSystem;
import holdfast.client.api.ClientOptions;
import java.io.IOException;
import java.io.PrintWriter;
import java.time.Duration;
import java.util.concurrent.Callable;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** The base of the commands that work on files without a mount. */
abstract class FileCommand implements Callable<Integer> {
  @Option(
      names = "--timeout",
      paramLabel = "TIME",
      description = "Longest wait of a call (default: ${DEFAULT-VALUE}).")
  String timeout = "10s";

  @Mixin CommonOptions common;
  @Spec CommandSpec spec;

  /** Does the command's work. */
  abstract void run(ClientFileSystem files, PrintWriter out) throws IOException;

  @Override
  public final Integer call() throws IOException {
    LogOutput.start(System.err, common.isVerbose, true);
    Duration limit = Durations.parse("--timeout", timeout);
    Ids ids = Ids.ofThisProcess();
    ClientOptions.Owner owner =
        ids.uid() == 0 ? null : new ClientOptions.Owner(ids.uid(), ids.gid());
    var options = new ClientOptions(limit, ClientOptions.CACHE_BYTES, false, owner);
    try (ClientNode node = ClientNode.connect(common, limit);
        ClientFileSystem files = node.fileSystem(options)) {
      run(files, spec.commandLine().getOut());
    }
    return Main.EXIT_DONE;
  }
}
