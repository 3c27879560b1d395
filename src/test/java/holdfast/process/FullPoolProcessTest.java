package holdfast.process;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;

/** A pool that has no room left says so to programs, and keeps what it has. */
@Tag("process")
@Timeout(value = 120, unit = TimeUnit.SECONDS, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class FullPoolProcessTest {
  private static final Duration COPY_MAX = Duration.ofSeconds(60);
  private static final int KEPT_BYTES = 20_000_000;

  @RegisterExtension final Pools pools = new Pools();

  @Test
  void writingMoreThanThereIsRoomForFailsWithEnospcAndWhatWasSyncedStays() throws Exception {
    Pool pool = pools.start(3, "--capacity", "150MB");
    Path mount = pool.mount("mnt");
    byte[] kept = new byte[KEPT_BYTES];
    new Random(1).nextBytes(kept);
    try (var out = new FileOutputStream(mount.resolve("kept").toFile())) {
      out.write(kept);
      FileDescriptor file = out.getFD();
      file.sync();
    }

    var filled =
        pool.execute(
            List.of("dd", "if=/dev/zero", "of=" + mount.resolve("big"), "bs=1M", "count=400"),
            COPY_MAX);

    assertThat(filled.exit()).isEqualTo(1);
    assertThat(filled.err()).contains("No space left on device");
    pool.umount(mount);
    Path again = pool.mount("again");
    assertThat(Files.readAllBytes(again.resolve("kept"))).isEqualTo(kept);
    Files.delete(again.resolve("big"));
    assertThat(names(again)).containsExactly("kept");
    pool.umount(again);
  }

  private static List<String> names(Path folder) throws IOException {
    try (var files = Files.list(folder)) {
      return files.map(file -> file.getFileName().toString()).toList();
    }
  }
}
