package holdfast.app;

import holdfast.model.ErrorCode;
import holdfast.model.HoldfastException;
import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemException;
import java.nio.file.NoSuchFileException;

/** Words failures on local files as a command says them. */
final class LocalFailure {
  private LocalFailure() {}

  /** {@code what} is a verb and an object, such as {@code read FILE}. */
  static HoldfastException of(String what, IOException why) {
    return switch (why) {
      case NoSuchFileException e ->
          new HoldfastException(ErrorCode.NOT_FOUND, what + ": no such file or directory", e);
      case AccessDeniedException e ->
          new HoldfastException(ErrorCode.ACCESS_DENIED, what + ": permission denied", e);
      case FileSystemException e when e.getReason() != null ->
          new HoldfastException(ErrorCode.STORE_FAILED, what + ": " + e.getReason(), e);
      default -> new HoldfastException(ErrorCode.STORE_FAILED, what + ": " + text(why), why);
    };
  }

  private static String text(IOException why) {
    return why.getMessage() == null ? why.getClass().getSimpleName() : why.getMessage();
  }
}
