package holdfast.process;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;

/** Two mounts, and two processes on each, append to one file. */
@Tag("process")
@Timeout(value = 300, unit = TimeUnit.SECONDS, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class AppendProcessTest {
  private static final Duration WRITERS_MAX = Duration.ofSeconds(120);
  private static final long SEED = Long.getLong("seed", 1);
  private static final int WRITERS = 4;
  private static final int RECORDS = 120;
  private static final int LARGE_RECORDS = 6;
  private static final int CUTS = 3;
  private static final long CUT_AT_BYTES = 40_000;

  /**
   * Records of a line each: writer, number, length, and as many letters. In between fsync, close,
   * or F_SETFL: the file may be opened without O_APPEND first.
   */
  private static final String WRITER =
      """
      import fcntl, os, random, sys
      path, writer, count, sizes, seed = sys.argv[1], *map(int, sys.argv[2:])
      rand = random.Random(seed * 100 + writer)
      def opened():
          if rand.randrange(2):
              return os.open(path, os.O_WRONLY | os.O_APPEND)
          fd = os.open(path, os.O_WRONLY)
          fcntl.fcntl(fd, fcntl.F_SETFL, os.O_APPEND)
          return fd
      fd = opened()
      for number in range(count):
          size = rand.choice([0, 10, 80, 400, 5000, sizes])
          record = b'%d %d %d ' % (writer, number, size) + b'%c' % (97 + writer) * size + b'\\n'
          done = os.write(fd, record)
          if done != len(record):
              sys.exit('short write of %d: %d' % (len(record), done))
          kind = rand.randrange(6)
          if kind == 0:
              os.fsync(fd)
          elif kind < 3:
              os.close(fd)
              fd = opened()
      os.close(fd)
      """;

  /**
   * Each byte tells whose it is: a long write may have others' bytes in between when its pieces
   * come slowly.
   */
  private static final String LARGE_WRITER =
      """
      import os, sys
      path, writer, count = sys.argv[1], *map(int, sys.argv[2:])
      fd = os.open(path, os.O_WRONLY | os.O_APPEND)
      at = 0
      for number in range(count):
          size = 300_000 + 300_000 * number
          record = bytes(writer * 64 + (at + i) % 61 for i in range(size))
          at += size
          done = os.write(fd, record)
          if done != size:
              sys.exit('short write of %d: %d' % (size, done))
          if number % 2:
              os.fsync(fd)
      os.close(fd)
      """;

  @RegisterExtension static final SharedPool SHARED = new SharedPool();

  private static Path mountOf(List<Path> mounts, int writer) {
    return mounts.get(writer % mounts.size());
  }

  @Test
  @Execution(ExecutionMode.CONCURRENT)
  void everyRecordIsThereOnceAndInItsWritersOrder() throws Exception {
    List<Path> mounts = List.of(SHARED.one(), SHARED.two());
    Files.createFile(mounts.get(0).resolve("records"));
    try (var writers = new Python(SHARED.pool())) {
      for (int writer = 0; writer < WRITERS; writer++) {
        Path log = mountOf(mounts, writer).resolve("records");
        writers.start("records-writer" + writer, WRITER, log, writer, RECORDS, 120_000, SEED);
      }
      writers.awaitAll(WRITERS_MAX);
    }

    byte[] found = Files.readAllBytes(mounts.get(0).resolve("records"));
    int[] firsts = firstNumbers(found);
    assertThat(firsts).containsOnly(0);
    assertThat(Files.readAllBytes(mounts.get(1).resolve("records"))).isEqualTo(found);
    Path again = SHARED.pool().mount("again");
    assertThat(Files.readAllBytes(again.resolve("records"))).isEqualTo(found);
    SHARED.pool().umount(again);
  }

  /**
   * As logrotate's copytruncate: what is written after a cut begins at the start, without holes.
   */
  @Test
  @Execution(ExecutionMode.CONCURRENT)
  void aFileThatIsCutMeanwhileHasWholeRecordsAndNoHole() throws Exception {
    List<Path> mounts = List.of(SHARED.one(), SHARED.two());
    Path log = Files.createFile(mounts.get(0).resolve("cut"));
    int cuts = 0;
    try (var writers = new Python(SHARED.pool())) {
      var last = writers.start("cut-writer0", WRITER, log, 0, RECORDS, 10_000, SEED);
      for (int writer = 1; writer < WRITERS; writer++) {
        Path own = mountOf(mounts, writer).resolve("cut");
        writers.start("cut-writer" + writer, WRITER, own, writer, RECORDS, 10_000, SEED);
      }
      Path other = mounts.get(1).resolve("cut");
      while (cuts < CUTS) {
        Await.until(
            "a longer log",
            WRITERS_MAX,
            () -> other.toFile().length() > CUT_AT_BYTES || !last.isAlive(),
            () -> other.toFile().length() + " bytes");
        if (!last.isAlive()) {
          break;
        }
        assertThat(Posix.truncate(other.toString(), 0)).isZero();
        cuts++;
      }
      writers.awaitAll(WRITERS_MAX);
    }

    byte[] found = Files.readAllBytes(log);
    System.out.println("cut " + cuts + " times, left " + found.length + " bytes");
    assertThat(cuts).isPositive();
    firstNumbers(found);
    assertThat(Files.readAllBytes(mounts.get(1).resolve("cut"))).isEqualTo(found);
  }

  /**
   * Looks at all records: each is whole, and each writer's follow each other up to its last one.
   * Returns the number of each writer's first.
   */
  private static int[] firstNumbers(byte[] found) {
    int[] firsts = new int[WRITERS];
    int[] nexts = new int[WRITERS];
    Arrays.fill(firsts, -1);
    int at = 0;
    while (at < found.length) {
      int end = at;
      while (end < found.length && found[end] != '\n') {
        end++;
      }
      String line = new String(found, at, end - at, US_ASCII);
      String what = "at " + at + ": " + line.substring(0, Math.min(40, line.length()));
      assertThat(end).as(what + " ends").isLessThan(found.length);
      String[] fields = line.split(" ", -1);
      assertThat(fields).as(what).hasSize(4);
      int writer = Integer.parseInt(fields[0]);
      int number = Integer.parseInt(fields[1]);
      assertThat(fields[3])
          .as(what)
          .isEqualTo(String.valueOf((char) ('a' + writer)).repeat(Integer.parseInt(fields[2])));
      if (firsts[writer] < 0) {
        firsts[writer] = number;
      } else {
        assertThat(number).as(what).isEqualTo(nexts[writer]);
      }
      nexts[writer] = number + 1;
      at = end + 1;
    }
    for (int writer = 0; writer < WRITERS; writer++) {
      assertThat(firsts[writer] < 0 || nexts[writer] == RECORDS)
          .as("writer " + writer + " has its last record: next=" + nexts[writer])
          .isTrue();
    }
    return firsts;
  }

  @Test
  @Execution(ExecutionMode.CONCURRENT)
  void ofLargeWritesNoByteIsLostOrOutOfOrder() throws Exception {
    List<Path> mounts = List.of(SHARED.one(), SHARED.two());
    Files.createFile(mounts.get(0).resolve("large"));
    try (var writers = new Python(SHARED.pool())) {
      for (int writer = 0; writer < WRITERS; writer++) {
        Path log = mountOf(mounts, writer).resolve("large");
        writers.start("large-writer" + writer, LARGE_WRITER, log, writer, LARGE_RECORDS);
      }
      writers.awaitAll(WRITERS_MAX);
    }

    byte[] found = Files.readAllBytes(mounts.get(0).resolve("large"));
    int[] counts = new int[WRITERS];
    int changes = 0;
    for (int at = 0; at < found.length; at++) {
      int value = Byte.toUnsignedInt(found[at]);
      int writer = value / 64;
      changes += at > 0 && Byte.toUnsignedInt(found[at - 1]) / 64 != writer ? 1 : 0;
      if (value % 64 != counts[writer]++ % 61) {
        throw new AssertionError("at " + at + ": writer " + writer + " out of order");
      }
    }
    int expected = 0;
    for (int number = 0; number < LARGE_RECORDS; number++) {
      expected += 300_000 + 300_000 * number;
    }
    assertThat(counts).containsOnly(expected);
    System.out.println(changes + " changes of writer in " + found.length + " bytes");
    assertThat(Files.readAllBytes(mounts.get(1).resolve("large"))).isEqualTo(found);
  }

  /** Whoever has the file open sees what was appended where it is, on his own mount at once. */
  @Test
  @Execution(ExecutionMode.CONCURRENT)
  void aReaderThatHasTheFileOpenSeesEachLineWhereItIs() throws Exception {
    Path here = SHARED.one().resolve("lines");
    Path there = SHARED.two().resolve("lines");
    Files.createFile(here);
    var expected = new StringBuilder();
    long mine = Posix.open(here.toString(), Posix.O_WRONLY | Posix.O_APPEND, 0);
    try (var reader = new RandomAccessFile(here.toFile(), "r")) {
      for (int i = 0; i < 40; i++) {
        // Not read in between, so the kernel doesn't know the new end.
        expected.append(append(there, "there " + i + "\n"));
        String line = "here " + i + "x".repeat(i * 300) + "\n";
        assertThat(Posix.write((int) mine, line.getBytes(US_ASCII))).isEqualTo(line.length());
        expected.append(line);

        assertThat(reader.length()).isEqualTo(expected.length());
        byte[] read = new byte[expected.length()];
        reader.seek(0);
        reader.readFully(read);
        assertThat(new String(read, US_ASCII)).isEqualTo(expected.toString());
        assertThat(Posix.fsync((int) mine)).isZero();
      }
    } finally {
      Posix.close((int) mine);
    }
    assertThat(Files.readString(there)).isEqualTo(expected.toString());
  }

  private static String append(Path file, String line) throws IOException {
    long fd = Posix.open(file.toString(), Posix.O_WRONLY | Posix.O_APPEND, 0);
    assertThat(Posix.write((int) fd, line.getBytes(US_ASCII))).isEqualTo(line.length());
    assertThat(Posix.close((int) fd)).isZero();
    return line;
  }
}
