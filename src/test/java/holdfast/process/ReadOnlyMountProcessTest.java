package holdfast.process;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;

/**
 * A mount with {@code --read-only} reads everything, follows what others change, changes nothing.
 */
@Tag("process")
@Timeout(value = 120, unit = TimeUnit.SECONDS, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class ReadOnlyMountProcessTest {
  private static final Duration COMMAND_MAX = Duration.ofSeconds(30);
  private static final String READ_ONLY = "Read-only file system";
  private static final int FILE_BYTES = 1_000_000;

  @RegisterExtension final Pools pools = new Pools();

  private static void expectRefused(Pool pool, String error, String... command) throws IOException {
    Result result = pool.execute(List.of(command), COMMAND_MAX);
    assertThat(result.exit()).as("%s: %s", String.join(" ", command), result).isNotZero();
    assertThat(result.err()).as(String.join(" ", command)).contains(error);
  }

  @Test
  void everyChangeIsRefusedAndEverythingIsRead() throws Exception {
    Bash.need("setfattr", "attr");
    Pool pool = pools.start(2);
    Path writable = pool.mount("writable");
    Path mount = pool.mount("read-only", "--read-only");
    Trees.writeRandom(writable.resolve("file"), FILE_BYTES, 1);
    Files.createDirectories(writable.resolve("folder/empty"));
    Files.createSymbolicLink(writable.resolve("link"), Path.of("file"));
    pool.execute(
            List.of("setfattr", "-n", "user.name", "-v", "value", writable + "/file"), COMMAND_MAX)
        .expectDone("setfattr");

    new Trees().expectSame(writable, mount);
    expectChangesRefused(mount);
    expectProgramsRefused(pool, mount);
    assertThat(
            pool.execute(List.of("getfattr", "-n", "user.name", mount + "/file"), COMMAND_MAX)
                .out())
        .contains("user.name=\"value\"");

    // The kernel may be told otherwise; the mount itself still refuses.
    pool.execute(List.of("mount", "-i", "-o", "remount,rw", mount.toString()), COMMAND_MAX)
        .expectDone("remount");
    expectChangesRefused(mount);
    expectProgramsRefused(pool, mount);

    Files.writeString(writable.resolve("new"), "by the other mount");
    assertThat(mount.resolve("new")).hasContent("by the other mount");
    Files.delete(writable.resolve("new"));
    new Trees().expectSame(writable, mount);
    pool.umount(mount);
    pool.umount(writable);
  }

  private static void expectChangesRefused(Path mount) {
    String file = mount + "/file";
    var results = new TreeMap<String, Long>();
    results.put("open to write", Posix.open(file, Posix.O_WRONLY, 0));
    results.put("open to read and write", Posix.open(file, Posix.O_RDWR, 0));
    results.put("open to cut", Posix.open(file, Posix.O_TRUNC | Posix.O_WRONLY, 0));
    results.put("open to append", Posix.open(file, Posix.O_WRONLY | Posix.O_APPEND, 0));
    results.put("create", Posix.open(mount + "/new", Posix.O_WRONLY | Posix.O_CREAT, 0644));
    results.put("truncate", Posix.truncate(file, 1));
    results.put("unlink", Posix.unlink(file));
    results.put("rmdir", Posix.rmdir(mount + "/folder/empty"));
    results.put("mkdir", Posix.mkdir(mount + "/new", 0755));
    results.put("symlink", Posix.symlink("file", mount + "/new"));
    results.put("link", Posix.link(file, mount + "/new"));
    results.put("rename", Posix.rename(file, mount + "/new"));
    results.put("rename over", Posix.rename(file, mount + "/link"));
    results.put("chmod", Posix.chmod(file, 0600));
    results.put("utimens", Posix.utimens(file, new Posix.Times(1, 2)));
    for (Map.Entry<String, Long> result : results.entrySet()) {
      assertThat(Posix.describe(result.getValue())).as(result.getKey()).isEqualTo("EROFS");
    }
  }

  private static void expectProgramsRefused(Pool pool, Path mount) throws IOException {
    String file = mount + "/file";
    expectRefused(pool, READ_ONLY, "chown", "1:1", file);
    expectRefused(pool, READ_ONLY, "touch", file);
    expectRefused(pool, READ_ONLY, "mkfifo", mount + "/pipe");
    expectRefused(pool, READ_ONLY, "mknod", mount + "/null", "c", "1", "3");
    expectRefused(pool, READ_ONLY, "setfattr", "-n", "user.name", "-v", "other", file);
    expectRefused(pool, READ_ONLY, "setfattr", "-x", "user.name", file);
    expectRefused(pool, READ_ONLY, "fallocate", "-l", "2000000", file);
  }
}
