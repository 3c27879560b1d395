package holdfast.process;

import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * Programs in Debian's python that run side by side, each a process of its own, in one folder; how
 * tests start any. Closing ends those that still run.
 */
public final class Python implements AutoCloseable {
  private static final String PROGRAM = "/usr/bin/python3";

  /** What every program has. */
  private static final String PRELUDE =
      """
      import fcntl, os, struct, sys
      def wait(): sys.stdin.readline()
      """;

  private final Path folder;
  private final Path logsOrNull;
  private final Map<String, String> variables = new TreeMap<>(Map.of("LC_ALL", "C"));
  private final List<Script> started = new ArrayList<>();

  /** In this folder; what they write to standard error goes to the test's. */
  public Python(Path folder) {
    this(folder, null);
  }

  /** In the pool's folder; what they write to standard error is kept with the pool's logs. */
  Python(Pool pool) {
    this(pool.work(), pool.logs());
  }

  private Python(Path folder, Path logsOrNull) {
    this.folder = folder.toAbsolutePath();
    this.logsOrNull = logsOrNull;
  }

  /** A variable of all programs that are started from now on. */
  public Python with(String name, Object value) {
    variables.put(name, value.toString());
    return this;
  }

  /** Starts a program, which finds the arguments in {@code sys.argv[1:]}. */
  public Script start(String name, String program, Object... arguments) throws IOException {
    var all = new ArrayList<Object>(List.of("-u", "-c", PRELUDE + program));
    all.addAll(List.of(arguments));
    return startWith(name, all.toArray());
  }

  /** Starts python itself with these arguments: a file, a module. */
  public Script startWith(String name, Object... arguments) throws IOException {
    var command = new ArrayList<>(List.of(PROGRAM));
    for (Object argument : arguments) {
      command.add(argument.toString());
    }
    Path errOrNull = logsOrNull == null ? null : logsOrNull.resolve(name + ".err");
    var builder =
        new ProcessBuilder(command)
            .directory(folder.toFile())
            .redirectError(
                errOrNull == null
                    ? ProcessBuilder.Redirect.INHERIT
                    : ProcessBuilder.Redirect.appendTo(errOrNull.toFile()));
    builder.environment().putAll(variables);
    var script = new Script(name, builder.start(), errOrNull);
    started.add(script);
    return script;
  }

  /** Runs a program to its end; returns what it printed. */
  public String run(String name, Duration limit, String program, Object... arguments)
      throws IOException {
    Script script = start(name, program, arguments);
    try {
      script.expectDone(limit);
    } finally {
      if (script.isAlive()) {
        script.kill();
      }
    }
    return script.out();
  }

  /** A word of a shell's line: what runs a program without apostrophes. */
  public static String command(String program) {
    return PROGRAM + " -c '" + PRELUDE + program + "'";
  }

  /** Waits for all that were started; each must end with 0. */
  public void awaitAll(Duration limit) {
    started.forEach(script -> script.expectDone(limit));
  }

  @Override
  public void close() {
    started.stream().filter(Script::isAlive).forEach(Script::kill);
  }
}
