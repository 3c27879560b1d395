package holdfast.app;

import holdfast.model.ErrorCode;
import holdfast.model.HoldfastException;
import java.util.Optional;

/** What failed, in a shell's words. What the pool or the client says is the cause, for the log. */
final class CommandFailure extends HoldfastException {
  private static final long serialVersionUID = 1L;

  CommandFailure(ErrorCode code, String message) {
    super(code, message);
  }

  CommandFailure(ErrorCode code, String message, Throwable cause) {
    super(code, message, cause);
  }

  /** {@code what} is the command and what it was given, as it was typed. */
  static CommandFailure of(String what, HoldfastException why) {
    return why instanceof CommandFailure known
        ? known
        : new CommandFailure(why.code(), what + ": " + words(why), why);
  }

  /** A failure's words: a shell's where the kind says all, else its own. */
  static String words(HoldfastException why) {
    return why instanceof CommandFailure
        ? why.getMessage()
        : words(why.code()).orElseGet(why::getMessage);
  }

  /** What a shell says of this kind; empty where each failure has to say more. */
  static Optional<String> words(ErrorCode code) {
    return Optional.ofNullable(
        switch (code) {
          case NOT_FOUND -> "no such file or directory";
          case EXISTS -> "file exists";
          case NOT_DIRECTORY -> "not a directory";
          case IS_DIRECTORY -> "is a directory";
          case NOT_EMPTY -> "directory not empty";
          case NAME_TOO_LONG -> "file name too long";
          case ACCESS_DENIED -> "permission denied";
          case NOT_PERMITTED -> "operation not permitted";
          case NO_SPACE -> "no space left in the pool";
          case TOO_LARGE -> "file too large";
          case INVALID,
              READ_ONLY,
              STALE_VERSION,
              STALE_EPOCH,
              NOT_LEADER,
              NO_QUORUM,
              CHUNK_MISSING,
              CHUNK_CORRUPT,
              BUSY,
              TIMED_OUT,
              UNREACHABLE,
              STORE_FAILED,
              NOT_READY,
              REFUSED,
              DATA_KEY_DIFFERS,
              MALFORMED,
              UNSUPPORTED,
              SHUTTING_DOWN,
              SEAL_BROKEN,
              BAD_HANDLE,
              INTERNAL,
              NO_SESSION,
              NO_DATA,
              RANGE,
              ARGUMENT_TOO_LARGE,
              LOCKED,
              NO_LOCKS,
              INTERRUPTED ->
              null;
        });
  }
}
