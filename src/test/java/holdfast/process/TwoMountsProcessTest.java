package holdfast.process;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;

/** What two mounts of one pool see of each other. */
@Tag("process")
@Timeout(value = 300, unit = TimeUnit.SECONDS, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class TwoMountsProcessTest {
  /** Longer than a file without name and holder stays. */
  private static final Duration LONGER_THAN_ORPHANS = Duration.ofSeconds(34);

  private static final int FILE_BYTES = 6_000_000;

  @RegisterExtension final Pools pools = new Pools();

  @Test
  void aFileThatIsOpenHereOutlivesItsRemovalThere() throws Exception {
    Pool pool = pools.start(3);
    Path here = pool.mount("here");
    Path there = pool.mount("there");
    byte[] content = new byte[FILE_BYTES];
    new Random(1).nextBytes(content);
    Files.write(here.resolve("a"), content);
    long filesBefore = files(there);

    try (var open = new RandomAccessFile(here.resolve("a").toFile(), "rw")) {
      Files.delete(there.resolve("a"));
      assertThat(here.resolve("a")).doesNotExist();

      open.seek(FILE_BYTES - 3);
      open.write(new byte[] {1, 2, 3});
      System.arraycopy(new byte[] {1, 2, 3}, 0, content, FILE_BYTES - 3, 3);
      Await.holds(LONGER_THAN_ORPHANS, () -> files(there) == filesBefore);
      byte[] read = new byte[FILE_BYTES];
      open.seek(0);
      open.readFully(read);
      assertThat(read).isEqualTo(content);
      assertThat(open.length()).isEqualTo(FILE_BYTES);
    }

    Await.until(
        "the file is gone",
        LONGER_THAN_ORPHANS,
        () -> files(there) == filesBefore - 1,
        () -> "files=" + files(there));
    pool.umount(here);
    pool.umount(there);
  }

  /** Files in the pool, with or without a name. */
  private static long files(Path mount) {
    try {
      var process =
          new ProcessBuilder("stat", "-f", "-c", "%c %d", mount.toString())
              .redirectErrorStream(true)
              .start();
      String out = new String(process.getInputStream().readAllBytes()).trim();
      process.waitFor();
      String[] counts = out.split(" ");
      return Long.parseLong(counts[0]) - Long.parseLong(counts[1]);
    } catch (java.io.IOException e) {
      throw new java.io.UncheckedIOException(e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException(e);
    }
  }
}
