package holdfast.metadata;

import holdfast.metadata.op.Answer;
import holdfast.metadata.op.Attributes;
import holdfast.metadata.op.Content;
import holdfast.metadata.op.Extent;
import holdfast.metadata.op.Operation;
import holdfast.metadata.op.OperationResult;
import holdfast.metadata.op.Query;
import holdfast.metadata.op.Replacement;
import holdfast.model.ErrorCode;
import java.util.List;
import java.util.Optional;

/**
 * What a remembered answer to a change of content is worth by now: a power cut may have taken the
 * content since, and the file was reverted. <i>Event: a forced commit is written at all voters,
 * which lose power before its chunk is on disk; its author hears nothing, the file is reverted, and
 * the author's retry is told that all went well.</i>
 */
public final class Remembered {
  private Remembered() {}

  /**
   * The answer as it holds now: that of a commit whose content was undone is STALE_VERSION, so that
   * its author commits again to what there is; that of a file made with such content STORE_FAILED.
   * Where the file was reverted and that can't be told, as if it had been undone.
   *
   * @param result of the operation, given now or remembered
   */
  public static OperationResult asOfNow(
      Namespace namespace, Operation operation, OperationResult result) {
    Optional<List<Extent>> given = contentOf(operation);
    if (given.isEmpty() || !(result instanceof OperationResult.Done done)) {
      return result;
    }
    Attributes then = done.attributes();
    boolean isUndone =
        namespace.query(new Query.GetAttributes(then.inode())) instanceof Answer.Inode now
            && Attributes.revertCount(now.attributes().version())
                > Attributes.revertCount(then.version())
            && !isAllThere(namespace, given.get());
    if (!isUndone) {
      return result;
    }
    ErrorCode code =
        operation instanceof Operation.Commit ? ErrorCode.STALE_VERSION : ErrorCode.STORE_FAILED;
    return new OperationResult.Failed(
        code, "change content: expected=content that is on disk, was=undone by a power cut");
  }

  private static boolean isAllThere(Namespace namespace, List<Extent> extents) {
    return !extents.isEmpty()
        && extents.stream().allMatch(extent -> namespace.references(extent.chunk()));
  }

  private static Optional<List<Extent>> contentOf(Operation operation) {
    return switch (operation) {
      case Operation.Commit commit ->
          Optional.of(
              commit.replacements().stream()
                  .map(Replacement::extents)
                  .flatMap(List::stream)
                  .toList());
      case Operation.Create create -> create.content().map(Content::extents);
      default -> Optional.empty();
    };
  }
}
