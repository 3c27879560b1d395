package holdfast.client.file;

import holdfast.crypto.seal.ExtentSum;
import holdfast.metadata.op.Attributes;
import holdfast.metadata.op.Extent;
import holdfast.metadata.op.ExtentMap;
import holdfast.model.ChunkId;
import holdfast.model.HoldfastException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;

/**
 * The content of one open file as this mount shows it: what the pool has, what is in flight to it
 * and what was just written, one over the other. Pure: knows no lock, clock, thread or pool; {@link
 * OpenFile} guards it, and no other object keeps it.
 */
final class FileImage {
  private final ImageAttributes attributes;

  /** What the pool has with the uploads that ended, in order, laid over it. */
  private final ContentView view;

  /** What came by O_APPEND and isn't committed. */
  private final AppendLog appends = new AppendLog();

  private final UploadQueue uploads = new UploadQueue();

  /** What was written and isn't being uploaded yet. */
  private final DirtyData dirty;

  /** How often another client's version became the base of what is here. */
  private long rebaseCount;

  /** How often unsaved data was reverted. */
  private long revertCount;

  private boolean isCommitting;

  /** The pool doesn't know the file any more: nothing can be committed. */
  private boolean isGone;

  /** The pool has lost the file, without a known removal, with something written from here. */
  private boolean isLost;

  /**
   * As the pool has it.
   *
   * @param blocks gives the memory of what is written
   */
  FileImage(Attributes committed, List<Extent> extents, BufferPool blocks) {
    dirty = new DirtyData(blocks);
    attributes = new ImageAttributes(committed);
    view = new ContentView(extents);
  }

  /** As the pool answered last. */
  Attributes committed() {
    return attributes.committed();
  }

  /** The extents that belong to it. */
  List<Extent> committedExtents() {
    return view.committed();
  }

  /** The sum of their terms; only the first call after a rebase computes it. */
  ExtentSum committedSum(Sealing sealing) {
    if (view.committedSumOrNull() == null) {
      view.committedSum(
          sealing.sum(committed().sealId(), ExtentSum.ZERO, List.of(), view.committed()));
    }
    return view.committedSumOrNull();
  }

  /** What the pool has with the uploads that ended laid over it. */
  List<Extent> extents() {
    return view.extents();
  }

  long sizeBytes() {
    return attributes.sizeBytes();
  }

  /** Size and times. */
  ImageAttributes attributes() {
    return attributes;
  }

  /** Where that is newer than what the pool has. */
  UncommittedRanges uncommitted() {
    return view.uncommitted();
  }

  /** What a plan over these ranges takes. */
  CommitPlan.Claim claimOn(List<Ranges.Range> ranges) {
    return uncommitted().claimOn(ranges, appends.within(ranges), revertCount);
  }

  long rebaseCount() {
    return rebaseCount;
  }

  /** Whether anything that programs had seen was replaced by another base, or reverted. */
  boolean wasReplaced() {
    return rebaseCount + revertCount > 0;
  }

  boolean isCommitting() {
    return isCommitting;
  }

  boolean isGone() {
    return isGone;
  }

  boolean isLost() {
    return isLost;
  }

  /** Memory that takes what isn't in the view, in bytes. */
  long bufferedBytes() {
    return dirty.bufferedBytes() + uploads.bufferedBytes();
  }

  boolean hasDirty() {
    return !dirty.isEmpty();
  }

  /** How many pieces are in flight. */
  int uploadCount() {
    return uploads.count();
  }

  long uploadsStarted() {
    return uploads.startedCount();
  }

  /** Whether anything is here that the pool hasn't got. */
  boolean isUnsaved() {
    boolean isUncommitted = !uncommitted().isEmpty() || attributes.isDirty();
    return hasDirty() || !uploads.isEmpty() || isCommitting || isUncommitted && !isGone;
  }

  /** The attributes as programs see them, with what isn't the content's as {@code others} has. */
  Attributes shown(Attributes others, boolean isNameless) {
    long allocatedBytes = ExtentMap.allocatedBytes(extents()) + bufferedBytes();
    return attributes.shown(others, allocatedBytes, isNameless);
  }

  /** Something else than the content changed, by this mount: to what the pool answered. */
  void attributesChanged(Attributes after) {
    attributes.changed(after, isUnsaved());
  }

  /** The pool has these attributes, of the same content. */
  void committedAttributes(Attributes found) {
    attributes.committed(found);
  }

  /** What a read has to fetch beyond what memory has: gaps, and extents to fill them from. */
  record Gaps(int lengthBytes, List<Extent> extents) {}

  /**
   * Copies what memory has of the range to the target, zeroes the rest, and returns what has to be
   * fetched into it.
   */
  Gaps read(long offset, byte[] target, int targetOffset, int wantedBytes) {
    int lengthBytes = (int) Math.max(0, Math.min(wantedBytes, sizeBytes() - offset));
    Arrays.fill(target, targetOffset, targetOffset + lengthBytes, (byte) 0);
    var covered = new Ranges();
    uploads.read(offset, lengthBytes, target, targetOffset, covered);
    dirty.read(offset, lengthBytes, target, targetOffset, covered);
    var wanted = new ArrayList<Extent>();
    for (Ranges.Range gap : covered.gaps(offset, offset + lengthBytes)) {
      wanted.addAll(Extents.within(extents(), gap.from(), gap.to()));
    }
    return new Gaps(lengthBytes, wanted);
  }

  /** Bytes are written; not by O_APPEND: {@link #append}. */
  void write(long offset, byte[] source, int sourceOffset, int lengthBytes, long wallNs) {
    dirty.write(offset, source, sourceOffset, lengthBytes);
    attributes.grow(offset + lengthBytes);
    attributes.touch(wallNs);
  }

  /** What came by O_APPEND. */
  AppendLog appends() {
    return appends;
  }

  /** Cuts or extends the file. */
  void resize(long newBytes, long wallNs) {
    long endBytes = Math.max(sizeBytes(), committed().sizeBytes());
    if (newBytes < endBytes) {
      view.cut(newBytes, endBytes);
      uploads.cutFrom(newBytes);
      dirty.cutFrom(newBytes);
      appends.cutFrom(newBytes);
    }
    attributes.resize(newBytes);
    attributes.touch(wallNs);
  }

  /** Makes a range a hole, as far as the file reaches. */
  void punch(long from, long to, long wallNs) {
    long endBytes = Math.min(to, sizeBytes());
    attributes.touch(wallNs);
    if (from >= endBytes) {
      return;
    }
    view.punch(from, endBytes);
    appends.saved(from, endBytes);
    uploads.punch(from, endBytes);
    dirty.remove(from, endBytes);
  }

  /** Starts an upload of the aligned window there if all of it was written; null otherwise. */
  Upload startFullWindowOrNull(long offset, long nowNs) {
    PendingChunk piece = dirty.takeFullWindow(offset);
    return piece == null ? null : uploads.start(piece, false, nowNs);
  }

  /** Starts uploads of everything that was written so far. */
  List<Upload> startAll(long nowNs) {
    List<PendingChunk> pieces = dirty.takeAll();
    appends.mark();
    return pieces.stream().map(piece -> uploads.start(piece, false, nowNs)).toList();
  }

  /** Whether all that was written may go with one operation of at most so many bytes. */
  boolean mayGoInline(int maxBytes) {
    return hasDirty()
        && uploads.isEmpty()
        && !isCommitting
        && !isGone
        && uncommitted().isEmpty()
        && !appends.isOpen()
        && sizeBytes() <= maxBytes
        && dirty.bufferedBytes() <= maxBytes + DirtyData.BLOCK_BYTES
        // Each range written may add one extent and split another.
        && extents().size() + 2 * dirty.rangeCount() <= ExtentMap.WINDOW_EXTENTS_MAX;
  }

  /**
   * Starts an upload of what was read of a window in a view from before, beneath whatever was
   * written since; null where all of it was.
   */
  Upload startRewriteOrNull(List<Extent> before, long window, byte[] plain, long nowNs) {
    var changed = new Ranges();
    uploads.addRangesTo(changed);
    view.addChangesTo(changed, before, window, window + plain.length);
    List<Ranges.Range> parts = changed.gaps(window, window + plain.length);
    if (parts.isEmpty()) {
      return null;
    }
    PendingChunk.Packer packer = dirty.newPacker();
    for (Ranges.Range part : parts) {
      packer.part(part);
      packer.add(plain, (int) (part.from() - window), (int) part.lengthBytes());
    }
    return uploads.start(packer.take(), true, nowNs);
  }

  /** Those that wait to be tried again are in flight from now on. */
  List<Upload> resumePaused(long nowNs) {
    return uploads.resumePaused(nowNs);
  }

  /** Whether the first so many uploads that were started are in the view. */
  boolean isApplied(long upTo) {
    return uploads.isApplied(upTo);
  }

  /** The first of the first so many uploads that is paused; null: none. */
  Upload pausedOrNull(long upTo) {
    return uploads.pausedOrNull(upTo);
  }

  /**
   * Lays the uploads that ended over the view, in order. After one that failed, the file is what
   * the pool has: what was written around the lost part, before or after it, would show holes as if
   * they had been written.
   *
   * @return what is lost by that; null: nothing
   */
  HoldfastException applyEnded() {
    HoldfastException lost = null;
    for (Upload upload = uploads.pollEndedOrNull();
        upload != null;
        upload = uploads.pollEndedOrNull()) {
      if (upload.failureOrNull() == null) {
        apply(upload);
      } else if (upload.counts()) {
        lost = upload.failureOrNull();
        dropUncommitted();
      }
    }
    view.bound(isCommitting);
    return lost;
  }

  private void apply(Upload upload) {
    List<Extent> laid = view.lay(upload, upload.extentsOrNull(), sizeBytes());
    view.addUnforced(laid);
    for (Extent extent : laid) {
      uncommitted().uploadedIn(upload.epoch());
      if (upload.isRewrite()) {
        uncommitted().rewritten(extent.fileOffset(), extent.fileEnd());
      } else {
        uncommitted().written(extent.fileOffset(), extent.fileEnd());
        appends.saved(extent.fileOffset(), extent.fileEnd());
        attributes.setDirty(true);
      }
    }
  }

  /** Drops what isn't committed, nor about to be: the file is what the pool has. */
  void revert() {
    dropUncommitted();
    applyEnded();
  }

  private void dropUncommitted() {
    dirty.cutFrom(0);
    uploads.drop();
    uncommitted().clear();
    appends.clear();
    attributes.setDirty(false);
    revertCount++;
    adopt(committed(), view.committed());
  }

  /** The plan's operation is in flight: what it takes isn't to be committed twice. */
  void begin(CommitPlan plan) {
    uncommitted().claim(plan.claim());
    appends.claim(plan.claim().appended());
    attributes.setDirty(plan.leavesPending() || !plan.isLast());
    isCommitting = true;
  }

  /**
   * What the end of a commit means.
   *
   * @param lostOrNull what is lost by an upload that had failed before
   * @param isForced whether all that the pool has of the file is on disk by that
   */
  record Done(HoldfastException lostOrNull, boolean isForced) {}

  /**
   * The plan's operation has happened.
   *
   * @param after what the pool has by that
   * @param isForced whether its entry and its own chunk are on disk
   */
  Done done(CommitPlan plan, Attributes after, boolean isForced) {
    isCommitting = false;
    boolean isReverted = plan.claim().revertCount() != revertCount;
    // Appended meanwhile, at an end that isn't: the next commit finds a newer version.
    if (!isReverted || !appends.isPending()) {
      takeOver(plan, after, isReverted);
    }
    if (isReverted && !isForced) {
      // It was forgotten with what was reverted.
      plan.commit().replacements().forEach(each -> view.addUnforcedReplaced(each.extents()));
    }
    // Of what came before only the entries are forced by it, not the chunks.
    boolean isAllForced = isForced && view.isAllForced();
    HoldfastException lost =
        plan.inlineOrNull() == null ? null : applyInline(plan.inlineOrNull(), isForced);
    return new Done(lost, isAllForced);
  }

  private void takeOver(CommitPlan plan, Attributes after, boolean isReverted) {
    if (isReverted) {
      rebase(after, plan.extents());
    } else if (plan.inlineOrNull() != null) {
      appends.claim(appends.within(plan.inlineOrNull().upload().piece().parts()));
    }
    attributes.committed(after);
    view.committed(plan.extents(), plan.sum(), after.sizeBytes(), appends.list());
    appends.committed();
  }

  /** The first upload has come with its operation. */
  private HoldfastException applyInline(CommitPlan.Inline inline, boolean isForced) {
    uploads.pollFirst(inline.upload());
    List<Extent> laid = view.lay(inline.upload(), inline.extents(), sizeBytes());
    if (!isForced) {
      view.addUnforced(laid);
    }
    return applyEnded();
  }

  /**
   * The plan's operation hasn't happened.
   *
   * @param isUnknown or its outcome stays unknown
   */
  void notDone(CommitPlan plan, boolean isUnknown) {
    isCommitting = false;
    CommitPlan.Claim claim = plan.claim();
    if (claim.revertCount() != revertCount) {
      return;
    }
    // What was cut off meanwhile isn't there any more, or is another append by now.
    appends.restore(claim.appended(), uncommitted().cutBytes());
    uncommitted().restore(claim);
    attributes.setDirty(true);
    if (isUnknown && plan.inlineOrNull() != null) {
      List<Ranges.Range> parts = plan.inlineOrNull().upload().piece().parts();
      appends.setIndeterminate(appends.within(parts), plan.extents());
    } else if (isUnknown) {
      appends.setIndeterminate(claim.appended(), plan.extents());
    }
  }

  /** Whether {@link #rebase} would have to move appended bytes that aren't in the view yet. */
  boolean mustSaveAppends(Attributes newer) {
    return mine(List.of()).moves(newer.sizeBytes()) && appends.isPending();
  }

  /** Makes a newer version the base of what is here; nothing that moves may be pending. */
  void rebase(Attributes newer, List<Extent> extents) {
    // What was only sealed anew gives way: the newer version may have other bytes there.
    uploads.cutRewrites();
    List<Ranges.Range> appendsDone = appends.committedIn(extents);
    Rebase rebase = Rebase.of(mine(appendsDone), newer.sizeBytes(), extents);
    if (rebase.appendsFrom() != Rebase.NOT_MOVED) {
      appends.moved(rebase.appendsFrom(), appendsDone);
    }
    view.rebased(rebase, extents);
    attributes.resize(rebase.sizeBytes());
    attributes.committed(newer);
    appends.rebased();
    rebaseCount++;
  }

  private Rebase.Mine mine(List<Ranges.Range> appendsDone) {
    return new Rebase.Mine(
        committed().sizeBytes(),
        extents(),
        sizeBytes(),
        uncommitted().cutBytes(),
        uncommitted().written().copy(),
        appends.list(),
        appendsDone,
        Math.max(dirty.end(), uploads.end()));
  }

  /** The pool's version is all there is; nothing may be unsaved. */
  void adopt(Attributes newer, List<Extent> extents) {
    view.adopt(extents);
    attributes.adopt(newer);
  }

  /** Likewise, where programs had seen another one. */
  void replace(Attributes newer, List<Extent> extents) {
    adopt(newer, extents);
    rebaseCount++;
  }

  /** The pool doesn't know the file any more; {@code isLostHere}: with something from here. */
  void gone(boolean isLostHere) {
    isGone = true;
    isLost |= isLostHere;
  }

  /** What an fsync has to have forced. */
  Set<ChunkId> toForce() {
    return view.toForce(isCommitting);
  }

  boolean isAllForced() {
    return view.isAllForced();
  }

  /** They are on disk. */
  void forced(Set<ChunkId> chunks) {
    view.forced(chunks);
  }

  /** When the file was open before, these chunks of it weren't forced. */
  void remember(Set<ChunkId> unforcedBefore) {
    view.remember(unforcedBefore);
  }

  /** Chunks that are stored, and named by nothing that is committed. */
  Set<ChunkId> storedChunks() {
    Set<ChunkId> chunks = view.uncommittedChunks();
    uploads.addStoredTo(chunks);
    return chunks;
  }
}
