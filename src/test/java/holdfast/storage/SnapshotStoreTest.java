package holdfast.storage;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import holdfast.consensus.Configuration;
import holdfast.consensus.Endpoint;
import holdfast.consensus.SnapshotMeta;
import holdfast.model.ErrorCode;
import holdfast.model.LogId;
import holdfast.model.NodeId;
import holdfast.model.StorageException;
import holdfast.sim.SimDisk;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** Snapshots: whole or absent, the newest two kept, damage told. */
final class SnapshotStoreTest {
  private static final LogId LOG = new LogId(7, 8);

  private final SimDisk disk = new SimDisk("sim", 1);

  @Test
  void snapshotIsReadBackPieceByPiece() {
    var pieces = pieces(new Random(1), 20);

    write(disk, 100, 3, pieces);

    try (var reader = SnapshotStore.open(disk).newest().orElseThrow()) {
      assertEquals(snapshot(100, 3), reader.snapshot());
      assertEquals(pieces.stream().mapToLong(piece -> piece.length).sum(), reader.totalBytes());
      assertPieces(pieces, reader);
    }
    assertEquals(0, disk.openHandleCount());
  }

  @Test
  void newestTwoAreKept() {
    for (long index : List.of(5L, 20L, 3L, 300L)) {
      write(disk, index, 1, List.of(new byte[] {1}));
    }

    var store = SnapshotStore.open(disk);

    assertEquals(List.of(300L, 20L), store.list().stream().map(LogSnapshot::index).toList());
    assertTrue(store.read(20, 1).isPresent());
    assertFalse(store.read(5, 1).isPresent());
  }

  @Test
  void snapshotThatWasNotCommittedIsGone() {
    var store = SnapshotStore.open(disk);
    try (var writer = store.write(snapshot(1, 1))) {
      writer.piece(new byte[10]);
    }
    assertEquals(List.of(), disk.list());

    store.write(snapshot(1, 1)).piece(new byte[10]);
    disk.restart();

    assertTrue(SnapshotStore.open(disk).newest().isEmpty());
    assertEquals(List.of(), disk.list());
  }

  @Test
  void everyFlippedBitIsFoundOrTheOlderOneServes() {
    Seeds.run(
        seed -> {
          var random = new Random(seed);
          var damaged = new SimDisk("sim", seed);
          var older = pieces(random, 2);
          write(damaged, 1, 1, older);
          write(damaged, 2, 1, pieces(random, 2));
          String name = SnapshotFormat.name(2, 1);
          damaged.flipBit(name, random.nextLong(damaged.sizeBytes(name) * 8));

          try (var reader = SnapshotStore.open(damaged).newest().orElseThrow()) {
            if (reader.snapshot().index() == 1) {
              assertPieces(older, reader);
            } else {
              var failure =
                  assertThrows(StorageException.class, () -> reader.forEachRemaining(piece -> {}));
              assertEquals(ErrorCode.STORE_FAILED, failure.code());
            }
          }
        });
  }

  @Test
  void fullDiskFailsTheSnapshotAndKeepsTheOlderOne() {
    write(disk, 1, 1, List.of(new byte[1_000]));
    disk.totalBytes(3_000);
    var store = SnapshotStore.open(disk);

    var failure =
        assertThrows(
            StorageException.class,
            () -> {
              try (var writer = store.write(snapshot(2, 1))) {
                writer.piece(new byte[5_000]);
              }
            });

    assertEquals(ErrorCode.NO_SPACE, failure.code());
    assertEquals(1, store.list().get(0).index());
    assertEquals(1, disk.list().size());
  }

  @Test
  void committedSnapshotSurvivesACrashAtAnyMomentOfTheNextOne() {
    Seeds.run(
        seed -> {
          var random = new Random(seed);
          var crashing = new SimDisk("sim", seed);
          List<byte[]> committed = List.of();
          List<byte[]> next = List.of();
          long index = 0;
          for (int round = 0; round < 5; round++) {
            crashing.losePowerAt(1 + random.nextInt(40));
            try {
              while (true) {
                next = pieces(random, 1 + random.nextInt(4));
                index++;
                write(crashing, index, 1, next);
                committed = next;
              }
            } catch (SimDisk.PowerLost e) {
              crashing.crash();
            }
            var newest = SnapshotStore.open(crashing).newest();
            assertEquals(committed.isEmpty() && newest.isEmpty(), newest.isEmpty());
            if (newest.isPresent()) {
              try (var reader = newest.get()) {
                boolean isNext = reader.snapshot().index() == index;
                committed = isNext ? next : committed;
                assertPieces(committed, reader);
              }
            }
          }
        });
  }

  private static LogSnapshot snapshot(long index, long term) {
    var voter = new Endpoint(new NodeId(index, 2, 3, 4), 1);
    return new LogSnapshot(
        LOG, new SnapshotMeta(index, term, new Configuration(List.of(voter), List.of())));
  }

  private static void write(SimDisk disk, long index, long term, List<byte[]> pieces) {
    try (var writer = SnapshotStore.open(disk).write(snapshot(index, term))) {
      pieces.forEach(writer::piece);
      writer.commit();
    }
  }

  private static List<byte[]> pieces(Random random, int count) {
    var pieces = new ArrayList<byte[]>();
    for (int i = 0; i < count; i++) {
      byte[] piece = new byte[1 + random.nextInt(3_000)];
      random.nextBytes(piece);
      pieces.add(piece);
    }
    return pieces;
  }

  private static void assertPieces(List<byte[]> expected, SnapshotReader reader) {
    for (byte[] piece : expected) {
      assertArrayEquals(piece, reader.next());
    }
    assertFalse(reader.hasNext());
  }
}
