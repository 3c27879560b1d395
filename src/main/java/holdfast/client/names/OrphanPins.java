package holdfast.client.names;

import holdfast.client.api.OpenedFile;
import holdfast.client.file.FileContent;
import holdfast.client.file.OpenFileTable;
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
 * Keeps files that are open here in the pool after they have lost their last name, by whomever: the
 * pool is told that this client holds them, and that it doesn't any more. Any thread; what is told
 * because of others' changes is told on the loop and doesn't block.
 */
public final class OrphanPins {
  private static final int GATE_COUNT = 64;
  private static final System.Logger LOG = System.getLogger(OrphanPins.class.getName());

  private final PoolService service;
  private final OpenFileTable files;
  private final Deadlines deadlines;
  private final WallClock wallClock;
  private final ReentrantReadWriteLock[] gates = new ReentrantReadWriteLock[GATE_COUNT];

  public OrphanPins(
      PoolService service, OpenFileTable files, Deadlines deadlines, WallClock wallClock) {
    this.service = service;
    this.files = files;
    this.deadlines = deadlines;
    this.wallClock = wallClock;
    for (int i = 0; i < GATE_COUNT; i++) {
      gates[i] = new ReentrantReadWriteLock();
    }
  }

  /** Opens a file: either before its name is removed here, and then it is held, or after. */
  public OpenedFile open(long inode, long deadlineNs) {
    Lock opening = gate(inode).readLock();
    opening.lock();
    try {
      return files.open(inode, deadlineNs);
    } finally {
      opening.unlock();
    }
  }

  /**
   * Gives a handle back; with the last one goes what the pool keeps for this client.
   *
   * @return whether it was the last one
   */
  boolean close(long handle) {
    FileContent closed = files.close(handle);
    if (closed != null) {
      closed(closed);
    }
    return closed != null;
  }

  /**
   * Held while a name of the inode is removed: a file is opened either before, and then held, or
   * after, and then not found.
   */
  Lock removing(long inode) {
    return gate(inode).writeLock();
  }

  private ReentrantReadWriteLock gate(long inode) {
    return gates[(int) Math.floorMod(inode, (long) GATE_COUNT)];
  }

  /** Whether a name of this inode must be removed with a hold. */
  boolean isOpen(long inode) {
    return files.contentOrNull(inode) != null;
  }

  /**
   * This client has removed a name.
   *
   * @param after what it stood for, afterwards
   * @param wasHeld whether the operation said that it is open here
   */
  void removed(Attributes after, boolean wasHeld) {
    if (after.linkCount() > 0) {
      return;
    }
    FileContent content = files.contentOrNull(after.inode());
    if (content != null) {
      lostName(content, wasHeld);
    } else if (wasHeld) {
      // Another client had put another file there since it was looked at.
      tell(new Operation.Release(after.inode(), wallClock.nowNs()));
    }
  }

  private void lostName(FileContent content, boolean isHeld) {
    content.lock.lock();
    try {
      content.isUnlinked = true;
      content.isNameDoubtful = false;
      if (content.isHeld || content.isClosed) {
        return;
      }
      content.isHeld = true;
    } finally {
      content.lock.unlock();
    }
    if (!isHeld) {
      tell(new Operation.Hold(content.inode, wallClock.nowNs()));
    }
  }

  /** The last handle of the file is closed. */
  private void closed(FileContent content) {
    boolean wasHeld;
    content.lock.lock();
    try {
      content.isClosed = true;
      wasHeld = content.isHeld && !content.isGone;
      content.isHeld = false;
    } finally {
      content.lock.unlock();
    }
    if (wasHeld) {
      tell(new Operation.Release(content.inode, wallClock.nowNs()));
    }
  }

  private void tell(Operation operation) {
    service
        .change(operation, null, false, deadlines.deadlineNs())
        .whenComplete(
            (result, failure) -> {
              if (failure != null) {
                HoldfastException why = Deadlines.asHoldfast(failure);
                LOG.log(Level.WARNING, "keep file without a name: {0}", why.getMessage());
                notHeld(operation);
              } else if (result instanceof OperationResult.Done done
                  && operation instanceof Operation.Hold) {
                found(done.attributes());
              } else if (result instanceof OperationResult.Failed failed
                  && failed.code() == ErrorCode.NOT_FOUND
                  && operation instanceof Operation.Hold hold) {
                gone(hold.inode());
              }
            });
  }

  /** A removal that a power cut took never was: what is written has a name to be read by. */
  private void found(Attributes now) {
    FileContent content = now.linkCount() > 0 ? files.contentOrNull(now.inode()) : null;
    if (content != null) {
      content.lock.lock();
      try {
        content.isUnlinked &= !content.isNameDoubtful;
        content.isNameDoubtful = false;
      } finally {
        content.lock.unlock();
      }
    }
  }

  /** It couldn't be told: it is told again when the next leader is heard of. */
  private void notHeld(Operation operation) {
    FileContent content =
        operation instanceof Operation.Hold hold ? files.contentOrNull(hold.inode()) : null;
    if (content != null) {
      content.lock.lock();
      try {
        content.isHeld = false;
      } finally {
        content.lock.unlock();
      }
    }
  }

  private void gone(long inode) {
    FileContent content = files.contentOrNull(inode);
    if (content != null) {
      files.gone(content);
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
        FileContent content = files.contentOrNull(of.inode());
        if (content != null) {
          lostName(content, false);
        }
      }
    }
  }

  private void look(FileContent content) {
    service
        .ask(new Query.GetAttributes(content.inode), deadlines.deadlineNs())
        .whenComplete(
            (told, failure) -> {
              if (failure != null || told.stale()) {
                return; // the next contact with a leader asks again
              }
              if (told.answer() instanceof Answer.Inode found) {
                if (found.attributes().linkCount() == 0) {
                  lostName(content, false);
                } else {
                  found(found.attributes());
                }
              } else if (told.answer() instanceof Answer.Failed failed
                  && failed.code() == ErrorCode.NOT_FOUND) {
                gone(content.inode);
              }
            });
  }

  /**
   * What was held in the old session is held in the new one; whether the pool still has what it had
   * then is to be looked at.
   */
  public void onSessionLost() {
    files.doubtAll();
    for (FileContent content : files.all()) {
      boolean wasHeld;
      content.lock.lock();
      try {
        wasHeld = content.isHeld;
      } finally {
        content.lock.unlock();
      }
      if (wasHeld) {
        tell(new Operation.Hold(content.inode, wallClock.nowNs()));
      }
    }
  }
}
