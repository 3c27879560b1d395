package holdfast.storage;

import holdfast.consensus.LogEntry;
import holdfast.model.ChunkId;
import holdfast.model.LogId;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.OptionalLong;
import java.util.Random;

/**
 * Throughput of the stores on a real directory. Arguments: the directory, the chunk count. Prints
 * medians and a checksum of what was read.
 */
final class StorageBenchmark {
  private static final int CHUNK_BYTES = 4 << 20;
  private static final int ROUND_COUNT = 3;
  private static final int INDEX_COUNT = 1_000_000;

  private StorageBenchmark() {}

  /** Runs everything. */
  public static void main(String[] args) throws IOException {
    Path directory = Path.of(args[0]);
    int chunkCount = Integer.parseInt(args[1]);
    var puts = new double[ROUND_COUNT];
    var reads = new double[ROUND_COUNT];
    var maps = new double[ROUND_COUNT];
    var opens = new double[ROUND_COUNT];
    var log = new double[ROUND_COUNT];
    long checksum = 0;
    for (int round = 0; round < ROUND_COUNT; round++) {
      Files.createDirectories(directory);
      var disk = NioDisk.open(directory);
      var ids = new ArrayList<ChunkId>();
      puts[round] = put(disk, ids, chunkCount);
      long start = System.nanoTime();
      try (var store = open(disk)) {
        opens[round] = (System.nanoTime() - start) / 1e6;
        start = System.nanoTime();
        for (ChunkId id : ids) {
          checksum += store.read(id)[17];
        }
        reads[round] = rate(chunkCount, start);
        start = System.nanoTime();
        byte[] part = new byte[64 << 10];
        for (int i = 0; i < chunkCount; i++) {
          for (int at = 0; at < CHUNK_BYTES; at += part.length) {
            store.read(ids.get(i), at, part.length, part, 0);
            checksum += part[5];
          }
        }
        maps[round] = rate(chunkCount, start);
      }
      log[round] = log(disk);
      delete(directory);
    }
    System.out.printf(
        Locale.ROOT,
        "put 4 MiB, forced at the end: %.0f MB/s%nread whole (CRC): %.0f MB/s%n"
            + "read 64 KiB parts: %.0f MB/s%nopen: %.0f ms%nlog entries of 256 B, batches of 64, "
            + "forced each 1000: %.0f /s%nchecksum %d%n",
        median(puts),
        median(reads),
        median(maps),
        median(opens),
        median(log),
        checksum);
    index();
  }

  private static double put(Disk disk, List<ChunkId> ids, int chunkCount) {
    byte[] bytes = new byte[CHUNK_BYTES];
    new Random(1).nextBytes(bytes);
    var random = new Random(2);
    long start = System.nanoTime();
    try (var store = open(disk)) {
      for (int i = 0; i < chunkCount; i++) {
        bytes[17] = (byte) i;
        var id = new ChunkId(random.nextLong(), random.nextLong(), i, 0);
        ids.add(id);
        store.put(id, bytes, 0, bytes.length);
      }
      store.force();
    }
    return rate(chunkCount, start);
  }

  private static double log(Disk disk) {
    int entryCount = 64 * 1_000;
    long start = System.nanoTime();
    try (var log =
        TestLogs.open(
            disk,
            OpenedAfter.FRESH,
            (cause, isVoteLost, why) -> {},
            new LogId(1, 1),
            LogStore.SEGMENT_BYTES_DEFAULT)) {
      for (int i = 0; i < entryCount; i += 64) {
        var batch = new ArrayList<LogEntry>();
        for (int j = 1; j <= 64; j++) {
          batch.add(new LogEntry(i + j, 1, LogEntry.Kind.COMMAND, new byte[256]));
        }
        log.append(batch);
        if (i / 64 % 16 == 15) {
          log.force();
        }
      }
    }
    return entryCount / ((System.nanoTime() - start) / 1e9);
  }

  private static void index() {
    System.gc();
    long before = Runtime.getRuntime().totalMemory() - Runtime.getRuntime().freeMemory();
    var random = new Random(3);
    var index = new ChunkIndex();
    long start = System.nanoTime();
    for (int i = 0; i < INDEX_COUNT; i++) {
      var id =
          new ChunkId(random.nextLong(), random.nextLong(), random.nextLong(), random.nextLong());
      index.put(id, 1, i, i);
    }
    double putNs = (System.nanoTime() - start) / (double) INDEX_COUNT;
    System.gc();
    long after = Runtime.getRuntime().totalMemory() - Runtime.getRuntime().freeMemory();
    start = System.nanoTime();
    int listedCount = 0;
    for (int partition = 0; partition < ChunkId.PARTITION_COUNT; partition++) {
      listedCount += index.sorted(partition).length;
    }
    System.out.printf(
        Locale.ROOT,
        "index of %d: heap %d bytes (%.1f a chunk), put %.0f ns, list of all partitions %.0f ms%n",
        listedCount,
        after - before,
        (after - before) / (double) INDEX_COUNT,
        putNs,
        (System.nanoTime() - start) / 1e6);
  }

  private static ChunkStore open(Disk disk) {
    return ChunkStore.open(
        disk,
        StorageSpace.of(disk, OptionalLong.empty(), OptionalLong.empty()),
        ChunkFormat.SEGMENT_BYTES_DEFAULT,
        new MemoryNotes());
  }

  private static double rate(int chunkCount, long startNs) {
    return (double) chunkCount * CHUNK_BYTES / 1e6 / ((System.nanoTime() - startNs) / 1e9);
  }

  private static double median(double[] values) {
    Arrays.sort(values);
    return values[values.length / 2];
  }

  private static void delete(Path directory) throws IOException {
    try (var files = Files.walk(directory)) {
      for (Path path : files.sorted(Comparator.reverseOrder()).toList()) {
        Files.delete(path);
      }
    }
  }
}
