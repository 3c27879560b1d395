package holdfast.process;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;

/** All peers are killed at a random moment of a copy and started again, many times in a row. */
@Tag("process")
@Timeout(value = 600, unit = TimeUnit.SECONDS, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class RestartProcessTest {
  private static final int ROUNDS = Integer.getInteger("holdfast.rounds", 10);
  private static final int FILES_PER_ROUND_MAX = 400;
  private static final long KILL_AFTER_MAX_MS = 1_500;
  private static final int LARGE_BYTES_MAX = 24 << 20;
  private static final int SMALL_BYTES_MAX = 60_000;
  private static final Duration COPY_MAX = Duration.ofSeconds(60);

  @RegisterExtension final Pools pools = new Pools();

  /** Name in the mount to the file it was copied from, for each cp that said it succeeded. */
  private final Map<String, Path> acknowledged = new ConcurrentHashMap<>();

  private final Map<String, Path> begun = new ConcurrentHashMap<>();

  @Test
  void whatCpSaidSucceededIsWholeAndTheRestIsAbsentOrAPrefix() throws Exception {
    long seed = Long.getLong("seed", System.nanoTime());
    System.out.println("seed=" + seed);
    var random = new Random(seed);
    Pool pool = pools.start(3);
    Path mount = pool.mount("mnt");
    List<Path> sources = sources(pool, random);

    for (int round = 1; round <= ROUNDS; round++) {
      killDuringCopy(pool, mount, sources, round, random);
      expectAcknowledged(mount, round + "-");
      System.out.println(
          "round " + round + ": " + acknowledged.size() + " of " + begun.size() + " acknowledged");
    }

    assertThat(acknowledged).hasSizeGreaterThan(ROUNDS);
    pool.expectCopiesOfReferenced(3);
    pool.umount(mount);
    expectAcknowledged(pool.mount("again"), "");
  }

  private static List<Path> sources(Pool pool, Random random) throws IOException {
    Path folder = Files.createDirectory(pool.work().resolve("sources"));
    for (int i = 0; i < 12; i++) {
      int sizeBytes = 1 + random.nextInt(i % 3 == 0 ? LARGE_BYTES_MAX : SMALL_BYTES_MAX);
      Trees.writeRandom(folder.resolve("source" + i), sizeBytes, random.nextLong());
    }
    return Files.list(folder).sorted().toList();
  }

  private void killDuringCopy(Pool pool, Path mount, List<Path> sources, int round, Random random)
      throws Exception {
    var isRestarted = new AtomicBoolean();
    var copier =
        new Thread(
            () -> {
              for (int i = 0; i < FILES_PER_ROUND_MAX && !isRestarted.get(); i++) {
                copy(pool, mount, sources.get(i % sources.size()), round + "-" + i);
              }
            },
            "copier");
    copier.start();
    LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(100 + random.nextLong(KILL_AFTER_MAX_MS)));
    for (int peer = 1; peer <= 3; peer++) {
      pool.peer(peer).signal("KILL");
    }
    for (int peer = 1; peer <= 3; peer++) {
      pool.peer(peer).awaitExit(Duration.ofSeconds(10));
    }
    for (int peer = 1; peer <= 3; peer++) {
      pool.beginPeer(peer);
    }
    for (int peer = 1; peer <= 3; peer++) {
      pool.peer(peer).awaitLine("peer ready ", Pool.READY_MAX);
    }
    pool.awaitStatus("a leader and all up", status -> status.count("up") == 3);
    isRestarted.set(true);
    copier.join(COPY_MAX.toMillis());
    assertThat(copier.isAlive()).isFalse();
  }

  private void copy(Pool pool, Path mount, Path source, String name) {
    try {
      begun.put(name, source);
      Process cp =
          new ProcessBuilder("cp", source.toString(), mount.resolve(name).toString())
              .redirectErrorStream(true)
              .redirectOutput(
                  ProcessBuilder.Redirect.appendTo(pool.logs().resolve("cp.log").toFile()))
              .start();
      if (!cp.waitFor(COPY_MAX.toSeconds(), TimeUnit.SECONDS)) {
        cp.destroyForcibly();
      } else if (cp.exitValue() == 0) {
        acknowledged.put(name, source);
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /** Those of one round, or all. */
  private void expectAcknowledged(Path mount, String prefix) throws IOException {
    for (Map.Entry<String, Path> file : begun.entrySet()) {
      if (!file.getKey().startsWith(prefix)) {
        continue;
      }
      Path found = mount.resolve(file.getKey());
      boolean isAcknowledged = acknowledged.containsKey(file.getKey());
      if (!Files.exists(found)) {
        assertThat(isAcknowledged).as("%s is absent but cp succeeded", file.getKey()).isFalse();
        continue;
      }
      byte[] bytes = Files.readAllBytes(found);
      byte[] wanted = Files.readAllBytes(file.getValue());
      int different = Arrays.mismatch(bytes, wanted);
      assertThat(different == -1 || different == bytes.length)
          .as("%s: wrong byte at %s of %s", file.getKey(), different, bytes.length)
          .isTrue();
      assertThat(!isAcknowledged || bytes.length == wanted.length)
          .as("%s has %s of %s bytes but cp succeeded", file.getKey(), bytes.length, wanted.length)
          .isTrue();
    }
  }
}
