package holdfast.client;

import holdfast.metadata.Attributes;
import holdfast.metadata.Extent;
import holdfast.metadata.ExtentMap;
import holdfast.model.ChunkId;
import holdfast.model.ErrorCode;
import holdfast.model.HoldfastException;
import holdfast.model.SealId;
import holdfast.util.Invariants;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;

/**
 * The content of one file while it is open here, shared by all its handles: what the pool has, what
 * is on its way there and what was just written, one over the other.
 *
 * <p>Fields are guarded by {@link #lock}, which is held for memory copies only, never over I/O.
 */
final class FileContent {
  /** A piece on its way to the pool. */
  static final class Upload {
    final DirtyPiece piece;

    /** Set when it is stored; null until then. */
    List<Extent> extentsOrNull;

    HoldfastException failureOrNull;

    Upload(DirtyPiece piece) {
      this.piece = piece;
    }

    boolean isEnded() {
      return extentsOrNull != null || failureOrNull != null;
    }
  }

  final long inode;
  final SealId sealId;
  final ReentrantLock lock = new ReentrantLock();
  final Condition changed = lock.newCondition();

  /** Handles that have it open. */
  int openCount;

  /** As the pool last told. */
  Attributes committed;

  /** When it told, on the monotonic clock. */
  long committedNs;

  /** The extents that belong to {@link #committed}. */
  List<Extent> committedExtents;

  /** What the pool has with the uploads that ended, in order, laid over it. */
  List<Extent> view;

  long sizeBytes;
  long mtimeNs;

  /** Ranges in which the view is newer than the pool's extents. */
  final Ranges uncommitted = new Ranges();

  /** Size or times changed and aren't committed. */
  boolean attributesDirty;

  final DirtyData dirty = new DirtyData();

  /** When the oldest byte that isn't committed was written; meaningful while there is one. */
  long dirtySinceNs;

  /** In the order of writing; they end in any order and are applied in this one. */
  final ArrayDeque<Upload> uploads = new ArrayDeque<>();

  long uploadsStarted;
  long uploadsApplied;
  boolean isCommitting;

  /** A truncation set the size and isn't committed: another client's size doesn't count. */
  boolean isSizeSet;

  /** The name is gone, here or elsewhere: nothing needs to be committed any more. */
  boolean isUnlinked;

  /** Another client changed the file meanwhile: kernel pages of it are of mixed age. */
  boolean isMixed;

  /** Chunks stored since the last fsync. */
  final Set<ChunkId> unforced = new HashSet<>();

  /** The last background failure and its number: each handle reports it once. */
  HoldfastException failureOrNull;

  long failureNumber;

  FileContent(Attributes attributes, List<Extent> extents, long nowNs) {
    inode = attributes.inode();
    sealId = attributes.sealId();
    adopt(attributes, extents, nowNs);
  }

  /** Takes the pool's word for everything; nothing may be unsaved. */
  void adopt(Attributes attributes, List<Extent> extents, long nowNs) {
    committed = attributes;
    committedNs = nowNs;
    committedExtents = extents;
    view = extents;
    sizeBytes = attributes.sizeBytes();
    mtimeNs = attributes.mtimeNs();
  }

  /** Whether anything is here that the pool hasn't got. */
  boolean isUnsaved() {
    return !dirty.isEmpty() || !uploads.isEmpty() || isUncommitted() || isCommitting;
  }

  boolean isUncommitted() {
    return !isUnlinked && (!uncommitted.isEmpty() || attributesDirty);
  }

  /** Starts of the windows in which something is uncommitted. */
  List<Long> uncommittedWindows() {
    lock.lock();
    try {
      var windows = new ArrayList<Long>();
      for (Ranges.Range range : uncommitted.list()) {
        long first = range.from() - range.from() % ExtentMap.WINDOW_BYTES;
        for (long window = first; window < range.to(); window += ExtentMap.WINDOW_BYTES) {
          if (windows.isEmpty() || windows.getLast() != window) {
            windows.add(window);
          }
        }
      }
      return windows;
    } finally {
      lock.unlock();
    }
  }

  /** The attributes as programs on this mount see them. */
  Attributes attributes() {
    long unsavedBytes = dirty.heldBytes();
    for (Upload upload : uploads) {
      unsavedBytes += upload.piece.plain().length;
    }
    return new Attributes(
        inode,
        sealId,
        committed.type(),
        committed.mode(),
        committed.uid(),
        committed.gid(),
        committed.rdev(),
        isUnlinked ? 0 : committed.linkCount(),
        sizeBytes,
        Math.min(sizeBytes, ExtentMap.allocatedBytes(view) + unsavedBytes),
        mtimeNs,
        Math.max(committed.ctimeNs(), attributesDirty ? mtimeNs : committed.ctimeNs()),
        committed.atimeNs(),
        committed.version(),
        committed.fileTag());
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
      java.util.Arrays.fill(target, targetOffset, targetOffset + lengthBytes, (byte) 0);
      var covered = new Ranges();
      for (Upload upload : uploads) {
        upload.piece.read(offset, lengthBytes, target, targetOffset, covered);
      }
      dirty.read(offset, lengthBytes, target, targetOffset, covered);
      var wanted = new ArrayList<Extent>();
      for (Ranges.Range gap : covered.gaps(offset, offset + lengthBytes)) {
        wanted.addAll(extentsWithin(view, gap.from(), gap.to()));
      }
      return new Gaps(lengthBytes, wanted);
    } finally {
      lock.unlock();
    }
  }

  /** The parts of the extents that lie within the range. */
  static List<Extent> extentsWithin(List<Extent> extents, long from, long to) {
    var within = new ArrayList<Extent>();
    for (int i = firstEndingAfter(extents, from); i < extents.size(); i++) {
      Extent extent = extents.get(i);
      if (extent.fileOffset() >= to) {
        break;
      }
      within.add(extent.crop(from, to));
    }
    return within;
  }

  private static int firstEndingAfter(List<Extent> extents, long offset) {
    int low = 0;
    int high = extents.size();
    while (low < high) {
      int middle = (low + high) >>> 1;
      if (extents.get(middle).fileEnd() > offset) {
        high = middle;
      } else {
        low = middle + 1;
      }
    }
    return low;
  }

  /**
   * Lays the uploads that ended over the view, in order; called under the lock. After one that
   * failed, the file is what the pool has: what was written around the lost part would show holes
   * as if they had been written.
   */
  void applyEnded() {
    while (!uploads.isEmpty() && uploads.peek().isEnded()) {
      Upload upload = uploads.poll();
      if (upload.failureOrNull != null) {
        failed(upload.failureOrNull);
        revert();
      } else {
        for (Extent extent : upload.extentsOrNull) {
          lay(extent);
          unforced.add(extent.chunk());
        }
      }
      uploadsApplied++;
    }
    changed.signalAll();
  }

  /** The first upload has come with its operation; called under the lock. */
  void applyInline(Upload upload, List<Extent> extents) {
    Invariants.check(uploads.peek() == upload, "apply inline: expected=the first upload");
    uploads.poll();
    uploadsApplied++;
    for (Extent extent : extents) {
      view = ExtentMap.replace(view, extent.fileOffset(), extent.fileEnd(), List.of(extent));
      unforced.add(extent.chunk());
    }
    applyEnded();
  }

  /** Drops what isn't committed and not under way. */
  void revert() {
    dirty.cutFrom(0);
    uncommitted.clear();
    attributesDirty = false;
    adopt(committed, committedExtents, committedNs);
  }

  private void lay(Extent extent) {
    if (extent.fileOffset() >= sizeBytes) {
      return; // cut off while it was on its way
    }
    Extent kept = extent.crop(0, sizeBytes);
    view = ExtentMap.replace(view, kept.fileOffset(), kept.fileEnd(), List.of(kept));
    uncommitted.add(kept.fileOffset(), kept.fileEnd());
    attributesDirty = true;
  }

  /** Remembers a background failure for the next write, fsync or close of each handle. */
  void failed(HoldfastException why) {
    failureOrNull = why;
    failureNumber++;
  }

  /** Waits on {@link #changed} until the deadline; called under the lock. */
  void awaitChange(Waits waits, long deadlineNs) {
    try {
      long leftNs = deadlineNs - waits.nowNs();
      if (leftNs <= 0 || changed.awaitNanos(Math.min(leftNs, TimeUnit.SECONDS.toNanos(1))) < 0) {
        if (deadlineNs - waits.nowNs() <= 0) {
          throw new HoldfastException(
              ErrorCode.TIMED_OUT,
              "save file: expected=stored by the deadline, was="
                  + uploads.size()
                  + " uploads under way, inode="
                  + inode);
        }
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new HoldfastException(ErrorCode.SHUTTING_DOWN, "save file: interrupted", e);
    }
  }
}
