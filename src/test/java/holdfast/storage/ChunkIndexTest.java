package holdfast.storage;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import holdfast.model.ChunkId;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** The index against a map, and its memory. */
final class ChunkIndexTest {
  private static final int BYTES_PER_CHUNK_MAX = 64;

  @Test
  void indexDoesAsAMapDoes() {
    Seeds.run(
        seed -> {
          var random = new Random(seed);
          var index = new ChunkIndex();
          Map<ChunkId, Integer> held = new HashMap<>();
          List<ChunkId> ids = new ArrayList<>();
          int limit = 1 + random.nextInt(4_000);
          for (int step = 0; step < 4_000; step++) {
            var id =
                ids.size() < limit && random.nextBoolean() || ids.isEmpty()
                    ? random(random)
                    : ids.get(random.nextInt(ids.size()));
            ids.add(id);
            switch (random.nextInt(6)) {
              case 0 -> {
                assertEquals(index.find(id) >= 0, index.remove(id));
                held.remove(id);
              }
              case 1 -> {
                int slot = index.find(id);
                if (slot >= 0) {
                  assertEquals(held.remove(id) != null, index.suspect(slot));
                }
              }
              default -> {
                index.put(id, 3, step, step * 2);
                held.put(id, step);
              }
            }
          }
          assertHolds(index, held);
        });
  }

  private static void assertHolds(ChunkIndex index, Map<ChunkId, Integer> held) {
    assertEquals(held.size(), index.storedCount());
    assertEquals(held.values().stream().mapToLong(step -> step * 2L).sum(), index.storedBytes());
    held.forEach(
        (id, step) -> {
          assertTrue(index.isStored(id));
          assertEquals(
              new ChunkIndex.Location(3, step, step * 2, false), index.location(index.find(id)));
        });
    int listedCount = 0;
    for (int partition = 0; partition < ChunkId.PARTITION_COUNT; partition++) {
      var chunks = index.sorted(partition);
      var copy = chunks.clone();
      Arrays.sort(copy, (left, right) -> left.id().compareTo(right.id()));
      assertTrue(Arrays.equals(copy, chunks));
      assertEquals(index.storedCount(partition), chunks.length);
      for (StoredChunk chunk : chunks) {
        assertTrue(held.containsKey(chunk.id()));
        assertEquals(partition, chunk.id().partition());
        listedCount++;
      }
    }
    assertEquals(held.size(), listedCount);
  }

  @Test
  void unknownChunkIsNotFound() {
    var index = new ChunkIndex();

    assertEquals(-1, index.find(new ChunkId(1, 2, 3, 4)));
    assertFalse(index.remove(new ChunkId(1, 2, 3, 4)));
  }

  @Test
  void chunkTakesNoMoreThan64BytesOfMemory() {
    for (int count : new int[] {100_000, 300_000, 1_000_000}) {
      var random = new Random(1);
      var index = new ChunkIndex();
      for (int i = 0; i < count; i++) {
        index.put(random(random), 1, i, i);
      }

      long perChunk = index.memoryBytes() / count;

      assertTrue(perChunk <= BYTES_PER_CHUNK_MAX, perChunk + " bytes at " + count);
    }
  }

  private static ChunkId random(Random random) {
    return new ChunkId(random.nextLong(), random.nextLong(), random.nextLong(), random.nextLong());
  }
}
