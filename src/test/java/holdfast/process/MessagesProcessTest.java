package holdfast.process;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.zip.CRC32C;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;

/** Wrong usage and bad input each give one clear line and the right exit code. */
@Tag("process")
@Timeout(value = 180, unit = TimeUnit.SECONDS, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class MessagesProcessTest {
  private static final int FAILED = 1;
  private static final int USAGE = 2;

  @RegisterExtension final Pools pools = new Pools();

  @Test
  @Execution(ExecutionMode.CONCURRENT)
  void wrongUsageGivesOneLineAndExitCodeTwo() throws IOException {
    Pool pool = pools.empty();
    String storage = pool.storage(1).toString();

    expectLine(run(pool, "peer"), USAGE, "--storage-dir");
    expectLine(
        run(pool, "peer", "--storage-dir", storage, "--capacity", "plenty"),
        USAGE,
        "--capacity",
        "expected=a number with an optional unit",
        "plenty");
    expectLine(
        run(pool, "peer", "--storage-dir", storage, "--capacity", "-5G"),
        USAGE,
        "--capacity",
        "-5G");
    expectLine(
        run(pool, "peer", "--storage-dir", storage, "--port", "99999"),
        USAGE,
        "--port",
        "1 to 65535",
        "99999");
    expectLine(
        run(pool, "peer", "--storage-dir", storage, "--port", "http"), USAGE, "--port", "http");
    expectLine(
        run(pool, "peer", "--storage-dir", storage, "--discovery", "127.0.0.1:x"),
        USAGE,
        "--discovery");
    expectLine(
        run(pool, "peer", "--storage-dir", storage, "--bind", "not an address"),
        USAGE,
        "--bind",
        "not an address");
    expectLine(run(pool, "peer", "--storage-dir", storage, "--frobnicate"), USAGE, "--frobnicate");
    expectLine(run(pool, "mount"), USAGE, "--mount");
    expectLine(run(pool, "mount", "--mount", "x", "--timeout", "soon"), USAGE, "--timeout", "soon");
    expectLine(
        run(pool, "mount", "--mount", "x", "--cache-size", "big"), USAGE, "--cache-size", "big");
    expectLine(run(pool, "status", "--peer", "nowhere"), USAGE, "--peer", "HOST:PORT", "nowhere");
    expectLine(run(pool, "pool", "set", "replicas=many"), USAGE, "replicas", "many");
    expectLine(run(pool, "pool", "set", "colour=blue"), USAGE, "colour=blue");
    expectLine(run(pool, "mout"), USAGE, "unknown command: mout; did you mean mount?");
    assertThat(pool.storage(1)).doesNotExist();
  }

  @Test
  @Execution(ExecutionMode.CONCURRENT)
  void aPeerSaysWhatIsWrongWithItsPortAndDirectory() throws Exception {
    Pool pool = pools.start(1);
    String taken = Integer.toString(pool.port(1));
    String other = Integer.toString(pool.freePort());
    String second = pool.storage(2).toString();

    expectLine(
        confined(pool, "peer", "--storage-dir", second, "--port", taken), FAILED, taken, "--port");
    expectLine(
        confined(pool, "peer", "--storage-dir", pool.storage(1).toString(), "--port", other),
        FAILED,
        pool.storage(1).toString(),
        "pid " + pool.peer(1).pid());

    Path file = Files.createFile(pool.work().resolve("a-file"));
    expectLine(
        confined(pool, "peer", "--storage-dir", file.toString(), "--port", other),
        FAILED,
        file.toString());

    pool.peer(1).signal("TERM");
    assertThat(pool.peer(1).awaitExit(Duration.ofSeconds(20))).isZero();
    makeNewer(pool.storage(1).resolve("format"));
    expectLine(
        confined(pool, "peer", "--storage-dir", pool.storage(1).toString(), "--port", other),
        FAILED,
        "too new",
        "format");
  }

  @Test
  @Execution(ExecutionMode.CONCURRENT)
  void aMountSaysWhatIsWrongWithItsDirectory() throws Exception {
    Pool pool = pools.start(1);
    Path missing = pool.work().resolve("missing");
    Path full = Files.createDirectories(pool.work().resolve("full/inside")).getParent();
    Path file = Files.createFile(pool.work().resolve("a-file"));
    Path mount = pool.mount("mnt");

    expectLine(
        confined(pool, "mount", "--mount", missing.toString()),
        FAILED,
        missing.toString(),
        "no such directory",
        "mkdir");
    expectLine(
        confined(pool, "mount", "--mount", full.toString()), FAILED, full.toString(), "not empty");
    expectLine(
        confined(pool, "mount", "--mount", file.toString()),
        FAILED,
        file.toString(),
        "not a directory");
    expectLine(
        confined(pool, "mount", "--mount", mount.toString()),
        FAILED,
        mount.toString(),
        "expected=nothing mounted there",
        "holdfast umount");
    expectLine(run(pool, "umount", full.toString()), FAILED, full.toString(), "no pool is mounted");
  }

  @Test
  @Execution(ExecutionMode.CONCURRENT)
  void aStaleMountIsClearedByTheNextMountAndByUmount() throws Exception {
    Pool pool = pools.start(1);
    Path mount = pool.mount("mnt");
    Files.writeString(mount.resolve("a"), "a");
    pool.mountAt(mount).kill();
    assertThat(Files.isDirectory(mount)).as("the mount is stale").isFalse();

    Launched next = pool.launch("mount-next", mountCommand(pool, mount));
    next.awaitLine("mount ready ", Pool.READY_MAX);

    assertThat(mount.resolve("a")).hasContent("a");
    assertThat(next.err()).contains("clearing the stale mount");
    next.kill();
    pool.run("umount", mount.toString()).expectDone("umount of a stale mount");
    assertThat(mount).isEmptyDirectory();
  }

  @Test
  @Execution(ExecutionMode.CONCURRENT)
  void whoFindsNoPeerSaysWhatWasTriedAndForHowLong() throws Exception {
    Pool pool = pools.empty();
    Files.createDirectories(pool.work().resolve("mnt"));
    String nobody = "127.0.0.1:" + pool.freePort();

    Result status = confined(pool, "status", "--timeout", "3s", "--peer", nobody);
    Result mount =
        confined(
            pool, "mount", "--timeout", "3s", "--mount", pool.work().resolve("mnt").toString());

    expectLine(status, FAILED, "find a peer", "3 s", nobody, "holdfast peer", "UDP");
    expectLine(mount, FAILED, "find a peer", "3 s", "holdfast peer");
    assertThat(status.elapsedMs()).isLessThan(pool.patienceMs(10_000));
  }

  @Test
  @Execution(ExecutionMode.CONCURRENT)
  void aMissingFuseDeviceIsToldByName() throws Exception {
    Assumptions.assumeTrue(
        "root".equals(System.getProperty("user.name")), "only root may hide a device");
    Pool pool = pools.start(1);
    Path mount = Files.createDirectories(pool.work().resolve("mnt"));
    Path devices = Files.createDirectories(pool.work().resolve("dev"));
    // A /dev of its own, without fuse, in a mount namespace of its own.
    String script =
        "set -e; mount --make-rprivate /; mount -t tmpfs tmpfs "
            + devices
            + "; for d in null zero random urandom; do touch "
            + devices
            + "/$d; mount --bind /dev/$d "
            + devices
            + "/$d; done; mount --rbind "
            + devices
            + " /dev; exec \"$@\"";
    pool.runWith(List.of("unshare", "-m", "sh", "-c", script, "sh"));

    Result result = pool.run(mountCommand(pool, mount).toArray(String[]::new));

    expectLine(result, FAILED, "/dev/fuse", "missing", "modprobe fuse");
  }

  @Test
  @Execution(ExecutionMode.CONCURRENT)
  void missingFilesAreToldByTheFileCommands() throws Exception {
    Pool pool = pools.start(1);

    for (String path : List.of("none", "/none", "/none/below")) {
      expectLine(
          confined(pool, "get", path, "-"), FAILED, "get " + path + ": no such file or directory");
      expectLine(confined(pool, "rm", path), FAILED, "rm " + path + ": no such file or directory");
      expectLine(confined(pool, "ls", path), FAILED, "ls " + path + ": no such file or directory");
    }
    Path file = Files.createFile(pool.work().resolve("a-file"));
    expectLine(
        confined(pool, "put", file.toString(), "/none/a"),
        FAILED,
        "put /none/a: no such file or directory");
    expectLine(confined(pool, "pool", "set", "replicas=0"), FAILED, "replicas", "0");
  }

  /** Nobody waits for a peer to hear of a typing error. */
  @Test
  @Execution(ExecutionMode.CONCURRENT)
  void whatIsWrongHereIsToldBeforeAnyPeerIsSearched() throws Exception {
    Pool pool = pools.empty();
    Path none = pool.work().resolve("none");
    Path file = Files.createFile(pool.work().resolve("a-file"));

    expectLine(
        confined(pool, "put", none.toString(), "/a"),
        USAGE,
        "put " + none + ": no such file or directory");
    expectLine(confined(pool, "put", file.toString(), "/a/../b"), USAGE, "..");
    expectLine(
        confined(pool, "get", "/a", none + "/a"),
        FAILED,
        "write " + none + "/a: no such file or directory");
    expectLine(confined(pool, "get", "/", file.toString()), USAGE, "get /: is a directory");
    expectLine(confined(pool, "rm", "/a", "/"), USAGE, "rm /: ");
    expectLine(confined(pool, "ls", "../a"), USAGE, "..");
    expectLine(
        confined(pool, "mount", "--mount", none.toString()),
        FAILED,
        "mount " + none + ": no such directory");
    expectLine(
        confined(pool, "mount", "--mount", file.toString()),
        FAILED,
        "mount " + file + ": not a directory");
    expectLine(run(pool, "status", "--bind", "192.0.2.1"), USAGE, "--bind", "192.0.2.1");
    expectLine(
        run(pool, "umount", none + "/a"), FAILED, "umount " + none + "/a: no such directory");
    expectLine(
        confined(pool, "peer", "--storage-dir", file.toString()),
        FAILED,
        "--storage-dir " + file + ": not a directory");
  }

  @Test
  @Execution(ExecutionMode.CONCURRENT)
  void anUnknownHostAndAClosedPortAreToldInWords() throws Exception {
    Pool pool = pools.empty();
    // Longer than a name's part may be: it is unknown without a question to any server.
    String unknown = "no-such-host".repeat(6) + ":8000";
    String closed = "127.0.0.1:" + pool.freePort();

    Result status =
        confined(pool, "status", "--timeout", "3s", "--peer", unknown, "--peer", closed);

    expectLine(
        status,
        FAILED,
        "find a peer: none answered in 3 s",
        unknown + " (unknown host)",
        closed + " (connection refused)");
  }

  /** The image has what is needed to find the place of a failure. */
  @Test
  @Execution(ExecutionMode.CONCURRENT)
  void aStackTraceHasLineNumbers() throws Exception {
    Pool pool = pools.empty();

    Result failed = confined(pool, "get", "/a", pool.work() + "/none/a", "--verbose");

    assertThat(failed.err())
        .containsPattern("GetCommand\\.destination\\(GetCommand\\.java:\\d+\\)");
    assertThat(failed.err()).doesNotContain("Unknown Source");
  }

  private static List<String> mountCommand(Pool pool, Path place) {
    var command = new ArrayList<>(List.of("mount", "--mount", place.toString()));
    command.addAll(pool.confinement());
    return command;
  }

  private static Result run(Pool pool, String... arguments) throws IOException {
    return pool.run(arguments);
  }

  private static Result confined(Pool pool, String... arguments) throws IOException {
    return pool.holdfast(arguments);
  }

  private static void expectLine(Result result, int exit, String... parts) {
    String line = result.onlyErrorLine();
    System.out.println("exit " + result.exit() + ": " + line);
    assertThat(result.exit()).as(line).isEqualTo(exit);
    assertThat(line).startsWith("holdfast: ").contains(parts);
    assertThat(result.out()).as("standard output").isEmpty();
  }

  /** Raises the version of a format file, with a right checksum. */
  private static void makeNewer(Path format) throws IOException {
    byte[] bytes = Files.readAllBytes(format);
    var buffer = ByteBuffer.wrap(bytes);
    buffer.putInt(8, buffer.getInt(8) + 1);
    var crc = new CRC32C();
    crc.update(bytes, 0, 60);
    buffer.putInt(60, (int) crc.getValue());
    try (var channel = FileChannel.open(format, StandardOpenOption.WRITE)) {
      channel.write(buffer, 0);
    }
  }
}
