package holdfast.storage;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import holdfast.model.ChunkId;
import holdfast.sim.SimDisk;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.OptionalLong;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Test;

/**
 * Crashes at every kind of moment: what was forced is there and intact, the rest whole or absent,
 * never wrong bytes.
 */
final class ChunkStoreCrashTest {
  private static final int ROUND_COUNT = 6;
  private static final int CHANGES_MAX = 150;
  private static final int STEPS_MAX = 120;
  private static final int CHUNK_BYTES_LIMIT = 12_000;

  @Test
  void forcedChunksSurviveSystemCrashesAndNoChunkIsEverWrong() {
    Seeds.run(seed -> new Run(seed, true).go());
  }

  @Test
  void writtenChunksSurviveProcessCrashes() {
    Seeds.run(seed -> new Run(seed, false).go());
  }

  /** One seed: rounds of work, each ended by a crash, with what must hold kept beside it. */
  private static final class Run {
    private final Random random;
    private final SimDisk disk;
    private final boolean isSystemCrash;
    private final Map<ChunkId, byte[]> everPut = new HashMap<>();

    /** What is certainly there after a crash now. */
    private final Set<ChunkId> sure = new HashSet<>();

    /** What may be there or not. */
    private final Set<ChunkId> unsure = new HashSet<>();

    Run(long seed, boolean isSystemCrash) {
      this.random = new Random(seed);
      this.disk = new SimDisk("sim", seed);
      this.isSystemCrash = isSystemCrash;
    }

    void go() {
      for (int round = 0; round < ROUND_COUNT; round++) {
        disk.losePowerAt(1 + random.nextInt(CHANGES_MAX));
        try {
          work();
        } catch (SimDisk.PowerLost e) {
          // The point of it.
        }
        if (isSystemCrash) {
          disk.crash();
        } else {
          disk.restart();
        }
        check();
        // What was read after the start counts as settled only once it has been forced again.
      }
    }

    private void work() {
      try (var store = open()) {
        for (int step = 0; step < STEPS_MAX; step++) {
          int dice = random.nextInt(10);
          if (dice < 6) {
            put(store);
          } else if (dice < 8) {
            delete(store);
          } else {
            force(store);
          }
        }
      }
    }

    private void put(ChunkStore store) {
      byte[] bytes = new byte[1 + random.nextInt(CHUNK_BYTES_LIMIT)];
      random.nextBytes(bytes);
      var id = ChunkId.nameOf(bytes, 0, bytes.length);
      if (!everPut.isEmpty() && random.nextInt(4) == 0) {
        id = any();
        bytes = everPut.get(id);
      }
      everPut.put(id, bytes);
      boolean wasSure = sure.contains(id);
      if (!wasSure) {
        unsure.add(id);
      }
      store.put(id, bytes, 0, bytes.length);
      assertTrue(store.contains(id));
      if (!isSystemCrash) {
        sure.add(id);
        unsure.remove(id);
      }
    }

    private void delete(ChunkStore store) {
      if (everPut.isEmpty()) {
        return;
      }
      var id = any();
      if (sure.remove(id)) {
        unsure.add(id);
      }
      store.delete(id);
      assertFalse(store.contains(id));
      if (!isSystemCrash) {
        unsure.remove(id);
      }
    }

    private void force(ChunkStore store) {
      store.force();
      for (ChunkId id : everPut.keySet()) {
        unsure.remove(id);
        if (store.contains(id)) {
          sure.add(id);
        } else {
          sure.remove(id);
        }
      }
    }

    private void check() {
      try (var store = open()) {
        int count = 0;
        for (int partition = 0; partition < ChunkId.PARTITION_COUNT; partition++) {
          for (StoredChunk chunk : store.list(partition)) {
            count++;
            assertEquals(partition, chunk.id().partition());
            assertArrayEquals(everPut.get(chunk.id()), store.read(chunk.id()));
          }
        }
        assertEquals(count, store.chunkCount());
        for (ChunkId id : everPut.keySet()) {
          if (!unsure.contains(id)) {
            assertEquals(sure.contains(id), store.contains(id), "chunk " + id);
          }
        }
        if (random.nextBoolean()) {
          force(store);
        }
      }
      assertEquals(0, disk.openHandleCount());
    }

    private ChunkStore open() {
      return ChunkStore.open(
          disk,
          StorageSpace.of(disk, OptionalLong.empty(), OptionalLong.empty()),
          ChunkFormat.SEGMENT_BYTES_MIN,
          new MemoryNotes());
    }

    private ChunkId any() {
      return everPut.keySet().stream()
          .sorted()
          .skip(random.nextInt(everPut.size()))
          .findFirst()
          .orElseThrow();
    }
  }
}
