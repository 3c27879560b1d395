package holdfast.client.file;

import static holdfast.client.file.ImageText.extent;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import holdfast.metadata.op.Extent;
import holdfast.metadata.op.ExtentMap;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/**
 * Appended bytes are committed by whole writes, and move as they are; and a write that may have
 * more to come is waited for.
 */
final class AppendLogTest {
  private static final int PAGE_BYTES = 4_096;

  /** Of one request to write, as the kernel splits. */
  private static final int REQUEST_BYTES = 128 << 10;

  private static final long WINDOW = ExtentMap.WINDOW_BYTES;
  private static final long ALL = Long.MAX_VALUE;

  private final AppendLog appends = new AppendLog();

  private long leftMsAfter(long ms) {
    return TimeUnit.NANOSECONDS.toMillis(appends.openLeftNs(TimeUnit.MILLISECONDS.toNanos(ms)));
  }

  /** On a busy machine a record of another mount came between the two parts of one. */
  @Test
  void theRestOfAWriteIsWaitedForThoughItsProgramHasNoCoreForAWhile() {
    appends.add(null, 0, PAGE_BYTES, true, 0);

    assertTrue(leftMsAfter(500) > 0);
    assertTrue(leftMsAfter(2_000) <= 0, "who waits for it isn't held up for long");

    appends.add(null, PAGE_BYTES, PAGE_BYTES + 1, false, 0);

    assertTrue(leftMsAfter(0) <= 0, "it ended within a page: that was all");
  }

  private static Ranges.Range range(long from, long to) {
    return new Ranges.Range(from, to);
  }

  /** A whole write that is in the view. */
  private void add(long from, long to) {
    appends.add(null, from, to, false, 0);
    appends.saved(from, to);
  }

  /** A write that the kernel splits. */
  private void addInRequests(long from, long to) {
    for (long at = from; at < to; at += REQUEST_BYTES) {
      appends.add(null, at, Math.min(to, at + REQUEST_BYTES), at + REQUEST_BYTES < to, 0);
    }
    appends.saved(from, to);
  }

  @Test
  void aCommitEndsBetweenTwoWrites() {
    add(0, 100);
    appends.mark();
    add(100, 200);

    assertEquals(100, appends.commitLimit(150));
    assertEquals(100, appends.commitLimit(100));
    assertEquals(200, appends.commitLimit(200));
    assertEquals(ALL, appends.commitLimit(ALL));
  }

  @Test
  void aCommitEndsBeforeWhatIsntStoredYet() {
    add(0, 100);
    appends.mark();
    appends.add(null, 100, 200, false, 0);

    assertEquals(100, appends.commitLimit(ALL));
    assertTrue(appends.isPending());

    appends.saved(100, 200);

    assertEquals(ALL, appends.commitLimit(ALL));
    assertFalse(appends.isPending());
  }

  @Test
  void aCommitEndsBeforeAWriteThatMayHaveMoreToCome() {
    add(0, 100);
    appends.add(null, 100, 200, true, 0);
    appends.saved(100, 200);

    assertEquals(100, appends.commitLimit(ALL));
    assertEquals(100, appends.commitLimit(150));

    appends.settle();

    assertEquals(ALL, appends.commitLimit(ALL));
  }

  @Test
  void aCommitEndsInNoWriteOfOneMebibyteThoughAWindowEndsThere() {
    long from = WINDOW - AppendLog.WHOLE_MAX_BYTES / 2 + 1;
    long to = from + AppendLog.WHOLE_MAX_BYTES;
    add(from - 100, from);
    addInRequests(from, to);
    add(to, to + 100);

    for (long end = from + 1; end < to; end += PAGE_BYTES - 1) {
      assertEquals(from, appends.commitLimit(end), "end " + end);
    }
  }

  @Test
  void aCommitMayEndInALongerWrite() {
    addInRequests(0, 2 * AppendLog.WHOLE_MAX_BYTES);

    long limit = appends.commitLimit(2 * AppendLog.WHOLE_MAX_BYTES - 1);

    assertEquals(AppendLog.WHOLE_MAX_BYTES, limit);
  }

  @Test
  void aCommitCanEndInEveryWindowHoweverSmallTheWrites() {
    int step = 60 << 10; // no divisor of a window
    for (long from = 0; from < 3 * WINDOW; from += step) {
      add(from, from + step);
    }

    long limit = appends.commitLimit(2 * WINDOW + 1);

    assertTrue(limit > WINDOW && limit <= 2 * WINDOW + 1, "limit " + limit);
    assertEquals(0, limit % step);
  }

  @Test
  void whatIsTakenIsNoLongerThereAndComesBackIfItWasntCommitted() {
    add(0, 100);
    appends.mark();
    add(100, 200);
    List<Ranges.Range> taken = appends.within(List.of(range(0, 100)));

    appends.claim(taken);

    assertEquals(List.of(range(100, 200)), appends.list());

    appends.restore(taken, ALL);

    assertEquals(List.of(range(0, 200)), appends.list());
    assertEquals(100, appends.commitLimit(150));
    assertFalse(appends.isPending());
  }

  @Test
  void whatComesBackEndsWhereTheFileWasCutMeanwhile() {
    add(0, 100);
    add(200, 300);
    List<Ranges.Range> taken = appends.list();
    appends.claim(taken);
    appends.cutFrom(60);

    appends.restore(taken, 60);

    assertEquals(List.of(range(0, 60)), appends.list());

    appends.add(null, 60, 80, false, 0);

    assertTrue(appends.isPending(), "another append there isn't stored");
    assertEquals(60, appends.commitLimit(ALL), "what came back doesn't wait for it");
  }

  @Test
  void aWriteInSeveralRequestsOfWhichOneEndsWhereAWindowDoesHasABorderInTheNext() {
    int request = 128 << 10;
    for (long from = 512 << 10; from < 4L * WINDOW; from += request) {
      boolean isWholeWrite = (from + request) % (1 << 20) == 512 << 10;
      appends.add(null, from, from + request, !isWholeWrite, 0);
    }
    appends.mark();
    appends.saved(0, 4L * WINDOW);

    long limit = appends.commitLimit(3L * WINDOW + 1);

    assertTrue(limit > 2L * WINDOW, "limit " + limit);
  }

  @Test
  void whatMovesLiesInOneRangeWithTheSameBorders() {
    add(10, 20);
    add(30, 40);
    appends.mark();
    add(40, 60);

    appends.moved(100, List.of());

    assertEquals(List.of(range(100, 140)), appends.list());
    assertEquals(100, appends.commitLimit(109));
    assertEquals(110, appends.commitLimit(119));
    assertEquals(120, appends.commitLimit(139));
    assertFalse(appends.isPending());
  }

  @Test
  void whatThePoolHasAlreadyDoesntMove() {
    add(10, 20);
    add(30, 40);

    appends.moved(100, List.of(range(10, 20)));

    assertEquals(List.of(range(100, 110)), appends.list());
  }

  @Test
  void aWriteThatMayHaveMoreToComeMovesToo() {
    add(10, 20);
    appends.add(null, 20, 30, true, 0);
    appends.saved(20, 30);

    appends.moved(100, List.of());

    assertTrue(appends.isOpen());
    assertEquals(110, appends.commitLimit(ALL));
  }

  /** A commit that nobody answered: taken, and here again. */
  private void commitUnanswered(List<Extent> extents) {
    List<Ranges.Range> taken = appends.list();
    appends.claim(taken);
    appends.restore(taken, ALL);
    appends.setIndeterminate(taken, extents);
  }

  @Test
  void whatACommitThatNobodyAnsweredAppendedIsFoundByItsChunk() {
    add(10, 20);
    add(30, 40);
    commitUnanswered(List.of(extent(10, 20, 'x'), extent(30, 40, 'y')));

    List<Ranges.Range> found =
        appends.committedIn(List.of(extent(0, 10, 'o'), extent(10, 20, 'x')));

    assertEquals(List.of(range(10, 20)), found);
    assertEquals(List.of(), appends.committedIn(List.of(extent(10, 20, 'o'))));
  }

  @Test
  void onceTheNewestVersionIsTheBaseNothingIsInDoubt() {
    List<Extent> extents = List.of(extent(10, 20, 'x'));
    add(10, 20);
    commitUnanswered(extents);
    appends.rebased();

    assertEquals(List.of(), appends.committedIn(extents));

    commitUnanswered(extents);
    appends.committed();

    assertEquals(List.of(), appends.committedIn(extents));
  }

  @Test
  void appendingPausesUntilNoCommitNeedsItTo() {
    appends.pause(true);
    appends.pause(true);
    appends.pause(false);

    assertTrue(appends.isPaused());

    appends.pause(false);

    assertFalse(appends.isPaused());
  }
}
