package holdfast.app;

import holdfast.model.ErrorCode;
import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotDirectoryException;

/** Words failures on local files as a command says them. */
final class LocalFailure {
  private LocalFailure() {}

  /** {@code what} is a verb and an object, such as {@code read FILE}. */
  static CommandFailure of(String what, IOException why) {
    return switch (why) {
      case NoSuchFileException e ->
          new CommandFailure(ErrorCode.NOT_FOUND, what + ": no such file or directory", e);
      case AccessDeniedException e ->
          new CommandFailure(ErrorCode.ACCESS_DENIED, what + ": permission denied", e);
      case FileAlreadyExistsException e ->
          new CommandFailure(ErrorCode.EXISTS, what + ": file exists", e);
      case NotDirectoryException e ->
          new CommandFailure(ErrorCode.NOT_DIRECTORY, what + ": not a directory", e);
      case FileSystemException e when e.getReason() != null ->
          new CommandFailure(ErrorCode.STORE_FAILED, what + ": " + e.getReason(), e);
      default -> new CommandFailure(ErrorCode.STORE_FAILED, what + ": " + text(why), why);
    };
  }

  private static String text(IOException why) {
    return why.getMessage() == null ? why.getClass().getSimpleName() : why.getMessage();
  }
}
