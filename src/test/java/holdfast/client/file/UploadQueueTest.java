package holdfast.client.file;

import static holdfast.client.MemoryPool.bytes;
import static holdfast.client.file.ImageText.extent;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import holdfast.metadata.op.Extent;
import holdfast.model.ChunkId;
import holdfast.model.ErrorCode;
import holdfast.model.HoldfastException;
import holdfast.util.Invariants;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;

/** Uploads end in any order, and are taken out in the order of writing. */
final class UploadQueueTest {
  private static final HoldfastException AWAY =
      new HoldfastException(ErrorCode.TIMED_OUT, "planted");

  private final DirtyData dirty = new DirtyData(new BufferPool(DirtyData.BLOCK_BYTES, 4));
  private final UploadQueue uploads = new UploadQueue();

  private static Ranges.Range range(long from, long to) {
    return new Ranges.Range(from, to);
  }

  /** An upload of bytes that all are the same. */
  private Upload start(long from, long to, int value) {
    var source = new byte[(int) (to - from)];
    Arrays.fill(source, (byte) value);
    dirty.write(from, source, 0, source.length);
    return uploads.start(dirty.takeAll().getFirst(), false, 4);
  }

  private Upload start(long from, long to) {
    return start(from, to, 1);
  }

  private Upload startRewrite(long from, long to) {
    dirty.write(from, bytes(1, (int) (to - from)), 0, (int) (to - from));
    return uploads.start(dirty.takeAll().getFirst(), true, 0);
  }

  private static void store(Upload upload, char letter) {
    Ranges.Range part = upload.piece().parts().getFirst();
    upload.stored(List.of(extent(part.from(), part.to(), letter)), 3);
  }

  @Test
  void whatEndsFirstWaitsForWhatWasWrittenBefore() {
    Upload first = start(0, 10);
    Upload second = start(5, 15);
    store(second, 'b');

    assertNull(uploads.pollEndedOrNull());

    first.failed(AWAY);

    assertSame(first, uploads.pollEndedOrNull());
    assertSame(second, uploads.pollEndedOrNull());
    assertNull(uploads.pollEndedOrNull());
    assertTrue(uploads.isEmpty());
  }

  @Test
  void theFirstSoManyAreAppliedWhenTheyAreTakenOut() {
    Upload first = start(0, 10);
    start(10, 20);
    store(first, 'a');

    uploads.pollEndedOrNull();

    assertEquals(2, uploads.startedCount());
    assertEquals(1, uploads.count());
    assertTrue(uploads.isApplied(1));
    assertFalse(uploads.isApplied(2));
  }

  @Test
  void memoryIsHeldUntilAPieceIsTakenOut() {
    Upload first = start(0, 10);
    start(0, DirtyData.BLOCK_BYTES + 1);

    assertEquals(3 * DirtyData.BLOCK_BYTES, uploads.bufferedBytes());

    store(first, 'a');
    uploads.pollEndedOrNull();

    assertEquals(2 * DirtyData.BLOCK_BYTES, uploads.bufferedBytes());
    assertThrows(Invariants.Violation.class, () -> first.piece().release());
  }

  @Test
  void onlyTheFirstOneGoesWithItsOperation() {
    Upload first = start(0, 10);
    Upload second = start(10, 20);

    assertThrows(Invariants.Violation.class, () -> uploads.pollFirst(second));

    uploads.pollFirst(first);
    uploads.pollFirst(second);

    assertEquals(0, uploads.bufferedBytes());
    assertTrue(uploads.isApplied(2));
  }

  @Test
  void aPausedOneIsFoundAmongThoseThatACallWaitsFor() {
    start(0, 10);
    Upload second = start(10, 20);
    second.paused(AWAY);

    assertNull(uploads.pausedOrNull(1));
    assertSame(second, uploads.pausedOrNull(2));
    assertNull(uploads.pollEndedOrNull());
  }

  @Test
  void whatIsAppliedCountsAmongTheFirstSoMany() {
    Upload first = start(0, 10);
    Upload second = start(10, 20);
    second.paused(AWAY);
    store(first, 'a');
    uploads.pollEndedOrNull();

    assertNull(uploads.pausedOrNull(1));
    assertSame(second, uploads.pausedOrNull(2));
  }

  @Test
  void thosePausedAreInFlightAgainTogether() {
    Upload first = start(0, 10);
    start(10, 20);
    Upload third = start(20, 30);
    first.paused(AWAY);
    third.paused(AWAY);
    assertEquals(4, third.triedNs());

    assertEquals(List.of(first, third), uploads.resumePaused(9));

    assertNull(uploads.pausedOrNull(3));
    assertEquals(9, third.triedNs());
    assertEquals(List.of(), uploads.resumePaused(9));
  }

  @Test
  void ofThoseDroppedOnlyThePausedHaveEndedByThat() {
    Upload first = start(0, 10);
    Upload second = start(10, 20);
    first.paused(AWAY);

    uploads.drop();

    assertFalse(first.counts() || second.counts());
    assertEquals(0, uploads.end());
    assertSame(first, uploads.pollEndedOrNull());
    assertSame(AWAY, first.failureOrNull());
    assertNull(uploads.pollEndedOrNull(), "its thread still reads its bytes");
  }

  @Test
  void theEndIsThatOfTheLastByteThatIsToBeInTheFile() {
    start(0, 100);
    start(40, 60);

    assertEquals(100, uploads.end());

    uploads.cutFrom(50);

    assertEquals(50, uploads.end());

    uploads.punch(30, 50);

    assertEquals(30, uploads.end());
  }

  /** A file that was rebased became longer by what had been punched. */
  @Test
  void aPieceThatIsAHoleByNowHasNoEnd() {
    start(50, 100);

    uploads.punch(50, 100);

    assertEquals(0, uploads.end());
  }

  @Test
  void theEndIsInThePartBeforeOneThatIsAHoleByNow() {
    dirty.write(0, bytes(1, 10), 0, 10);
    dirty.write(50, bytes(1, 10), 0, 10);
    uploads.start(dirty.takeAll().getFirst(), false, 0);

    uploads.punch(45, 70);

    assertEquals(10, uploads.end());
  }

  @Test
  void whatWasOnlySealedAnewHasNoEndAndGivesWay() {
    Upload rewrite = startRewrite(0, 100);
    Upload written = start(10, 20);

    assertEquals(20, uploads.end());

    uploads.cutRewrites();

    assertEquals(20, uploads.end());
    assertFalse(rewrite.counts());
    assertTrue(written.isWhole());
  }

  @Test
  void whatWasCutOrPunchedIsntLaidOverTheFile() {
    Upload upload = start(10, 100);
    uploads.punch(20, 30);
    uploads.cutFrom(60);
    Extent extent = extent(10, 100, 'a');

    assertFalse(upload.isWhole());
    assertEquals(List.of(range(10, 20), range(30, 60)), upload.kept(extent, 80));
    assertEquals(List.of(range(10, 20), range(30, 50)), upload.kept(extent, 50));
    assertEquals(List.of(), upload.kept(extent, 10));
  }

  @Test
  void aReadHasTheNewestOfThemAndNothingOfAHole() {
    start(0, 6, 1);
    start(2, 4, 2);
    uploads.punch(3, 5);
    start(4, 5, 3);
    var target = new byte[] {9, 9, 9, 9, 9, 9, 9, 9};
    var covered = new Ranges();

    uploads.read(1, 7, target, 0, covered);

    assertArrayEquals(new byte[] {1, 2, 0, 3, 1, 9, 9, 9}, target);
    assertEquals(List.of(range(1, 3), range(4, 6)), covered.list());
  }

  @Test
  void chunksAreNamedOfThoseThatAreStoredAndCount() {
    Upload stored = start(0, 10);
    Upload cut = start(20, 30);
    start(10, 20);
    store(stored, 'a');
    store(cut, 'b');
    uploads.cutFrom(20);
    Set<ChunkId> chunks = new HashSet<>();
    var changed = new Ranges();

    uploads.addStoredTo(chunks);
    uploads.addRangesTo(changed);

    assertEquals(Set.of(extent(0, 1, 'a').chunk()), chunks);
    assertEquals(List.of(range(0, 30)), changed.list());
  }
}
