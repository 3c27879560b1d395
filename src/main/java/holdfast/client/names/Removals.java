package holdfast.client.names;

import holdfast.client.file.OpenFileTable;
import holdfast.metadata.op.Attributes;
import holdfast.metadata.op.OperationResult;
import holdfast.metadata.op.RenameMode;
import holdfast.model.ErrorCode;
import holdfast.model.HoldfastException;
import java.util.concurrent.locks.Lock;
import java.util.function.Consumer;

/** Removes names, by unlink and rename, so that files that are open here outlive them. Blocks. */
final class Removals {
  /** Stands for a name that isn't there. */
  private static final long NO_INODE = 0;

  private final SealedNamespace namespace;
  private final OpenFileTable files;
  private final OrphanPins pins;
  private final Consumer<Attributes> onChange;

  /** {@code onChange} gets every inode that has other names or another parent now. */
  Removals(
      SealedNamespace namespace,
      OpenFileTable files,
      OrphanPins pins,
      Consumer<Attributes> onChange) {
    this.namespace = namespace;
    this.files = files;
    this.pins = pins;
    this.onChange = onChange;
  }

  /** Removes a name that isn't a directory's. */
  void unlink(long parent, byte[] name, long deadlineNs) {
    if (files.isIdle()) {
      removed(namespace.unlink(parent, name, false, deadlineNs), false);
      return;
    }
    long inode = namespace.lookup(parent, name, deadlineNs).inode();
    Lock removing = pins.removing(inode);
    removing.lock();
    try {
      boolean hold = pins.isOpen(inode);
      removed(namespace.unlink(parent, name, hold, deadlineNs), hold);
    } finally {
      removing.unlock();
    }
  }

  /** Renames, over what has the new name if the mode says so. */
  void rename(
      long parent, byte[] name, long newParent, byte[] newName, RenameMode mode, long deadlineNs) {
    boolean mayReplace = mode == RenameMode.REPLACE && !files.isIdle();
    long replaced = mayReplace ? inodeOf(newParent, newName, deadlineNs) : NO_INODE;
    if (replaced == NO_INODE) {
      rename(parent, name, newParent, newName, mode, false, deadlineNs);
      return;
    }
    Lock removing = pins.removing(replaced);
    removing.lock();
    try {
      boolean hold = pins.isOpen(replaced);
      rename(parent, name, newParent, newName, mode, hold, deadlineNs);
    } finally {
      removing.unlock();
    }
  }

  private void rename(
      long parent,
      byte[] name,
      long newParent,
      byte[] newName,
      RenameMode mode,
      boolean hold,
      long deadlineNs) {
    OperationResult.Done done =
        namespace.rename(parent, name, newParent, newName, mode, hold, deadlineNs);
    onChange.accept(done.attributes());
    done.others().forEach(after -> removed(after, hold && after.linkCount() == 0));
  }

  private void removed(Attributes after, boolean wasHeld) {
    pins.removed(after, wasHeld);
    onChange.accept(after);
  }

  private long inodeOf(long parent, byte[] name, long deadlineNs) {
    try {
      return namespace.lookup(parent, name, deadlineNs).inode();
    } catch (HoldfastException e) {
      if (e.code() == ErrorCode.NOT_FOUND) {
        return NO_INODE;
      }
      throw e;
    }
  }
}
