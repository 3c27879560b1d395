package holdfast.app;

import holdfast.client.ClientFileSystem;
import holdfast.client.api.ClientOptions;
import holdfast.model.HoldfastException;
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
      description = "How long nothing of a call may move (default: ${DEFAULT-VALUE}).")
  String timeout = "10s";

  @Mixin CommonOptions common;
  @Spec CommandSpec spec;

  /**
   * Looks at what was typed, and at what there is on this machine, before any peer is searched.
   *
   * @throws UsageException or a {@link CommandFailure}: it can't be done, whatever the pool has
   */
  abstract void checkArguments();

  /** Does the command's work. */
  abstract void run(ClientFileSystem files, PrintWriter out);

  @Override
  public final Integer call() {
    LogOutput.start(System.err, common.isVerbose, true);
    Duration limit = Durations.timeout(timeout);
    checkArguments();
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

  /**
   * Does it; what fails in it is told in a shell's words.
   *
   * @param what the command and what it was given, as it was typed
   */
  static void attempt(String what, Runnable part) {
    try {
      part.run();
    } catch (HoldfastException e) {
      throw CommandFailure.of(what, e);
    }
  }
}
