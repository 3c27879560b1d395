package holdfast.client.file;

import static holdfast.client.file.ImageText.append;
import static holdfast.client.file.ImageText.attributes;
import static holdfast.client.file.ImageText.extent;
import static holdfast.client.file.ImageText.image;
import static holdfast.client.file.ImageText.start;
import static holdfast.client.file.ImageText.store;
import static holdfast.client.file.ImageText.text;
import static holdfast.client.file.ImageText.write;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertTrue;

import holdfast.client.MemoryPool;
import holdfast.client.file.CommitPlanner.NoPlan;
import holdfast.crypto.seal.ExtentSum;
import holdfast.metadata.op.Attributes;
import holdfast.metadata.op.Extent;
import holdfast.metadata.op.ExtentMap;
import holdfast.metadata.op.Operation;
import holdfast.metadata.op.Replacement;
import holdfast.model.ClientId;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** One operation carries whole writes, as many as it can, and makes the file that its tag says. */
final class CommitPlannerTest {
  private static final CommitPlanner.Terms TERMS = new CommitPlanner.Terms(new ClientId(1, 1), 7);

  private final CommitPlanner planner = new CommitPlanner(MemoryPool.sealing());

  private CommitPlanner.Decision decide(FileImage image) {
    return planner.decide(image, false, null, TERMS, 5);
  }

  private CommitPlan plan(FileImage image) {
    return assertInstanceOf(CommitPlan.class, decide(image));
  }

  private CommitPlanner.Decision decideInline(FileImage image, Upload upload) {
    List<Extent> extents =
        upload.piece().parts().stream().map(each -> extent(each.from(), each.to(), 'i')).toList();
    var inline = new CommitPlan.Inline(null, extents, upload, isThere -> {});
    return planner.decide(image, false, inline, TERMS, 5);
  }

  private static void done(FileImage image, CommitPlan plan) {
    Operation.Commit commit = plan.commit();
    image.done(plan, attributes(commit.newVersion(), commit.newSizeBytes()), false);
  }

  private static Replacement replacement(long from, long to, Extent... extents) {
    return new Replacement(from, to, List.of(extents));
  }

  @Test
  void aFileThatIsAsThePoolHasItNeedsNoCommit() {
    assertEquals(NoPlan.NOTHING_TO_COMMIT, decide(image("aaaa")));
  }

  @Test
  void whatIsInFlightIsWaitedFor() {
    FileImage image = image("aaaa");
    write(image, 0, 2);

    assertEquals(NoPlan.NOTHING_TO_COMMIT, decide(image));

    Upload upload = start(image);

    assertEquals(NoPlan.NOTHING_TO_COMMIT, decide(image));

    store(image, upload, 'x');

    assertInstanceOf(CommitPlan.class, decide(image));
  }

  @Test
  void thereIsOneOperationOfAFileAtATime() {
    FileImage image = image("aaaa");
    write(image, 0, 2);
    store(image, 'x');
    image.begin(plan(image));

    assertEquals(NoPlan.COMMITTING, decide(image));
  }

  @Test
  void nothingIsCommittedOverAVersionThatNobodyKnows() {
    FileImage image = image("aaaa");
    write(image, 0, 2);
    store(image, 'x');

    assertEquals(NoPlan.INDETERMINATE, planner.decide(image, true, null, TERMS, 5));
  }

  @Test
  void aCrowdedWindowIsSealedAnewFirst() {
    var extents = new ArrayList<Extent>();
    for (int i = 0; i < ExtentMap.WINDOW_EXTENTS_MAX; i++) {
      extents.add(extent(2 * i, 2 * i + 1, 'a'));
    }
    FileImage image = image(extents, 2 * extents.size());
    write(image, image.sizeBytes(), 1);
    store(image, 'x');

    assertEquals(NoPlan.CROWDED, decide(image));
  }

  @Test
  void aFileThatIsGoneIsLostIfAnythingWrittenHereIs() {
    FileImage removed = image("aaaa");
    write(removed, 0, 2);
    store(removed, 'x');
    removed.gone(false);
    FileImage unchanged = image("aaaa");
    unchanged.gone(true);
    FileImage lost = image("aaaa");
    write(lost, 0, 2);
    store(lost, 'x');
    lost.gone(true);

    assertEquals(NoPlan.NOTHING_TO_COMMIT, decide(removed));
    assertEquals(NoPlan.NOTHING_TO_COMMIT, decide(unchanged));
    assertEquals(NoPlan.LOST, decide(lost));
  }

  @Test
  void thePlanSaysWhatChangesAndWhoseItIs() {
    FileImage image = image("aaaaaa");
    write(image, 1, 2);
    store(image, 'x');
    image.punch(4, 5, 9);

    CommitPlan plan = plan(image);

    Operation.Commit commit = plan.commit();
    assertEquals(
        List.of(replacement(1, 3, image.extents().get(1)), replacement(4, 5)),
        commit.replacements());
    assertEquals("axxa.a", text(plan.extents(), commit.newSizeBytes()));
    assertEquals(1, commit.baseVersion());
    assertEquals(2, commit.newVersion());
    assertEquals(9, commit.mtimeNs());
    assertEquals(3, commit.uploadEpoch(), "that in which it was stored");
    assertEquals(TERMS.under(), plan.under());
    assertEquals(5, plan.askedNs());
    assertTrue(plan.isLast());
    assertFalse(plan.leavesPending());
  }

  @Test
  void aNewSizeIsCommittedWithoutContent() {
    FileImage longer = image("aa");
    longer.resize(5, 1);

    CommitPlan plan = plan(longer);

    assertEquals(5, plan.commit().newSizeBytes());
    assertEquals(List.of(), plan.commit().replacements());
    assertEquals(TERMS.epoch(), plan.commit().uploadEpoch());
  }

  @Test
  void theFileStaysShorterWhileBytesAreInFlight() {
    FileImage image = image("aa");
    write(image, 2, 3);
    store(image, 'x');
    write(image, 5, 5);
    Upload upload = start(image);

    CommitPlan first = plan(image);

    assertEquals("aaxxx", text(first.extents(), first.commit().newSizeBytes()));
    assertTrue(first.leavesPending());

    image.begin(first);
    store(image, upload, 'y');
    done(image, first);

    assertEquals(10, plan(image).commit().newSizeBytes());
  }

  @Test
  void aNewSizeWaitsForTheBytesInFlight() {
    FileImage image = image("aa");
    image.resize(9, 1);
    write(image, 4, 2);

    assertEquals(NoPlan.NOTHING_TO_COMMIT, decide(image));

    store(image, 'x');

    assertEquals(9, plan(image).commit().newSizeBytes());
  }

  @Test
  void aFileThatWasCutIsntLongerThanThatWhileBytesAreInFlight() {
    FileImage image = image("aaaaaaaa");
    image.resize(3, 1);
    write(image, 6, 2);
    start(image);

    CommitPlan plan = plan(image);

    assertEquals("aaa", text(plan.extents(), plan.commit().newSizeBytes()));
    assertEquals(3, plan.claim().cutBytes());
  }

  @Test
  void anAppendThatMayHaveMoreToComeIsLeftOut() {
    FileImage image = image("aa");
    append(image, 3);
    write(image, 5, 2);
    image.appends().add(null, 5, 7, true, 0);
    store(image, 'x');

    CommitPlan plan = plan(image);

    assertEquals("aaxxx", text(plan.extents(), plan.commit().newSizeBytes()));
    assertEquals(List.of(new Ranges.Range(2, 5)), plan.claim().appended());
    assertFalse(plan.isLast());
  }

  @Test
  void nothingIsCommittedBeforeWhatWasAppendedEarlier() {
    FileImage image = image("aa");
    append(image, 3);
    Upload first = start(image);
    image.resize(7, 1);
    image.punch(5, 7, 1);

    assertEquals(NoPlan.NOTHING_TO_COMMIT, decide(image));

    store(image, first, 'x');

    assertEquals("aaxxx..", text(plan(image).extents(), plan(image).commit().newSizeBytes()));
  }

  @Test
  void manyRangesGoInAsManyOperationsAsTheyNeed() {
    int count = Operation.ENCODED_MAX_BYTES / 20 + 100; // a hole takes 20 bytes
    FileImage image = image(List.of(), 2L * count);
    for (int i = 0; i < count; i++) {
      image.punch(2L * i, 2L * i + 1, 1);
    }

    CommitPlan first = plan(image);
    image.begin(first);
    done(image, first);
    CommitPlan second = plan(image);

    assertTrue(Operation.Commit.fits(first.commit().replacements()));
    assertFalse(first.isLast());
    assertTrue(second.isLast());
    assertEquals(
        count, first.commit().replacements().size() + second.commit().replacements().size());
  }

  @Test
  void aRangeOfManyExtentsIsSplitAtAWindow() {
    long size = 41L * ExtentMap.WINDOW_BYTES; // the half of which is none
    int step = ExtentMap.WINDOW_BYTES / ExtentMap.WINDOW_EXTENTS_MAX;
    FileImage image = image(List.of(), size);
    write(image, 0, 1); // stands for all that is stored instead of it
    var stored = new ArrayList<Extent>();
    for (long from = 0; from < size; from += step) {
      Extent one = extent(0, step, 'x');
      stored.add(new Extent(from, step, one.chunk(), one.salt(), 0, 0));
    }
    start(image).stored(stored, 3);
    image.applyEnded();
    int operations = 0;

    while (decide(image) instanceof CommitPlan plan) {
      operations++;
      long end = plan.claim().ranges().getLast().to();
      assertTrue(Operation.Commit.fits(plan.commit().replacements()));
      assertEquals(0, end % ExtentMap.WINDOW_BYTES);
      assertEquals(Extents.within(stored, 0, end), plan.extents());
      image.begin(plan);
      done(image, plan);
    }

    assertTrue(operations > 1, "operations " + operations);
    assertEquals(stored, image.committedExtents());
  }

  @Test
  void aPieceGoesWithItsOperation() {
    FileImage image = image("aaaa");
    write(image, 1, 2);
    Upload upload = start(image);

    CommitPlan plan = assertInstanceOf(CommitPlan.class, decideInline(image, upload));

    assertEquals("aiia", text(plan.extents(), plan.commit().newSizeBytes()));
    assertEquals(List.of(), plan.claim().ranges());
    assertEquals(TERMS.epoch(), plan.commit().uploadEpoch());
    assertFalse(plan.leavesPending());
  }

  @Test
  void aPieceThatWasCutOrPunchedGoesTheLongWay() {
    FileImage cut = image("aaaa");
    write(cut, 3, 3);
    Upload cutUpload = start(cut);
    cut.resize(5, 1);
    commitWithoutIt(cut);
    FileImage punched = image("aaaa");
    write(punched, 1, 2);
    Upload punchedUpload = start(punched);
    punched.punch(1, 2, 1);
    commitWithoutIt(punched);

    assertEquals(NoPlan.NOTHING_TO_COMMIT, decideInline(cut, cutUpload));
    assertEquals(NoPlan.NOTHING_TO_COMMIT, decideInline(punched, punchedUpload));
  }

  /** What else there is to commit by then is the cut, or the hole. */
  private void commitWithoutIt(FileImage image) {
    CommitPlan plan = plan(image);
    image.begin(plan);
    done(image, plan);
    assertTrue(image.uncommitted().isEmpty());
  }

  @Test
  void aPieceGoesTheLongWayWhereSomethingElseHasChanged() {
    FileImage image = image("aaaa");
    write(image, 3, 1);
    store(image, 'x');
    write(image, 1, 1);
    Upload upload = start(image);
    FileImage gone = image("aaaa");
    write(gone, 1, 1);
    Upload goneUpload = start(gone);
    gone.gone(true);

    assertEquals(NoPlan.NOTHING_TO_COMMIT, decideInline(image, upload));
    assertEquals(NoPlan.NOTHING_TO_COMMIT, decideInline(gone, goneUpload));
  }

  @Test
  void tagAndSumAreThoseOfTheWholeFile() {
    FileImage image = image("aaaabbbbcccc..dd");
    for (int round = 0; round < 3; round++) {
      write(image, 2 + 3 * round, 3);
      store(image, (char) ('x' + round));
      image.punch(1, 2, 1);
      image.resize(14 - round, 1);

      CommitPlan plan = plan(image);

      expectTag(image.committed(), plan);
      image.begin(plan);
      done(image, plan);
    }
    ImageText.rebase(image, "eeffff");
    append(image, 2);
    store(image, 'z');

    expectTag(image.committed(), plan(image));
  }

  private static void expectTag(Attributes base, CommitPlan plan) {
    Sealing sealing = MemoryPool.sealing();
    Operation.Commit commit = plan.commit();
    ExtentSum sum = sealing.sum(base.sealId(), ExtentSum.ZERO, List.of(), plan.extents());
    assertEquals(sum, plan.sum());
    long version = Attributes.contentVersion(commit.newVersion());
    assertEquals(
        sealing.fileTag(base.sealId(), version, commit.newSizeBytes(), sum), commit.fileTag());
  }
}
