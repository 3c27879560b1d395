package holdfast.process;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;

/**
 * A mount is killed at a random moment of many programs' work, over and over; the next one finds
 * every promise kept. {@code -Dseed=N} repeats the moments and the work up to them.
 */
@Tag("process")
@Timeout(value = 300, unit = TimeUnit.SECONDS, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class MountCrashProcessTest {
  private static final int ROUNDS = Integer.getInteger("holdfast.rounds", 5);
  private static final int WRITERS = 3;
  private static final int TAR_FILES = 400;
  private static final long KILL_AFTER_MIN_MS = 300;
  private static final long KILL_AFTER_MAX_MS = 3_000;
  private static final Duration END_MAX = Duration.ofSeconds(5);
  private static final Duration COMMAND_MAX = Duration.ofSeconds(30);

  @RegisterExtension final Pools pools = new Pools();
  private final List<CrashWorkload> writers = new ArrayList<>();

  @Test
  void whatReturnedBeforeAMountWasKilledIsThereOnTheNext() throws Exception {
    Bash.need("git", "git");
    Bash.need("tar", "tar");
    long seed = Long.getLong("seed", System.nanoTime());
    System.out.println("seed=" + seed);
    var random = new Random(seed);
    Pool pool = pools.start(3);
    Path mount = pool.mount("round-0");
    Path witness = null;
    prepare(pool, mount, random);

    for (int round = 1; round <= ROUNDS; round++) {
      if (round == 1 + ROUNDS / 2) {
        // From now on a mount that lives has to hear of everything.
        witness = pool.mount("witness");
        expectWalkable(witness);
      }
      Path archive = pool.work().resolve("tree.tar");
      Launched git = startGit(pool, mount, round);
      Launched tar = startTar(pool, mount, archive, round);
      List<Thread> threads = startWriters(mount);
      Await.until(
          "all to work",
          COMMAND_MAX,
          () -> writers.stream().allMatch(writer -> writer.stepCount() > 0),
          () -> git.err() + tar.err());
      long delayMs = KILL_AFTER_MIN_MS + random.nextLong(KILL_AFTER_MAX_MS - KILL_AFTER_MIN_MS);
      LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(delayMs));
      boolean isCleared = kill(pool, mount);
      endWorkers(threads, git, tar);

      // Every other time the stale mount is left to the next one to clear.
      if (!isCleared && round % 2 == 0) {
        pool.execute(List.of("umount", "-l", mount.toString()), COMMAND_MAX).expectDone("umount");
        isCleared = true;
      }
      mount = pool.mount(isCleared ? "round-" + round : mount.getFileName().toString());
      expectPromisesKept(pool, mount, round);
      expectWalkable(mount);
    }

    for (CrashWorkload writer : writers) {
      writer.expectKept(witness);
      assertThat(writer.stepCount()).isGreaterThan(ROUNDS);
    }
    expectWalkable(witness);
    expectHistory(pool, witness);
    pool.umount(mount);
    pool.umount(witness);
    pool.expectCopiesOfReferenced(3);
  }

  /**
   * Kills a mount; whether it had to be unmounted for that. It can't end while one of its threads
   * waits in the kernel for a lock of a program that waits for this very mount (docs/mount.md).
   */
  private static boolean kill(Pool pool, Path mount) throws IOException {
    Launched process = pool.mountAt(mount);
    process.signal("KILL");
    try {
      Await.until("end of a mount", END_MAX, () -> !process.isAlive(), () -> "running");
      return false;
    } catch (AssertionError e) {
      System.out.println("kill " + mount + ": " + e.getMessage() + "; umount -f");
      pool.execute(List.of("umount", "-f", "-l", mount.toString()), COMMAND_MAX)
          .expectDone("umount -f");
      process.awaitExit(END_MAX);
      return true;
    }
  }

  private void prepare(Pool pool, Path mount, Random random) throws IOException {
    for (int i = 0; i < WRITERS; i++) {
      Files.createDirectory(mount.resolve("writer" + i));
      writers.add(new CrashWorkload(random.nextLong(), "writer" + i));
    }
    Path tree = Files.createDirectory(pool.work().resolve("tree"));
    for (int i = 0; i < TAR_FILES; i++) {
      int sizeBytes = 1 + random.nextInt(i % 20 == 0 ? 300_000 : 5_000);
      Trees.writeRandom(tree.resolve(tarName(i)), sizeBytes, random.nextLong());
    }
    new Bash(pool)
        .with("WORK", pool.work())
        .with("MOUNT", mount)
        .run(
            "make an archive and a repository",
            """
            cd "$WORK"
            tar -c --sort=name -f tree.tar tree
            git init -q -b main "$MOUNT/git"
            cd "$MOUNT/git"
            git commit -q --allow-empty -m first
            git rev-parse -q --verify HEAD >"$WORK/committed"
            """);
  }

  private static String tarName(int index) {
    return "file%04d".formatted(index);
  }

  private List<Thread> startWriters(Path mount) {
    var threads = new ArrayList<Thread>();
    for (CrashWorkload writer : writers) {
      writer.on(mount);
      var thread = new Thread(writer, "writer");
      threads.add(thread);
      thread.start();
    }
    return threads;
  }

  /** Commits until it fails; what was committed is noted on the local disk after each. */
  private static Launched startGit(Pool pool, Path mount, int round) throws IOException {
    Bash script =
        new Bash(pool).with("WORK", pool.work()).with("MOUNT", mount).with("ROUND", round);
    return pool.launchCommand(
        "git" + round,
        script.command(
            """
            cd "$MOUNT/git"
            for i in $(seq 1 100000); do
              seq $ROUND $((ROUND + i * 10)) >file$((i % 10))
              git add file$((i % 10))
              git commit -q -m "$ROUND $i"
              git rev-parse -q --verify HEAD >>"$WORK/committed"
              test $((i % 15)) != 0 || git repack -q -d
            done
            """));
  }

  private static Launched startTar(Pool pool, Path mount, Path archive, int round)
      throws IOException {
    Bash script = new Bash(pool).with("TO", mount.resolve("tar" + round));
    return pool.launchCommand(
        "tar" + round,
        script
            .with("ARCHIVE", archive)
            .command(
                """
                mkdir "$TO"
                for i in $(seq 1 100000); do
                  mkdir "$TO/$i"
                  tar -x -f "$ARCHIVE" -C "$TO/$i"
                  rm -rf "$TO/$((i - 2))"
                done
                """));
  }

  private void endWorkers(List<Thread> threads, Launched git, Launched tar) throws Exception {
    for (Thread thread : threads) {
      thread.join(COMMAND_MAX.toMillis());
      assertThat(thread.isAlive()).as("a writer on a dead mount").isFalse();
    }
    for (CrashWorkload writer : writers) {
      assertThat(writer.end()).containsAnyOf("ENOTCONN", "ECONNABORTED", "EIO");
    }
    assertThat(git.awaitExit(COMMAND_MAX)).isNotZero();
    assertThat(tar.awaitExit(COMMAND_MAX)).isNotZero();
  }

  private void expectPromisesKept(Pool pool, Path mount, int round) throws Exception {
    var steps = new ArrayList<String>();
    for (CrashWorkload writer : writers) {
      writer.expectKept(mount);
      steps.add(writer.stepCount() + " steps, then " + writer.end());
    }
    expectHistory(pool, mount);
    int whole = expectExtracted(pool, mount.resolve("tar" + round));
    long commits = Files.readString(pool.work().resolve("committed")).lines().count();
    System.out.println("round " + round + ": " + steps);
    System.out.println(
        commits
            + " commits, "
            + whole
            + " extracted, next mount ready after "
            + pool.mountAt(mount).readyMs()
            + " ms");
  }

  /** What git said it committed is there and whole, and git goes on working. */
  private static void expectHistory(Pool pool, Path mount) throws IOException {
    new Bash(pool)
        .with("WORK", pool.work())
        .with("MOUNT", mount)
        .run(
            "look at the repository",
            """
            cd "$MOUNT/git"
            find .git -name '*.lock' -delete
            git fsck --strict --full
            git rev-list HEAD | sort >"$WORK/reachable"
            sort -u "$WORK/committed" | comm -23 - "$WORK/reachable" >"$WORK/lost"
            diff /dev/null "$WORK/lost"
            git add -A
            git commit -q --allow-empty -m "after a crash"
            test -z "$(git status --porcelain)"
            """);
  }

  /** Files come in the archive's order: before the last that is there all are whole. */
  private static int expectExtracted(Pool pool, Path extracted) throws IOException {
    int whole = 0;
    String[] names = extracted.toFile().list();
    if (names == null) {
      return whole;
    }
    int newest = Stream.of(names).mapToInt(Integer::parseInt).max().orElse(0);
    for (String name : names) {
      Path found = extracted.resolve(name).resolve("tree");
      if (Integer.parseInt(name) < newest - 1) {
        continue; // was being removed
      }
      int last = TAR_FILES;
      for (int i = 0; i < TAR_FILES; i++) {
        Path file = found.resolve(tarName(i));
        if (!Files.exists(file)) {
          last = Math.min(last, i);
          continue;
        }
        assertThat(i).as("%s is there, but %s isn't", file, tarName(last)).isLessThan(last);
        byte[] wanted = Files.readAllBytes(pool.work().resolve("tree").resolve(tarName(i)));
        byte[] bytes = Files.readAllBytes(file);
        int different = Arrays.mismatch(bytes, wanted);
        boolean isLast = !Files.exists(found.resolve(tarName(i + 1)));
        boolean isPrefix = different == bytes.length;
        assertThat(different == -1 || isLast && isPrefix)
            .as("%s: wrong byte at %s of %s", file, different, bytes.length)
            .isTrue();
        whole += different == -1 ? 1 : 0;
      }
    }
    return whole;
  }

  /** Every directory can be listed, every entry be asked for, every file be read to its size. */
  private static void expectWalkable(Path mount) throws IOException {
    try (Stream<Path> paths = Files.walk(mount)) {
      for (Path path : (Iterable<Path>) paths::iterator) {
        Posix.Answer<Posix.Stat> stat = Posix.lstat(path.toString());
        assertThat(Posix.describe(stat.result())).as("stat " + path).isEqualTo("0");
        if (stat.value().type() == Posix.REGULAR) {
          long sizeBytes = Files.readAllBytes(path).length;
          assertThat(sizeBytes).as("size of " + path).isEqualTo(stat.value().sizeBytes());
        }
      }
    }
  }
}
