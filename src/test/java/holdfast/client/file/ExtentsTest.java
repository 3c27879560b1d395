package holdfast.client.file;

import static holdfast.client.file.ImageText.extent;
import static holdfast.client.file.ImageText.extents;
import static holdfast.client.file.ImageText.text;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import holdfast.metadata.op.Extent;
import holdfast.metadata.op.ExtentMap;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** Work on many extents in one pass is what the pool does with one range after the other. */
final class ExtentsTest {
  private static final long WINDOW = ExtentMap.WINDOW_BYTES;
  private static final int CROWD = ExtentMap.WINDOW_EXTENTS_MAX + 1;
  private static final int ROUNDS = 5_000;
  private static final int SPAN_BYTES = 60;

  private final long seed = Long.getLong("seed", System.nanoTime());
  private final Random random = new Random(seed);

  private static Ranges.Range range(long from, long to) {
    return new Ranges.Range(from, to);
  }

  @Test
  void withinCropsTheFirstAndTheLast() {
    List<Extent> all = extents("aaa..bbbccc");

    assertEquals(
        List.of(extent(2, 3, 'a'), extent(5, 8, 'b'), extent(8, 9, 'c')),
        Extents.within(all, 2, 9));
    assertEquals(List.of(), Extents.within(all, 3, 5));
    assertEquals(List.of(), Extents.within(all, 1, 1));
    assertEquals(List.of(), Extents.within(all, 11, 20));
  }

  @Test
  void aRangeWithinOneExtentSplitsIt() {
    List<Extent> after =
        Extents.replace(
            extents("aaaaaaaa"), List.of(range(2, 3), range(5, 7)), List.of(extent(5, 6, 'x')));

    assertEquals("aa.aax.a", text(after, 8));
    assertEquals(extent(7, 8, 'a'), after.getLast());
  }

  @Test
  void replacingIsAtRandomWhatThePoolDoesOneRangeAfterTheOther() {
    for (int round = 0; round < ROUNDS; round++) {
      List<Extent> before = randomExtents('a');
      List<Extent> newer = randomExtents('n');
      var ranges = randomRanges();
      var inside = new ArrayList<Extent>();
      List<Extent> expected = before;
      for (Ranges.Range range : ranges.list()) {
        List<Extent> put = Extents.within(newer, range.from(), range.to());
        inside.addAll(put);
        expected = ExtentMap.replace(expected, range.from(), range.to(), put);
      }

      List<Extent> after = Extents.replace(before, ranges.list(), inside);

      assertEquals(expected, after, "seed " + seed + " round " + round);
    }
  }

  @Test
  void withinIsAtRandomWhatIsLeftWhenTheRestIsAHole() {
    for (int round = 0; round < ROUNDS; round++) {
      List<Extent> all = randomExtents('a');
      int from = random.nextInt(SPAN_BYTES);
      int to = from + 1 + random.nextInt(SPAN_BYTES);
      List<Extent> expected = ExtentMap.truncate(all, to);
      expected = from == 0 ? expected : ExtentMap.replace(expected, 0, from, List.of());

      List<Extent> within = Extents.within(all, from, to);

      assertEquals(expected, within, "seed " + seed + " round " + round);
    }
  }

  @Test
  void aDifferenceNamesWhatGoesAndWhatComesAndNothingElse() {
    for (int round = 0; round < ROUNDS; round++) {
      List<Extent> before = randomExtents('a');
      List<Extent> after =
          Extents.replace(before, randomRanges().list(), List.of()); // a part of it is the same
      after = random.nextBoolean() ? after : randomExtents('a');

      Extents.Difference difference = Extents.difference(before, after);

      var made = new ArrayList<>(before);
      made.removeAll(difference.removed());
      made.addAll(difference.added());
      made.sort(Comparator.comparingLong(Extent::fileOffset));
      String at = "seed " + seed + " round " + round;
      assertEquals(after, made, at);
      assertTrue(difference.removed().stream().noneMatch(difference.added()::contains), at);
    }
  }

  @Test
  void aWindowIsCrowdedByOneExtentMoreThanThePoolTakes() {
    List<Extent> most = crowd(WINDOW, CROWD - 1);
    List<Extent> more = crowd(WINDOW, CROWD);

    assertEquals(List.of(), Extents.crowdedWindows(most, 9));
    assertEquals(List.of(WINDOW), Extents.crowdedWindows(more, 9));
    assertEquals(WINDOW, ExtentMap.crowdedWindow(more));
  }

  @Test
  void anExtentCountsInBothWindowsItOverlaps() {
    var all = new ArrayList<Extent>();
    all.add(at(WINDOW - 1, 2));
    all.addAll(crowd(WINDOW + 2, CROWD - 1));

    assertEquals(List.of(WINDOW), Extents.crowdedWindows(all, 9));
  }

  @Test
  void noMoreCrowdedWindowsAreNamedThanAreAskedFor() {
    var all = new ArrayList<Extent>();
    for (long window : new long[] {0, 1, 3}) {
      all.addAll(crowd(window * WINDOW, CROWD));
    }

    assertEquals(List.of(0L, WINDOW, 3 * WINDOW), Extents.crowdedWindows(all, 3));
    assertEquals(List.of(0L, WINDOW), Extents.crowdedWindows(all, 2));
  }

  private static List<Extent> crowd(long from, int count) {
    var crowd = new ArrayList<Extent>();
    for (int i = 0; i < count; i++) {
      crowd.add(at(from + 2 * i, 1));
    }
    return crowd;
  }

  private static Extent at(long from, int lengthBytes) {
    Extent one = extent(0, 1, 'c');
    return new Extent(from, lengthBytes, one.chunk(), one.salt(), one.keyReference(), 0);
  }

  private Ranges randomRanges() {
    var ranges = new Ranges();
    for (int i = random.nextInt(5); i > 0; i--) {
      int from = random.nextInt(SPAN_BYTES);
      ranges.add(from, from + random.nextInt(12));
    }
    return ranges;
  }

  private List<Extent> randomExtents(char firstLetter) {
    var all = new ArrayList<Extent>();
    long from = random.nextInt(4);
    while (from < SPAN_BYTES) {
      long to = from + 1 + random.nextInt(10);
      all.add(extent(from, to, (char) (firstLetter + random.nextInt(3))));
      from = to + Math.max(0, random.nextInt(8) - 4);
    }
    return all;
  }
}
