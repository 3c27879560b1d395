package holdfast.client.file;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import holdfast.metadata.op.ExtentMap;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** Ranges are what a set of single bytes is. */
final class RangesTest {
  private static final long WINDOW = ExtentMap.WINDOW_BYTES;
  private static final int STEPS = 20_000;
  private static final int SPAN_BYTES = 120;

  private final Ranges ranges = new Ranges();

  private static Ranges.Range range(long from, long to) {
    return new Ranges.Range(from, to);
  }

  @Test
  void rangesThatTouchOrOverlapAreOne() {
    ranges.add(10, 20);
    ranges.add(30, 40);
    ranges.add(50, 60);

    ranges.add(20, 35);

    assertEquals(List.of(range(10, 40), range(50, 60)), ranges.list());
    assertEquals(2, ranges.count());
  }

  @Test
  void aRangeThatCoversOthersTakesTheirPlace() {
    ranges.add(10, 20);
    ranges.add(30, 40);

    ranges.add(5, 50);

    assertEquals(List.of(range(5, 50)), ranges.list());
  }

  @Test
  void anEmptyRangeIsNone() {
    ranges.add(10, 10);

    assertTrue(ranges.isEmpty());
    assertEquals(0, ranges.end());
  }

  @Test
  void whatIsTakenOutOfARangeSplitsIt() {
    ranges.add(10, 50);

    ranges.remove(20, 30);
    ranges.remove(45, 45);

    assertEquals(List.of(range(10, 20), range(30, 50)), ranges.list());
  }

  @Test
  void aCutShortensTheRangeItMeetsAndDropsThoseBehind() {
    ranges.add(10, 20);
    ranges.add(30, 40);
    ranges.add(50, 60);

    ranges.cutFrom(35);

    assertEquals(List.of(range(10, 20), range(30, 35)), ranges.list());
    assertEquals(35, ranges.end());
  }

  @Test
  void withinAndGapsMakeTheWholeOfARange() {
    ranges.add(10, 20);
    ranges.add(30, 40);

    assertEquals(List.of(range(15, 20), range(30, 35)), ranges.within(15, 35));
    assertEquals(List.of(range(20, 30)), ranges.gaps(15, 35));
    assertEquals(List.of(range(0, 10), range(20, 25)), ranges.gaps(0, 25));
    assertEquals(List.of(range(40, 45)), ranges.gaps(40, 45));
    assertEquals(List.of(), ranges.within(20, 30));
  }

  @Test
  void aWindowIsNamedOnceHoweverManyRangesTouchIt() {
    ranges.add(1, 2);
    ranges.add(5, 6);
    ranges.add(WINDOW * 2 - 1, WINDOW * 3);
    ranges.add(WINDOW * 5, WINDOW * 5 + 1);

    assertEquals(List.of(0L, WINDOW, WINDOW * 2, WINDOW * 5), ranges.windows());
  }

  @Test
  void aCopyIsASetOfItsOwn() {
    ranges.add(10, 20);
    Ranges copy = ranges.copy();

    copy.add(20, 30);
    ranges.clear();

    assertTrue(ranges.isEmpty());
    assertEquals(List.of(range(10, 30)), copy.list());
  }

  @Test
  void allOfAnotherSetIsAddedAndMerged() {
    ranges.add(10, 20);
    var others = new Ranges();
    others.add(20, 30);
    others.add(40, 50);

    ranges.addAll(others);

    assertEquals(List.of(range(10, 30), range(40, 50)), ranges.list());
    assertEquals(List.of(range(20, 30), range(40, 50)), others.list());
  }

  @Test
  void atRandomTheyAreWhatASetOfBytesIs() {
    long seed = Long.getLong("seed", System.nanoTime());
    var random = new Random(seed);
    var expected = new BitSet();

    for (int step = 0; step < STEPS; step++) {
      int from = random.nextInt(SPAN_BYTES);
      int to = from + random.nextInt(SPAN_BYTES / 4);
      switch (random.nextInt(9)) {
        case 0, 1, 2, 3 -> {
          ranges.add(from, to);
          expected.set(from, to);
        }
        case 4, 5, 6, 7 -> {
          ranges.remove(from, to);
          expected.clear(from, to);
        }
        default -> {
          ranges.cutFrom(to);
          expected.clear(to, 2 * SPAN_BYTES);
        }
      }
      String at = "seed " + seed + " step " + step;
      assertEquals(runs(expected, 0, 2 * SPAN_BYTES), ranges.list(), at);
      assertEquals(runs(expected, from, to), ranges.within(from, to), at);
      var others = (BitSet) expected.clone();
      others.flip(0, 2 * SPAN_BYTES);
      assertEquals(runs(others, from, to), ranges.gaps(from, to), at);
      assertEquals(expected.length(), ranges.end(), at);
      assertEquals(expected.isEmpty(), ranges.isEmpty(), at);
    }
  }

  private static List<Ranges.Range> runs(BitSet bits, int from, int to) {
    var runs = new ArrayList<Ranges.Range>();
    int start = bits.nextSetBit(from);
    while (start >= 0 && start < to) {
      int end = Math.min(bits.nextClearBit(start), to);
      runs.add(range(start, end));
      start = bits.nextSetBit(end);
    }
    return runs;
  }
}
