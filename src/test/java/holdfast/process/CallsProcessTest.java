package holdfast.process;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.TreeSet;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Calls that programs make seldom, on one mount, and what another sees of them. */
@Tag("process")
@Timeout(value = 180, unit = TimeUnit.SECONDS, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class CallsProcessTest {
  private static final Duration SCRIPT_MAX = Duration.ofSeconds(60);
  private static final int RECORDS = 60;
  private static final int NAMES = 150;

  private static final String EXPECT =
      """
      import ctypes, mmap, os, sys
      def expect(what, expected, was):
          if expected != was: sys.exit('%s: expected %r, was %r' % (what, expected, was))
      """;

  /** Prints the names it was the one to make. */
  private static final String EXCLUSIVE =
      """
      import os, random, sys
      folder, count, seed = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
      # Nearly in one order, so that the two meet at many names.
      for number in sorted(range(count), key=lambda n: n + random.Random(seed + n).random() * 3):
          try:
              os.close(os.open('%s/n%d' % (folder, number), os.O_CREAT | os.O_EXCL | os.O_RDWR))
              print('n%d' % number)
          except FileExistsError:
              pass
      """;

  private static final String MAPPED =
      EXPECT
          + """
          here, there = sys.argv[1:]
          SIZE = 9_000_001
          expected = bytearray(os.urandom(SIZE))
          with open(here, 'wb') as file: file.write(expected)
          def content(path):
              with open(path, 'rb') as file: return file.read()
          def change(memory, at):
              change = bytes(b ^ 0x55 for b in expected[at:at + 20])
              expected[at:at + 20] = change
              memory[at:at + 20] = change
          fd = os.open(here, os.O_RDWR)
          memory = mmap.mmap(fd, SIZE)
          for at in (0, 4095, 4 << 20, SIZE - 20): change(memory, at)
          memory.flush()
          expect('there, after msync', True, content(there) == expected)
          change(memory, 5_000_000)
          expect('here, by read', True, os.pread(fd, SIZE, 0) == expected)
          memory.close()
          os.close(fd)
          expect('there, after close', True, content(there) == expected)
          fd = os.open(there, os.O_RDWR)
          memory = mmap.mmap(fd, SIZE)
          change(memory, 77_777)
          memory.close()
          os.close(fd)
          fd = os.open(here, os.O_RDONLY)
          memory = mmap.mmap(fd, SIZE, prot=mmap.PROT_READ)
          expect('mapped here, after the other changed it', True, memory[:] == bytes(expected))
          os.close(fd)
          """;

  /** Blocks past the page cache, beside a reader that has pages there. */
  private static final String DIRECT =
      EXPECT
          + """
          path, what = sys.argv[1:]
          SIZE = 3 << 20
          def pattern(seed, size):
              return bytes((i * 31 + (i >> 12) + seed) % 251 for i in range(size))
          def aligned(content):
              memory = mmap.mmap(-1, len(content))
              memory[:] = content
              return memory
          expected = bytearray(pattern(1, SIZE))
          expected[8192:8192 + 65536] = pattern(2, 65536)
          if what == 'write':
              fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_DIRECT, 0o644)
              expect('write', SIZE, os.pwritev(fd, [aligned(pattern(1, SIZE))], 0))
              cached = os.open(path, os.O_RDONLY)
              expect('cached', pattern(1, SIZE), os.pread(cached, SIZE, 0))
              expect('write', 65536, os.pwritev(fd, [aligned(pattern(2, 65536))], 8192))
              expect('cached, after', bytes(expected), os.pread(cached, SIZE, 0))
              os.close(cached)
          else:
              fd = os.open(path, os.O_RDONLY | os.O_DIRECT)
          memory = mmap.mmap(-1, SIZE)
          expect('read', SIZE, os.preadv(fd, [memory], 0))
          expect('direct', bytes(expected), memory[:])
          expect('at the end', 0, os.preadv(fd, [memory], SIZE))
          os.close(fd)
          """;

  private static final String ALLOCATE =
      EXPECT
          + """
          path = sys.argv[1]
          KEEP_SIZE, PUNCH_HOLE = 1, 2
          c = ctypes.CDLL('libc.so.6', use_errno=True)
          c.fallocate.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.c_long, ctypes.c_long]
          fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
          def allocate(mode, at, size):
              expect('fallocate %d' % mode, 0, c.fallocate(fd, mode, at, size))
          def state(): return (os.fstat(fd).st_size, os.fstat(fd).st_blocks)
          content = os.urandom(10 << 20)
          os.write(fd, content)
          os.fsync(fd)
          blocks = (10 << 20) // 512
          expect('written', (10 << 20, blocks), state())
          allocate(0, 9 << 20, 3 << 20)
          expect('longer', (12 << 20, blocks), state())
          allocate(KEEP_SIZE, 12 << 20, 1 << 20)
          expect('kept', (12 << 20, blocks), state())
          allocate(PUNCH_HOLE | KEEP_SIZE, 1 << 20, 5 << 20)
          expect('punched', (12 << 20, blocks - (5 << 20) // 512), state())
          allocate(PUNCH_HOLE | KEEP_SIZE, 8 << 20, 64 << 20)
          expect('punched at the end', (12 << 20, (3 << 20) // 512), state())
          expected = content[:1 << 20] + bytes(5 << 20) + content[6 << 20:8 << 20] + bytes(4 << 20)
          expect('content', True, os.pread(fd, 12 << 20, 0) == expected)
          ctypes.set_errno(0)
          expect('no mode', -1, c.fallocate(fd, PUNCH_HOLE, 0, 4096))
          expect('errno', 95, ctypes.get_errno())
          os.close(fd)
          with open(sys.argv[2], 'wb') as other: other.write(expected)
          """;

  /**
   * Records of its own in a file of both, each saved by an fsync or by the close of a reopening.
   */
  private static final String SAVED =
      """
      import os, sys
      path, own, count, how = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
      fd = os.open(path, os.O_RDWR | os.O_CREAT)
      for i in range(count):
          if how == 'close':
              os.close(fd)
              fd = os.open(path, os.O_RDWR)
          os.pwrite(fd, b'%c%07d' % (97 + own, i), (2 * i + own) * 8)
          if how == 'fsync': os.fsync(fd)
      os.close(fd)
      """;

  @RegisterExtension static final SharedPool SHARED = new SharedPool();

  @Test
  @Execution(ExecutionMode.CONCURRENT)
  void ofTwoThatMakeTheSameNameExclusivelyOneSucceeds() throws Exception {
    List<Path> mounts = List.of(SHARED.one(), SHARED.two());
    Files.createDirectory(mounts.get(0).resolve("d"));
    List<Script> makers;
    try (var python = new Python(SHARED.pool())) {
      makers =
          List.of(
              python.start("maker0", EXCLUSIVE, mounts.get(0).resolve("d"), NAMES, 1),
              python.start("maker1", EXCLUSIVE, mounts.get(1).resolve("d"), NAMES, 2));
      python.awaitAll(SCRIPT_MAX);
    }

    var all = new TreeSet<String>();
    for (Script maker : makers) {
      List<String> made = maker.out().lines().toList();
      System.out.println(maker.name() + " made " + made.size());
      for (String name : made) {
        assertThat(all.add(name)).as(name + " has one maker").isTrue();
      }
    }
    assertThat(all).hasSize(NAMES);
    for (Path mount : mounts) {
      assertThat(mount.resolve("d").toFile().list()).containsExactlyInAnyOrderElementsOf(all);
    }
  }

  @Test
  @Execution(ExecutionMode.CONCURRENT)
  void aSharedMappingIsWithTheOtherMountAfterMsyncAndAfterClose() throws Exception {
    Path one = SHARED.one();
    Path two = SHARED.two();
    try (var python = new Python(SHARED.pool())) {
      python.run("map", SCRIPT_MAX, MAPPED, one.resolve("mapped"), two.resolve("mapped"));
    }
  }

  /** Without locks, records side by side: each save comes between two of the other mount's. */
  @ParameterizedTest
  @Execution(ExecutionMode.CONCURRENT)
  @ValueSource(strings = {"fsync", "close"})
  void twoThatSaveOneFileAtOnceBothGetThrough(String how) throws Exception {
    List<Path> files =
        List.of(SHARED.one().resolve("saved-" + how), SHARED.two().resolve("saved-" + how));
    try (var python = new Python(SHARED.pool())) {
      for (int own = 0; own < 2; own++) {
        python.start(how + own, SAVED, files.get(own), own, RECORDS, how);
      }
      python.awaitAll(SCRIPT_MAX);
    }

    var expected = new StringBuilder();
    for (int i = 0; i < RECORDS; i++) {
      expected.append(String.format("a%07db%07d", i, i));
    }
    for (Path file : files) {
      assertThat(Files.readString(file)).isEqualTo(expected.toString());
    }
  }

  @Test
  @Execution(ExecutionMode.CONCURRENT)
  void directReadsAndWritesPassThePageCacheAndAgreeWithIt() throws Exception {
    Path one = SHARED.one();
    Path two = SHARED.two();
    try (var python = new Python(SHARED.pool())) {
      python.run("write", SCRIPT_MAX, DIRECT, one.resolve("direct"), "write");
      python.run("read", SCRIPT_MAX, DIRECT, two.resolve("direct"), "read");
    }
  }

  @Test
  @Execution(ExecutionMode.CONCURRENT)
  void whatIsAllocatedAndPunchedShowsInSizeBlocksAndContent() throws Exception {
    Path one = SHARED.one();
    Path two = SHARED.two();
    Path wanted = SHARED.pool().work().resolve("wanted");
    try (var python = new Python(SHARED.pool())) {
      python.run("allocate", SCRIPT_MAX, ALLOCATE, one.resolve("holes"), wanted);
    }
    assertThat(Files.mismatch(wanted, two.resolve("holes"))).isEqualTo(-1);
  }
}
