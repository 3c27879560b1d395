package holdfast.process;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;

/** The program as people use it: as first designed, by several mounts, started and stopped. */
@Tag("process")
@Timeout(value = 180, unit = TimeUnit.SECONDS, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class UsageProcessTest {
  private static final Duration STOP_MAX = Duration.ofSeconds(20);

  /** An interface with a broadcast address that leads nowhere. */
  private static final String LAN_KIND = "veth peer name lan1";

  private static final Duration SEEN_MAX = Duration.ofSeconds(2);

  @RegisterExtension final Pools pools = new Pools();
  private final List<String> namespaces = new ArrayList<>();

  @AfterEach
  void removeTheNamespaces() throws Exception {
    for (String namespace : namespaces) {
      new ProcessBuilder("ip", "netns", "delete", namespace).inheritIO().start().waitFor();
    }
  }

  @Test
  void theOriginalUsageWorksAsTypedOnALan() throws Exception {
    originalUsage(true);
  }

  @Test
  void theOriginalUsageWorksAsTypedWithoutAnyLan() throws Exception {
    originalUsage(false);
  }

  /** Three terminals, nothing but what the first design says, in a network namespace. */
  private void originalUsage(boolean hasLan) throws Exception {
    Assumptions.assumeTrue(
        "root".equals(System.getProperty("user.name")), "only root may make a namespace");
    Pool pool = pools.empty();
    makeNamespace(pool, hasLan);
    Path mnt = Files.createDirectory(pool.work().resolve("mnt"));

    Launched first = pool.launch("first", words("peer --port 8000 --storage-dir ./peer1_data"));
    Launched second = pool.launch("second", words("peer --port 8001 --storage-dir ./peer2_data"));
    Launched mount = pool.launch("mount", words("mount --mount ./mnt"));
    String pool1 = first.awaitLine("peer ready ", Pool.READY_MAX).replaceAll(".* pool=", "");
    String pool2 = second.awaitLine("peer ready ", Pool.READY_MAX).replaceAll(".* pool=", "");
    String pool3 = mount.awaitLine("mount ready ", Pool.READY_MAX).replaceAll(".* pool=", "");

    assertThat(List.of(pool1, pool2)).containsOnly(pool3);
    Path file = pool.work().resolve("hello");
    Trees.writeRandom(file, 5_000_000, 1);
    pool.execute(List.of("cp", file.toString(), mnt.toString()), STOP_MAX).expectDone("cp");
    pool.execute(List.of("cmp", file.toString(), mnt + "/hello"), STOP_MAX).expectDone("cmp");
    assertThat(mnt.toFile().list()).containsExactly("hello");
    pool.execute(List.of("rm", mnt + "/hello"), STOP_MAX).expectDone("rm");
    assertThat(mnt).isEmptyDirectory();
    pool.run("status").expectDone("status");
    for (Launched process : List.of(mount, second, first)) {
      process.signal("TERM");
      assertThat(process.awaitExit(STOP_MAX)).as(process.name() + process.err()).isZero();
    }
    assertThat(Files.readString(Path.of("/proc/self/mountinfo"))).doesNotContain(mnt.toString());
  }

  /** Which mount namespace a process is in stays the same: what it mounts is seen here. */
  private void makeNamespace(Pool pool, boolean hasLan) throws IOException {
    String namespace = addNamespace(pool, hasLan ? "lan" : "lo");
    if (hasLan) {
      ip(pool, "-n " + namespace + " link add lan0 type " + LAN_KIND);
      ip(pool, "-n " + namespace + " address add 10.77.0.1/24 broadcast + dev lan0");
      ip(pool, "-n " + namespace + " link set lan0 up");
      ip(pool, "-n " + namespace + " link set lan1 up");
    }
    pool.runWith(List.of("nsenter", "--net=/run/netns/" + namespace));
  }

  private String addNamespace(Pool pool, String suffix) throws IOException {
    String namespace = "hf" + ProcessHandle.current().pid() + suffix;
    ip(pool, "netns add " + namespace);
    namespaces.add(namespace);
    ip(pool, "-n " + namespace + " link set lo up");
    return namespace;
  }

  @Test
  void twoMachinesWithACopiedHomeFindEachOtherByBroadcast() throws Exception {
    Assumptions.assumeTrue(
        "root".equals(System.getProperty("user.name")), "only root may make a namespace");
    Pool pool = pools.empty();
    String alice = addNamespace(pool, "a");
    String bob = addNamespace(pool, "b");
    ip(pool, "-n " + alice + " link add lan0 type veth peer name lan0 netns " + bob);
    for (String machine : List.of(alice, bob)) {
      String address = machine.equals(alice) ? "10.77.0.1/24" : "10.77.0.2/24";
      ip(pool, "-n " + machine + " address add " + address + " broadcast + dev lan0");
      ip(pool, "-n " + machine + " link set lan0 up");
    }
    Path mnt = Files.createDirectory(pool.work().resolve("mnt"));

    on(pool, alice, pool.home());
    Launched first = pool.launch("alice", words("peer --storage-dir ./alice"));
    String pool1 = first.awaitLine("peer ready ", Pool.READY_MAX);
    Path copy = pool.work().resolve("copied-home");
    pool.execute(List.of("cp", "-a", pool.home().toString(), copy.toString()), STOP_MAX);
    Files.deleteIfExists(copy.resolve("addresses"));
    on(pool, bob, copy);
    Launched second = pool.launch("bob", words("peer --storage-dir ./bob"));
    String pool2 = second.awaitLine("peer ready ", Pool.READY_MAX);
    Launched mount = pool.launch("mount", words("mount --mount ./mnt"));
    mount.awaitLine("mount ready ", Pool.READY_MAX);

    assertThat(pool1).contains("tcp=10.77.0.1:8000");
    assertThat(pool2).contains("tcp=10.77.0.2:8000").endsWith(pool1.replaceAll(".* pool=", ""));
    Await.until(
        "both in one pool",
        Pool.READY_MAX,
        () -> statusOf(pool).contains("\"address\" : \"10.77.0.2:8000\""),
        () -> statusOf(pool));
    Files.writeString(mnt.resolve("file"), "from bob");
    on(pool, alice, pool.home());
    assertThat(pool.run("get", "/file", "-").expectDone("get").out()).isEqualTo("from bob");
    mount.signal("TERM");
    assertThat(mount.awaitExit(STOP_MAX)).isZero();
  }

  private static String statusOf(Pool pool) {
    try {
      return pool.run("status", "--json").out();
    } catch (IOException e) {
      return e.toString();
    }
  }

  private static void on(Pool pool, String machine, Path home) {
    pool.runWith(List.of("nsenter", "--net=/run/netns/" + machine, "env", "HOLDFAST_HOME=" + home));
  }

  private static void ip(Pool pool, String arguments) throws IOException {
    var command = new ArrayList<>(List.of("ip"));
    command.addAll(words(arguments));
    pool.execute(command, STOP_MAX).expectDone("ip " + arguments);
  }

  private static List<String> words(String text) {
    return List.of(text.split(" "));
  }

  @Test
  void twoMountsSeeEachOthersFilesAndChanges() throws Exception {
    Pool pool = pools.start(2);
    Path one = pool.mount("one");
    Path two = pool.mount("two");

    Files.writeString(one.resolve("file"), "first");
    awaitContent(two.resolve("file"), "first");
    Files.writeString(two.resolve("file"), "second, longer");
    awaitContent(one.resolve("file"), "second, longer");
    Files.writeString(one.resolve("file"), "3");
    awaitContent(two.resolve("file"), "3");
    Files.createDirectory(two.resolve("folder"));
    Files.move(one.resolve("file"), one.resolve("folder/moved"));
    awaitContent(two.resolve("folder/moved"), "3");
    Await.until(
        "the old name to go",
        SEEN_MAX,
        () -> !Files.exists(two.resolve("file")),
        () -> "still there");
    Files.delete(two.resolve("folder/moved"));
    Await.until(
        "a removed file to go",
        SEEN_MAX,
        () -> !Files.exists(one.resolve("folder/moved")),
        () -> "still there");

    Files.writeString(pool.work().resolve("local"), "by put");
    pool.holdfast("put", pool.work().resolve("local").toString(), "/file").expectDone("put");
    awaitContent(one.resolve("file"), "by put");
    assertThat(pool.holdfast("ls", "/").out().lines()).containsExactly("file", "folder");
    pool.umount(one);
    pool.umount(two);
  }

  private static void awaitContent(Path file, String wanted) {
    Await.until(
        file + " to hold " + wanted,
        SEEN_MAX,
        () -> wanted.equals(content(file)),
        () -> content(file));
  }

  private static String content(Path file) {
    try {
      return Files.readString(file);
    } catch (IOException e) {
      return e.toString();
    }
  }

  @Test
  void whatIsUnsavedIsWrittenOutWhenAMountIsToldToStop() throws Exception {
    Pool pool = pools.start(2);
    Path mount = pool.mount("mnt");
    Launched process = pool.mountAt(mount);
    Path open = mount.resolve("open");

    try (var file = Files.newOutputStream(open)) {
      file.write("unsaved".getBytes(java.nio.charset.StandardCharsets.US_ASCII));
      process.signal("TERM");
      assertThat(process.awaitExit(STOP_MAX)).as(process.err()).isZero();
    } catch (IOException e) {
      System.out.println("close after the mount has gone: " + e.getMessage());
    }

    assertThat(pool.holdfast("get", "/open", "-").expectDone("get").out()).isEqualTo("unsaved");
    for (int peer : pool.running()) {
      pool.peer(peer).signal("TERM");
      assertThat(pool.peer(peer).awaitExit(STOP_MAX)).as(pool.peer(peer).err()).isZero();
    }
  }

  /** It saves, and ends its session, after the kernel has unmounted. */
  @Test
  void umountIsDoneWhenTheProcessOfTheMountIsGone() throws Exception {
    Pool pool = pools.start(1);
    Path mount = pool.mount("mnt");
    Launched process = pool.mountAt(mount);
    Files.writeString(mount.resolve("file"), "content");

    pool.run("umount", mount.toString()).expectDone("umount");

    assertThat(Path.of("/proc/" + process.pid() + "/exe").toFile()).doesNotExist();
    assertThat(process.awaitExit(STOP_MAX)).isZero();
  }

  /** umount(8) asks for the root's attributes and for the free space before it unmounts. */
  @Test
  void umountIsDoneThoughNoPeerIsLeft() throws Exception {
    Pool pool = pools.start(1);
    Path mount = pool.mount("mnt");
    Files.writeString(mount.resolve("file"), "content");
    pool.peer(1).kill();

    pool.run("umount", mount.toString()).expectDone("umount");

    assertThat(Files.readString(Path.of("/proc/self/mountinfo"))).doesNotContain(mount.toString());
  }

  @Test
  void tenProcessesStartedAtOnceShareOnePoolFile() throws Exception {
    Pool pool = pools.empty();
    var started = new ArrayList<Launched>();
    for (int peer = 1; peer <= 6; peer++) {
      started.add(pool.beginPeer(peer));
    }
    for (int client = 7; client <= 10; client++) {
      var command = new ArrayList<>(List.of("status", "--json", "--timeout", "60s"));
      command.addAll(pool.confinement());
      started.add(pool.launch("status" + client, command));
    }

    var seen = new HashSet<String>();
    for (Launched process : started.subList(0, 6)) {
      seen.add(process.awaitLine("peer ready ", Pool.READY_MAX).replaceAll(".* pool=", ""));
    }
    for (Launched process : started.subList(6, 10)) {
      assertThat(process.awaitExit(Duration.ofSeconds(70))).as(process.err()).isZero();
      seen.add(Status.parse(process.out()).pool());
    }

    assertThat(seen).hasSize(1);
    pool.awaitStatus("six peers up", status -> status.count("up") == 6);
    try (var files = Files.list(pool.home())) {
      assertThat(files.filter(file -> file.getFileName().toString().startsWith("pool")).toList())
          .hasSizeLessThanOrEqualTo(2);
    }
  }

  @Test
  void settingsAreShownAndChanged() throws Exception {
    Pool pool = pools.start(2);

    pool.holdfast("pool", "set", "replicas=2", "down-out=7s").expectDone("pool set");

    String shown = pool.holdfast("pool", "show").expectDone("pool show").out();
    assertThat(shown).contains("replicas=2").contains("down-out=7s");
    assertThat(pool.status().replicas()).isEqualTo(2);
    assertThat(pool.holdfast("status").expectDone("status").out()).startsWith("SAFE");
  }
}
