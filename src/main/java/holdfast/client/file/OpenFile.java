package holdfast.client.file;

import holdfast.client.pool.Deadline;
import holdfast.metadata.op.Attributes;
import holdfast.metadata.op.Extent;
import holdfast.metadata.op.ExtentMap;
import holdfast.model.ChunkId;
import holdfast.model.ErrorCode;
import holdfast.model.HoldfastException;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.stream.Stream;

/**
 * One file that is open here, shared by all its handles: what programs read, write and see of it,
 * over the {@linkplain SyncedFile pool's side}. Each method is one step, complete in itself: no
 * caller needs two that belong together. Any thread; only methods with a deadline block.
 */
public final class OpenFile extends SyncedFile {
  /** The kernel splits writes at ends of pages, of at least this size. */
  private static final int PAGE_BYTES = 4_096;

  /** As {@link FileMonitor}. */
  OpenFile(Attributes committed, List<Extent> extents, Set<ChunkId> unforced, Shared shared) {
    super(committed, extents, unforced, shared);
  }

  /** One more handle of it. */
  FileHandle newHandle() {
    try (Guarded in = enter()) {
      in.handleCount++;
      return new FileHandle(this);
    }
  }

  boolean hasOneHandle() {
    try (Guarded in = enter()) {
      return in.handleCount == 1;
    }
  }

  /** Whether that was the last handle: then nothing is heard of the pool any more. */
  boolean closeHandle() {
    try (Guarded in = enter()) {
      in.isClosed = --in.handleCount == 0;
      return in.isClosed;
    }
  }

  /** How it stands. */
  public FileStatus status() {
    try (Guarded in = enter()) {
      return new FileStatus(
          in.image.committed(),
          in.image.extents(),
          in.image.sizeBytes(),
          in.image.isUnsaved(),
          in.image.isGone(),
          in.acknowledged.isIndeterminate() && !in.image.isGone() && !in.isClosed,
          in.isClosed,
          !in.image.appends().isEmpty(),
          in.image.appends().mustMove(),
          in.hasStalePages(),
          in.image.uploadsStarted(),
          in.image.rebaseCount());
    }
  }

  /** As {@link FileImage#read}. */
  FileImage.Gaps read(long offset, byte[] target, int targetOffset, int wantedBytes) {
    try (Guarded in = enter()) {
      return in.image.read(offset, target, targetOffset, wantedBytes);
    }
  }

  /** Notes a read of the handle, and returns the extents that it will probably read next. */
  List<Extent> ahead(
      FileHandle handle, long offset, int lengthBytes, int aheadBytes, int slackBytes) {
    try (Guarded in = enter()) {
      Ranges.Range ahead = handle.pattern().ahead(offset, lengthBytes, aheadBytes, slackBytes);
      return ahead.lengthBytes() <= 0
          ? List.of()
          : Extents.within(in.image.extents(), ahead.from(), ahead.to());
    }
  }

  /**
   * The attributes as programs on this mount see them.
   *
   * @param isAhead whether the pool, which was asked for nothing, would answer older ones
   */
  public record Shown(Attributes attributes, boolean isAhead) {}

  /** What programs see. */
  public Shown shown() {
    try (Guarded in = enter()) {
      boolean isNameless = links().isNameless();
      Attributes shown = in.image.shown(in.image.committed(), isNameless);
      return new Shown(shown, in.image.isUnsaved() || isNameless);
    }
  }

  /** What programs see beside what the pool has just answered. */
  public Shown shownBeside(Attributes answered) {
    try (Guarded in = enter()) {
      boolean isAhead = in.image.isUnsaved();
      return new Shown(
          isAhead ? in.image.shown(answered, links().isNameless()) : answered, isAhead);
    }
  }

  /** Something else than the content changed, by this mount; returns how it looks now. */
  public Attributes attributesChanged(Attributes after) {
    try (Guarded in = enter()) {
      boolean wasUnsaved = in.image.isUnsaved();
      boolean isNameless = links().isNameless();
      in.image.attributesChanged(after);
      boolean isNewest = after.version() >= in.image.committed().version();
      return !wasUnsaved && !isNameless && isNewest ? after : in.image.shown(after, isNameless);
    }
  }

  /** Whether something was unsaved for longer than that: then its time begins anew. */
  boolean isDue(long unsavedMaxNs) {
    try (Guarded in = enter()) {
      long nowNs = nowNs();
      boolean isDue = in.image.isUnsaved() && nowNs - in.dirtySinceNs > unsavedMaxNs;
      in.dirtySinceNs = isDue ? nowNs : in.dirtySinceNs;
      return isDue;
    }
  }

  /** The kernel may have pages of different versions of it. */
  public void setStalePages() {
    try (Guarded in = enter()) {
      in.isStale = true;
    }
  }

  /** Where a write went, and what is to be uploaded by it. */
  record Written(long offset, List<Upload> started) {}

  /**
   * Takes a write into memory; for an append waits while others are being moved.
   *
   * @param isAppend it goes to the file's end, whatever offset the kernel has for it
   * @param budgetBytes was acquired for it; what it doesn't use is returned
   * @throws HoldfastException a loss that the handle hasn't reported, TOO_LARGE or TIMED_OUT
   */
  Written write(
      FileHandle handle,
      boolean isAppend,
      long kernelOffset,
      byte[] source,
      int sourceOffset,
      int lengthBytes,
      long budgetBytes,
      Deadline deadline) {
    try (Guarded in = enter()) {
      in.budgetedBytes += budgetBytes;
      AppendLog appends = in.image.appends();
      while (isAppend && appends.isPaused()) {
        awaitChange(in, deadline);
      }
      long offset = isAppend ? in.image.sizeBytes() : kernelOffset;
      long end = offset + lengthBytes;
      handle.checkBeforeChange();
      if (offset > Extent.FILE_MAX_BYTES - lengthBytes) {
        throw new HoldfastException(
            ErrorCode.TOO_LARGE, "write: expected=an end of at most 4 EiB, was=offset " + offset);
      }
      long nowNs = nowNs();
      in.dirtySinceNs = in.image.isUnsaved() ? in.dirtySinceNs : nowNs;
      in.image.write(offset, source, sourceOffset, lengthBytes, shared().wallClock().nowNs());
      handle.noteWrite();
      if (isAppend) {
        boolean mayGoOn = (kernelOffset + lengthBytes) % PAGE_BYTES == 0;
        appends.add(handle, offset, end, mayGoOn, nowNs);
        signal();
      }
      return new Written(offset, startFullWindows(in, offset, end - 1, nowNs));
    }
  }

  private static List<Upload> startFullWindows(Guarded in, long first, long last, long nowNs) {
    Upload ofFirst = in.image.startFullWindowOrNull(first, nowNs);
    boolean isOneWindow = first / ExtentMap.WINDOW_BYTES == last / ExtentMap.WINDOW_BYTES;
    Upload ofLast = isOneWindow ? null : in.image.startFullWindowOrNull(last, nowNs);
    return Stream.of(ofFirst, ofLast).filter(Objects::nonNull).toList();
  }

  /**
   * Cuts or extends it; what was written before is saved.
   *
   * @param lossCount how many losses its caller knows of
   * @throws HoldfastException TOO_LARGE, or what was lost since, and then nothing is done
   */
  void resize(long sizeBytes, long lossCount) {
    if (sizeBytes > Extent.FILE_MAX_BYTES) {
      throw new HoldfastException(
          ErrorCode.TOO_LARGE, "set size: expected=at most 4 EiB, was=" + sizeBytes);
    }
    try (Guarded in = enter()) {
      losses().throwSince(lossCount);
      in.image.resize(sizeBytes, shared().wallClock().nowNs());
    }
  }

  /**
   * Makes a range a hole as far as the file reaches; likewise.
   *
   * @param mayGrow whether the file is to reach the range's end
   */
  void punch(long from, long to, boolean mayGrow, long lossCount) {
    try (Guarded in = enter()) {
      losses().throwSince(lossCount);
      long wallNs = shared().wallClock().nowNs();
      in.image.punch(from, to, wallNs);
      if (mayGrow && to > in.image.sizeBytes()) {
        in.image.resize(to, wallNs);
      }
    }
  }

  /**
   * Drops what isn't with the pool, and what is in flight too.
   *
   * @param lossOrNull what is lost by that, for the handles; null: it isn't reported
   * @return whether there was anything
   */
  boolean revert(HoldfastException lossOrNull) {
    try (Guarded in = enter()) {
      boolean isAny = in.image.isUnsaved();
      if (isAny) {
        noteLoss(lossOrNull);
        revert(in);
      }
      return isAny;
    }
  }

  /** What was appended with the handle has come wholly: it is being saved or closed. */
  public void endAppend(FileHandle handle) {
    try (Guarded in = enter()) {
      if (in.image.appends().isOpen(handle)) {
        in.image.appends().settle();
      }
    }
  }

  /**
   * Waits, not for long, for the rest of a write that may not have come wholly. Where ever more
   * comes, its last part stays out of the commit.
   *
   * @param isNow it has come, since the kernel lets no program write meanwhile
   */
  void awaitAppends(boolean isNow, Deadline deadline) {
    try (Guarded in = enter()) {
      AppendLog appends = in.image.appends();
      long untilNs = nowNs() + AppendLog.OPEN_MAX_NS;
      long openNs = appends.openLeftNs(nowNs());
      while (!isNow && openNs > 0 && untilNs - nowNs() > 0) {
        awaitChange(in, deadline, Math.min(openNs, untilNs - nowNs()));
        openNs = appends.openLeftNs(nowNs());
      }
      if (isNow || openNs <= 0) {
        appends.settle();
      }
    }
  }

  /** Appending waits from now on, or no more. */
  void pauseAppends(boolean isPaused) {
    try (Guarded in = enter()) {
      in.image.appends().pause(isPaused);
      signal();
    }
  }
}
