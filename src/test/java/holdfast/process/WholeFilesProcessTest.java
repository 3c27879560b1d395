package holdfast.process;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;

/** Whatever ends a {@code put} or {@code get}, a file has all of its old content or of its new. */
@Tag("process")
@Timeout(value = 400, unit = TimeUnit.SECONDS, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class WholeFilesProcessTest {
  private static final int OLD_BYTES = 5_000_000;

  /** Takes a second to copy, and doesn't fit into the full pool. */
  private static final long LARGE_BYTES = 100_000_000;

  /** A copy that has read so much is in the middle of it. */
  private static final long MIDDLE_BYTES = 25_000_000;

  /** A machine may be so busy that a chunk needs more than the standard time. */
  private static final String[] PATIENT = {"--timeout", "40s"};

  private static final Duration END_MAX = Duration.ofSeconds(120);

  /** A client that died keeps its locks for 13 s. */
  private static final Duration DEAD_MAX = Duration.ofSeconds(90);

  private static final List<String> STOP_SIGNALS = List.of("INT", "TERM", "HUP");

  @RegisterExtension final Pools pools = new Pools();
  private Pool pool;
  private Path old;
  private Path large;
  private int copyCount;

  private void start(int peerCount, String... flags) throws Exception {
    pool = pools.start(peerCount, flags);
    old = pool.work().resolve("old");
    Trees.writeRandom(old, OLD_BYTES, 1);
    large = pool.work().resolve("large");
    try (var file = new RandomAccessFile(large.toFile(), "rw")) {
      file.setLength(LARGE_BYTES);
    }
    pool.holdfast("put", old.toString(), "/file").expectDone("put");
  }

  /** Starts a copy and returns in the middle of it. */
  private Launched begin(String... arguments) throws IOException {
    var command = new ArrayList<>(List.of(arguments));
    command.addAll(pool.confinement());
    Launched copy = pool.launch(arguments[0] + ++copyCount, command);
    Await.until(
        "the middle of the copy",
        END_MAX,
        () -> readBytes(copy) > MIDDLE_BYTES,
        () -> readBytes(copy) + " bytes read; " + copy.err());
    return copy;
  }

  /** What a process has read by now, from files, sockets and all else. */
  private static long readBytes(Launched process) {
    try {
      return Files.readAllLines(Path.of("/proc/" + process.pid() + "/io")).stream()
          .filter(line -> line.startsWith("rchar:"))
          .mapToLong(line -> Long.parseLong(line.substring(7)))
          .sum();
    } catch (IOException e) {
      throw new AssertionError("it ended before the middle: " + process.err(), e);
    }
  }

  private void expectOld() throws IOException {
    Path got = pool.work().resolve("got");
    pool.holdfast("get", "/file", got.toString()).expectDone("get");
    assertThat(Files.mismatch(old, got)).as("first byte that is another").isEqualTo(-1);
    Files.delete(got);
  }

  private List<String> names() throws IOException {
    return pool.holdfast("ls", "/").expectDone("ls").out().lines().toList();
  }

  @Test
  @Execution(ExecutionMode.CONCURRENT)
  void aPutThatIsToldToStopLeavesTheOldFileAndNothingElse() throws Exception {
    start(2);
    for (String signal : STOP_SIGNALS) {
      Launched put = begin("put", large.toString(), "/file");

      put.signal(signal);

      assertThat(put.awaitExit(END_MAX)).as(signal + ": " + put.err()).isEqualTo(1);
      assertThat(put.err().lines()).as(signal).hasSize(1);
      assertThat(put.err()).as(signal).contains("stopped by a signal; /file is as it was");
      expectOld();
      assertThat(names()).as(signal).containsExactly("file");
    }
  }

  @Test
  @Execution(ExecutionMode.CONCURRENT)
  void aPutThatIsKilledLeavesTheOldFileAndWhatTheNextOneRemoves() throws Exception {
    start(2);
    Launched put = begin("put", large.toString(), "/file");

    put.kill();

    expectOld();
    assertThat(names()).hasSize(2).contains("file").anyMatch(name -> name.contains("holdfast-put"));
    Await.until(
        "the next put to remove what was left",
        DEAD_MAX,
        () -> {
          try {
            pool.holdfast("put", old.toString(), "/file").expectDone("put");
            return names().equals(List.of("file"));
          } catch (IOException e) {
            throw new AssertionError(e);
          }
        },
        () -> "still there");
    expectOld();
  }

  @Test
  @Execution(ExecutionMode.CONCURRENT)
  void aFullPoolKeepsTheOldFileAndTakesAnotherAfterwards() throws Exception {
    start(3, "--capacity", "75MB");

    Result put = pool.holdfast("put", large.toString(), "/file", PATIENT[0], PATIENT[1]);

    assertThat(put.exit()).isEqualTo(1);
    assertThat(put.onlyErrorLine()).contains("/file is as it was");
    expectOld();
    assertThat(names()).containsExactly("file");
    Path mount = pool.mount("mnt");
    // What was given up is freed when the chunks that nobody names are swept.
    Files.write(mount.resolve("small"), new byte[1_000]);
    pool.umount(mount);
  }

  @Test
  @Execution(ExecutionMode.CONCURRENT)
  void aPutThatLosesThePoolLeavesTheOldFile() throws Exception {
    start(3);
    Launched put = begin("put", large.toString(), "/file");

    for (int peer : pool.running()) {
      pool.peer(peer).kill();
    }

    assertThat(put.awaitExit(END_MAX)).as(put.err()).isEqualTo(1);
    assertThat(put.err().lines()).hasSize(1);
    assertThat(put.err()).contains("/file is as it was").contains("holdfast-put");
    for (int peer = 1; peer <= 3; peer++) {
      pool.startPeer(peer);
    }
    pool.awaitStatus("all peers up", status -> status.count("up") == 3);
    expectOld();
  }

  @Test
  @Execution(ExecutionMode.CONCURRENT)
  void aPutThatLosesOnePeerOfThreeEndsWell() throws Exception {
    start(3);
    Launched leader = pool.peer(pool.leader());
    Launched put = begin("put", large.toString(), "/file", PATIENT[0], PATIENT[1]);

    leader.kill();

    assertThat(put.awaitExit(END_MAX)).as(put.err()).isZero();
    assertThat(names()).containsExactly("file");
    assertThat(pool.holdfast("ls", "-l", "/").out()).contains(Long.toString(LARGE_BYTES));
  }

  private void putLarge() throws IOException {
    pool.holdfast("put", large.toString(), "/large", PATIENT[0], PATIENT[1]).expectDone("put");
  }

  private Path startGet() throws Exception {
    start(2);
    putLarge();
    Path folder = Files.createDirectory(pool.work().resolve("folder"));
    return Files.copy(old, folder.resolve("local"));
  }

  private void expectOld(Path local, int nameCount) throws IOException {
    assertThat(Files.mismatch(old, local)).as("first byte that is another").isEqualTo(-1);
    assertThat(local.getParent().toFile().list()).hasSize(nameCount);
  }

  @Test
  @Execution(ExecutionMode.CONCURRENT)
  void aGetThatIsToldToStopLeavesTheOldFileAndNothingElse() throws Exception {
    Path local = startGet();
    for (String signal : STOP_SIGNALS) {
      Launched get = begin("get", "/large", local.toString());

      get.signal(signal);

      assertThat(get.awaitExit(END_MAX)).as(signal + ": " + get.err()).isEqualTo(1);
      assertThat(get.err().lines()).as(signal).hasSize(1);
      assertThat(get.err()).as(signal).contains("by a signal; " + local + " is as it was");
      expectOld(local, 1);
    }
  }

  @Test
  @Execution(ExecutionMode.CONCURRENT)
  void aGetThatIsKilledLeavesTheOldFileAndWhatTheNextOneRemoves() throws Exception {
    Path local = startGet();
    Launched get = begin("get", "/large", local.toString());

    get.kill();

    expectOld(local, 2);
    pool.holdfast("get", "/file", local.toString()).expectDone("get");
    expectOld(local, 1);
  }

  @Test
  @Execution(ExecutionMode.CONCURRENT)
  void aGetThatLosesThePoolLeavesTheOldFile() throws Exception {
    Path local = startGet();
    Launched get = begin("get", "/large", local.toString());

    for (int peer : pool.running()) {
      pool.peer(peer).kill();
    }

    assertThat(get.awaitExit(END_MAX)).as(get.err()).isEqualTo(1);
    assertThat(get.err()).contains(local + " is as it was");
    expectOld(local, 1);
  }

  @Test
  @Execution(ExecutionMode.CONCURRENT)
  void aGetOntoAFullDiskLeavesTheOldFile() throws Exception {
    Assumptions.assumeTrue(
        "root".equals(System.getProperty("user.name")), "only root may mount a small disk");
    start(2);
    putLarge();
    Path disk = Files.createDirectory(pool.work().resolve("disk"));
    var mount = List.of("mount", "-t", "tmpfs", "-o", "size=20m", "none", disk.toString());
    pool.execute(mount, END_MAX).expectDone("mount");
    Path local = Files.copy(old, disk.resolve("local"));

    Result get = pool.holdfast("get", "/large", local.toString());

    assertThat(get.exit()).isEqualTo(1);
    assertThat(get.onlyErrorLine()).contains("No space left on device").contains("is as it was");
    expectOld(local, 1);
  }

  @Test
  @Execution(ExecutionMode.CONCURRENT)
  void modeAndTimeAreKeptThereAndBack() throws Exception {
    start(2);
    Files.setAttribute(old, "unix:mode", 0751);
    Files.setLastModifiedTime(old, FileTime.from(1_111_111_111_987_654_321L, TimeUnit.NANOSECONDS));

    pool.holdfast("put", old.toString(), "/file").expectDone("put");
    Path mount = pool.mount("mnt");
    Path back = pool.work().resolve("back");
    pool.holdfast("get", "/file", back.toString()).expectDone("get");

    for (Path file : List.of(mount.resolve("file"), back)) {
      assertThat((Integer) Files.getAttribute(file, "unix:mode") & 07777).isEqualTo(0751);
      assertThat(Files.getLastModifiedTime(file)).isEqualTo(Files.getLastModifiedTime(old));
      assertThat(Files.mismatch(old, file)).isEqualTo(-1);
    }
    pool.umount(mount);
  }

  @Test
  @Execution(ExecutionMode.CONCURRENT)
  void whoReadsOnAMountMeanwhileSeesOneOrTheOther() throws Exception {
    start(2);
    Path file = pool.mount("mnt").resolve("file");
    Path other = pool.work().resolve("other");
    Trees.writeRandom(other, OLD_BYTES + 1_000, 2);
    var isOver = new AtomicBoolean();
    var seen = new int[2];
    var reader =
        new Thread(
            () -> {
              while (!isOver.get()) {
                seen[isOneOf(file, other) ? 1 : 0]++;
              }
            });
    var failures = new ArrayList<Throwable>();
    reader.setUncaughtExceptionHandler((thread, failure) -> failures.add(failure));
    reader.start();

    for (int round = 0; round < 6; round++) {
      Path source = round % 2 == 0 ? other : old;
      pool.holdfast("put", source.toString(), "/file").expectDone("put");
    }

    isOver.set(true);
    reader.join();
    assertThat(failures).isEmpty();
    assertThat(seen[0]).isPositive();
    assertThat(seen[1]).isPositive();
    pool.umount(file.getParent());
  }

  /** Whether the file is the other one; fails if it is the old one neither. */
  private boolean isOneOf(Path file, Path other) {
    try {
      byte[] found = Files.readAllBytes(file);
      Path wanted = found.length == OLD_BYTES ? old : other;
      assertThat(found).isEqualTo(Files.readAllBytes(wanted));
      return wanted.equals(other);
    } catch (IOException e) {
      throw new AssertionError("read " + file, e);
    }
  }
}
