package holdfast.process;

import holdfast.process.OperationGenerator.Step;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;

/**
 * Random operations on a mount and on a local directory side by side: each must do the same on
 * both, errnos included. {@code -Dseed=N} replays, {@code -Doperations=N} says how many, {@code
 * -Dseeds=N} runs as many from that seed on.
 */
@Tag("process")
@Timeout(value = 60, unit = TimeUnit.MINUTES, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class FileSystemModelProcessTest {
  private static final int OPERATIONS = 500;
  private static final List<Long> SEEDS = List.of(1L, 2L, 3L);
  private static final Duration SHRINK_MAX = Duration.ofSeconds(Integer.getInteger("shrink", 120));

  @RegisterExtension final Pools pools = new Pools();
  private final List<Path> mounts = new ArrayList<>();
  private Path local;
  private int runCount;

  @BeforeEach
  void onlyRootMayDoAllThis() {
    Assumptions.assumeTrue(
        "root".equals(System.getProperty("user.name")), "others may not use every mode");
  }

  @Test
  void aMountDoesWhatALocalDirectoryDoes() throws Exception {
    runSeeds(1);
  }

  @Test
  void twoMountsThatTakeTurnsDoWhatALocalDirectoryDoes() throws Exception {
    runSeeds(2);
  }

  private void runSeeds(int mountCount) throws Exception {
    Pool pool = pools.start(3);
    local = Files.createDirectory(pool.work().resolve("local"));
    for (int mount = 0; mount < mountCount; mount++) {
      mounts.add(pool.mount("mount" + mount));
    }
    int operations = Integer.getInteger("operations", OPERATIONS);
    for (long seed : seeds()) {
      runSeed(seed, operations);
    }
    for (Path mount : mounts) {
      pool.umount(mount);
    }
  }

  private static List<Long> seeds() {
    Long first = Long.getLong("seed");
    Integer count = Integer.getInteger("seeds");
    if (first == null && count == null) {
      return SEEDS;
    }
    var seeds = new ArrayList<Long>();
    for (int i = 0; i < (count == null ? 1 : count); i++) {
      seeds.add((first == null ? 1 : first) + i);
    }
    return seeds;
  }

  private void runSeed(long seed, int operations) {
    List<Step> steps = OperationGenerator.steps(seed, operations, mounts.size());
    long startNs = System.nanoTime();
    ModelRun run = newRun();
    ModelRun.Difference difference = run.run(steps);
    System.out.printf(
        "seed %d: %d operations on %d mounts in %d ms, %s%n",
        seed,
        operations,
        mounts.size(),
        (System.nanoTime() - startNs) / 1_000_000,
        run.describeCounts());
    if (difference == null) {
      return;
    }
    System.out.println("seed " + seed + " differs, is being shrunk: " + difference.text());
    List<Step> shortest =
        Shrinker.shrink(
            steps.subList(0, difference.number() + 1),
            some -> {
              ModelRun.Difference again = newRun().run(some);
              return again != null && again.kind().equals(difference.kind());
            },
            SHRINK_MAX);
    ModelRun.Difference last = newRun().run(shortest);
    throw new AssertionError(
        "operation %d of -Dseed=%d -Doperations=%d with %d mounts, %s%nlast operations:%n%s%n%s"
            .formatted(
                difference.number(),
                seed,
                operations,
                mounts.size(),
                difference.text(),
                String.join("\n", difference.history()),
                last == null
                    ? "alone, the last of " + shortest.size() + " operations does what it should"
                    : "shrunk to "
                        + shortest.size()
                        + " operations, "
                        + last.text()
                        + ":\n"
                        + String.join("\n", last.history())));
  }

  /** A run from the start, in fresh directories. */
  private ModelRun newRun() {
    String name = "run" + runCount++;
    try {
      Files.createDirectory(local.resolve(name));
      Files.createDirectory(mounts.get(0).resolve(name));
    } catch (IOException e) {
      throw new AssertionError("create directories of " + name + ": " + e, e);
    }
    return new ModelRun(
        new FileTree(local.resolve(name).toString()),
        mounts.stream().map(mount -> new FileTree(mount.resolve(name).toString())).toList());
  }
}
