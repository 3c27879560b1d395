package holdfast.client.file;

import static holdfast.client.MemoryPool.bytes;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import holdfast.client.MemoryPool;
import holdfast.metadata.op.Attributes;
import holdfast.metadata.op.Extent;
import holdfast.metadata.op.ExtentMap;
import holdfast.metadata.op.FileType;
import holdfast.metadata.op.Operation;
import holdfast.metadata.op.Replacement;
import holdfast.metadata.op.Tag;
import holdfast.model.ChunkId;
import holdfast.model.ChunkSalt;
import holdfast.model.ClientId;
import holdfast.model.ErrorCode;
import holdfast.model.HoldfastException;
import holdfast.model.SealId;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.LongStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * An image shows, and commits, what a plain array of bytes does, whatever order things end in:
 * writes, appends, cuts, holes, uploads that end or fail, commits that happen, are refused or have
 * no answer, and versions that others make meanwhile. {@code -Dseed=N} repeats one.
 */
final class FileImageModelTest {
  private static final int SEED_COUNT = 300;
  private static final int STEPS = 250;
  private static final int WRITE_MAX_BYTES = 300;
  private static final int SIZE_MAX_BYTES = 9_000;
  private static final CommitPlanner.Terms TERMS = new CommitPlanner.Terms(new ClientId(1, 1), 7);

  /** The pool: chunks by name, and the file's newest version. */
  private final Map<ChunkId, byte[]> chunks = new HashMap<>();

  private Attributes pool = attributes(1, 0);
  private List<Extent> poolExtents = List.of();

  private final CommitPlanner planner = new CommitPlanner(MemoryPool.sealing());
  private final FileImage image =
      new FileImage(pool, poolExtents, new BufferPool(DirtyData.BLOCK_BYTES, 4));
  private final ImageModel model = new ImageModel();

  /** In flight, in the order of writing. */
  private final List<Upload> uploads = new ArrayList<>();

  private CommitPlan planOrNull;

  /** Which append each byte came by when that began. */
  private int[] claimedAppends;

  /** Whether the image was reverted since that began. */
  private boolean isReverted;

  /** Over all seeds: how often each of these happened. */
  private static int moveCount;

  private static int lossCount;
  private static int unknownCount;

  private Random random;
  private int nextNumber = 1;
  private String doing = "begin";
  private int commitCount;

  private static Attributes attributes(long version, long sizeBytes) {
    return new Attributes(
        7,
        new SealId(1, 1),
        FileType.FILE,
        0644,
        0,
        0,
        0,
        1,
        sizeBytes,
        0,
        0,
        0,
        0,
        version,
        Tag.ZERO,
        0);
  }

  static LongStream seeds() {
    long seed = Long.getLong("seed", 0);
    return seed > 0 ? LongStream.of(seed) : LongStream.rangeClosed(1, SEED_COUNT);
  }

  @ParameterizedTest
  @MethodSource("seeds")
  void theImageIsWhatPlainBytesAre(long seed) {
    random = new Random(seed);

    for (int step = 0; step < STEPS; step++) {
      doing = "seed " + seed + " step " + step;
      step();
      check();
    }
    saveAll();

    assertArrayEquals(model.bytes(), content(poolExtents, (int) pool.sizeBytes()), doing);
    assertTrue(commitCount > 1, "commits: " + commitCount);
  }

  /** A model that never comes to what is hard has shown nothing. */
  @AfterAll
  static void allOfItHappened() {
    boolean isAll = Long.getLong("seed", 0) == 0;
    assertTrue(
        !isAll || moveCount > 100 && lossCount > 100 && unknownCount > 100,
        moveCount + " moves, " + lossCount + " losses, " + unknownCount + " unknown");
  }

  private void step() {
    switch (random.nextInt(31)) {
      case 0, 1, 2 -> write();
      case 3, 4, 5 -> append();
      case 6 -> resize();
      case 7 -> punch();
      case 8, 9, 10, 11 -> startUploads();
      case 12, 13, 14, 15, 16, 17, 18, 19 -> endUpload();
      case 20, 21, 22, 23 -> beginCommit();
      case 24, 25, 26, 27 -> endCommit();
      case 28 -> othersCommit();
      default -> {
        if (random.nextInt(12) == 0) {
          revert();
        } else {
          reconcile();
        }
      }
    }
  }

  private void check() {
    byte[] expected = model.bytes();
    assertEquals(expected.length, image.sizeBytes(), doing);
    assertArrayEquals(expected, shown(), doing);
    int from = random.nextInt(expected.length + 1);
    int count = random.nextInt(expected.length - from + 10);
    byte[] part = new byte[count];
    FileImage.Gaps gaps = image.read(from, part, 0, count);
    fill(gaps.extents(), part, from);
    for (int i = 0; i < gaps.lengthBytes(); i++) {
      assertEquals(expected[from + i], part[i], doing);
    }
    if (!image.isUnsaved()) {
      assertTrue(!ImageModel.has(model.dirty) && model.pieces.isEmpty(), doing);
    }
    assertEquals(uploads.size(), image.uploadCount(), doing);
    assertTrue(image.bufferedBytes() > 0 == (image.hasDirty() || !uploads.isEmpty()), doing);
  }

  private byte[] shown() {
    var shown = new byte[(int) image.sizeBytes()];
    fill(image.read(0, shown, 0, shown.length).extents(), shown, 0);
    return shown;
  }

  private void fill(List<Extent> extents, byte[] target, int targetOffset) {
    for (Extent extent : extents) {
      System.arraycopy(
          chunks.get(extent.chunk()),
          extent.chunkOffset(),
          target,
          (int) extent.fileOffset() - targetOffset,
          extent.lengthBytes());
    }
  }

  private byte[] content(List<Extent> extents, int sizeBytes) {
    var content = new byte[sizeBytes];
    fill(ExtentMap.truncate(extents, sizeBytes), content, 0);
    return content;
  }

  private byte[] newBytes() {
    return bytes(nextNumber++, 1 + random.nextInt(WRITE_MAX_BYTES));
  }

  private void write() {
    if (image.sizeBytes() < SIZE_MAX_BYTES) {
      byte[] source = newBytes();
      int offset = random.nextInt((int) image.sizeBytes() + 200);
      image.write(offset, source, 0, source.length, 1);
      model.write(offset, source, 0);
    }
  }

  private void append() {
    if (image.sizeBytes() < SIZE_MAX_BYTES) {
      byte[] source = newBytes();
      int offset = (int) image.sizeBytes();
      image.write(offset, source, 0, source.length, 1);
      image.appends().add(null, offset, offset + source.length, false, 0);
      model.write(offset, source, nextNumber++);
    }
  }

  private void resize() {
    int sizeBytes = random.nextInt((int) image.sizeBytes() + 300);
    image.resize(sizeBytes, 1);
    model.resize(sizeBytes);
  }

  private void punch() {
    int from = random.nextInt((int) image.sizeBytes() + 100);
    int to = from + 1 + random.nextInt(500);
    image.punch(from, to, 1);
    model.punch(from, to);
  }

  private void startUploads() {
    noteStarted(image.startAll(0));
  }

  private void noteStarted(List<Upload> started) {
    for (Upload upload : started) {
      uploads.add(upload);
      model.start(upload.piece().parts());
    }
  }

  /** Any of them ends; those that are first by then are in the view. */
  private void endUpload() {
    List<Upload> inFlight =
        uploads.stream().filter(each -> !each.isEnded() && each != inlineOrNull()).toList();
    if (inFlight.isEmpty()) {
      return;
    }
    Upload upload = inFlight.get(random.nextInt(inFlight.size()));
    switch (random.nextInt(12)) {
      case 0 -> {
        boolean isLoss = upload.counts();
        upload.failed(new HoldfastException(ErrorCode.STORE_FAILED, "planted"));
        applyEnded(isLoss ? upload : null);
      }
      case 1 -> {
        upload.paused(new HoldfastException(ErrorCode.TIMED_OUT, "planted"));
        assertEquals(List.of(upload), image.resumePaused(0), doing);
      }
      default -> {
        upload.stored(stored(upload.piece()), 3);
        applyEnded(null);
      }
    }
  }

  private Upload inlineOrNull() {
    return planOrNull == null || planOrNull.inlineOrNull() == null
        ? null
        : planOrNull.inlineOrNull().upload();
  }

  private void applyEnded(Upload failedOrNull) {
    HoldfastException lost = image.applyEnded();
    applyEnded(lost, failedOrNull);
  }

  private void applyEnded(HoldfastException lostOrNull, Upload failedOrNull) {
    boolean wasLost = false;
    while (!uploads.isEmpty() && uploads.getFirst().isEnded()) {
      Upload first = uploads.removeFirst();
      if (first.failureOrNull() == null) {
        model.apply();
      } else {
        model.pieces.removeFirst();
        if (lostOrNull != null && !wasLost) {
          model.revert();
          isReverted = true;
          wasLost = true;
          lossCount++;
        }
      }
    }
    assertEquals(lostOrNull != null, wasLost, doing);
    assertTrue(lostOrNull == null || failedOrNull == null || !uploads.contains(failedOrNull));
  }

  private List<Extent> stored(PendingChunk piece) {
    var chunk = new ChunkId(0, 0, 0, nextNumber++);
    var content = new byte[piece.lengthBytes()];
    int at = 0;
    for (byte[] block : piece.blocks()) {
      int count = Math.min(block.length, content.length - at);
      System.arraycopy(block, 0, content, at, count);
      at += count;
    }
    chunks.put(chunk, content);
    return piece.extents(chunk, new ChunkSalt(0, nextNumber), 0);
  }

  private void beginCommit() {
    if (image.isCommitting()) {
      assertEquals(
          CommitPlanner.NoPlan.COMMITTING, planner.decide(image, false, null, TERMS, 0), doing);
      return;
    }
    CommitPlan.Inline inline = null;
    if (random.nextBoolean() && image.mayGoInline(1 << 18)) {
      List<Upload> started = image.startAll(0);
      noteStarted(started);
      PendingChunk piece = started.getFirst().piece();
      inline = new CommitPlan.Inline(null, stored(piece), started.getFirst(), isThere -> {});
    }
    if (planner.decide(image, false, inline, TERMS, 0) instanceof CommitPlan plan) {
      begin(plan);
    } else if (!Extents.crowdedWindows(image.extents(), 1).isEmpty()) {
      rewriteCrowded();
    }
  }

  private void begin(CommitPlan plan) {
    expectWholeAppends(plan.claim().appended());
    image.begin(plan);
    planOrNull = plan;
    isReverted = false;
    model.claim(plan.claim().ranges());
    claimedAppends = model.append.clone();
    for (Ranges.Range range : plan.claim().appended()) {
      for (int i = (int) range.from(); i < range.to(); i++) {
        model.append[i] = 0;
      }
    }
    if (plan.inlineOrNull() == null) {
      byte[] expected = model.withClaimed((int) plan.commit().newSizeBytes());
      assertArrayEquals(expected, content(plan.extents(), expected.length), doing);
    }
  }

  /** A write that was appended is committed as a whole or not at all. */
  private void expectWholeAppends(List<Ranges.Range> appended) {
    Map<Integer, Integer> counts = new HashMap<>();
    for (int id : model.append) {
      counts.merge(id, 1, Integer::sum);
    }
    Map<Integer, Integer> committed = new HashMap<>();
    for (Ranges.Range range : appended) {
      for (int i = (int) range.from(); i < range.to(); i++) {
        committed.merge(model.append[i], 1, Integer::sum);
      }
    }
    committed.forEach((id, count) -> assertEquals(counts.get(id), count, doing + ": torn append"));
  }

  private void rewriteCrowded() {
    List<Extent> before = image.extents();
    byte[] plain = content(before, (int) image.sizeBytes());
    Upload upload = image.startRewriteOrNull(before, 0, plain, 0);
    if (upload == null) {
      return;
    }
    uploads.add(upload);
    model.pieces.add(ImageModel.layer()); // nothing that programs see
    upload.stored(stored(upload.piece()), 3);
    applyEnded(null);
  }

  private void endCommit() {
    if (planOrNull == null) {
      return;
    }
    CommitPlan plan = planOrNull;
    planOrNull = null;
    Operation.Commit commit = plan.commit();
    boolean isNewest = commit.baseVersion() == pool.version();
    if (!isNewest || random.nextInt(8) == 0) {
      notDone(plan, false);
      reconcile();
    } else if (plan.inlineOrNull() == null && random.nextInt(8) == 0) {
      if (random.nextBoolean()) {
        change(commit);
      }
      notDone(plan, true);
      unknownCount++;
    } else {
      change(commit);
      done(plan);
    }
  }

  private void notDone(CommitPlan plan, boolean isUnknown) {
    image.notDone(plan, isUnknown);
    int cutSince = model.cutBytes;
    if (!isReverted) {
      long cutBytes = plan.claim().cutBytes();
      model.restore((int) Math.min(cutBytes, Integer.MAX_VALUE));
      for (Ranges.Range range : plan.claim().appended()) {
        for (int i = (int) range.from(); i < Math.min(range.to(), cutSince); i++) {
          model.append[i] = claimedAppends[i];
        }
      }
    }
  }

  private void change(Operation.Commit commit) {
    poolExtents = ExtentMap.apply(poolExtents, commit);
    pool = attributes(commit.newVersion(), commit.newSizeBytes());
    commitCount++;
  }

  private void done(CommitPlan plan) {
    boolean skips = isReverted && image.appends().isPending();
    byte[] now = content(poolExtents, (int) pool.sizeBytes());
    assertEquals(poolExtents, plan.extents(), doing);
    boolean wasMoving = isReverted && !skips && model.moves(now.length);
    moveCount += wasMoving ? 1 : 0;
    FileImage.Done done = image.done(plan, pool, false);
    if (plan.inlineOrNull() != null && !isReverted) {
      model.pieces.removeFirst();
      uploads.remove(plan.inlineOrNull().upload());
      for (Ranges.Range range : plan.inlineOrNull().upload().piece().parts()) {
        for (int i = (int) range.from(); i < range.to(); i++) {
          model.append[i] = 0;
        }
      }
    } else if (plan.inlineOrNull() != null) {
      model.pieces.removeFirst();
      uploads.remove(plan.inlineOrNull().upload());
    }
    if (!skips && isReverted) {
      model.rebase(now, new boolean[ImageModel.CAPACITY_BYTES]);
      model.dropHolesBehindBase();
    } else if (!skips) {
      model.committed(now);
    }
    applyEnded(done.lostOrNull(), null);
  }

  /** Another client makes a version of what the pool has. */
  private void othersCommit() {
    int sizeBytes = (int) pool.sizeBytes();
    int from = random.nextInt(sizeBytes + 1);
    byte[] content = newBytes();
    boolean isAppend = random.nextBoolean() || hasUnknown();
    from = isAppend ? sizeBytes : from;
    int to = from + content.length;
    if (to > SIZE_MAX_BYTES) {
      return;
    }
    var chunk = new ChunkId(0, 0, 1, nextNumber++);
    chunks.put(chunk, content);
    var extent = new Extent(from, content.length, chunk, new ChunkSalt(1, nextNumber), 0, 0);
    boolean isCut = !isAppend && random.nextInt(4) == 0;
    long newSizeBytes = isCut ? to : Math.max(sizeBytes, to);
    var commit =
        new Operation.Commit(
            7,
            pool.version(),
            pool.version() + 1,
            newSizeBytes,
            Tag.ZERO,
            1,
            1,
            7,
            List.of(new Replacement(from, to, List.of(extent))));
    poolExtents = ExtentMap.apply(poolExtents, commit);
    pool = attributes(commit.newVersion(), newSizeBytes);
  }

  /** What is indeterminate may be in the pool: others leave it there, so that it can be found. */
  private boolean hasUnknown() {
    return pool.version() != image.committed().version();
  }

  private void revert() {
    image.revert();
    model.revert();
    isReverted = true;
    applyEnded(null, null);
  }

  /** As after an invalidation of the version, or a refused commit. */
  private void reconcile() {
    if (image.isCommitting() || pool.version() == image.committed().version()) {
      return;
    }
    byte[] newer = content(poolExtents, (int) pool.sizeBytes());
    if (!image.isUnsaved()) {
      image.replace(pool, poolExtents);
      model.base = newer;
      model.sizeBytes = newer.length;
      return;
    }
    if (image.mustSaveAppends(pool)) {
      startUploads();
      while (!uploads.isEmpty() && image.mustSaveAppends(pool)) {
        Upload upload = uploads.stream().filter(each -> !each.isEnded()).findFirst().orElseThrow();
        upload.stored(stored(upload.piece()), 3);
        applyEnded(null);
      }
    }
    boolean[] done = committedAppends();
    moveCount += model.moves(newer.length) ? 1 : 0;
    image.rebase(pool, poolExtents);
    model.rebase(newer, done);
  }

  /** Appended bytes that the pool has by a commit without an answer. */
  private boolean[] committedAppends() {
    var done = new boolean[ImageModel.CAPACITY_BYTES];
    for (Ranges.Range range : image.appends().committedIn(poolExtents)) {
      for (int i = (int) range.from(); i < range.to(); i++) {
        assertTrue(model.append[i] != 0, doing);
        done[i] = true;
      }
    }
    return done;
  }

  private void saveAll() {
    for (int round = 0; round < 1_000; round++) {
      doing = doing.replaceAll(" round.*", "") + " round " + round;
      startUploads();
      while (planOrNull == null && !uploads.isEmpty()) {
        Upload upload = uploads.stream().filter(each -> !each.isEnded()).findFirst().orElseThrow();
        upload.stored(stored(upload.piece()), 3);
        applyEnded(null);
      }
      endCommit();
      reconcile();
      beginCommit();
      check();
      if (!image.isUnsaved() && pool.version() == image.committed().version()) {
        return;
      }
    }
    throw new AssertionError(doing + ": ever unsaved");
  }
}
