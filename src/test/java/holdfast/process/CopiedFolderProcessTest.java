package holdfast.process;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A peer's folder is copied, or put back from a copy: nobody loses anything by it. */
@Tag("process")
@Timeout(value = 200, unit = TimeUnit.SECONDS, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class CopiedFolderProcessTest {
  private static final Duration FOUND_OUT_MAX = Duration.ofSeconds(30);
  private static final Duration COPY_MAX = Duration.ofSeconds(30);
  private static final int FILES = 20;

  @RegisterExtension final Pools pools = new Pools();

  private static void copy(Pool pool, Path from, Path to) throws Exception {
    pool.execute(List.of("cp", "-a", from.toString(), to.toString()), COPY_MAX).expectDone("cp");
  }

  @ParameterizedTest
  @Execution(ExecutionMode.CONCURRENT)
  @ValueSource(ints = {2, 3})
  void aCopyThatIsStartedBesideItsOriginalEndsAndTheOriginalGoesOn(int peers) throws Exception {
    Pool pool = pools.start(peers);
    Path mount = pool.mount("mnt");
    Files.writeString(mount.resolve("before"), "1");
    Path twin = pool.work().resolve("twin");
    copy(pool, pool.storage(2), twin);

    Launched second = startAt(pool, twin);

    assertThat(second.awaitExit(FOUND_OUT_MAX)).as(second.err()).isEqualTo(1);
    assertThat(second.err()).contains("another one too").contains("its own is a copy");
    assertThat(pool.peer(2).isAlive()).isTrue();
    pool.awaitStatus("both up and safe", status -> status.count("up") == peers && status.isSafe());
    Files.writeString(mount.resolve("after"), "2");
    assertThat(mount.resolve("before")).hasContent("1");
    pool.umount(mount);
  }

  @Test
  @Execution(ExecutionMode.CONCURRENT)
  void aFolderThatIsPutBackFromYesterdayLosesNothing() throws Exception {
    Pool pool = pools.start(3);
    Path mount = pool.mount("mnt");
    Files.writeString(mount.resolve("before"), "1");
    Path backup = pool.work().resolve("backup");
    copy(pool, pool.storage(1), backup);
    for (int i = 0; i < FILES; i++) {
      Path file = mount.resolve("f" + i);
      Files.writeString(file, "content " + i);
      pool.execute(List.of("sync", file.toString()), COPY_MAX).expectDone("sync");
    }
    pool.umount(mount);
    for (int peer = 1; peer <= 3; peer++) {
      pool.peer(peer).signal("KILL");
      pool.peer(peer).awaitExit(Duration.ofSeconds(10));
    }

    // The old folder and one other peer first: the third, which knows better, comes late.
    pool.execute(List.of("rm", "-r", pool.storage(1).toString()), COPY_MAX).expectDone("rm");
    copy(pool, backup, pool.storage(1));
    pool.startPeer(1);
    pool.startPeer(2);
    pool.startPeer(3);
    pool.awaitStatus("all up and safe", status -> status.count("up") == 3 && status.isSafe());

    Path again = pool.mount("again");
    for (int i = 0; i < FILES; i++) {
      assertThat(again.resolve("f" + i)).hasContent("content " + i);
    }
    pool.umount(again);
    assertThat(pool.peer(1).out() + pool.peer(1).err()).contains("folder is");
  }

  /** Its machine knows the number of the run, and that nothing is missing. */
  @Test
  @Execution(ExecutionMode.CONCURRENT)
  void aLonePeerThatHasLostBothCopiesOfRunGoesOn() throws Exception {
    Pool pool = pools.start(1);
    Path mount = pool.mount("mnt");
    for (int i = 0; i < 3; i++) {
      Files.writeString(mount.resolve("f" + i), "content " + i);
      pool.execute(List.of("sync", mount.resolve("f" + i).toString()), COPY_MAX).expectDone("sync");
      pool.peer(1).signal("KILL");
      pool.peer(1).awaitExit(Duration.ofSeconds(10));
      Files.delete(pool.storage(1).resolve("run"));
      Files.delete(pool.storage(1).resolve("run.copy"));
      pool.startPeer(1);
      pool.awaitStatus("safe", status -> status.count("up") == 1 && status.isSafe());
    }
    for (int i = 0; i < 3; i++) {
      assertThat(mount.resolve("f" + i)).hasContent("content " + i);
    }
    pool.umount(mount);
  }

  @Test
  @Execution(ExecutionMode.CONCURRENT)
  void aLonePeersFolderThatIsRolledBackUnderItsMachineWaitsUntilItIsToldToGoOn() throws Exception {
    Pool pool = pools.start(1);
    Path mount = pool.mount("mnt");
    Files.writeString(mount.resolve("before"), "1");
    pool.execute(List.of("sync", "-f", mount.toString()), COPY_MAX).expectDone("sync");
    Path backup = pool.work().resolve("backup");
    copy(pool, pool.storage(1), backup);
    Files.writeString(mount.resolve("after"), "2");
    pool.execute(List.of("sync", "-f", mount.toString()), COPY_MAX).expectDone("sync");
    pool.umount(mount);
    stop(pool.peer(1));

    // In place: the folder is the same one, only its content is older.
    String putBack = "rm -r " + pool.storage(1) + "/* && cp -a " + backup + "/. " + pool.storage(1);
    pool.execute(List.of("sh", "-c", putBack), COPY_MAX).expectDone("put back");
    pool.startPeer(1);
    awaitToldToAccept(pool);
    assertThat(pool.peer(1).err()).contains("the folder is older than it was");
    stop(pool.peer(1));
    pool.startPeer(1, "--accept-damage");
    Path again = pool.mount("again");
    assertThat(again.resolve("before")).hasContent("1");
    assertThat(again.resolve("after")).doesNotExist();
    pool.awaitStatus("told what is lost", status -> isTold(status));
    Files.writeString(again.resolve("after"), "3");
    pool.umount(again);

    // As long as nobody has said that it has been read.
    stop(pool.peer(1));
    pool.startPeer(1);
    pool.awaitStatus("told what is lost", status -> isTold(status));
    stop(pool.peer(1));
    Path note = pool.storage(1).resolve("damaged-1-given-up.txt");
    assertThat(note).content().contains("up to entry");
    Files.delete(note);
    pool.startPeer(1);
    pool.awaitStatus("safe", Status::isSafe);
  }

  @Test
  @Execution(ExecutionMode.CONCURRENT)
  void aLonePeersFolderThatWasMovedWaitsUntilItIsToldToGoOn() throws Exception {
    Pool pool = pools.start(1);
    Path mount = pool.mount("mnt");
    Files.writeString(mount.resolve("before"), "1");
    pool.umount(mount);
    stop(pool.peer(1));
    Path moved = pool.work().resolve("moved");
    copy(pool, pool.storage(1), moved);

    Launched waiting = startAt(pool, moved);
    awaitToldToAccept(pool);
    stop(waiting);
    startAt(pool, moved, "--accept-damage");

    pool.awaitStatus("safe", Status::isSafe);
    Path again = pool.mount("again");
    assertThat(again.resolve("before")).hasContent("1");
    Files.writeString(again.resolve("after"), "2");
    assertThat(again.resolve("after")).hasContent("2");
    pool.umount(again);
  }

  private static void stop(Launched peer) throws Exception {
    peer.signal("TERM");
    assertThat(peer.awaitExit(FOUND_OUT_MAX)).as(peer.err()).isZero();
  }

  private static boolean isTold(Status status) {
    return !status.isSafe() && status.toString().contains("given up");
  }

  private static void awaitToldToAccept(Pool pool) {
    var told = new String[] {""};
    Await.until(
        "told what to do",
        FOUND_OUT_MAX,
        () -> {
          try {
            told[0] = pool.holdfast("status").err();
            return told[0].contains("--accept-damage");
          } catch (IOException e) {
            throw new UncheckedIOException(e);
          }
        },
        () -> told[0]);
  }

  private static Launched startAt(Pool pool, Path storage, String... flags) throws Exception {
    var command = new ArrayList<>(List.of("peer", "--storage-dir", storage.toString()));
    command.addAll(List.of("--port", Integer.toString(pool.freePort())));
    command.addAll(pool.confinement());
    command.addAll(List.of(flags));
    Launched started = pool.launch("moved", command);
    started.awaitLine("peer ready ", Pool.READY_MAX);
    return started;
  }
}
