package holdfast.client.file;

import static holdfast.client.file.ImageText.append;
import static holdfast.client.file.ImageText.attributes;
import static holdfast.client.file.ImageText.image;
import static holdfast.client.file.ImageText.rebase;
import static holdfast.client.file.ImageText.start;
import static holdfast.client.file.ImageText.store;
import static holdfast.client.file.ImageText.text;
import static holdfast.client.file.ImageText.write;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertTrue;

import holdfast.client.MemoryPool;
import holdfast.metadata.op.Operation;
import holdfast.model.ClientId;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Cases of {@link FileImageModelTest} that went wrong, each by itself. */
final class FileImageTest {
  private static final CommitPlanner.Terms TERMS = new CommitPlanner.Terms(new ClientId(1, 1), 7);

  private final CommitPlanner planner = new CommitPlanner(MemoryPool.sealing());

  private CommitPlan begin(FileImage image) {
    var plan = assertInstanceOf(CommitPlan.class, planner.decide(image, false, null, TERMS, 0));
    image.begin(plan);
    return plan;
  }

  private static void done(FileImage image, CommitPlan plan) {
    Operation.Commit commit = plan.commit();
    image.done(plan, attributes(commit.newVersion(), commit.newSizeBytes()), false);
  }

  private static List<Ranges.Range> ranges(long from, long to) {
    return List.of(new Ranges.Range(from, to));
  }

  /** What had been appended lay behind the end, and moved behind a newer version as a hole. */
  @Test
  void whatARefusedCommitHadAppendedEndsWhereTheFileWasCutMeanwhile() {
    FileImage image = image("aa");
    append(image, 6);
    store(image, 'x');
    CommitPlan plan = begin(image);
    image.resize(5, 1);

    image.notDone(plan, false);

    assertEquals("aaxxx", text(image));
    assertEquals(ranges(2, 5), image.appends().list());
  }

  /** It counted as stored, for another append had been there. */
  @Test
  void whatIsAppendedBehindSuchACutIsWaitedFor() {
    FileImage image = image("aa");
    append(image, 6);
    store(image, 'x');
    CommitPlan refused = begin(image);
    image.resize(5, 1);
    image.notDone(refused, false);

    append(image, 2);

    assertTrue(image.appends().isPending());

    store(image, 'y');
    CommitPlan plan = begin(image);

    assertEquals("aaxxxyy", text(plan.extents(), plan.commit().newSizeBytes()));
  }

  /** The file doubled. */
  @Test
  void whatIsAHoleByNowDoesntMakeTheFileLongerThoughItIsInFlight() {
    FileImage image = image("aa");
    append(image, 4);
    Upload upload = start(image);
    image.punch(2, 6, 1);

    rebase(image, "bbb");
    store(image, upload, 'x');

    assertEquals("bbb....", text(image));
    assertEquals(ranges(3, 7), image.appends().list());
  }

  /** It was zeroed. */
  @Test
  void whatOthersAppendWhereACommittedCutHadEndedTheFileSurvives() {
    FileImage image = image("aaaaaaaa");
    write(image, 0, 1);
    store(image, 'x');
    image.resize(4, 1);
    append(image, 2);
    Upload upload = start(image);
    CommitPlan plan = begin(image);
    assertEquals("xaaa", text(plan.extents(), plan.commit().newSizeBytes()), "without the append");

    done(image, plan);
    store(image, upload, 'y');
    rebase(image, "xaaabbbb");

    assertEquals("xaaabbbbyy", text(image));
  }

  /** Likewise. */
  @Test
  void whatOthersAppendWhereAnotherVersionHadEndedAHoleSurvives() {
    FileImage image = image("aaaaaaaa");
    write(image, 0, 1);
    store(image, 'x');
    image.punch(3, 8, 1);
    rebase(image, "bb");
    assertEquals("xb", text(image));

    rebase(image, "bbcccc");

    assertEquals("xbcccc", text(image));
  }

  /** Likewise. */
  @Test
  void whatOthersAppendWhereAHoleHadEndedBeforeWhatWasMovedSurvives() {
    FileImage image = image("aaaaaaaa");
    image.punch(3, 8, 1);
    append(image, 2);
    store(image, 'x');
    rebase(image, "bb");
    assertEquals("bbxx", text(image));

    rebase(image, "bbcccc");

    assertEquals("bbccccxx", text(image));
  }
}
