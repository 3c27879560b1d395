package holdfast.process;

import java.io.IOException;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ThreadLocalRandom;
import java.util.function.Predicate;

/**
 * Real peers and mounts of the linked image in a folder of their own, on loopback only and with a
 * discovery address of their own, so that two pools never hear each other. Closing it unmounts,
 * kills and deletes everything; the logs stay if {@link #passed} wasn't called.
 */
final class Pool implements AutoCloseable {
  /** A peer or mount of this machine is ready within this time, however busy the machine is. */
  static final Duration READY_MAX = Duration.ofSeconds(30);

  /** Most a call may take when a peer has just died. */
  static final Duration CALL_MAX = Duration.ofSeconds(10);

  private static final Duration COMMAND_MAX = Duration.ofSeconds(60);

  /** What the shortest command takes at most on a machine with nothing else to do. */
  private static final long VERSION_IDLE_MS = 500;

  /** A status is a process of its own, which takes half a second of a core. */
  private static final long STATUS_EVERY_NS = 200_000_000L;

  private static final int PORT_FIRST = 20_000;
  private static final int PORT_COUNT = 12_000;

  /** Of all pools of this process: some tests run side by side. */
  private static final Set<Integer> TAKEN_PORTS = ConcurrentHashMap.newKeySet();

  private final String name;
  private final Path work;
  private final Path logs;
  private final Path home;
  private final String discovery;
  private final int discoveryPort;
  private final Map<Integer, Integer> ports = new TreeMap<>();
  private final Map<Integer, Launched> peers = new TreeMap<>();
  private final Map<Path, Launched> mounts = new HashMap<>();
  private final List<Launched> others = new ArrayList<>();
  private final Thread emergency = new Thread(this::endAll, "end-processes");
  private List<String> prefix = List.of();
  private boolean hasPassed;
  private int commandCount;

  private Pool(String name) throws IOException {
    this.name = name;
    Path root = Path.of(System.getProperty("holdfast.work", System.getProperty("java.io.tmpdir")));
    work = Files.createTempDirectory(root, "holdfast-" + name + "-");
    logs = Files.createDirectory(work.resolve("logs"));
    home = work.resolve("home");
    discoveryPort = freePort();
    discovery = "127.255.255.255:" + discoveryPort;
    Runtime.getRuntime().addShutdownHook(emergency);
  }

  /** A pool without peers. */
  static Pool empty(String name) throws IOException {
    return new Pool(name);
  }

  /** A pool with this many peers, numbered from 1, started one after the other, all in use. */
  static Pool start(String name, int peerCount, String... flags) throws Exception {
    var pool = new Pool(name);
    try {
      for (int peer = 1; peer <= peerCount; peer++) {
        pool.startPeer(peer, flags);
      }
      pool.awaitStatus("peers up", status -> status.count("up") == peerCount);
      return pool;
    } catch (Exception | AssertionError e) {
      pool.close();
      throw e;
    }
  }

  /** The program under test. */
  static String program() {
    return Path.of(System.getProperty("holdfast.image", "target/holdfast"), "bin", "holdfast")
        .toAbsolutePath()
        .toString();
  }

  /** Puts a command in front of all that are started from now on, such as {@code nsenter}. */
  void runWith(List<String> prefix) {
    this.prefix = List.copyOf(prefix);
  }

  Path work() {
    return work;
  }

  Path home() {
    return home;
  }

  Path logs() {
    return logs;
  }

  int discoveryPort() {
    return discoveryPort;
  }

  String discovery() {
    return discovery;
  }

  /** A TCP and UDP port nobody uses, below those the system gives out by itself. */
  int freePort() throws IOException {
    for (int attempt = 0; attempt < 1_000; attempt++) {
      int port = PORT_FIRST + ThreadLocalRandom.current().nextInt(PORT_COUNT);
      var address = new InetSocketAddress(InetAddress.getLoopbackAddress(), port);
      try (var tcp = new ServerSocket();
          var udp = new DatagramSocket(null)) {
        tcp.bind(address);
        udp.bind(address);
        if (TAKEN_PORTS.add(port)) {
          return port;
        }
      } catch (java.net.BindException e) {
        continue;
      }
    }
    throw new AssertionError("no free port");
  }

  /** The port of a peer, which stays the same over restarts. */
  int port(int peer) throws IOException {
    Integer known = ports.get(peer);
    if (known == null) {
      known = freePort();
      ports.put(peer, known);
    }
    return known;
  }

  Path storage(int peer) {
    return work.resolve("peer" + peer);
  }

  Launched peer(int peer) {
    return peers.get(peer);
  }

  /** Numbers of the peers that run. */
  List<Integer> running() {
    return peers.keySet().stream().filter(peer -> peers.get(peer).isAlive()).toList();
  }

  /** Flags that keep a command on loopback and within this pool. */
  List<String> confinement() {
    return List.of("--bind", "127.0.0.1", "--discovery", discovery);
  }

  Map<String, String> environment() {
    return Map.of(
        "HOLDFAST_HOME", home.toString(), "HOLDFAST_RUN_DIR", work.resolve("run").toString());
  }

  /** Starts a peer, again on its directory if it had one, and waits until it is ready. */
  Launched startPeer(int peer, String... flags) throws IOException {
    Launched started = beginPeer(peer, flags);
    started.awaitLine("peer ready ", READY_MAX);
    return started;
  }

  /** Starts a peer and doesn't wait. */
  Launched beginPeer(int peer, String... flags) throws IOException {
    var command = new ArrayList<String>();
    command.addAll(List.of("peer", "--storage-dir", storage(peer).toString()));
    command.addAll(List.of("--port", Integer.toString(port(peer))));
    command.addAll(confinement());
    command.addAll(List.of(flags));
    Launched started = launch("peer" + peer, command);
    peers.put(peer, started);
    return started;
  }

  /**
   * Mounts at {@code work/NAME} and waits until it is ready; also where a mount was killed, which
   * the new one clears.
   */
  Path mount(String folder, String... flags) throws IOException {
    Path place = work.resolve(folder);
    if (!mounts.containsKey(place)) {
      Files.createDirectories(place);
    }
    var command = new ArrayList<>(List.of("mount", "--mount", place.toString()));
    command.addAll(confinement());
    command.addAll(List.of(flags));
    Launched mount = launch("mount-" + folder, command);
    mounts.put(place, mount);
    mount.awaitLine("mount ready ", READY_MAX);
    return place;
  }

  Launched mountAt(Path place) {
    return mounts.get(place);
  }

  /** Unmounts with {@code holdfast umount}; both it and the mount must end with 0. */
  void umount(Path place) throws Exception {
    run("umount", place.toString()).expectDone("umount " + place);
    int exit = mounts.remove(place).awaitExit(Duration.ofSeconds(20));
    if (exit != 0) {
      throw new AssertionError("mount after umount: expected=exit 0, was=" + exit);
    }
  }

  /** Starts the program in the test's folder; it is ended with the pool. */
  Launched launch(String processName, List<String> arguments) throws IOException {
    var command = new ArrayList<>(prefix);
    command.add(program());
    command.addAll(arguments);
    Launched started = Launched.start(processName, logs, work, environment(), command);
    others.add(started);
    return started;
  }

  /** Starts any command in the test's folder; it is ended with the pool. */
  Launched launchCommand(String processName, List<String> command) throws IOException {
    Launched started = Launched.start(processName, logs, work, Map.of(), command);
    others.add(started);
    return started;
  }

  /** Runs the program to its end, as given. */
  Result run(String... arguments) throws IOException {
    return run(environment(), List.of(arguments));
  }

  Result run(Map<String, String> environment, List<String> arguments) throws IOException {
    var command = new ArrayList<>(prefix);
    command.add(program());
    command.addAll(arguments);
    return execute(environment, command, COMMAND_MAX);
  }

  /** Runs a command of the program on this pool's loopback. */
  Result holdfast(String... arguments) throws IOException {
    var all = new ArrayList<>(List.of(arguments));
    all.addAll(confinement());
    return run(environment(), all);
  }

  /**
   * As long as a command may take here and now that takes so long on a machine with nothing else to
   * do: longer by as much as the shortest command does, which is run for it.
   */
  long patienceMs(long idleMs) throws IOException {
    long versionMs = run("version").expectDone("version").elapsedMs();
    return Math.max(idleMs, idleMs * versionMs / VERSION_IDLE_MS);
  }

  /** Runs any command to its end; it is killed and the test fails if that takes too long. */
  Result execute(List<String> command, Duration limit) throws IOException {
    return execute(Map.of(), command, limit);
  }

  private Result execute(Map<String, String> environment, List<String> command, Duration limit)
      throws IOException {
    commandCount++;
    var started = Launched.start("command" + commandCount, logs, work, environment, command);
    others.add(started);
    try {
      int exit = started.awaitExit(limit);
      return new Result(exit, started.out(), started.err(), started.ageMs());
    } finally {
      if (started.isAlive()) {
        started.signal("KILL");
      }
      others.remove(started);
    }
  }

  Status status() throws IOException {
    return Status.parse(holdfast("status", "--json").expectDone("status").out());
  }

  /** Waits until status says so; a status that can't be had for a while is no failure. */
  Status awaitStatus(String what, Predicate<Status> condition) {
    return awaitStatus(what, Duration.ofSeconds(60), condition);
  }

  Status awaitStatus(String what, Duration limit, Predicate<Status> condition) {
    var last = new Object[] {"none"};
    var found = new Status[1];
    Await.until(
        what,
        limit,
        STATUS_EVERY_NS,
        () -> {
          try {
            Result result = holdfast("status", "--json");
            last[0] = result;
            if (result.exit() == 0) {
              found[0] = Status.parse(result.out());
            }
            return result.exit() == 0 && condition.test(found[0]);
          } catch (IOException e) {
            last[0] = e;
            return false;
          }
        },
        () -> String.valueOf(last[0]));
    return found[0];
  }

  /**
   * Every chunk has the copies it should have, by status and by the peers' own directories, and no
   * directory holds anything else.
   */
  void expectCopies(int count) throws IOException {
    long strays = expectCopiesOfReferenced(count);
    if (strays > 0) {
      throw new AssertionError("count chunks with too few copies: expected=0, was=" + strays);
    }
  }

  /**
   * As {@link #expectCopies}, but what a killed copy uploaded and never committed may lie about;
   * returns how many such chunks have fewer copies.
   */
  long expectCopiesOfReferenced(int count) throws IOException {
    Status status =
        awaitStatus(
            count + " copies of all",
            Duration.ofSeconds(90),
            seen -> seen.isSafe() && seen.missingCount() == 0);
    var copies = Segments.copies(running().stream().map(this::storage).toList());
    long enough = copies.values().stream().filter(found -> found >= count).count();
    if (enough < status.chunkCount()) {
      throw new AssertionError(
          "count chunks with "
              + count
              + " copies: status="
              + status.chunkCount()
              + ", was="
              + enough
              + " of "
              + copies.size());
    }
    return copies.size() - enough;
  }

  /** Number of the peer that leads. */
  int leader() throws IOException {
    Status status = awaitStatus("a leader", seen -> !seen.leader().isEmpty());
    String leader = status.leader();
    for (int peer : ports.keySet()) {
      String id = status.idAt("127.0.0.1:" + ports.get(peer));
      if (id.startsWith(leader) || leader.startsWith(id)) {
        return peer;
      }
    }
    throw new AssertionError("leader " + leader + " is none of the peers: " + status);
  }

  /** Nothing failed: the logs needn't be kept. */
  void passed() {
    hasPassed = true;
  }

  @Override
  public void close() throws IOException {
    endAll();
    try {
      Runtime.getRuntime().removeShutdownHook(emergency);
    } catch (IllegalStateException e) {
      return; // the hook runs
    }
    if (!hasPassed) {
      Path kept = Path.of("target", "process-logs", work.getFileName().toString());
      Files.createDirectories(kept.getParent());
      Trees.copy(logs, kept);
      System.out.println("logs of " + name + " kept in " + kept.toAbsolutePath());
    }
    Trees.delete(work);
  }

  /** Unmounts what is mounted below the test's folder and kills every process. */
  private void endAll() {
    var all = new ArrayList<>(others);
    all.addAll(peers.values());
    for (Launched process : all) {
      process.signal("CONT");
      process.signal("KILL");
    }
    try {
      for (String line : Files.readAllLines(Path.of("/proc/self/mountinfo"))) {
        String place = line.split(" ")[4];
        if (place.startsWith(work + "/")) {
          boolean isRoot = "root".equals(System.getProperty("user.name"));
          var command =
              // By force: calls that wait for a mount that can't answer end.
              isRoot ? List.of("umount", "-f", "-l", place) : List.of("fusermount", "-uz", place);
          new ProcessBuilder(command).inheritIO().start().waitFor();
        }
      }
    } catch (IOException e) {
      System.out.println("unmount below " + work + ": " + e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    for (Launched process : all) {
      try {
        process.awaitExit(Duration.ofSeconds(10));
      } catch (AssertionError e) {
        System.out.println("end " + process.name() + ": " + e.getMessage());
      }
    }
  }
}
