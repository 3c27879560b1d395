package holdfast.app;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/**
 * Does what users do, once, in one process: {@code jlink/build} runs it to record the class
 * archive, so that a peer, a mount and the short commands all start quickly. No command of the
 * program reaches it. Everything happens on the loopback address, below the folder that is its
 * argument, with {@code HOLDFAST_HOME} in it.
 *
 * <p>Ends with 0 if something worth recording ran; what did not is reported on standard error.
 */
final class Training {
  private static final int READY_MAX_S = 30;
  private static final int END_MAX_S = 30;

  /** Enough for several chunks. */
  private static final int FILE_BYTES = 9 << 20;

  private final Path folder;
  private final String address;

  private Training(Path folder, int port) {
    this.folder = folder;
    this.address = "127.0.0.1:" + port;
  }

  public static void main(String[] args) throws IOException, InterruptedException {
    int port;
    try (var free = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      port = free.getLocalPort();
    }
    var training = new Training(Path.of(args[0]), port);
    training.run();
    // The peer is still up: it stops as it would on SIGTERM.
    System.exit(Main.EXIT_DONE);
  }

  private void run() throws IOException, InterruptedException {
    Main.run(new String[] {"version"}, Map.of(), System.out, System.err);
    Path storage = folder.resolve("peer");
    if (!start(
        "peer ready",
        new CountDownLatch(1),
        "peer",
        "--storage-dir",
        storage.toString(),
        "--port",
        address.substring(address.indexOf(':') + 1),
        "--bind",
        "127.0.0.1",
        "--discovery",
        "off")) {
      return;
    }
    Path file = Files.write(folder.resolve("file"), new byte[FILE_BYTES]);
    say("put", file.toString(), "/put");
    say("ls", "/");
    say("get", "/put", folder.resolve("got").toString());
    mountAndCopy(file);
    say("rm", "/put");
    say("status");
    say("status", "--json");
    say("pool", "show");
  }

  private void mountAndCopy(Path file) throws IOException, InterruptedException {
    if (!Files.exists(Path.of("/dev/fuse"))) {
      System.err.println("training: no mount, because there is no /dev/fuse");
      return;
    }
    Path mount = Files.createDirectory(folder.resolve("mount"));
    var ended = new CountDownLatch(1);
    if (start("mount ready", ended, connected("mount", "--mount", mount.toString()))) {
      // Another process: one that waits in its own file system could wait for itself.
      copy(file, mount.resolve("copied"));
      copy(mount.resolve("copied"), folder.resolve("back"));
      Main.run(new String[] {"umount", mount.toString()}, Map.of(), System.out, System.err);
      if (!ended.await(END_MAX_S, TimeUnit.SECONDS)) {
        System.err.println("training: the mount did not end");
      }
    }
  }

  private static void copy(Path from, Path to) throws IOException, InterruptedException {
    Process copy = new ProcessBuilder("cp", from.toString(), to.toString()).inheritIO().start();
    if (copy.waitFor() != 0) {
      System.err.println("training: could not copy " + from + " to " + to);
    }
  }

  /** Runs a command that ends by itself. */
  private void say(String... args) {
    int exit = Main.run(connected(args), System.getenv(), System.out, System.err);
    if (exit != Main.EXIT_DONE) {
      System.err.println("training: " + String.join(" ", args) + ": exit=" + exit);
    }
  }

  /** Starts a command that goes on; whether it said that it is ready. */
  private static boolean start(String readyLine, CountDownLatch ended, String... args)
      throws InterruptedException {
    var ready = new CountDownLatch(1);
    var out = new PrintStream(new LineWatch(readyLine, ready), true, StandardCharsets.UTF_8);
    new Thread(
            () -> {
              Main.run(args, System.getenv(), out, System.err);
              ended.countDown();
            },
            args[0])
        .start();
    boolean isReady = ready.await(READY_MAX_S, TimeUnit.SECONDS);
    if (!isReady) {
      System.err.println("training: " + args[0] + " was not ready in " + READY_MAX_S + " s");
    }
    return isReady;
  }

  private String[] connected(String... args) {
    List<String> all = new ArrayList<>(List.of(args));
    all.addAll(List.of("--bind", "127.0.0.1", "--discovery", "off", "--peer", address));
    return all.toArray(String[]::new);
  }

  /** Releases a latch when a text was written. */
  private static final class LineWatch extends ByteArrayOutputStream {
    private final String awaited;
    private final CountDownLatch seen;

    LineWatch(String awaited, CountDownLatch seen) {
      this.awaited = awaited;
      this.seen = seen;
    }

    @Override
    public void flush() {
      if (toString(StandardCharsets.UTF_8).contains(awaited)) {
        seen.countDown();
      }
    }
  }
}
