package holdfast.client.fuse;

import holdfast.util.NamedThreads;
import holdfast.util.SystemClocks;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;

/** A mount in a process of its own, to be stopped and killed. */
public final class ChildMount implements AutoCloseable {
  private static final String READY = "ready";
  private final Process process;

  /** Starts it and waits until it is mounted. */
  ChildMount(Path directory) throws IOException {
    var command = new ArrayList<String>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.add("-XX:+IgnoreUnrecognizedVMOptions");
    command.add("--sun-misc-unsafe-memory-access=allow");
    command.add("--enable-native-access=ALL-UNNAMED");
    command.addAll(List.of("-Xmx128m", "-cp", classPath()));
    command.addAll(List.of(ChildMount.class.getName(), directory.toString()));
    process = new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT).start();
    var output = new BufferedReader(new InputStreamReader(process.getInputStream()));
    String line = output.readLine();
    if (!READY.equals(line)) {
      process.destroyForcibly();
      throw new AssertionError("child: expected=" + READY + ", was=" + line);
    }
  }

  /** Everything this process has, whether it runs from the class path or from modules. */
  private static String classPath() {
    var parts = new LinkedHashSet<String>();
    for (Class<?> type : List.of(ChildMount.class, FuseMount.class, jnr.ffi.Runtime.class)) {
      parts.add(
          Path.of(
                  java.net.URI.create(
                      type.getProtectionDomain().getCodeSource().getLocation().toString()))
              .toString());
    }
    for (String property : List.of("java.class.path", "jdk.module.path")) {
      String value = System.getProperty(property);
      if (value != null) {
        parts.addAll(List.of(value.split(":")));
      }
    }
    return String.join(":", parts);
  }

  long pid() {
    return process.pid();
  }

  /** SIGKILL, and waits until it is gone. */
  void kill() throws InterruptedException {
    process.destroyForcibly().waitFor();
  }

  /** Waits for its end and returns the exit code. */
  int awaitExit() throws InterruptedException {
    return process.waitFor();
  }

  void signal(String name) throws IOException, InterruptedException {
    new ProcessBuilder("kill", "-" + name, Long.toString(pid())).start().waitFor();
  }

  /** SIGKILL; the process may linger for a moment. */
  @Override
  public void close() {
    process.destroyForcibly();
  }

  public static void main(String[] arguments) throws InterruptedException {
    var threads = new NamedThreads((thread, e) -> e.printStackTrace());
    var mount =
        FuseMount.mount(
            new MemoryFileSystem(60_000), // what a kernel may keep must not hide a dead mount
            Path.of(arguments[0]),
            new MountOptions("holdfast:child", false, false, MountedFixture.OPTIONS.deadline()),
            threads,
            SystemClocks.monotonic());
    System.out.println(READY);
    mount.awaitUnmounted();
  }
}
