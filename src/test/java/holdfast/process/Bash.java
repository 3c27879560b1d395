package holdfast.process;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** Runs scripts of bash that use programs as people do; the first command that fails ends them. */
final class Bash {
  private static final Duration SCRIPT_MAX = Duration.ofSeconds(120);

  /** Git asks nothing of this machine's users, and does no work of its own in the background. */
  private static final Map<String, String> GIT =
      Map.of(
          "GIT_CONFIG_NOSYSTEM", "1",
          "GIT_CONFIG_GLOBAL", "/dev/null",
          "GIT_AUTHOR_NAME", "Tester",
          "GIT_AUTHOR_EMAIL", "tester@example.org",
          "GIT_COMMITTER_NAME", "Tester",
          "GIT_COMMITTER_EMAIL", "tester@example.org",
          "GIT_CONFIG_COUNT", "1",
          "GIT_CONFIG_KEY_0", "gc.auto",
          "GIT_CONFIG_VALUE_0", "0");

  private final Pool pool;
  private final Map<String, String> variables = new TreeMap<>(GIT);

  Bash(Pool pool) {
    this.pool = pool;
    variables.put("LC_ALL", "C");
  }

  /** Fails unless a program is installed. */
  static void need(String program, String debianPackage) {
    for (String folder : List.of("/usr/bin", "/bin", "/usr/sbin", "/sbin", "/usr/local/bin")) {
      if (Files.isExecutable(Path.of(folder, program))) {
        return;
      }
    }
    throw new AssertionError(
        "find program "
            + program
            + ": expected=installed, was=missing; apt-get install "
            + debianPackage);
  }

  /** A variable of all scripts that are run from now on. */
  Bash with(String name, Object value) {
    variables.put(name, value.toString());
    return this;
  }

  /** The command that runs it, to be started by other means. */
  List<String> command(String script) {
    var command = new ArrayList<>(List.of("env"));
    variables.forEach((name, value) -> command.add(name + "=" + value));
    command.addAll(List.of("bash", "-eu", "-o", "pipefail", "-c", script));
    return command;
  }

  /** Runs it to its end; what it prints. */
  String run(String what, String script) throws IOException {
    return pool.execute(command(script), SCRIPT_MAX).expectDone(what).out();
  }
}
