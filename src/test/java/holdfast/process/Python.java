package holdfast.process;

import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** Scripts that run side by side, each a process of its own; closing ends those that still run. */
final class Python implements AutoCloseable {
  private static final String PROGRAM = "/usr/bin/python3";

  private final Pool pool;
  private final List<Launched> started = new ArrayList<>();

  Python(Pool pool) {
    this.pool = pool;
  }

  /** Starts a script, which finds the arguments in {@code sys.argv[1:]}. */
  Launched start(String name, String script, Object... arguments) throws IOException {
    var command = new ArrayList<>(List.of(PROGRAM, "-c", script));
    for (Object argument : arguments) {
      command.add(argument.toString());
    }
    Launched process = Launched.start(name, pool.logs(), pool.work(), Map.of(), command);
    started.add(process);
    return process;
  }

  /** Runs a script to its end; returns what it printed. */
  String run(String name, Duration limit, String script, Object... arguments) throws IOException {
    Launched process = start(name, script, arguments);
    expectDone(process, limit);
    return process.out();
  }

  /** Waits for all that were started; each must end with 0. */
  void awaitAll(Duration limit) {
    started.forEach(process -> expectDone(process, limit));
  }

  private static void expectDone(Launched process, Duration limit) {
    int exit = process.awaitExit(limit);
    if (exit != 0) {
      throw new AssertionError(
          process.name() + ": expected=exit 0, was=" + exit + ", err=\n" + process.err());
    }
  }

  @Override
  public void close() {
    started.stream().filter(Launched::isAlive).forEach(Launched::kill);
  }
}
