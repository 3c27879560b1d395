package holdfast.process;

import java.io.BufferedReader;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;

/** A program that {@link Python} started: it says lines, and goes on when it is told to. */
public final class Script {
  private final String name;
  private final Process process;
  private final Path errOrNull;
  private final BlockingQueue<Optional<String>> lines = new LinkedBlockingQueue<>();
  private final StringBuffer out = new StringBuffer();
  private final Thread reader = new Thread(this::read, "output of a script");

  Script(String name, Process process, Path errOrNull) {
    this.name = name;
    this.process = process;
    this.errOrNull = errOrNull;
    reader.setDaemon(true);
    reader.start();
  }

  private void read() {
    try (BufferedReader from = process.inputReader(StandardCharsets.UTF_8)) {
      for (String line = from.readLine(); line != null; line = from.readLine()) {
        out.append(line).append('\n');
        lines.add(Optional.of(line));
      }
    } catch (IOException e) {
      out.append("(" + e + ")\n");
    }
    lines.add(Optional.empty());
  }

  public String name() {
    return name;
  }

  public long pid() {
    return process.pid();
  }

  public boolean isAlive() {
    return process.isAlive();
  }

  /** What it has said; all of it once {@link #awaitExit} returned. */
  public String out() {
    return out.toString();
  }

  /** What it has written to standard error, where that is kept. */
  public String err() {
    try {
      return errOrNull == null ? "(see standard error)" : Files.readString(errOrNull);
    } catch (IOException e) {
      return "(" + e + ")";
    }
  }

  /** Its next line; null when it has ended. */
  public String line(Duration limit) throws InterruptedException {
    Optional<String> line = lines.poll(limit.toMillis(), TimeUnit.MILLISECONDS);
    if (line == null) {
      throw new AssertionError(
          name + ": expected=a line within " + limit + ", was=none, err=\n" + err());
    }
    if (line.isEmpty()) {
      lines.add(line); // and so it is from now on
    }
    return line.orElse(null);
  }

  /** Tells it a line. */
  public void say(String line) throws IOException {
    process.outputWriter(StandardCharsets.UTF_8).append(line).append('\n').flush();
  }

  /** Tells it that no more lines will come. */
  public void endInput() throws IOException {
    process.outputWriter(StandardCharsets.UTF_8).close();
  }

  /** Ends its {@code wait()}. */
  public void goOn() throws IOException {
    say("go on");
  }

  /** SIGKILL, and waits until it is gone. */
  public void kill() {
    process.destroyForcibly();
    awaitExit(Duration.ofSeconds(10));
  }

  /** Waits for its end; its exit code. */
  public int awaitExit(Duration limit) {
    try {
      if (!process.waitFor(limit.toMillis(), TimeUnit.MILLISECONDS)) {
        throw new AssertionError(
            name + ": expected=ended within " + limit + ", was=running, err=\n" + err());
      }
      reader.join(limit.toMillis());
      return process.exitValue();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new AssertionError("interrupted", e);
    }
  }

  /** Waits for its end, which must be a success. */
  public void expectDone(Duration limit) {
    int exit = awaitExit(limit);
    if (exit != 0) {
      throw new AssertionError(
          name + ": expected=exit 0, was=" + exit + ", out=\n" + out() + ", err=\n" + err());
    }
  }
}
