package holdfast.client.names;

import holdfast.client.pool.Deadline;
import holdfast.metadata.op.Attributes;
import holdfast.metadata.op.FileType;
import holdfast.metadata.op.Operation;
import holdfast.metadata.op.OperationResult;
import holdfast.metadata.op.RenameMode;
import holdfast.model.HoldfastException;

/**
 * The interface to whoever decides about names and attributes: {@link NameOperations} and {@link
 * AttributeOperations} ask and change them here and nowhere else. The pool's leader is it today
 * ({@link SealedNamespace}); whoever was granted a directory may be it later, and answer on the
 * spot.
 *
 * <p>Any thread but the loop. All methods may block until {@code deadline}, on the monotonic clock.
 * They throw {@link HoldfastException}: NOT_FOUND for what isn't there, the codes of {@link
 * Operation} for what is refused, TIMED_OUT and its like for an authority that is away. What a
 * change returns is acknowledged: a majority has it, and a power cut of all may lose it until it is
 * forced. A change that had no answer may have happened.
 */
public interface NamespaceAuthority {

  /** What a new inode is to be. */
  record Wanted(FileType type, int mode, int uid, int gid, int rdev, byte[] targetOrNull) {}

  /** An inode's attributes. */
  Attributes attributes(long inode, Deadline deadline);

  /** Those of what has this name. */
  Attributes lookup(long parent, byte[] name, Deadline deadline);

  /**
   * Makes an inode; when not exclusive, a regular file that has the name already is the result, and
   * then its seal id isn't the new one.
   */
  Attributes create(long parent, byte[] name, Wanted wanted, boolean exclusive, Deadline deadline);

  /**
   * Removes a name that isn't a directory's; returns the inode's attributes afterwards.
   *
   * @param pin whether the inode is to be kept for this client without a name
   */
  Attributes unlink(long parent, byte[] name, boolean pin, Deadline deadline);

  /** Removes an empty directory; returns its attributes afterwards. */
  Attributes removeDirectory(long parent, byte[] name, Deadline deadline);

  /**
   * Renames; returns what happened to every inode it touched.
   *
   * @param pin whether what had the new name is to be kept for this client without a name
   */
  OperationResult.Done rename(
      long oldParent,
      byte[] oldName,
      long newParent,
      byte[] newName,
      RenameMode mode,
      boolean pin,
      Deadline deadline);

  /** Gives an inode one more name; returns its attributes afterwards. */
  Attributes link(long inode, long newParent, byte[] newName, Deadline deadline);

  /** Changes mode, owner or times; returns the attributes afterwards. */
  Attributes setAttributes(Operation.SetAttributes operation, Deadline deadline);
}
