package holdfast.client;

import holdfast.crypto.ExtentSum;
import holdfast.metadata.Attributes;
import holdfast.metadata.Extent;
import holdfast.metadata.ExtentMap;
import holdfast.metadata.Operation;
import holdfast.metadata.OperationResult;
import holdfast.metadata.Replacement;
import holdfast.model.ClientId;
import holdfast.model.ErrorCode;
import holdfast.model.HoldfastException;
import holdfast.peer.port.FileService;
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
  private final Reconciler reconciler;
  private final Waits waits;

  Committer(FileService service, Sealing sealing, Reconciler reconciler, Waits waits) {
    this.service = service;
    this.sealing = sealing;
    this.reconciler = reconciler;
    this.waits = waits;
  }

  Reconciler reconciler() {
    return reconciler;
  }

  /** A sealed piece that goes with its operation; its upload is the file's first one. */
  record Inline(Sealing.Sealed sealed, List<Extent> extents, Upload upload) {}

  /**
   * One operation, and what it means here.
   *
   * @param under whose session it is for: what was written under its locks goes with it
   * @param extents the file's once it has happened
   * @param sum of their terms
   * @param taken out of the content; it comes back if it doesn't happen
   * @param isLast whether it commits all there is to commit
   */
  private record Step(
      ClientId under,
      Operation.Commit commit,
      List<Extent> extents,
      ExtentSum sum,
      Taken taken,
      boolean isLast) {}

  /** Instead of a step: the pool would refuse it. */
  private static final Step CROWDED = new Step(null, null, List.of(), null, null, false);

  /** What a step has taken out of the content: it isn't to be committed twice. */
  private record Taken(
      List<Ranges.Range> ranges,
      List<Ranges.Range> written,
      List<Ranges.Range> appended,
      long cutBytes,
      long epoch,
      long revertCount) {}

  /**
   * Commits all that uploads have brought by now. When this returns true, the pool has it.
   *
   * @param inlineOrNull goes with the first operation
   * @return false when the inline piece can't go with an operation, when a window of the file has
   *     more extents than the pool takes, or when appended bytes have to be saved before they are
   *     moved: the caller does what is needed and calls again
   * @throws HoldfastException STALE_EPOCH when chunks must be uploaded again first
   */
  boolean commit(FileContent content, Inline inlineOrNull, boolean forced, long deadlineNs) {
    Inline inline = inlineOrNull;
    if (isOvertaken(content) && !reconciler.rebase(content, deadlineNs)) {
      return false;
    }
    for (int round = 0; round < ROUNDS_MAX; round++) {
      if (!reconciler.vouch(content, deadlineNs)) {
        return false;
      }
      Step step = begin(content, inline, deadlineNs);
      if (step == null) {
        return inline == null;
      }
      if (step == CROWDED) {
        return false;
      }
      OperationResult result = null;
      try {
        result =
            waits.await(
                service.change(
                    step.under(), step.commit(), inlineChunk(inline), forced, deadlineNs),
                deadlineNs);
      } finally {
        end(content, step, inline, forced, result);
      }
      switch (result) {
        case OperationResult.Done done -> {
          if (step.isLast()) {
            return true;
          }
          inline = null;
        }
        case OperationResult.Failed failed -> {
          if (!refused(content, failed, deadlineNs)) {
            return false;
          }
        }
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
      if (inlineOrNull != null && !mayGoInline(content, inlineOrNull.upload())) {
        return null;
      }
      if (content.isGone) {
        if (content.isLost && !content.uncommitted.isEmpty()) {
          throw LostContent.ofInode(content.inode);
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
      if (!Extents.crowdedWindows(content.view, 1).isEmpty()) {
        return CROWDED;
      }
      Step step = step(content, inlineOrNull, isUnapplied);
      if (step == null) {
        return null;
      }
      take(content, step.taken());
      content.isCommitting = true;
      content.attributesDirty = isUnapplied || !step.isLast();
      return step;
    } finally {
      content.lock.unlock();
    }
  }

  /** Something else happened to the file since the piece was made: it goes the long way. */
  private static boolean mayGoInline(FileContent content, Upload upload) {
    return !content.isGone
        && content.uncommitted.isEmpty()
        && upload.cutBytes == Long.MAX_VALUE
        && upload.holes.isEmpty();
  }

  /**
   * The next operation: as many of the changed ranges, ascending, as one can carry; null when they
   * have to wait for what was appended before them.
   */
  private Step step(FileContent content, Inline inlineOrNull, boolean isUnapplied) {
    var replacements = new ArrayList<Replacement>();
    var ranges = new ArrayList<Ranges.Range>();
    boolean isLast = true;
    if (inlineOrNull != null) {
      for (Extent extent : inlineOrNull.extents()) {
        replacements.add(new Replacement(extent.fileOffset(), extent.fileEnd(), List.of(extent)));
      }
    } else {
      isLast = fill(content, ranges, replacements);
      long end = isLast ? Long.MAX_VALUE : ranges.getLast().to();
      if (endAt(content, content.appends.commitLimit(end), ranges, replacements)) {
        isLast = false;
      }
      if (!isLast && ranges.isEmpty()) {
        return null;
      }
    }
    long epoch = Math.min(service.epoch(), content.uncommittedEpoch);
    Taken taken = taken(content, ranges);
    Attributes base = content.committed;
    var inside = new ArrayList<Extent>();
    replacements.forEach(replacement -> inside.addAll(replacement.extents()));
    long dataEnd = inside.isEmpty() ? 0 : inside.getLast().fileEnd();
    // Bytes under way bring their size with them: until then the file is shorter, never holed.
    long sizeBytes =
        isLast && !isUnapplied
            ? content.sizeBytes
            : Math.max(Math.min(base.sizeBytes(), taken.cutBytes()), dataEnd);
    List<Extent> after =
        ExtentMap.truncate(
            Extents.replace(
                content.committedExtents,
                replacements.stream()
                    .map(each -> new Ranges.Range(each.fromOffset(), each.toOffset()))
                    .toList(),
                inside),
            sizeBytes);
    ExtentSum sum = sum(content, after);
    long version = base.version() + 1;
    var commit =
        new Operation.Commit(
            content.inode,
            base.version(),
            version,
            sizeBytes,
            sealing.fileTag(content.sealId, Attributes.contentVersion(version), sizeBytes, sum),
            content.mtimeNs,
            content.ctimeNs,
            epoch,
            replacements);
    return new Step(service.client(), commit, after, sum, taken, isLast);
  }

  /** Fills one operation; whether that was all. */
  private static boolean fill(
      FileContent content, List<Ranges.Range> ranges, List<Replacement> replacements) {
    for (Ranges.Range range : content.uncommitted.list()) {
      Ranges.Range fitting = fitting(content.view, range, replacements);
      if (fitting != null) {
        ranges.add(fitting);
      }
      if (!range.equals(fitting)) {
        endAtWindow(content, ranges, replacements);
        return false;
      }
    }
    return true;
  }

  /** A window half new and half old may have too many extents though neither has. */
  private static void endAtWindow(
      FileContent content, List<Ranges.Range> ranges, List<Replacement> replacements) {
    long end = ranges.getLast().to() / ExtentMap.WINDOW_BYTES * ExtentMap.WINDOW_BYTES;
    if (end <= ranges.getFirst().from()) {
      return;
    }
    endAt(content, end, ranges, replacements);
  }

  /** Leaves out what lies at and behind the offset; whether there was any. */
  private static boolean endAt(
      FileContent content, long end, List<Ranges.Range> ranges, List<Replacement> replacements) {
    if (ranges.isEmpty() || ranges.getLast().to() <= end) {
      return false;
    }
    while (!ranges.isEmpty() && ranges.getLast().from() >= end) {
      ranges.removeLast();
      replacements.removeLast();
    }
    if (!ranges.isEmpty() && ranges.getLast().to() > end) {
      Ranges.Range last = ranges.removeLast();
      replacements.removeLast();
      ranges.add(new Ranges.Range(last.from(), end));
      replacements.add(
          new Replacement(last.from(), end, Extents.within(content.view, last.from(), end)));
    }
    return true;
  }

  private static Taken taken(FileContent content, List<Ranges.Range> ranges) {
    var written = new ArrayList<Ranges.Range>();
    for (Ranges.Range range : ranges) {
      written.addAll(content.written.within(range.from(), range.to()));
    }
    return new Taken(
        ranges,
        written,
        content.appends.within(ranges),
        content.cutBytes,
        content.uncommittedEpoch,
        content.revertCount);
  }

  private static void take(FileContent content, Taken taken) {
    for (Ranges.Range range : taken.ranges()) {
      content.uncommitted.remove(range.from(), range.to());
      content.written.remove(range.from(), range.to());
    }
    content.appends.take(taken.appended());
    content.cutBytes = Long.MAX_VALUE;
    if (content.uncommitted.isEmpty()) {
      content.uncommittedEpoch = Long.MAX_VALUE;
    }
  }

  /** Only what changed costs anything: a large file has many extents, a commit changes few. */
  private ExtentSum sum(FileContent content, List<Extent> after) {
    if (content.committedSumOrNull == null) {
      content.committedSumOrNull =
          sealing.sum(content.sealId, ExtentSum.ZERO, List.of(), content.committedExtents);
    }
    Extents.Difference difference = Extents.difference(content.committedExtents, after);
    return sealing.sum(
        content.sealId, content.committedSumOrNull, difference.removed(), difference.added());
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
      replacements.add(new Replacement(range.from(), to, Extents.within(view, range.from(), to)));
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
      FileContent content,
      Step step,
      Inline inlineOrNull,
      boolean isForced,
      OperationResult resultOrNull) {
    content.lock.lock();
    try {
      content.isCommitting = false;
      boolean isReverted = step.taken().revertCount() != content.revertCount;
      if (resultOrNull instanceof OperationResult.Done done) {
        happened(content, step, inlineOrNull, isReverted, done.attributes());
        // Of what came before only the entries are forced by it, not the chunks.
        content.acknowledged.committed(isForced && content.unforced.isEmpty());
        if (!step.under().equals(service.client())) {
          content.acknowledged.doubt();
        }
        if (inlineOrNull != null) {
          content.applyInline(inlineOrNull.upload(), inlineOrNull.extents(), isForced);
        }
      } else if (!isReverted) {
        giveBack(content, step.taken());
        if (resultOrNull == null) {
          doubt(content, step, inlineOrNull);
        }
      }
    } finally {
      content.changed.signalAll();
      content.lock.unlock();
    }
  }

  private void happened(
      FileContent content, Step step, Inline inlineOrNull, boolean isReverted, Attributes after) {
    if (isReverted && content.appends.isPending()) {
      return; // appended meanwhile, at an end that isn't: the next commit finds a newer version
    }
    if (isReverted) {
      Rebase.run(content, after, step.extents(), waits.nowNs());
    } else if (inlineOrNull != null) {
      content.appends.take(content.appends.within(inlineOrNull.upload().piece.parts()));
    }
    content.committed(after, step.extents(), step.sum(), waits.nowNs());
    content.appends.committed();
  }

  /** Nobody answered: it may have happened. */
  private static void doubt(FileContent content, Step step, Inline inlineOrNull) {
    List<Ranges.Range> appended =
        inlineOrNull == null
            ? step.taken().appended()
            : content.appends.within(inlineOrNull.upload().piece.parts());
    content.appends.doubt(appended, step.extents());
  }

  private static void giveBack(FileContent content, Taken taken) {
    taken.ranges().forEach(range -> content.uncommitted.add(range.from(), range.to()));
    taken.written().forEach(range -> content.written.add(range.from(), range.to()));
    content.appends.giveBack(taken.appended());
    content.cutBytes = Math.min(content.cutBytes, taken.cutBytes());
    content.uncommittedEpoch = Math.min(content.uncommittedEpoch, taken.epoch());
    content.attributesDirty = true;
  }

  /** False when appended bytes have to be saved first. */
  private boolean refused(FileContent content, OperationResult.Failed why, long deadlineNs) {
    switch (why.code()) {
      case STALE_VERSION -> {
        return reconciler.rebase(content, deadlineNs);
      }
      case NO_SESSION -> {
        // Another session has begun, and what was written under a lock of the old one is dropped:
        // the rest is committed if nobody else has changed the file meanwhile, or else laid over.
      }
      case NOT_FOUND -> content.gone();
      default -> throw new HoldfastException(why.code(), why.text());
    }
    return true;
  }

  private static boolean isOvertaken(FileContent content) {
    content.lock.lock();
    try {
      return content.appends.isOvertaken();
    } finally {
      content.lock.unlock();
    }
  }
}
