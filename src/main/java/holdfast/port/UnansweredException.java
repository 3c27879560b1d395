package holdfast.port;

import holdfast.metadata.op.OperationResult;
import holdfast.model.ErrorCode;
import holdfast.model.HoldfastException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.function.Function;

/** Reports a change without an answer by its deadline: it may have happened, or may yet. */
public final class UnansweredException extends HoldfastException {
  private static final long serialVersionUID = 1L;

  private final transient CompletableFuture<OperationResult> outcome;

  /** As {@code why}, with what became of the change in the end. */
  public UnansweredException(HoldfastException why, CompletableFuture<OperationResult> outcome) {
    super(why.code(), why.getMessage(), why);
    this.outcome = outcome;
  }

  /**
   * What became of the change; if it hasn't happened by then it never does. Completes when the pool
   * answers again, however long that takes: normally, with a failed result if it didn't happen.
   * NO_SESSION: its session is over, and the pool remembers no such change. Then it didn't happen,
   * unless the pool has forgotten the session, or this client has closed and nobody said so.
   */
  public CompletableFuture<OperationResult> outcome() {
    return outcome;
  }

  /**
   * What became of a change in the end, answered in time or not. As {@link #outcome}; one that was
   * never begun has failed.
   */
  public static CompletableFuture<OperationResult> outcomeOf(
      CompletableFuture<OperationResult> change) {
    return change
        .handle(
            (result, failure) ->
                failure == null
                    ? CompletableFuture.completedFuture(result)
                    : outcomeOf(cause(failure)))
        .thenCompose(Function.identity());
  }

  private static CompletableFuture<OperationResult> outcomeOf(Throwable failure) {
    return switch (failure) {
      case UnansweredException unanswered -> unanswered.outcome();
      case HoldfastException known -> failed(known.code(), known.getMessage());
      default -> failed(ErrorCode.INTERNAL, failure.toString());
    };
  }

  private static CompletableFuture<OperationResult> failed(ErrorCode code, String text) {
    return CompletableFuture.completedFuture(new OperationResult.Failed(code, text));
  }

  private static Throwable cause(Throwable failure) {
    Throwable cause = failure;
    while (cause instanceof CompletionException && cause.getCause() != null) {
      cause = cause.getCause();
    }
    return cause;
  }
}
