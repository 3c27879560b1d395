package holdfast.metadata;

import holdfast.metadata.op.Extent;
import holdfast.metadata.op.ExtentMap;
import holdfast.metadata.op.Operation;
import holdfast.metadata.op.OperationResult;
import holdfast.metadata.op.Replacement;
import holdfast.model.ErrorCode;
import java.util.ArrayList;
import java.util.List;

/**
 * Applies a content commit: checks it against the version it was made from, then replaces extents.
 * Only the windows of the file that it touches are read and written, so its cost does not grow with
 * the file.
 */
final class CommitStep {
  private final Draft draft;
  private final Operation.Commit commit;
  private final List<Extent> before = new ArrayList<>();
  private final List<Extent> after = new ArrayList<>();

  CommitStep(Draft draft, Operation.Commit commit) {
    this.draft = draft;
    this.commit = commit;
  }

  OperationResult apply() {
    var file = draft.records().file(commit.inode());
    if (file.version != commit.baseVersion()) {
      throw new Refusal(
          ErrorCode.STALE_VERSION,
          "commit content: expected=version "
              + file.version
              + ", was="
              + commit.baseVersion()
              + ", inode="
              + file.number);
    }
    for (Replacement replacement : commit.replacements()) {
      Applier.checkEpoch(draft.counters.epoch, commit.uploadEpoch(), replacement.extents());
    }
    replaceRanges(file);

    var undo = new Undo(draft);
    undo.keep(UndoRecord.of(file, draft.nextTick(), before, after));
    undo.forgetReverted(file.number);
    file.version = commit.newVersion();
    file.fileTag = commit.fileTag();
    file.mtimeNs = commit.mtimeNs();
    file.ctimeNs = commit.timeNs();
    draft.changeContent(file, commit.newSizeBytes(), before, after);
    undo.makeRoom();
    return new OperationResult.Done(file.attributes(), List.of());
  }

  private void replaceRanges(Inode file) {
    if (file.hasInlineExtents()) {
      before.addAll(file.inlineExtents());
      after.addAll(ExtentMap.apply(before, commit));
      Applier.checkWindows(after);
      return;
    }
    var ranges = ranges(file.sizeBytes);
    int next = 0;
    while (next < ranges.size()) {
      // Replacements whose windows touch are worked on together; between others lies at least a
      // window, so no extent overlaps both.
      int end = next + 1;
      while (end < ranges.size()
          && window(ranges.get(end).fromOffset()) <= windowEnd(ranges.get(end - 1).toOffset())) {
        end++;
      }
      replaceRange(
          file,
          window(ranges.get(next).fromOffset()),
          windowEnd(ranges.get(end - 1).toOffset()),
          ranges.subList(next, end));
      next = end;
    }
  }

  /** The replacements, cropped to the new size, and the cut as the last of them. */
  private List<Replacement> ranges(long oldSizeBytes) {
    long newSizeBytes = commit.newSizeBytes();
    if (newSizeBytes >= oldSizeBytes) {
      return commit.replacements();
    }
    var ranges = new ArrayList<Replacement>();
    for (Replacement replacement : commit.replacements()) {
      if (replacement.toOffset() <= newSizeBytes) {
        ranges.add(replacement);
      } else if (replacement.fromOffset() < newSizeBytes) {
        ranges.add(new Replacement(replacement.fromOffset(), newSizeBytes, replacement.extents()));
      }
    }
    ranges.add(new Replacement(newSizeBytes, Extent.FILE_MAX_BYTES, List.of()));
    return ranges;
  }

  private void replaceRange(Inode file, long from, long to, List<Replacement> replacements) {
    var old = draft.records().extents(file, from, to, Integer.MAX_VALUE);
    var changed = old;
    for (Replacement replacement : replacements) {
      changed = ExtentMap.replace(changed, replacement);
    }
    Applier.checkWindows(changed);
    before.addAll(old);
    after.addAll(changed);
  }

  private static long window(long offset) {
    return offset - offset % ExtentMap.WINDOW_BYTES;
  }

  private static long windowEnd(long offset) {
    return Math.min(Extent.FILE_MAX_BYTES, window(offset + ExtentMap.WINDOW_BYTES - 1));
  }
}
