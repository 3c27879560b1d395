package holdfast.process;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;

/**
 * Files survive dead peers, with real processes and SIGKILL. {@code
 * -Dholdfast.fileBytes=1073741824} and {@code -Dholdfast.tree=/usr/include} make it the full-size
 * run.
 */
@Tag("process")
@Timeout(value = 600, unit = TimeUnit.SECONDS, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class PeerDeathProcessTest {
  private static final long FILE_BYTES = Long.getLong("holdfast.fileBytes", 256L << 20);
  private static final long SMALLER_FILE_BYTES = FILE_BYTES / 4;
  private static final long NEW_FILE_BYTES = 9_000_001;
  private static final Duration COPY_MAX = Duration.ofSeconds(300);

  @RegisterExtension final Pools pools = new Pools();
  private final Trees trees = new Trees();

  @Test
  @Execution(ExecutionMode.CONCURRENT)
  void threePeersLoseEachInTurnAndEverythingReadsAndNewFilesAreWritten() throws Exception {
    Pool pool = pools.start(3);
    Path mount = pool.mount("mnt");
    Path file = randomFile(pool, FILE_BYTES);
    Path tree = tree();
    copyIn(pool, mount, file, tree);
    pool.expectCopies(3);
    System.out.println("leader is peer " + pool.leader());

    for (int victim = 1; victim <= 3; victim++) {
      trees.resetLongestCall();
      pool.peer(victim).kill();
      Path fresh = mount.resolve("after-" + victim);
      String written = trees.write(fresh, NEW_FILE_BYTES, victim);
      expectAll(pool, mount, file, tree);
      assertThat(trees.sha256(fresh)).isEqualTo(written);
      System.out.println("peer " + victim + " dead, longest call " + trees.describeLongestCall());
      trees.expectCallsWithin(Pool.CALL_MAX);

      pool.startPeer(victim);
      pool.awaitStatus("peer " + victim + " back", status -> status.count("up") == 3);
      pool.expectCopies(3);
    }

    expectDiffClean(pool, tree, mount.resolve("tree"));
    pool.umount(mount);
  }

  @Test
  @Execution(ExecutionMode.CONCURRENT)
  void fourPeersRestoreTheCopiesOfOneAndThenASecondMayDie() throws Exception {
    Pool pool = pools.start(4);
    pool.holdfast("pool", "set", "down-out=3s").expectDone("pool set");
    Path mount = pool.mount("mnt");
    Path file = randomFile(pool, SMALLER_FILE_BYTES);
    Path tree = tree();
    copyIn(pool, mount, file, tree);
    pool.expectCopies(3);

    int leader = pool.leader();
    pool.peer(leader).kill();
    Status status = pool.awaitStatus("peer out", seen -> seen.count("out") == 1);
    assertThat(status.count("up")).isEqualTo(3);
    pool.expectCopies(3);

    trees.resetLongestCall();
    pool.peer(pool.leader()).kill();
    expectAll(pool, mount, file, tree);
    String written = trees.write(mount.resolve("after"), NEW_FILE_BYTES, 1);
    assertThat(trees.sha256(mount.resolve("after"))).isEqualTo(written);
    System.out.println("two dead, longest call " + trees.describeLongestCall());
    trees.expectCallsWithin(Pool.CALL_MAX);
    pool.umount(mount);
  }

  @Test
  void twoPeersLoseTheLeaderAndEverythingReadsWithinTenSeconds() throws Exception {
    twoPeersLose(true);
  }

  @Test
  void twoPeersLoseTheFollowerAndEverythingReadsAndWritesWithinTenSeconds() throws Exception {
    twoPeersLose(false);
  }

  private void twoPeersLose(boolean isLeader) throws Exception {
    Pool pool = pools.start(2);
    Path mount = pool.mount("mnt");
    Path file = randomFile(pool, SMALLER_FILE_BYTES);
    Path tree = Path.of("src/main/java/holdfast/model").toAbsolutePath();
    copyIn(pool, mount, file, tree);
    pool.expectCopies(2);

    int leader = pool.leader();
    pool.peer(isLeader ? leader : 3 - leader).kill();

    expectAll(pool, mount, file, tree);
    if (!isLeader) {
      String written = trees.write(mount.resolve("after"), NEW_FILE_BYTES, 1);
      assertThat(trees.sha256(mount.resolve("after"))).isEqualTo(written);
    }
    System.out.println(
        (isLeader ? "leader" : "follower")
            + " of two dead, longest call "
            + trees.describeLongestCall());
    trees.expectCallsWithin(Pool.CALL_MAX);
  }

  @Test
  @Execution(ExecutionMode.CONCURRENT)
  void aMountMadeWithoutAMajorityReadsRefusesChangesAndTakesThemOnceThereIsOne() throws Exception {
    Pool pool = pools.start(2);
    Path mount = pool.mount("mnt");
    String written = trees.write(mount.resolve("before"), NEW_FILE_BYTES, 1);
    pool.umount(mount);
    pool.expectCopies(2);
    int leader = pool.leader();
    pool.peer(leader).kill();

    Path alone = pool.mount("alone");
    assertThat(trees.sha256(alone.resolve("before"))).isEqualTo(written);
    Result refused = pool.execute(List.of("mkdir", alone.resolve("refused").toString()), COPY_MAX);
    assertThat(refused.exit()).isEqualTo(1);
    assertThat(refused.err()).contains("Read-only file system");
    assertThat(pool.mountAt(alone).err()).contains("reads may be stale");

    pool.startPeer(leader);
    Await.until(
        "a change is taken",
        Duration.ofSeconds(20),
        alone.resolve("taken").toFile()::mkdir,
        () -> pool.mountAt(alone).err());
    assertThat(trees.sha256(alone.resolve("before"))).isEqualTo(written);
    trees.expectCallsWithin(Pool.CALL_MAX);
    pool.umount(alone);
  }

  @Test
  @Execution(ExecutionMode.CONCURRENT)
  void aFrozenPeerIsRoutedAroundAndCatchesUpWhenItGoesOn() throws Exception {
    Pool pool = pools.start(3);
    Path mount = pool.mount("mnt");
    Path file = randomFile(pool, SMALLER_FILE_BYTES);
    Path tree = Path.of("src/main/java/holdfast/model").toAbsolutePath();
    copyIn(pool, mount, file, tree);
    int leader = pool.leader();

    trees.resetLongestCall();
    pool.peer(leader).signal("STOP");
    expectAll(pool, mount, file, tree);
    String written = trees.write(mount.resolve("after"), NEW_FILE_BYTES, 1);
    assertThat(trees.sha256(mount.resolve("after"))).isEqualTo(written);
    System.out.println("leader frozen, longest call " + trees.describeLongestCall());
    trees.expectCallsWithin(Pool.CALL_MAX);

    pool.peer(leader).signal("CONT");
    pool.awaitStatus("all up", status -> status.count("up") == 3);
    pool.expectCopies(3);
    pool.umount(mount);
  }

  /** A real tree, as large as the run is meant to be. */
  private static Path tree() {
    String given = System.getProperty("holdfast.tree");
    Path tree = given != null ? Path.of(given) : Path.of("src/main/java/holdfast").toAbsolutePath();
    assertThat(tree).isDirectory();
    return tree;
  }

  private static Path randomFile(Pool pool, long sizeBytes) throws Exception {
    Path file = pool.work().resolve("random");
    Trees.writeRandom(file, sizeBytes, sizeBytes);
    return file;
  }

  private static void copyIn(Pool pool, Path mount, Path file, Path tree) throws Exception {
    String random = mount.resolve("random").toString();
    Result copied = pool.execute(List.of("cp", file.toString(), random), COPY_MAX);
    copied.expectDone("cp of " + Files.size(file) + " bytes");
    System.out.println("cp of " + Files.size(file) + " bytes: " + copied.elapsedMs() + " ms");
    copied =
        pool.execute(
            List.of("cp", "-a", tree.toString(), mount.resolve("tree").toString()), COPY_MAX);
    copied.expectDone("cp -a of " + tree);
    System.out.println("cp -a of " + tree + ": " + copied.elapsedMs() + " ms");
    expectDiffClean(pool, tree, mount.resolve("tree"));
  }

  private void expectAll(Pool pool, Path mount, Path file, Path tree) throws Exception {
    trees.expectSame(tree, mount.resolve("tree"));
    trees.expectSame(file, mount.resolve("random"));
  }

  private static void expectDiffClean(Pool pool, Path wanted, Path found) throws Exception {
    Result diff =
        pool.execute(
            List.of("diff", "-r", "--no-dereference", wanted.toString(), found.toString()),
            COPY_MAX);
    diff.expectDone("diff -r");
  }
}
