package holdfast.process;

import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.TimeUnit;

/**
 * A program in Debian's python with a folder as its working directory: it says lines, and goes on
 * when it is told to.
 */
final class Script implements AutoCloseable {
  private final Process process;
  private final BufferedReader lines;

  Script(Path folder, String program) throws IOException {
    process =
        new ProcessBuilder(
                "/usr/bin/python3",
                "-u",
                "-c",
                "import fcntl, os, struct, sys\n" + "def wait(): sys.stdin.readline()\n" + program)
            .directory(folder.toFile())
            .redirectErrorStream(true)
            .start();
    lines = process.inputReader();
  }

  /** Its next line; null when it has ended. */
  String line(Duration limit) throws Exception {
    return Await.within("line of a script", limit, lines::readLine);
  }

  void goOn() throws IOException {
    process.outputWriter().append("go on\n").flush();
  }

  void kill() {
    process.destroyForcibly();
  }

  int exit(Duration limit) throws InterruptedException {
    if (!process.waitFor(limit.toMillis(), TimeUnit.MILLISECONDS)) {
      throw new AssertionError("wait for script: expected=its end within " + limit + ", was=none");
    }
    return process.exitValue();
  }

  @Override
  public void close() {
    process.destroyForcibly();
  }
}
