package holdfast.metadata;

import holdfast.metadata.op.OperationResult;

/**
 * The outcome of an operation: the namespace after it, and the result for its author.
 *
 * @param namespace afterwards
 * @param result for the author
 * @param isRepeat whether the result is a remembered one: nothing was applied
 */
public record Applied(Namespace namespace, OperationResult result, boolean isRepeat) {}
