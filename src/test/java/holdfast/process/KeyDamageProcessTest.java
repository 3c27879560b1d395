package holdfast.process;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;

/** Keys and pool files with a flipped byte: in one copy mended, in both refused, never used. */
@Tag("process")
@Timeout(value = 180, unit = TimeUnit.SECONDS, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class KeyDamageProcessTest {
  private static final Duration END_MAX = Duration.ofSeconds(30);
  private static final String CONTENT = "kept";

  @RegisterExtension final Pools pools = new Pools();

  /** One peer with a file in it, stopped. */
  private Pool stopped() throws Exception {
    Pool pool = pools.start(1);
    Path file = Files.writeString(pool.work().resolve("plain"), CONTENT);
    pool.holdfast("put", file.toString(), "/kept").expectDone("put");
    stop(pool);
    return pool;
  }

  private static void stop(Pool pool) throws Exception {
    pool.peer(1).signal("TERM");
    assertThat(pool.peer(1).awaitExit(END_MAX)).as(pool.peer(1).err()).isZero();
  }

  private static List<Path> files(Pool pool) {
    return List.of(
        pool.storage(1).resolve("node.key"),
        pool.home().resolve("home.key"),
        pool.home().resolve("pool"));
  }

  private static Path copyOf(Path file) {
    return file.resolveSibling(file.getFileName() + ".copy");
  }

  private static void flip(Path file) throws IOException {
    byte[] bytes = Files.readAllBytes(file);
    bytes[bytes.length / 3] ^= 1;
    Files.write(file, bytes);
  }

  private static void expectRefused(Pool pool, String file, String remedy) throws Exception {
    Launched refused = pool.beginPeer(1);
    assertThat(refused.awaitExit(END_MAX)).as(refused.out()).isEqualTo(1);
    assertThat(refused.out()).doesNotContain("peer ready");
    assertThat(refused.err()).contains(file).contains(remedy);
  }

  private static String id(String readyLine) {
    return readyLine.replaceAll(".* id=(\\S+) .*", "$1");
  }

  @Test
  @Execution(ExecutionMode.CONCURRENT)
  void flippedByteInOneCopyIsMendedAtStart() throws Exception {
    Pool pool = stopped();
    String before = id(pool.startPeer(1).awaitLine("peer ready ", Pool.READY_MAX));
    stop(pool);
    for (Path file : files(pool)) {
      for (Path damaged : List.of(file, copyOf(file))) {
        byte[] whole = Files.readAllBytes(damaged);
        flip(damaged);

        Launched peer = pool.startPeer(1);

        assertThat(id(peer.awaitLine("peer ready ", Pool.READY_MAX))).isEqualTo(before);
        assertThat(Files.readAllBytes(damaged)).as(damaged.toString()).isEqualTo(whole);
        assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(damaged)))
            .isEqualTo("rw-------");
        assertThat(peer.err()).contains(damaged.toString());
        stop(pool);
      }
    }
    pool.startPeer(1);
    assertThat(pool.holdfast("get", "/kept", "-").expectDone("get").out()).isEqualTo(CONTENT);
  }

  @Test
  @Execution(ExecutionMode.CONCURRENT)
  void flippedByteInBothCopiesIsRefusedWithWhatToDo() throws Exception {
    Pool pool = stopped();
    for (Path file : files(pool)) {
      byte[] whole = Files.readAllBytes(file);
      flip(file);
      flip(copyOf(file));

      String name = file.getFileName().toString();
      expectRefused(pool, name, name.equals("node.key") ? "from a backup" : "copy " + name);

      Files.write(file, whole);
    }
    pool.startPeer(1);
    assertThat(pool.holdfast("get", "/kept", "-").expectDone("get").out()).isEqualTo(CONTENT);
  }

  @Test
  @Execution(ExecutionMode.CONCURRENT)
  void directoryIsNotTakenIntoThePoolOfAHomeThatWasMadeAnew() throws Exception {
    Pool pool = stopped();
    Path aside = pool.work().resolve("aside");
    Files.move(pool.home(), aside);

    expectRefused(pool, "node.key", "set HOLDFAST_HOME");

    Files.move(pool.home(), pool.work().resolve("made-anew"));
    Files.move(aside, pool.home());
    pool.startPeer(1);
    assertThat(pool.holdfast("get", "/kept", "-").expectDone("get").out()).isEqualTo(CONTENT);
  }

  @Test
  @Execution(ExecutionMode.CONCURRENT)
  void removedKeyOrPoolFileIsNotMadeAnew() throws Exception {
    Pool pool = stopped();
    for (Path file : files(pool)) {
      byte[] whole = Files.readAllBytes(file);
      Files.delete(file);
      Files.delete(copyOf(file));

      expectRefused(pool, file.getFileName().toString(), "backup");

      assertThat(file).doesNotExist();
      Files.write(file, whole);
      Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rw-------"));
    }
    pool.startPeer(1);
    assertThat(pool.holdfast("get", "/kept", "-").expectDone("get").out()).isEqualTo(CONTENT);
  }

  @Test
  @Execution(ExecutionMode.CONCURRENT)
  void theFounderWhoseFolderIsEmptiedButForItsKeyFoundsNoSecondLog() throws Exception {
    Pool pool = stopped();
    try (var files = Files.list(pool.storage(1))) {
      for (Path file : files.filter(f -> !f.getFileName().toString().startsWith("node")).toList()) {
        Files.delete(file);
      }
    }

    pool.startPeer(1);

    assertThat(pool.peer(1).err())
        .contains("everything but the peer's key is missing")
        .contains("holds none any more: waiting for who has it")
        .containsOnlyOnce("founding pool"); // at the first start
    Result listed = pool.holdfast("ls", "/", "--timeout", "3s");
    assertThat(listed.exit()).as(listed.out()).isEqualTo(1);
    assertThat(pool.holdfast("status", "--timeout", "3s").out()).doesNotStartWith("SAFE");
  }
}
