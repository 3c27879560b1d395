package holdfast.process;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/** A process that was started; what it prints goes to two files of the test's folder. */
final class Launched {
  private final String name;
  private final Process process;
  private final Path out;
  private final Path err;
  private final long startNs;
  private long readyMs;

  private Launched(String name, Process process, Path out, Path err, long startNs) {
    this.name = name;
    this.process = process;
    this.out = out;
    this.err = err;
    this.startNs = startNs;
  }

  /** Starts a command; its output files are {@code logs/NAME.out} and {@code .err}, appended to. */
  static Launched start(
      String name, Path logs, Path directory, Map<String, String> environment, List<String> command)
      throws IOException {
    Path out = logs.resolve(name + ".out");
    Path err = logs.resolve(name + ".err");
    Files.deleteIfExists(out);
    var builder =
        new ProcessBuilder(command)
            .directory(directory.toFile())
            .redirectInput(Path.of("/dev/null").toFile())
            .redirectOutput(ProcessBuilder.Redirect.appendTo(out.toFile()))
            .redirectError(ProcessBuilder.Redirect.appendTo(err.toFile()));
    builder.environment().putAll(environment);
    long startNs = System.nanoTime();
    return new Launched(name, builder.start(), out, err, startNs);
  }

  long pid() {
    return process.pid();
  }

  String name() {
    return name;
  }

  boolean isAlive() {
    return process.isAlive();
  }

  String out() {
    return read(out);
  }

  String err() {
    return read(err);
  }

  private static String read(Path file) {
    try {
      return Files.exists(file) ? Files.readString(file, StandardCharsets.UTF_8) : "";
    } catch (IOException e) {
      return "(" + e + ")";
    }
  }

  /** Waits for a line of its output that begins so; returns the line. */
  String awaitLine(String prefix, Duration limit) {
    Await.until(
        name + " to print " + prefix,
        limit,
        () -> out().lines().anyMatch(line -> line.startsWith(prefix)) || !isAlive(),
        this::describe);
    readyMs = ageMs();
    return out()
        .lines()
        .filter(line -> line.startsWith(prefix))
        .findFirst()
        .orElseThrow(
            () -> new AssertionError(name + " ended before " + prefix + ": " + describe()));
  }

  /** Milliseconds from its start to the line that was waited for last. */
  long readyMs() {
    return readyMs;
  }

  /** Milliseconds since it was started. */
  long ageMs() {
    return TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - startNs);
  }

  /** Sends it a signal, such as KILL, TERM, STOP. */
  void signal(String signal) {
    if (!isAlive()) {
      return;
    }
    try {
      // The shell's own: not every system has the program.
      new ProcessBuilder("sh", "-c", "kill -" + signal + " " + pid()).start().waitFor();
    } catch (IOException e) {
      throw new AssertionError("signal " + name + ": " + e, e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new AssertionError("interrupted", e);
    }
  }

  /** SIGKILL, and waits until it is gone. */
  void kill() {
    process.destroyForcibly();
    awaitExit(Duration.ofSeconds(10));
  }

  /** Waits for its end; returns the exit code. */
  int awaitExit(Duration limit) {
    try {
      if (!process.waitFor(limit.toMillis(), TimeUnit.MILLISECONDS)) {
        throw new AssertionError(
            name + ": expected=ended within " + limit + ", was=running; " + describe());
      }
      return process.exitValue();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new AssertionError("interrupted", e);
    }
  }

  /** Its memory in RAM. */
  long residentBytes() {
    return statusBytes("VmRSS:");
  }

  /** The part of it that is its own: what it has mapped of files doesn't count. */
  long anonymousBytes() {
    return statusBytes("RssAnon:");
  }

  private long statusBytes(String field) {
    return 1_024L
        * Long.parseLong(
            read(Path.of("/proc/" + pid() + "/status"))
                .lines()
                .filter(line -> line.startsWith(field))
                .map(line -> line.replaceAll("\\D", ""))
                .findFirst()
                .orElse("0"));
  }

  /** Processor time it used so far, user and system. */
  long cpuMs() {
    String stat = read(Path.of("/proc/" + pid() + "/stat"));
    String[] fields = stat.substring(stat.lastIndexOf(')') + 2).split(" ");
    // Fields 14 and 15 of proc(5), in ticks of 10 ms; the first after the name is 3.
    return 10 * (Long.parseLong(fields[11]) + Long.parseLong(fields[12]));
  }

  private String describe() {
    var lines = new ArrayList<>(err().lines().toList());
    int from = Math.max(0, lines.size() - 15);
    return (isAlive() ? "running" : "exit " + process.exitValue())
        + ", out="
        + out().strip()
        + ", err=\n"
        + String.join("\n", lines.subList(from, lines.size()));
  }
}
