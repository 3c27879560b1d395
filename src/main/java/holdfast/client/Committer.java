package holdfast.client;

import holdfast.metadata.Attributes;
import holdfast.metadata.Extent;
import holdfast.metadata.ExtentMap;
import holdfast.metadata.Operation;
import holdfast.metadata.OperationResult;
import holdfast.metadata.Replacement;
import holdfast.model.ErrorCode;
import holdfast.model.HoldfastException;
import holdfast.peer.port.FileService;
import holdfast.util.Invariants;
import holdfast.util.WallClock;
import java.util.ArrayList;
import java.util.List;

/**
 * Commits what uploads have changed: makes operations from the file's view, one at a time for each
 * file, and lays them anew over another client's newer version. Any thread but the loop.
 */
final class Committer {
  /** Operations of one call, rebases among them, before it gives up. */
  private static final int ROUNDS_MAX = 256;

  private final FileService service;
  private final Sealing sealing;
  private final ExtentLoader loader;
  private final Waits waits;
  private final WallClock wallClock;

  Committer(
      FileService service, Sealing sealing, ExtentLoader loader, Waits waits, WallClock wallClock) {
    this.service = service;
    this.sealing = sealing;
    this.loader = loader;
    this.waits = waits;
    this.wallClock = wallClock;
  }

  /** A sealed piece that goes with its operation; its upload is the file's first one. */
  record Inline(Sealing.Sealed sealed, List<Extent> extents, FileContent.Upload upload) {}

  /**
   * One operation, and what it means here.
   *
   * @param extents the file's once it has happened
   * @param ranges taken out of the uncommitted ones; they come back if it doesn't happen
   * @param isLast whether it commits all there is to commit
   */
  private record Step(
      Operation.Commit commit, List<Extent> extents, List<Ranges.Range> ranges, boolean isLast) {}

  /**
   * Commits all that uploads have brought by now. When this returns, the pool has it.
   *
   * @param inlineOrNull goes with the first operation
   * @throws HoldfastException STALE_EPOCH when chunks must be uploaded again first
   */
  void commit(FileContent content, Inline inlineOrNull, boolean forced, long deadlineNs) {
    Inline inline = inlineOrNull;
    for (int round = 0; round < ROUNDS_MAX; round++) {
      Step step = begin(content, inline, deadlineNs);
      if (step == null) {
        return;
      }
      OperationResult result = null;
      try {
        result =
            waits.await(
                service.change(step.commit(), inlineChunk(inline), forced, deadlineNs), deadlineNs);
      } finally {
        end(content, step, inline, result);
      }
      switch (result) {
        case OperationResult.Done done -> {
          if (step.isLast()) {
            return;
          }
          inline = null;
        }
        case OperationResult.Failed failed -> refused(content, inline, failed, deadlineNs);
      }
    }
    throw new HoldfastException(
        ErrorCode.BUSY,
        "commit file: expected=an end, was=ever new changes, inode=" + content.inode);
  }

  private static FileService.InlineChunk inlineChunk(Inline inlineOrNull) {
    return inlineOrNull == null
        ? null
        : new FileService.InlineChunk(
            inlineOrNull.sealed().chunk(), inlineOrNull.sealed().sealed());
  }

  private Step begin(FileContent content, Inline inlineOrNull, long deadlineNs) {
    content.lock.lock();
    try {
      while (content.isCommitting) {
        content.awaitChange(waits, deadlineNs);
      }
      if (content.isUnlinked) {
        if (inlineOrNull != null) {
          // Nobody can open it any more, but who has it open still reads it: the chunk goes alone.
          throw new HoldfastException(
              ErrorCode.NOT_FOUND, "commit file: it was removed, inode=" + content.inode);
        }
        return null;
      }
      int unappliedCount = content.uploads.size() - (inlineOrNull == null ? 0 : 1);
      boolean isUnapplied = unappliedCount > 0 || !content.dirty.isEmpty();
      if (inlineOrNull == null
          && content.uncommitted.isEmpty()
          && (isUnapplied || !content.attributesDirty)) {
        return null;
      }
      Step step = step(content, inlineOrNull, isUnapplied);
      content.isCommitting = true;
      content.attributesDirty = isUnapplied || !step.isLast();
      return step;
    } finally {
      content.lock.unlock();
    }
  }

  /** The next operation: as many of the changed ranges, ascending, as one can carry. */
  private Step step(FileContent content, Inline inlineOrNull, boolean isUnapplied) {
    var replacements = new ArrayList<Replacement>();
    var taken = new ArrayList<Ranges.Range>();
    boolean isLast = true;
    if (inlineOrNull != null) {
      Invariants.check(content.uncommitted.isEmpty(), "commit inline: expected=nothing else");
      for (Extent extent : inlineOrNull.extents()) {
        replacements.add(new Replacement(extent.fileOffset(), extent.fileEnd(), List.of(extent)));
      }
    } else {
      for (Ranges.Range range : content.uncommitted.list()) {
        Ranges.Range fitting = fitting(content.view, range, replacements);
        if (fitting != null) {
          taken.add(fitting);
        }
        if (!range.equals(fitting)) {
          isLast = false;
          break;
        }
      }
      taken.forEach(range -> content.uncommitted.remove(range.from(), range.to()));
    }
    Attributes base = content.committed;
    long endBytes = replacements.isEmpty() ? 0 : replacements.getLast().toOffset();
    // Bytes under way bring their size with them: until then the file is shorter, never holed.
    long sizeBytes =
        isLast && !isUnapplied
            ? content.sizeBytes
            : Math.max(base.sizeBytes(), Math.min(endBytes, content.sizeBytes));
    List<Extent> after = content.committedExtents;
    for (Replacement replacement : replacements) {
      after = ExtentMap.replace(after, replacement);
    }
    after = ExtentMap.truncate(after, sizeBytes);
    long version = base.version() + 1;
    var commit =
        new Operation.Commit(
            content.inode,
            base.version(),
            version,
            sizeBytes,
            sealing.fileTag(content.sealId, version, sizeBytes, after),
            content.mtimeNs,
            wallClock.nowNs(),
            service.epoch(),
            replacements);
    return new Step(commit, after, taken, isLast);
  }

  /**
   * Adds the range's replacement if the operation can carry it, or the first part of it that fits
   * when the operation is still empty; returns what was added or null.
   */
  private static Ranges.Range fitting(
      List<Extent> view, Ranges.Range range, List<Replacement> replacements) {
    boolean isFirst = replacements.isEmpty();
    long to = range.to();
    while (to > range.from()) {
      replacements.add(
          new Replacement(range.from(), to, FileContent.extentsWithin(view, range.from(), to)));
      if (Operation.Commit.fits(replacements)) {
        return new Ranges.Range(range.from(), to);
      }
      replacements.removeLast();
      if (!isFirst) {
        return null;
      }
      to = range.from() + (to - range.from()) / 2;
    }
    return null;
  }

  private void end(
      FileContent content, Step step, Inline inlineOrNull, OperationResult resultOrNull) {
    content.lock.lock();
    try {
      content.isCommitting = false;
      if (resultOrNull instanceof OperationResult.Done done) {
        content.committed = done.attributes();
        content.committedNs = waits.nowNs();
        content.committedExtents = step.extents();
        content.isSizeSet &= !step.isLast();
        if (inlineOrNull != null) {
          content.applyInline(inlineOrNull.upload(), inlineOrNull.extents());
        }
      } else {
        step.ranges().forEach(range -> content.uncommitted.add(range.from(), range.to()));
        content.attributesDirty = true;
      }
    } finally {
      content.changed.signalAll();
      content.lock.unlock();
    }
  }

  private void refused(
      FileContent content, Inline inlineOrNull, OperationResult.Failed why, long deadlineNs) {
    switch (why.code()) {
      case STALE_VERSION -> rebase(content, deadlineNs);
      case NOT_FOUND -> {
        content.lock.lock();
        try {
          content.isUnlinked = true;
        } finally {
          content.lock.unlock();
        }
      }
      default -> throw new HoldfastException(why.code(), why.text());
    }
  }

  /** Another client committed: what was written here is laid over its version. */
  private void rebase(FileContent content, long deadlineNs) {
    ExtentLoader.Loaded newer;
    try {
      newer = loader.load(content.inode, deadlineNs);
    } catch (HoldfastException e) {
      if (e.code() != ErrorCode.NOT_FOUND) {
        throw e;
      }
      content.lock.lock();
      try {
        content.isUnlinked = true;
      } finally {
        content.lock.unlock();
      }
      return;
    }
    content.lock.lock();
    try {
      List<Extent> view = newer.extents();
      for (Ranges.Range range : content.uncommitted.list()) {
        view =
            ExtentMap.replace(
                view,
                range.from(),
                range.to(),
                FileContent.extentsWithin(content.view, range.from(), range.to()));
      }
      long newerBytes = newer.attributes().sizeBytes();
      boolean isExtended = content.sizeBytes > content.committed.sizeBytes();
      if (!content.isSizeSet) {
        content.sizeBytes = isExtended ? Math.max(newerBytes, content.sizeBytes) : newerBytes;
      }
      content.committed = newer.attributes();
      content.committedNs = waits.nowNs();
      content.committedExtents = newer.extents();
      content.view = ExtentMap.truncate(view, content.sizeBytes);
      content.isMixed = true;
    } finally {
      content.lock.unlock();
    }
  }
}
