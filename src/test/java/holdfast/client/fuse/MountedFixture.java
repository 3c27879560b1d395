package holdfast.client.fuse;

import holdfast.client.api.PoolFileSystem;
import holdfast.util.MonotonicClock;
import holdfast.util.NamedThreads;
import holdfast.util.SystemClocks;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Assumptions;

/** A file system mounted in a temporary directory; closing unmounts whatever is left. */
final class MountedFixture implements AutoCloseable {
  static final long COMMAND_TIMEOUT_S = 60;

  /** Writable, for the mounting user, with the deadline that the program has. */
  static final MountOptions OPTIONS = options(Duration.ofSeconds(12));

  final Path directory;
  final FuseMount mount;
  final Queue<Throwable> uncaught = new ConcurrentLinkedQueue<>();
  final NamedThreads threads = new NamedThreads((thread, e) -> uncaught.add(e));

  MountedFixture(PoolFileSystem files) throws IOException {
    this(files, OPTIONS);
  }

  MountedFixture(PoolFileSystem files, MountOptions options) throws IOException {
    this(files, options, SystemClocks.monotonic());
  }

  MountedFixture(PoolFileSystem files, MountOptions options, MonotonicClock clock)
      throws IOException {
    assumeMountingPossible();
    directory = Files.createTempDirectory("holdfast-mount");
    mount = FuseMount.mount(files, directory, options, threads, clock);
  }

  /** As {@link #OPTIONS}, with another deadline. */
  static MountOptions options(Duration deadline) {
    return new MountOptions("holdfast:test", false, false, deadline);
  }

  /** Without the device (an unprivileged container) there is nothing to try. */
  static void assumeMountingPossible() {
    Assumptions.assumeTrue(Files.exists(Path.of("/dev/fuse")), "no /dev/fuse");
    Assumptions.assumeTrue(Unmount.isRoot(), "mounting in tests needs root");
  }

  Path path(String name) {
    return directory.resolve(name);
  }

  /** What a program did. */
  record Result(int exit, String output) {}

  /** Runs a shell line in the mounted directory; its output, standard error included. */
  Result shell(String line) throws IOException, InterruptedException {
    return shell(directory, line);
  }

  static Result shell(Path directory, String line) throws IOException, InterruptedException {
    var builder =
        new ProcessBuilder(
                List.of("bash", "-c", "cd \"$1\" && " + line, "bash", directory.toString()))
            .redirectErrorStream(true);
    builder.environment().put("LC_ALL", "C");
    var output = Files.createTempFile("holdfast-shell", ".out");
    try {
      var process = builder.redirectOutput(output.toFile()).start();
      if (!process.waitFor(COMMAND_TIMEOUT_S, TimeUnit.SECONDS)) {
        process.destroyForcibly();
        throw new AssertionError("hangs: " + line);
      }
      return new Result(
          process.exitValue(),
          new String(Files.readAllBytes(output), StandardCharsets.ISO_8859_1).strip());
    } finally {
      Files.delete(output);
    }
  }

  /** Runs a shell line that must succeed. */
  String run(String line) throws IOException, InterruptedException {
    var result = shell(line);
    if (result.exit() != 0) {
      throw new AssertionError(line + ": exit " + result.exit() + ": " + result.output());
    }
    return result.output();
  }

  @Override
  public void close() throws IOException {
    mount.unmount();
    new Unmount(SystemClocks.monotonic()).detach(directory);
    Files.delete(directory);
    if (!uncaught.isEmpty()) {
      throw new AssertionError("thread died", uncaught.peek());
    }
  }
}
