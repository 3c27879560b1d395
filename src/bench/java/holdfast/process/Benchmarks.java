package holdfast.process;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Stream;

/**
 * Measures the program beside the local disk and a passthrough file system, in one run, going round
 * all of them several times. Run by {@code jlink/bench}; {@code docs/benchmarks.md} explains it.
 *
 * <p>System properties: {@code rounds}, {@code fileMiB}, {@code files}. Prints Markdown.
 */
final class Benchmarks {
  private static final int ROUNDS = Integer.getInteger("rounds", 3);
  private static final long FILE_BYTES = Long.getLong("fileMiB", 1_024) << 20;
  private static final int FILES = Integer.getInteger("files", 2_000);
  private static final int PEERS = 3;
  private static final int SMALL_BYTES = 4_096;
  private static final Duration COMMAND_MAX = Duration.ofMinutes(10);
  private static final long SETTLE_NS = TimeUnit.SECONDS.toNanos(3);

  /** Memory touched before each large write: three copies, what sends them, and as much again. */
  private static final long TOUCH_BYTES = 6 * FILE_BYTES;

  private static final Path DROP_CACHES = Path.of("/proc/sys/vm/drop_caches");

  /** Row, then candidate, to what each round gave. */
  private final Map<String, Map<String, List<Double>>> rows = new LinkedHashMap<>();

  private final Pool pool;
  private final Path source;
  private final List<Candidate> candidates = new ArrayList<>();

  private Benchmarks(Pool pool) {
    this.pool = pool;
    this.source = pool.work().resolve("source");
  }

  public static void main(String[] arguments) throws Exception {
    try (Pool pool = Pool.empty("bench")) {
      new Benchmarks(pool).run();
      pool.passed();
    }
  }

  /** A folder to work in, and the processes that serve it. */
  private interface Candidate {
    String name();

    Path folder();

    List<Launched> processes();

    /** Drops what the file system's own process and the kernel keep of it. */
    void remount() throws Exception;
  }

  private record LocalDisk(Path folder) implements Candidate {
    @Override
    public String name() {
      return "local disk";
    }

    @Override
    public List<Launched> processes() {
      return List.of();
    }

    @Override
    public void remount() {}
  }

  private static final class Passthrough implements Candidate {
    private final Pool pool;
    private final Path folder;
    private final Path below;
    private Launched process;

    Passthrough(Pool pool) throws Exception {
      this.pool = pool;
      folder = Files.createDirectory(pool.work().resolve("bindfs"));
      below = Files.createDirectory(pool.work().resolve("bindfs-below"));
      mount();
    }

    private void mount() throws IOException {
      process =
          Launched.start(
              "bindfs",
              pool.logs(),
              pool.work(),
              Map.of(),
              List.of("bindfs", "-f", below.toString(), folder.toString()));
      Await.until(
          "bindfs",
          Duration.ofSeconds(10),
          () -> Benchmarks.isMounted(folder),
          () -> process.err());
    }

    @Override
    public String name() {
      return "bindfs";
    }

    @Override
    public Path folder() {
      return folder;
    }

    @Override
    public List<Launched> processes() {
      return List.of(process);
    }

    @Override
    public void remount() throws Exception {
      pool.execute(List.of("umount", folder.toString()), COMMAND_MAX).expectDone("umount bindfs");
      process.awaitExit(Duration.ofSeconds(10));
      mount();
    }
  }

  private static final class Holdfast implements Candidate {
    private final Pool pool;
    private Path mount;

    Holdfast(Pool pool) throws IOException {
      this.pool = pool;
      mount = pool.mount("mnt");
    }

    @Override
    public String name() {
      return "Holdfast";
    }

    @Override
    public Path folder() {
      return mount;
    }

    @Override
    public List<Launched> processes() {
      var all = new ArrayList<>(pool.running().stream().map(pool::peer).toList());
      all.add(pool.mountAt(mount));
      return all;
    }

    @Override
    public void remount() throws Exception {
      pool.umount(mount);
      mount = pool.mount("mnt");
    }
  }

  private void run() throws Exception {
    System.err.println("starting " + PEERS + " peers");
    long[] firstReadyMs = new long[PEERS];
    for (int peer = 1; peer <= PEERS; peer++) {
      Launched started = pool.startPeer(peer);
      firstReadyMs[peer - 1] = started.readyMs();
    }
    pool.awaitStatus("peers up", status -> status.count("up") == PEERS);
    var holdfast = new Holdfast(pool);
    LockSupport.parkNanos(SETTLE_NS);
    Map<String, Memory> idle = memory(holdfast);
    candidates.add(new LocalDisk(Files.createDirectory(pool.work().resolve("local"))));
    candidates.add(new Passthrough(pool));
    candidates.add(holdfast);
    Trees.writeRandom(source, FILE_BYTES, 1);

    for (int round = 1; round <= ROUNDS; round++) {
      for (Candidate candidate : candidates) {
        System.err.println("round " + round + " of " + ROUNDS + ": " + candidate.name());
        measure(candidate);
      }
    }
    Map<String, Memory> after = memory(holdfast);
    measureStarts(holdfast);
    print(firstReadyMs, idle, after);
  }

  private void measure(Candidate candidate) throws Exception {
    // What was written before is not to be paid for now, and the source is to be in memory.
    shell("sync");
    touchMemory();
    shell("cat " + source + " > /dev/null");
    Path large = candidate.folder().resolve("large");
    measureLarge(candidate, "sequential write", "cp " + source + " " + large);
    shell("sync");
    candidate.remount();
    measureLarge(
        candidate, "read, client's caches empty", "dd if=" + large + " of=/dev/null bs=128k");
    candidate.remount();
    if (Files.isWritable(DROP_CACHES)) {
      Files.writeString(DROP_CACHES, "3");
      measureLarge(
          candidate, "read, nothing in memory", "dd if=" + large + " of=/dev/null bs=128k");
    }
    Files.delete(large);
    measureSmall(candidate);
  }

  /**
   * Some virtual machines hand memory that is free back to their host, and the first touch costs
   * several times what is measured here: it is paid now, the same for every candidate.
   */
  private void touchMemory() throws IOException {
    Path touched = pool.work().resolve("touched");
    shell("head -c " + TOUCH_BYTES + " /dev/zero > " + touched + "; rm " + touched);
  }

  private void measureLarge(Candidate candidate, String row, String command) throws Exception {
    long cpuMs = cpuMs(candidate);
    long startNs = System.nanoTime();
    shell(command);
    double elapsedS = (System.nanoTime() - startNs) / 1e9;
    double cpuS = (cpuMs(candidate) - cpuMs) / 1e3;
    add(row + ", MB/s", candidate, FILE_BYTES / 1e6 / elapsedS);
    add(row + ", CPU s/GiB", candidate, cpuS * (1L << 30) / FILE_BYTES);
  }

  private void measureSmall(Candidate candidate) throws Exception {
    Path folder = Files.createDirectory(candidate.folder().resolve("small"));
    byte[] bytes = new byte[SMALL_BYTES];
    new java.util.Random(1).nextBytes(bytes);
    each(candidate, "create 4 KiB", folder, file -> Files.write(file, bytes));
    candidate.remount();
    Path seen = candidate.folder().resolve("small");
    each(candidate, "stat", seen, file -> Files.size(file));
    candidate.remount();
    Path read = candidate.folder().resolve("small");
    each(
        candidate,
        "read 4 KiB",
        read,
        file -> {
          if (Files.readAllBytes(file).length != SMALL_BYTES) {
            throw new IOException("read " + file + ": not whole");
          }
          return null;
        });
    each(
        candidate,
        "remove",
        read,
        file -> {
          Files.delete(file);
          return null;
        });
    Files.delete(read);
  }

  /** A call on one file. */
  private interface Call {
    Object on(Path file) throws IOException;
  }

  private void each(Candidate candidate, String what, Path folder, Call call) throws IOException {
    long startNs = System.nanoTime();
    for (int i = 0; i < FILES; i++) {
      call.on(folder.resolve("file-" + i));
    }
    double perFileUs = (System.nanoTime() - startNs) / 1e3 / FILES;
    add(FILES + " files: " + what + ", µs each", candidate, perFileUs);
  }

  /** Times from exec to the ready line, of peers and mounts of a pool that exists. */
  private void measureStarts(Holdfast holdfast) throws Exception {
    for (int round = 0; round < ROUNDS; round++) {
      pool.peer(PEERS).signal("TERM");
      pool.peer(PEERS).awaitExit(Duration.ofSeconds(20));
      add("peer: from exec to ready, ms", holdfast, pool.startPeer(PEERS).readyMs());
      pool.awaitStatus("peers up", status -> status.count("up") == PEERS);
      holdfast.remount();
      add("mount: from exec to ready, ms", holdfast, pool.mountAt(holdfast.folder()).readyMs());
    }
  }

  /** Resident memory of a process, and the part of it that is not mapped files. */
  private record Memory(long residentBytes, long anonymousBytes) {}

  private static Map<String, Memory> memory(Candidate candidate) {
    var memory = new LinkedHashMap<String, Memory>();
    for (Launched process : candidate.processes()) {
      memory.put(process.name(), new Memory(process.residentBytes(), process.anonymousBytes()));
    }
    return memory;
  }

  private static long cpuMs(Candidate candidate) {
    return candidate.processes().stream().mapToLong(Launched::cpuMs).sum();
  }

  private void shell(String command) throws IOException {
    pool.execute(List.of("sh", "-c", command), COMMAND_MAX).expectDone(command);
  }

  private void add(String row, Candidate candidate, double value) {
    rows.computeIfAbsent(row, name -> new LinkedHashMap<>())
        .computeIfAbsent(candidate.name(), name -> new ArrayList<>())
        .add(value);
    System.err.printf(Locale.ROOT, "  %s: %.1f%n", row, value);
  }

  private static boolean isMounted(Path place) {
    try {
      return Files.readString(Path.of("/proc/self/mountinfo")).contains(" " + place + " ");
    } catch (IOException e) {
      return false;
    }
  }

  private void print(long[] firstReadyMs, Map<String, Memory> idle, Map<String, Memory> after)
      throws IOException {
    System.out.println(
        "| | "
            + String.join(" | ", candidates.stream().map(c -> c.name()).toList())
            + " | Holdfast, each round |");
    System.out.println("|---|---:|---:|---:|---|");
    rows.forEach(
        (row, values) -> {
          var cells = new ArrayList<String>();
          for (Candidate candidate : candidates) {
            List<Double> found = values.get(candidate.name());
            cells.add(found == null ? "" : number(median(found)));
          }
          List<Double> ours = values.getOrDefault("Holdfast", List.of());
          String each = String.join(", ", ours.stream().map(Benchmarks::number).toList());
          System.out.println("| " + row + " | " + String.join(" | ", cells) + " | " + each + " |");
        });
    System.out.println();
    System.out.println(
        "| memory (RSS), MiB | idle | of it its own | after all of the above | of it its own |");
    System.out.println("|---|---:|---:|---:|---:|");
    idle.forEach(
        (process, before) -> {
          Memory then = after.get(process);
          System.out.printf(
              Locale.ROOT,
              "| %s | %d | %d | %d | %d |%n",
              process,
              before.residentBytes() >> 20,
              before.anonymousBytes() >> 20,
              then.residentBytes() >> 20,
              then.anonymousBytes() >> 20);
        });
    System.out.println();
    System.out.printf(
        "First start of a peer (makes keys; the first one also the home and the pool), ready after:"
            + " %s ms.%n",
        java.util.Arrays.toString(firstReadyMs));
    System.out.printf("Image: %s.%n", imageSize());
  }

  private static String imageSize() throws IOException {
    Path image = Path.of(Pool.program()).getParent().getParent();
    long archive = Files.size(image.resolve("lib/holdfast.archive"));
    try (Stream<Path> files = Files.walk(image)) {
      long all = files.filter(Files::isRegularFile).mapToLong(file -> file.toFile().length()).sum();
      return (all - archive) / 1_000_000
          + " MB and "
          + archive / 1_000_000
          + " MB of class archive";
    }
  }

  private static double median(List<Double> values) {
    var sorted = new ArrayList<>(values);
    Collections.sort(sorted);
    int middle = sorted.size() / 2;
    return sorted.size() % 2 == 1
        ? sorted.get(middle)
        : (sorted.get(middle - 1) + sorted.get(middle)) / 2;
  }

  private static String number(double value) {
    return String.format(Locale.ROOT, value < 10 ? "%.2f" : "%.0f", value);
  }
}
