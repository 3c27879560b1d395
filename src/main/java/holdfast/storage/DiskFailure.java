package holdfast.storage;

import holdfast.model.ErrorCode;
import holdfast.model.HoldfastException;
import holdfast.model.StorageException;
import holdfast.util.ByteReader;
import java.lang.System.Logger.Level;

/**
 * Turns what left a task of a disk's executor into the failure its caller gets, whatever was
 * thrown.
 */
final class DiskFailure {
  private static final System.Logger LOG = System.getLogger(DiskFailure.class.getName());

  private DiskFailure() {}

  /** The failure; what nobody foresaw is logged with its trace. */
  static StorageException of(Throwable failure) {
    return switch (failure) {
      case StorageException known -> known;
      case HoldfastException e -> new StorageException(e.code(), e.getMessage(), e);
      case ByteReader.Malformed e ->
          new StorageException(ErrorCode.STORE_FAILED, String.valueOf(e.getMessage()), e);
      default -> {
        LOG.log(Level.ERROR, "a task on the disk failed", failure);
        yield new StorageException(
            ErrorCode.STORE_FAILED, "use disk: expected=no bug, was=" + failure, failure);
      }
    };
  }
}
