package holdfast.metadata;

import holdfast.metadata.op.OperationResult;

/**
 * What an operation made of a namespace.
 *
 * @param namespace afterwards
 * @param result for the author
 * @param isRepeat whether the result is a remembered one: nothing was applied
 */
public record Applied(Namespace namespace, OperationResult result, boolean isRepeat) {}
