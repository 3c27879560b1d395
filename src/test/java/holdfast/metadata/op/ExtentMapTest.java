package holdfast.metadata.op;

import static org.assertj.core.api.Assertions.assertThat;

import holdfast.model.ChunkId;
import holdfast.model.ChunkSalt;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import org.junit.jupiter.api.Test;

final class ExtentMapTest {
  private static final int FILE_BYTES = 400;

  /** For each byte of the file: which byte of which chunk it is; -1 in a hole. */
  private static long[] bytes(List<Extent> extents) {
    long[] bytes = new long[FILE_BYTES];
    java.util.Arrays.fill(bytes, -1);
    long end = 0;
    for (Extent extent : extents) {
      assertThat(extent.fileOffset()).isGreaterThanOrEqualTo(end);
      end = extent.fileEnd();
      for (int i = 0; i < extent.lengthBytes(); i++) {
        bytes[(int) extent.fileOffset() + i] =
            extent.chunk().a() * 1_000_000 + extent.chunkOffset() + i;
      }
    }
    return bytes;
  }

  private static List<Extent> randomExtents(Random random, int from, int to, int chunkBase) {
    var extents = new ArrayList<Extent>();
    int offset = from + random.nextInt(5);
    while (offset < to && random.nextInt(8) != 0) {
      int lengthBytes = Math.min(1 + random.nextInt(30), to - offset);
      var chunk = new ChunkId(chunkBase + extents.size(), 0, 0, 0);
      extents.add(new Extent(offset, lengthBytes, chunk, ChunkSalt.ZERO, 0, random.nextInt(1_000)));
      offset += lengthBytes + (random.nextBoolean() ? 0 : random.nextInt(9));
    }
    return extents;
  }

  @Property(tries = 2_000)
  void replacingChangesTheRangeAndNothingElse(@ForAll long seed) {
    var random = new Random(seed);
    List<Extent> extents = List.of();
    for (int step = 1; step < 12; step++) {
      int from = random.nextInt(FILE_BYTES - 1);
      int to = from + 1 + random.nextInt(FILE_BYTES - from);
      var replacement = randomExtents(random, from, to, step * 100);
      long[] expected = bytes(extents);
      System.arraycopy(bytes(replacement), from, expected, from, to - from);

      extents = ExtentMap.replace(extents, from, to, replacement);

      assertThat(bytes(extents)).isEqualTo(expected);
      assertThat(extents).containsAll(replacement);
    }
    long[] cut = bytes(extents);
    int size = random.nextInt(FILE_BYTES);
    java.util.Arrays.fill(cut, size, FILE_BYTES, -1);
    assertThat(bytes(ExtentMap.truncate(extents, size))).isEqualTo(cut);
  }

  @Test
  void windowIsCrowdedWhenMoreThan64ExtentsOverlapIt() {
    int window = ExtentMap.WINDOW_BYTES;
    var extents = new ArrayList<Extent>();
    // One extent reaches from the first window into the second, 63 more fill that one.
    extents.add(new Extent(window - 5, 10, new ChunkId(0, 0, 0, 0), ChunkSalt.ZERO, 0, 0));
    for (int i = 0; i < 63; i++) {
      extents.add(
          new Extent(window + 100 + i * 10L, 10, new ChunkId(i, 1, 0, 0), ChunkSalt.ZERO, 0, 0));
    }
    assertThat(ExtentMap.crowdedWindow(extents)).isEqualTo(-1);

    extents.add(new Extent(2L * window - 1, 2, new ChunkId(9, 2, 0, 0), ChunkSalt.ZERO, 0, 0));
    assertThat(ExtentMap.crowdedWindow(extents)).isEqualTo(window);
  }
}
