package holdfast.client.file;

import holdfast.client.pool.LostContent;
import holdfast.crypto.seal.ExtentSum;
import holdfast.metadata.op.Attributes;
import holdfast.metadata.op.Extent;
import holdfast.metadata.op.ExtentMap;
import holdfast.model.ChunkId;
import holdfast.model.HoldfastException;
import holdfast.model.SealId;
import holdfast.util.Invariants;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Supplier;

/**
 * The content of one file while it is open here, shared by all its handles: what the pool has, what
 * is on its way there and what was just written, one over the other.
 *
 * <p>Fields are guarded by {@link #lock}, which is held for memory copies only, never over I/O.
 */
public final class FileContent {
  public final long inode;
  final SealId sealId;
  public final ReentrantLock lock = new ReentrantLock();
  final Condition changed = lock.newCondition();

  /** Handles that have it open. */
  int openCount;

  /** As the pool last told. */
  public Attributes committed;

  /** When it told, on the monotonic clock. */
  long committedNs;

  /** The extents that belong to {@link #committed}. */
  List<Extent> committedExtents;

  /** The sum of their terms, as the file's tag needs it; null until it was first computed. */
  ExtentSum committedSumOrNull;

  /** What the pool has with the uploads that ended, in order, laid over it. */
  List<Extent> view;

  long sizeBytes;
  long mtimeNs;

  /**
   * When it last changed here, by a write or otherwise: what the pool is told with the content, so
   * that a stat(2) before close and one after it agree.
   */
  long ctimeNs;

  /** Ranges in which the view is newer than the pool's extents. */
  final Ranges uncommitted = new Ranges();

  /** The part of them that programs changed; the rest was sealed anew for its own sake. */
  final Ranges written = new Ranges();

  /** What came by O_APPEND and isn't committed. */
  final AppendLog appends = new AppendLog();

  /** How often another client's version became the base of what is here. */
  long rebaseCount;

  /** The first epoch in which something uncommitted was uploaded. */
  long uncommittedEpoch = Long.MAX_VALUE;

  /**
   * The lowest size that a truncation set and the pool hasn't got; the range it cut off is among
   * the uncommitted ones, so that the old bytes don't return when the file grows again.
   */
  long cutBytes = Long.MAX_VALUE;

  /** Size or times changed and aren't committed. */
  boolean attributesDirty;

  final DirtyData dirty;

  /** When the oldest byte that isn't committed was written; meaningful while there is one. */
  long dirtySinceNs;

  /** In the order of writing; they end in any order and are applied in this one. */
  final ArrayDeque<Upload> uploads = new ArrayDeque<>();

  long uploadsStarted;
  long uploadsApplied;
  boolean isCommitting;

  /** Why the commit that is under way had no answer; null while one may come. */
  HoldfastException unansweredOrNull;

  /** Since when, on the monotonic clock; meaningful while there is one. */
  long unansweredNs;

  /** How often unsaved data was given up. */
  long revertCount;

  /** Memory of dirty data given up, which the budget hasn't got back yet. */
  private long droppedBytes;

  /** The last name is gone, here or elsewhere. */
  public boolean isUnlinked;

  /** Likewise, in a session that was lost: a power cut may have given it back. */
  public boolean isNameDoubtful;

  /** The pool keeps it for this client though it has no name, or was asked to. */
  public boolean isHeld;

  /** No handle is left: what comes to know that the name is gone holds nothing any more. */
  public boolean isClosed;

  /** The pool doesn't know it any more: nothing can be committed. */
  public boolean isGone;

  /** It is gone, and nobody is known to have removed it, with something written from here. */
  boolean isLost;

  final Acknowledged acknowledged = new Acknowledged();

  /** Another client changed the file meanwhile: kernel pages of it are of mixed age. */
  public boolean isMixed;

  final Unforced unforced = new Unforced();

  /** Of what was written: each handle tells them ({@link FileHandle}). */
  public final Losses losses = new Losses();

  /** {@code blocks} gives the memory of what is written. */
  FileContent(Attributes attributes, List<Extent> extents, BufferPool blocks, long nowNs) {
    dirty = new DirtyData(blocks);
    inode = attributes.inode();
    sealId = attributes.sealId();
    adopt(attributes, extents, nowNs);
  }

  /** Takes the pool's word for everything; nothing may be unsaved. */
  void adopt(Attributes attributes, List<Extent> extents, long nowNs) {
    committed(attributes, extents, extents == committedExtents ? committedSumOrNull : null, nowNs);
    view = extents;
    unforced.replaced();
    sizeBytes = attributes.sizeBytes();
    mtimeNs = attributes.mtimeNs();
    ctimeNs = attributes.ctimeNs();
  }

  /** The content, and with it its times, changed now; called under the lock. */
  void touch(long wallNs) {
    mtimeNs = wallNs;
    ctimeNs = wallNs;
    attributesDirty = true;
  }

  /** The pool has this by now. */
  void committed(Attributes attributes, List<Extent> extents, ExtentSum sumOrNull, long nowNs) {
    committed = attributes;
    committedExtents = extents;
    committedSumOrNull = sumOrNull;
    committedNs = nowNs;
  }

  /** Whether anything is here that the pool hasn't got. */
  public boolean isUnsaved() {
    return !dirty.isEmpty() || !uploads.isEmpty() || isUncommitted() || isCommitting;
  }

  private <T> T locked(Supplier<T> look) {
    lock.lock();
    try {
      return look.get();
    } finally {
      lock.unlock();
    }
  }

  /** Whether anything that was appended isn't with the pool. Takes the lock. */
  public boolean hasAppends() {
    return locked(() -> !appends.isEmpty());
  }

  /** The kernel has bytes of it in the wrong place. Takes the lock. */
  void setMixed() {
    locked(() -> isMixed = true);
  }

  /**
   * The pool doesn't know it. Takes the lock.
   *
   * @param isWritten whether a closed handle wrote it lately
   * @return what is lost by that, as it turns out now; null: nothing
   */
  HoldfastException goneOrNull(boolean isWritten) {
    lock.lock();
    try {
      HoldfastException lost = null;
      if (!isUnlinked && (isWritten || !acknowledged.isForced() || isUnsaved())) {
        lost = LostContent.ofInode(inode);
        isLost = true;
        losses.add(lost);
      }
      isUnlinked = true;
      isGone = true;
      return lost;
    } finally {
      lock.unlock();
    }
  }

  /** The session is lost, and with it perhaps what the pool had told. Takes the lock. */
  void doubt() {
    lock.lock();
    try {
      acknowledged.doubt();
      isNameDoubtful = isUnlinked && !isGone;
    } finally {
      lock.unlock();
    }
  }

  /** Whether {@link #doubt} was told and not settled since. Takes the lock. */
  public boolean isDoubtfulNow() {
    return locked(() -> acknowledged.isDoubtful() && !isGone);
  }

  /** Whether an fsync has forced all chunks of it. Takes the lock. */
  boolean isAllForced() {
    return locked(unforced::isEmpty);
  }

  /** How many losses of it there were. Takes the lock. */
  long lossCount() {
    return locked(losses::count);
  }

  /** Which doubt is the last one. Takes the lock. */
  long doubtCount() {
    return locked(acknowledged::doubtCount);
  }

  /** Whether it has no name any more. Any thread. */
  public boolean isNameless() {
    return locked(() -> isUnlinked);
  }

  /** The size at this moment, what isn't saved included. */
  long sizeBytesNow() {
    return locked(() -> sizeBytes);
  }

  /** The version that the pool has, as far as is known here. Takes the lock. */
  long committedVersion() {
    return locked(() -> committed.version());
  }

  long rebaseCountNow() {
    return locked(() -> rebaseCount);
  }

  boolean isUncommitted() {
    return !isGone && (!uncommitted.isEmpty() || attributesDirty);
  }

  /** Starts of the windows in which something is uncommitted. */
  List<Long> uncommittedWindows() {
    return locked(() -> uncommitted.windows());
  }

  /**
   * Something else than the content changed, by this mount; returns how it looks now. Takes the
   * lock.
   */
  public Attributes attributesChanged(Attributes after, long nowNs) {
    lock.lock();
    try {
      boolean wasUnsaved = isUnsaved();
      ctimeNs = after.ctimeNs();
      if (Acknowledged.isSame(committed, after)) {
        committed = after;
        committedNs = nowNs;
        mtimeNs = wasUnsaved ? mtimeNs : after.mtimeNs();
      } else {
        committed = ContentAttributes.committed(after, committed);
      }
      boolean isNewest = !wasUnsaved && !isUnlinked && after.version() >= committed.version();
      return isNewest ? after : attributes(after);
    } finally {
      lock.unlock();
    }
  }

  /** The attributes as programs on this mount see them. */
  public Attributes attributes() {
    return attributes(committed);
  }

  /** Likewise, when the pool has just told {@code told} of what isn't the content. */
  public Attributes attributes(Attributes told) {
    long unsavedBytes = dirty.heldBytes();
    for (Upload upload : uploads) {
      unsavedBytes += upload.piece.heldBytes();
    }
    return ContentAttributes.unsaved(this, told, unsavedBytes);
  }

  /** What a read has to fetch beyond what memory gave: gaps, and extents to fill them from. */
  record Gaps(int lengthBytes, List<Extent> extents) {}

  /**
   * Copies what memory has of the range to the target, zeroes the rest, and tells what has to be
   * fetched into it.
   */
  Gaps read(long offset, byte[] target, int targetOffset, int wantedBytes) {
    lock.lock();
    try {
      int lengthBytes = (int) Math.max(0, Math.min(wantedBytes, sizeBytes - offset));
      Arrays.fill(target, targetOffset, targetOffset + lengthBytes, (byte) 0);
      var covered = new Ranges();
      for (Upload upload : uploads) {
        upload.read(offset, lengthBytes, target, targetOffset, covered);
      }
      dirty.read(offset, lengthBytes, target, targetOffset, covered);
      var wanted = new ArrayList<Extent>();
      for (Ranges.Range gap : covered.gaps(offset, offset + lengthBytes)) {
        wanted.addAll(Extents.within(view, gap.from(), gap.to()));
      }
      return new Gaps(lengthBytes, wanted);
    } finally {
      lock.unlock();
    }
  }

  /**
   * Lays the uploads that ended over the view, in order; called under the lock. After one that
   * failed, the file is what the pool has: what was written around the lost part, before or after
   * it, would show holes as if they had been written.
   */
  void applyEnded() {
    while (!uploads.isEmpty() && uploads.peek().isEnded()) {
      Upload upload = uploads.poll();
      upload.piece.release();
      if (upload.failureOrNull != null && upload.counts()) {
        losses.add(upload.failureOrNull);
        revert();
      } else if (upload.failureOrNull == null) {
        List<Extent> laid = lay(upload, upload.extentsOrNull);
        laid.forEach(extent -> unforced.add(extent.chunk()));
        for (Extent extent : laid) {
          uncommitted.add(extent.fileOffset(), extent.fileEnd());
          if (!upload.isRewrite) {
            written.add(extent.fileOffset(), extent.fileEnd());
            appends.saved(extent.fileOffset(), extent.fileEnd());
            attributesDirty = true;
          }
        }
        if (!laid.isEmpty()) {
          uncommittedEpoch = Math.min(uncommittedEpoch, upload.epoch);
        }
      }
      uploadsApplied++;
    }
    if (unforced.isLarge()) {
      keepNamed();
    }
    changed.signalAll();
  }

  /** The first upload has come with its operation; called under the lock. */
  void applyInline(Upload upload, List<Extent> extents, boolean isForced) {
    Invariants.check(uploads.peek() == upload, "apply inline: expected=the first upload");
    uploads.poll();
    upload.piece.release();
    uploadsApplied++;
    for (Extent extent : lay(upload, extents)) {
      if (!isForced) {
        unforced.add(extent.chunk());
      }
    }
    applyEnded();
  }

  /** Lays the extents over the view, but for what was cut off or became a hole meanwhile. */
  private List<Extent> lay(Upload upload, List<Extent> extents) {
    long endBytes = Math.min(sizeBytes, upload.cutBytes);
    var laid = new ArrayList<Extent>(extents.size());
    var ranges = new ArrayList<Ranges.Range>(extents.size());
    for (Extent extent : extents) {
      if (extent.fileOffset() < endBytes) {
        Extent kept = extent.crop(0, endBytes);
        for (Ranges.Range range : upload.holes.gaps(kept.fileOffset(), kept.fileEnd())) {
          laid.add(kept.crop(range.from(), range.to()));
          ranges.add(range);
        }
      }
    }
    unforced.replacing(view, ranges);
    view = Extents.replace(view, ranges, laid);
    return laid;
  }

  /** Drops what isn't committed, nor about to be; called under the lock. */
  void drop() {
    revert();
    applyEnded();
  }

  private void revert() {
    droppedBytes += dirty.heldBytes();
    dirty.cutFrom(0);
    for (Upload upload : uploads) {
      droppedBytes += upload.drop();
    }
    uncommitted.clear();
    written.clear();
    appends.clear();
    uncommittedEpoch = Long.MAX_VALUE;
    cutBytes = Long.MAX_VALUE;
    attributesDirty = false;
    isMixed = true; // the kernel's pages show what was written
    revertCount++;
    adopt(committed, committedExtents, committedNs);
  }

  /** What an fsync has to have forced; called under the lock. */
  Set<ChunkId> toForce() {
    keepNamed();
    return unforced.copy();
  }

  /** What a commit that is under way names may be named by nothing else. */
  private void keepNamed() {
    if (!isCommitting) {
      unforced.keepNamed(view, committedExtents);
    }
  }

  /** Memory that was given up since the last call; called under the lock. */
  long takeDroppedBytes() {
    long bytes = droppedBytes;
    droppedBytes = 0;
    return bytes;
  }

  /** Cuts or extends the file; called under the lock. */
  void setSize(long newBytes) {
    long endBytes = Math.max(sizeBytes, committed.sizeBytes());
    if (newBytes < endBytes) {
      cutBytes = Math.min(cutBytes, newBytes);
      uncommitted.add(newBytes, endBytes);
      written.add(newBytes, endBytes);
      uploads.forEach(upload -> upload.cutBytes = Math.min(upload.cutBytes, newBytes));
      dirty.cutFrom(newBytes);
      appends.cutFrom(newBytes);
      unforced.replaced();
      view = ExtentMap.truncate(view, newBytes);
    }
    sizeBytes = newBytes;
    attributesDirty = true;
  }

  /** Makes a range a hole, as far as the file reaches; called under the lock. */
  void clear(long from, long to) {
    long endBytes = Math.min(to, sizeBytes);
    if (from >= endBytes) {
      return;
    }
    uncommitted.add(from, endBytes);
    written.add(from, endBytes);
    appends.saved(from, endBytes);
    uploads.forEach(upload -> upload.holes.add(from, endBytes));
    dirty.remove(from, endBytes);
    unforced.replaced();
    view = Extents.replace(view, List.of(new Ranges.Range(from, endBytes)), List.of());
    attributesDirty = true;
  }

  /**
   * The parts of a range that nothing has changed since the view was {@code before}, neither in the
   * view nor on its way there. Called under the lock.
   */
  List<Ranges.Range> unchangedSince(List<Extent> before, long from, long to) {
    var changedRanges = new Ranges();
    for (Upload upload : uploads) {
      upload.piece.parts().forEach(part -> changedRanges.add(part.from(), part.to()));
    }
    if (before != view) {
      Extents.Difference difference =
          Extents.difference(Extents.within(before, from, to), Extents.within(view, from, to));
      difference.removed().forEach(each -> changedRanges.add(each.fileOffset(), each.fileEnd()));
      difference.added().forEach(each -> changedRanges.add(each.fileOffset(), each.fileEnd()));
    }
    return changedRanges.gaps(from, to);
  }
}
