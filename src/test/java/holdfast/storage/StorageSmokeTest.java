package holdfast.storage;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import holdfast.consensus.Configuration;
import holdfast.consensus.LogEntry;
import holdfast.consensus.SnapshotMeta;
import holdfast.model.ChunkId;
import holdfast.model.LogId;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalLong;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** All stores together on a real directory: written, closed, opened, read. */
final class StorageSmokeTest {
  private static final String BOOT = "4562c560-40c8-4b6e-bad0-5a7a80ee42d2";

  @Test
  void allThatWasWrittenIsThereAfterACleanRestart(@TempDir Path path) {
    var random = new Random(1);
    var disk = NioDisk.open(path);
    var ids = new ArrayList<ChunkId>();
    byte[] first = new byte[3 << 20];
    random.nextBytes(first);

    try (var directory =
        StorageDirectory.open(disk, new Machine(BOOT, ""), "pid 1", new Random(1)::nextLong)) {
      assertEquals(OpenedAfter.FRESH, directory.openedAfter());
      var log = TestLogs.open(disk, directory.openedAfter(), directory, new LogId(1, 2), 4096);
      for (int i = 1; i <= 100; i++) {
        log.append(List.of(new LogEntry(i, 3, LogEntry.Kind.COMMAND, new byte[i * 10])));
      }
      assertEquals(100, log.force());
      var space = StorageSpace.of(disk, OptionalLong.empty(), OptionalLong.of(0));
      var chunks = ChunkStore.open(disk, space, ChunkFormat.SEGMENT_BYTES_MIN, new MemoryNotes());
      for (int i = 0; i < 10; i++) {
        first[0] = (byte) i;
        var id = ChunkId.nameOf(first, 0, first.length);
        ids.add(id);
        assertTrue(chunks.put(id, first, 0, first.length));
        assertFalse(chunks.put(id, first, 0, first.length));
      }
      chunks.force();
      var snapshot = new LogSnapshot(new LogId(1, 2), new SnapshotMeta(50, 3, Configuration.EMPTY));
      try (var writer = SnapshotStore.open(disk).write(snapshot)) {
        writer.piece(new byte[1000]);
        writer.commit();
      }
      log.truncatePrefix(50);
      log.close();
      chunks.close();
      directory.closeCleanly();
    }

    try (var directory =
        StorageDirectory.open(disk, new Machine("other", ""), "pid 1", new Random(1)::nextLong)) {
      assertEquals(OpenedAfter.CLEAN, directory.openedAfter());
      var log = TestLogs.open(disk, directory.openedAfter(), directory, new LogId(9, 9), 4096);
      assertEquals(100, log.lastIndex());
      assertEquals(50, log.startIndex());
      assertEquals(50, log.read(51, 1 << 20).size());
      assertEquals(new LogId(1, 2), log.logId());
      var space = StorageSpace.of(disk, OptionalLong.empty(), OptionalLong.of(0));
      var chunks = ChunkStore.open(disk, space, ChunkFormat.SEGMENT_BYTES_MIN, new MemoryNotes());
      assertEquals(10, chunks.chunkCount());
      for (int i = 0; i < 10; i++) {
        first[0] = (byte) i;
        assertArrayEquals(first, chunks.read(ids.get(i)));
        assertTrue(chunks.verify(ids.get(i)));
      }
      try (var reader = SnapshotStore.open(disk).newest().orElseThrow()) {
        assertEquals(1000, reader.next().length);
        assertFalse(reader.hasNext());
      }
      assertEquals(1, directory.incarnation());
      log.close();
      chunks.close();
    }
  }
}
