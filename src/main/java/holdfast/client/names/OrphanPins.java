package holdfast.client.names;

import holdfast.client.api.OpenedFile;
import holdfast.client.file.OpenFile;
import holdfast.client.file.OpenFileTable;
import holdfast.client.pool.Deadline;
import holdfast.client.pool.Deadlines;
import holdfast.client.pool.PoolService;
import holdfast.metadata.op.Answer;
import holdfast.metadata.op.Attributes;
import holdfast.metadata.op.Invalidation;
import holdfast.metadata.op.Operation;
import holdfast.metadata.op.OperationResult;
import holdfast.metadata.op.Query;
import holdfast.model.ErrorCode;
import holdfast.model.HoldfastException;
import holdfast.util.WallClock;
import java.lang.System.Logger.Level;
import java.util.List;
import java.util.concurrent.locks.Lock;
import java.util.concurrent.locks.ReentrantReadWriteLock;

/**
 * Pins files that are open here, so that the pool keeps them for this client after their last name
 * is removed, by whomever, and unpins them when they are closed. Any thread; what others' changes
 * lead to is done on the loop and doesn't block.
 */
public final class OrphanPins {
  private static final int STRIPE_COUNT = 64;
  private static final System.Logger LOG = System.getLogger(OrphanPins.class.getName());

  private final PoolService service;
  private final OpenFileTable files;
  private final Deadlines deadlines;
  private final WallClock wallClock;

  /** Lock stripes by inode: shared by opens, exclusive while a name is removed. */
  private final ReentrantReadWriteLock[] stripes = new ReentrantReadWriteLock[STRIPE_COUNT];

  public OrphanPins(
      PoolService service, OpenFileTable files, Deadlines deadlines, WallClock wallClock) {
    this.service = service;
    this.files = files;
    this.deadlines = deadlines;
    this.wallClock = wallClock;
    for (int i = 0; i < STRIPE_COUNT; i++) {
      stripes[i] = new ReentrantReadWriteLock();
    }
  }

  /** Opens a file: either before its name is removed here, and then it is pinned, or after. */
  public OpenedFile open(long inode, Deadline deadline) {
    Lock opening = stripe(inode).readLock();
    opening.lock();
    try {
      return files.open(inode, deadline);
    } finally {
      opening.unlock();
    }
  }

  /**
   * Closes a handle; with the last one goes the file's pin.
   *
   * @return whether it was the last one
   */
  boolean close(long handle) {
    OpenFile closed = files.close(handle);
    if (closed != null && closed.links().closed()) {
      change(new Operation.Unpin(closed.inode(), wallClock.nowNs()));
    }
    return closed != null;
  }

  /**
   * The lock to take while a name of the inode is removed: a file is opened either before, and then
   * pinned, or after, and then not found.
   */
  Lock removing(long inode) {
    return stripe(inode).writeLock();
  }

  private ReentrantReadWriteLock stripe(long inode) {
    return stripes[(int) Math.floorMod(inode, (long) STRIPE_COUNT)];
  }

  /** Whether a name of this inode must be removed with a pin. */
  boolean isOpen(long inode) {
    return files.fileOrNull(inode) != null;
  }

  /**
   * This client has removed a name.
   *
   * @param after what it stood for, afterwards
   * @param wasPinned whether the operation has pinned it
   */
  void removed(Attributes after, boolean wasPinned) {
    if (after.linkCount() > 0) {
      return;
    }
    OpenFile file = files.fileOrNull(after.inode());
    if (file != null) {
      lostName(file, wasPinned);
    } else if (wasPinned) {
      // Another client had put another file there since it was looked at.
      change(new Operation.Unpin(after.inode(), wallClock.nowNs()));
    }
  }

  private void lostName(OpenFile file, boolean isPinned) {
    if (file.links().lostName(isPinned)) {
      change(new Operation.Pin(file.inode(), wallClock.nowNs()));
    }
  }

  private void change(Operation operation) {
    service
        .change(operation, null, false, deadlines.inFull())
        .whenComplete(
            (result, failure) -> {
              if (failure != null) {
                HoldfastException why = Deadlines.asHoldfast(failure);
                LOG.log(Level.WARNING, "keep file without a name: {0}", why.getMessage());
                notPinned(operation);
              } else if (result instanceof OperationResult.Done done
                  && operation instanceof Operation.Pin) {
                found(done.attributes());
              } else if (result instanceof OperationResult.Failed failed
                  && failed.code() == ErrorCode.NOT_FOUND
                  && operation instanceof Operation.Pin pin) {
                files.goneOrNull(pin.inode());
              }
            });
  }

  private void found(Attributes now) {
    OpenFile file = now.linkCount() > 0 ? files.fileOrNull(now.inode()) : null;
    if (file != null) {
      file.links().foundNamed();
    }
  }

  private void notPinned(Operation operation) {
    OpenFile file = operation instanceof Operation.Pin pin ? files.fileOrNull(pin.inode()) : null;
    if (file != null) {
      file.links().pinFailed();
    }
  }

  /** Changes may have been missed: do the files that are open here still have names? */
  public void lookAtAll() {
    files.all().forEach(this::look);
  }

  /** Others have made these changes. */
  public void onChanges(List<Invalidation> changes) {
    for (Invalidation change : changes) {
      if (change instanceof Invalidation.OfInode of && of.unlinked()) {
        OpenFile file = files.fileOrNull(of.inode());
        if (file != null) {
          lostName(file, false);
        }
      }
    }
  }

  private void look(OpenFile file) {
    service
        .ask(new Query.GetAttributes(file.inode()), deadlines.inFull())
        .whenComplete(
            (answered, failure) -> {
              if (failure != null || answered.stale()) {
                return; // the next contact with a leader asks again
              }
              if (answered.answer() instanceof Answer.Inode found) {
                if (found.attributes().linkCount() == 0) {
                  lostName(file, false);
                } else {
                  found(found.attributes());
                }
              } else if (answered.answer() instanceof Answer.Failed failed
                  && failed.code() == ErrorCode.NOT_FOUND) {
                files.goneOrNull(file.inode());
              }
            });
  }

  /**
   * What was pinned in the old session is pinned in the new one; whether the pool still has what it
   * had then is to be looked at.
   */
  public void onSessionLost() {
    files.sessionLost();
    for (OpenFile file : files.all()) {
      if (file.links().isPinned()) {
        change(new Operation.Pin(file.inode(), wallClock.nowNs()));
      }
    }
  }
}
