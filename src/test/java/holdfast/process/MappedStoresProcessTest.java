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
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * What a program has stored into a shared mapping, and not synced, is with the pool when the mount
 * has been told to end: the kernel alone has it until it writes the pages back.
 */
@Tag("process")
@Timeout(value = 180, unit = TimeUnit.SECONDS, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
@Execution(ExecutionMode.CONCURRENT)
class MappedStoresProcessTest {
  private static final Duration STOP_MAX = Duration.ofSeconds(30);
  private static final Duration SCRIPT_MAX = Duration.ofSeconds(60);

  /** A whole chunk and a part, so that pages of several requests are written back. */
  private static final int SIZE_BYTES = 5_000_001;

  /** Stores through a mapping and stays; python has a descriptor of its own for it. */
  private static final String STORE =
      """
      import mmap, os, sys, time
      path, keeps = sys.argv[1], sys.argv[2]
      SIZE = int(sys.argv[3])
      fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
      os.write(fd, bytes(SIZE))
      memory = mmap.mmap(fd, SIZE)
      if keeps == 'the mapping only':
          for number in os.listdir('/proc/self/fd'):
              try:
                  if os.readlink('/proc/self/fd/' + number) == path: os.close(int(number))
              except OSError: pass
      memory[:] = (bytes(range(1, 252)) * (SIZE // 251 + 1))[:SIZE]
      print('stored', flush=True)
      time.sleep(600)
      """;

  private static final String COMPARE =
      """
      import sys
      path, SIZE = sys.argv[1], int(sys.argv[2])
      expected = (bytes(range(1, 252)) * (SIZE // 251 + 1))[:SIZE]
      content = open(path, 'rb').read()
      pages = sum(content[i:i + 4096] != expected[i:i + 4096] for i in range(0, SIZE, 4096))
      if content != expected: sys.exit('%d bytes, %d pages differ' % (len(content), pages))
      """;

  @RegisterExtension final Pools pools = new Pools();

  @ParameterizedTest
  @ValueSource(strings = {"the descriptor too", "the mapping only"})
  void aStoreIsSavedWhenTheMountIsToldToStop(String keeps) throws Exception {
    Pool pool = pools.start(2);
    Path mount = pool.mount("mnt");
    Launched process = pool.mountAt(mount);
    try (var python = new Python(pool)) {
      store(python, mount, keeps);

      process.signal("TERM");

      assertThat(process.awaitExit(STOP_MAX)).as(process.err()).isZero();
    }
    expectStored(pool, pool.mount("mnt"));
  }

  /** Who took it out of the tree with files open leaves no path to sync. */
  @Test
  void aStoreIsSavedWhenAMountThatWasDetachedIsToldToStop() throws Exception {
    Pool pool = pools.start(2);
    Path mount = pool.mount("mnt");
    Launched process = pool.mountAt(mount);
    try (var python = new Python(pool)) {
      store(python, mount, "the mapping only");
      boolean isRoot = "root".equals(System.getProperty("user.name"));
      var detach =
          isRoot
              ? List.of("umount", "-i", "-l", mount.toString())
              : List.of("fusermount", "-u", "-z", mount.toString());
      pool.execute(detach, SCRIPT_MAX).expectDone("detach");

      process.signal("TERM");

      assertThat(process.awaitExit(STOP_MAX)).as(process.err()).isZero();
    }
    expectStored(pool, pool.mount("again"));
  }

  @Test
  void aMountThatReachesNoPeerEndsNevertheless() throws Exception {
    Pool pool = pools.start(1);
    Path mount = pool.mount("mnt");
    Launched process = pool.mountAt(mount);
    try (var python = new Python(pool)) {
      store(python, mount, "the mapping only");
      pool.peer(1).kill();

      process.signal("TERM");

      assertThat(process.awaitExit(Duration.ofSeconds(50))).as(process.err()).isNotNegative();
    }
    assertThat(Files.readString(Path.of("/proc/self/mountinfo"))).doesNotContain(mount.toString());
  }

  @Test
  void umountNamesTheProcessThatHasAFileMapped() throws Exception {
    Pool pool = pools.start(1);
    Path mount = pool.mount("mnt");
    try (var python = new Python(pool)) {
      Script script = store(python, mount, "the mapping only");

      Result busy = pool.run("umount", mount.toString());

      assertThat(busy.onlyErrorLine()).contains("busy").contains("[" + script.pid() + "]");
    }
    pool.umount(mount);
    expectStored(pool, pool.mount("mnt"));
  }

  private static Script store(Python python, Path mount, String keeps) throws Exception {
    Script script = python.start("store", STORE, mount.resolve("mapped"), keeps, SIZE_BYTES);
    assertThat(script.line(SCRIPT_MAX)).isEqualTo("stored");
    return script;
  }

  private static void expectStored(Pool pool, Path mount) throws Exception {
    try (var python = new Python(pool)) {
      python.run("compare", SCRIPT_MAX, COMPARE, mount.resolve("mapped"), SIZE_BYTES);
    }
  }
}
