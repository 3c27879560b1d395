package holdfast.process;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.Socket;
import java.net.StandardSocketOptions;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;

/** Strangers and noise change nothing. */
@Tag("process")
@Timeout(value = 120, unit = TimeUnit.SECONDS, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class StrangersProcessTest {
  private static final int CONNECTIONS = 400;
  private static final int IDLE_CONNECTIONS = 200;
  private static final int DATAGRAMS = 20_000;
  private static final long GROWTH_MAX_BYTES = 150L << 20;

  /** Lines of the log that may tell of one kind of stranger: one per source and kind. */
  private static final int LINES_MAX = 4;

  @RegisterExtension final Pools pools = new Pools();

  @Test
  void aNodeWithAnotherPoolSecretIsRefusedAndSaysSo() throws Exception {
    Pool pool = pools.start(2);
    Map<String, String> stranger =
        Map.of("HOLDFAST_HOME", pool.work().resolve("strangers-home").toString());
    String address = "127.0.0.1:" + pool.port(1);

    Result refused =
        pool.run(
            stranger,
            List.of(
                "ls",
                "--bind",
                "127.0.0.1",
                "--discovery",
                "off",
                "--peer",
                address,
                "--timeout",
                "4s"));

    assertThat(refused.exit()).isEqualTo(1);
    assertThat(refused.onlyErrorLine()).contains(address).contains("another pool");
    assertThat(refused.elapsedMs()).isLessThan(pool.patienceMs(10_000));
    assertThat(refusals(pool, 1)).as(pool.peer(1).err()).isBetween(1L, (long) LINES_MAX);
    expectService(pool);
  }

  @Test
  void aPeerOfAnotherPoolStaysOutThoughItHearsTheSameBroadcasts() throws Exception {
    Pool pool = pools.start(2);
    Path folder = pool.work().resolve("stranger");
    Files.createDirectories(folder);
    var command =
        new ArrayList<>(List.of(Pool.program(), "peer", "--storage-dir", folder + "/disk"));
    command.addAll(List.of("--port", Integer.toString(pool.freePort())));
    command.addAll(pool.confinement());
    command.addAll(List.of("--peer", "127.0.0.1:" + pool.port(1)));
    Launched stranger =
        Launched.start(
            "stranger",
            pool.logs(),
            folder,
            Map.of("HOLDFAST_HOME", folder.resolve("home").toString()),
            command);
    try {
      String ready = stranger.awaitLine("peer ready ", Pool.READY_MAX);

      assertThat(ready).doesNotContain(pool.status().pool());
      expectService(pool);
      assertThat(pool.status().states()).hasSize(2);
      assertThat(refusals(pool, 1)).as(pool.peer(1).err()).isLessThanOrEqualTo(LINES_MAX);
    } finally {
      stranger.kill();
    }
  }

  @Test
  void randomBytesAndDatagramsAreRefusedLoggedOnceAndCostLittleMemory() throws Exception {
    long seed = Long.getLong("seed", System.nanoTime());
    System.out.println("seed=" + seed);
    var random = new Random(seed);
    Pool pool = pools.start(2);
    Path mount = pool.mount("mnt");
    Files.writeString(mount.resolve("before"), "before");
    long before = pool.peer(1).residentBytes();

    List<Socket> idle = new ArrayList<>();
    try {
      throwBytes(pool.port(1), random);
      for (int i = 0; i < IDLE_CONNECTIONS; i++) {
        idle.add(new Socket(InetAddress.getLoopbackAddress(), pool.port(1)));
      }
      throwDatagrams(pool.discoveryPort(), random);

      Files.writeString(mount.resolve("meanwhile"), "meanwhile");
      assertThat(mount.resolve("before")).hasContent("before");
      assertThat(mount.resolve("meanwhile")).hasContent("meanwhile");
    } finally {
      for (Socket socket : idle) {
        socket.close();
      }
    }

    long growth = pool.peer(1).residentBytes() - before;
    System.out.println("memory grew by " + (growth >> 20) + " MiB");
    assertThat(growth).isLessThan(GROWTH_MAX_BYTES);
    assertThat(refusals(pool, 1)).as(pool.peer(1).err()).isBetween(1L, (long) LINES_MAX);
    assertThat(pool.peer(1).err().lines().filter(line -> line.contains("another pool is on")))
        .hasSizeLessThanOrEqualTo(1);
    assertThat(pool.peer(1).err()).doesNotContain("Exception");
    Await.until(
        "half-open connections to end",
        Duration.ofSeconds(10),
        () -> pool.peer(1).isAlive(),
        () -> "dead");
    expectService(pool);
    pool.umount(mount);
  }

  private static long refusals(Pool pool, int peer) {
    return pool.peer(peer).err().lines().filter(line -> line.contains("refuse")).count();
  }

  private static void throwBytes(int port, Random random) throws IOException {
    for (int i = 0; i < CONNECTIONS; i++) {
      byte[] bytes = new byte[1 + random.nextInt(20_000)];
      random.nextBytes(bytes);
      if (i % 4 == 0) {
        // The first bytes of a right message, so that more of it is looked at.
        System.arraycopy(
            new byte[] {'H', 'F', 'H', '1', 1, 1, 1}, 0, bytes, 0, Math.min(7, bytes.length));
      }
      try (var socket = new Socket(InetAddress.getLoopbackAddress(), port)) {
        socket.setSoTimeout(100);
        socket.getOutputStream().write(bytes);
        if (i % 8 == 0) {
          int answer = socket.getInputStream().read();
          assertThat(answer).as("an answer to noise").isEqualTo(-1);
        }
      } catch (IOException e) {
        continue; // closed on us, as it should be
      }
    }
  }

  private static void throwDatagrams(int port, Random random) throws IOException {
    try (var socket = new DatagramSocket()) {
      socket.setOption(StandardSocketOptions.SO_BROADCAST, true);
      InetAddress all = InetAddress.getByName("127.255.255.255");
      for (int i = 0; i < DATAGRAMS; i++) {
        byte[] bytes = new byte[random.nextInt(1_400)];
        random.nextBytes(bytes);
        socket.send(new DatagramPacket(bytes, bytes.length, all, port));
      }
    }
  }

  /** The pool takes and gives files. */
  private static void expectService(Pool pool) throws Exception {
    Path file = pool.work().resolve("service");
    Files.writeString(file, "service");
    pool.holdfast("put", file.toString(), "/service").expectDone("put");
    pool.holdfast("get", "/service", pool.work().resolve("got").toString()).expectDone("get");
    assertThat(pool.work().resolve("got")).hasContent("service");
    pool.holdfast("rm", "/service").expectDone("rm");
    Files.delete(pool.work().resolve("got"));
  }
}
