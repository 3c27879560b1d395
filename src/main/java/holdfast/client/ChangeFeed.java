package holdfast.client;

import holdfast.client.api.KernelCache;
import holdfast.client.file.FileContent;
import holdfast.client.file.OpenFiles;
import holdfast.client.kernel.Freshness;
import holdfast.client.kernel.KernelPages;
import holdfast.client.kernel.ToldTable;
import holdfast.client.names.Directories;
import holdfast.client.names.Holds;
import holdfast.client.names.LockCalls;
import holdfast.client.names.LockWaits;
import holdfast.client.names.Tree;
import holdfast.client.pool.FileService;
import holdfast.client.pool.Waits;
import holdfast.metadata.op.EntryName;
import holdfast.metadata.op.Invalidation;
import holdfast.model.HoldfastException;
import java.lang.System.Logger.Level;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;

/**
 * Works off what others change: what is open here is kept or read anew, what the kernel keeps is
 * taken back, then the change is confirmed. Where an own call is under way on the same inode, or
 * bytes that were appended to it have yet to find their place, it is confirmed first: that call is
 * answered with nothing to keep, and the kernel, which may hold a lock until then, is told right
 * after. Called on the loop; waits on threads of its own.
 */
final class ChangeFeed implements FileService.Watcher {
  private static final System.Logger LOG = System.getLogger(ChangeFeed.class.getName());

  private final Freshness freshness;
  private final Holds holds;
  private final OpenFiles files;
  private final Directories directories;
  private final Tree tree;
  private final Waits waits;
  private final Executor notifiers;
  private final Executor taker;
  private final ConcurrentLinkedQueue<Pending> pending = new ConcurrentLinkedQueue<>();
  private final KernelPages pages;
  private final LockCalls locks;
  private final LockWaits lockWaits;

  /** All that the kernel was told for long at some moment, to be taken back, and what follows. */
  private record Pending(Freshness.Taken taken, Runnable then) {}

  /**
   * A feed that works on these threads.
   *
   * @param notifiers take back single changes; may refuse
   * @param taker one thread that takes everything back; a refused task is done by one that waits
   */
  ChangeFeed(
      Freshness freshness,
      Holds holds,
      OpenFiles files,
      Directories directories,
      Tree tree,
      Waits waits,
      KernelPages pages,
      LockCalls locks,
      LockWaits lockWaits,
      Executor notifiers,
      Executor taker) {
    this.freshness = freshness;
    this.holds = holds;
    this.files = files;
    this.directories = directories;
    this.tree = tree;
    this.waits = waits;
    this.pages = pages;
    this.locks = locks;
    this.lockWaits = lockWaits;
    this.notifiers = notifiers;
    this.taker = taker;
  }

  @Override
  public void onLease(long untilNs) {
    freshness.lease(untilNs);
  }

  @Override
  public void onLeaseEnding() {
    takeEverythingBack(() -> {});
  }

  @Override
  public void onOutcomeUnknown() {
    takeEverythingBack(() -> {});
  }

  @Override
  public void onSessionLost() {
    locks.onSessionLost();
    takeEverythingBack(() -> {});
    holds.onSessionLost();
    tree.onSessionLost();
    lockWaits.wakeAll();
  }

  @Override
  public void onChanges(boolean all, List<Invalidation> changes, Runnable confirm) {
    if (all) {
      holds.lookAtAll();
      takeEverythingBack(confirm);
      reloadAll();
      lockWaits.wakeAll();
      return;
    }
    changes.forEach(this::note);
    if (changes.stream().allMatch(change -> change instanceof Invalidation.OfLocks)) {
      confirm.run(); // nothing has become old
      return;
    }
    holds.onChanges(changes);
    tree.known().note(changes, waits.nowNs());
    boolean isUnderWay = freshness.note(changes) | changes.stream().anyMatch(this::isAppendedTo);
    if (isUnderWay) {
      confirm.run();
    }
    boolean isTaken =
        onNotifiers(
            () -> {
              try {
                changes.forEach(this::takeBack);
              } finally {
                if (!isUnderWay) {
                  confirm.run();
                }
              }
            });
    if (!isTaken) {
      LOG.log(Level.DEBUG, "take back what changed: too much at once, everything instead");
      changes.forEach(this::notTaken);
      takeEverythingBack(isUnderWay ? () -> {} : confirm);
    }
  }

  /**
   * Whether a write to it may come to wait, with pages locked, for a commit that waits for the
   * other's confirmation.
   */
  private boolean isAppendedTo(Invalidation change) {
    FileContent content =
        change instanceof Invalidation.OfInode of ? files.contentOrNull(of.inode()) : null;
    return content != null && content.hasAppends();
  }

  /** Before it is confirmed: from then on somebody may rely on it. */
  private void note(Invalidation change) {
    switch (change) {
      case Invalidation.OfInode of -> {
        if (of.content()) {
          pages.becameOld(of.inode());
        }
      }
      case Invalidation.OfLocks of -> lockWaits.wake(of.inode());
      case Invalidation.OfEntry of -> {}
    }
  }

  private void notTaken(Invalidation change) {
    if (change instanceof Invalidation.OfInode of && of.content()) {
      FileContent content = files.contentOrNull(of.inode());
      if (content != null) {
        content.lock.lock();
        try {
          content.isMixed = true;
        } finally {
          content.lock.unlock();
        }
      }
      pages.dropped(of.inode());
    }
  }

  /** The lease runs out, or anything may have changed. Never refused. */
  private void takeEverythingBack(Runnable then) {
    tree.known().distrust(waits.nowNs());
    pending.add(new Pending(freshness.distrust(), then));
    try {
      taker.execute(this::takePending);
    } catch (RejectedExecutionException e) {
      // One that waits to run takes this along; or the file system is closed, and the mount gone.
      LOG.log(Level.DEBUG, "take everything back: another is about to");
    }
  }

  private void takePending() {
    for (Pending next = pending.poll(); next != null; next = pending.poll()) {
      try {
        Freshness.Taken taken = next.taken();
        KernelCache kernel = pages.kernel();
        Map<Long, List<ToldTable.Entry>> locked = new HashMap<>();
        for (ToldTable.Entry entry : taken.entries()) {
          if (freshness.underWay().isAnyOn(entry.directory())) {
            locked.computeIfAbsent(entry.directory(), key -> new ArrayList<>()).add(entry);
          } else {
            kernel.expireEntry(entry.directory(), entry.name());
          }
        }
        taken.inodes().forEach(inode -> kernel.forgetInode(inode, false));
        taken.listings().forEach(inode -> kernel.forgetInode(inode, true));
        locked.forEach(this::expireLater);
      } finally {
        next.then().run();
      }
    }
  }

  /** An own call has the directory's lock, and is answered with nothing to keep. */
  private void expireLater(long directory, List<ToldTable.Entry> entries) {
    Runnable expire =
        () -> {
          awaitOwnCalls(directory);
          entries.forEach(entry -> pages.kernel().expireEntry(directory, entry.name()));
        };
    if (!onNotifiers(expire)) {
      expire.run();
    }
  }

  private void awaitOwnCalls(long directory) {
    freshness.underWay().awaitThoseOn(directory, waits.timeoutNs());
  }

  /** The kernel was given a listing that it must not keep: news came meanwhile. */
  void takeListingBack(long directory) {
    if (!onNotifiers(() -> pages.kernel().forgetInode(directory, true))) {
      takeEverythingBack(() -> {});
    }
  }

  private boolean onNotifiers(Runnable work) {
    try {
      notifiers.execute(work);
      return true;
    } catch (RejectedExecutionException e) {
      return false;
    }
  }

  private void takeBack(Invalidation change) {
    try {
      switch (change) {
        case Invalidation.OfInode of -> takeInode(of);
        case Invalidation.OfEntry of -> takeEntry(of.parent(), of.name());
        case Invalidation.OfLocks of -> {}
      }
    } catch (RuntimeException e) {
      LOG.log(Level.WARNING, "take back " + change + ": everything instead", e);
      takeEverythingBack(() -> {});
    }
  }

  private void takeInode(Invalidation.OfInode of) {
    try {
      if (of.content()) {
        reload(of.inode());
        directories.changed(of.inode());
      }
      freshness.tookInode(of.inode(), of.content());
      pages.kernel().forgetInode(of.inode(), of.content());
    } finally {
      if (of.content()) {
        pages.dropped(of.inode());
      }
    }
  }

  /**
   * Open files aren't asked for again by themselves: one may have been changed, or have older
   * content than it had here, since a power cut took the newer.
   */
  private void reloadAll() {
    boolean isTaken =
        onNotifiers(
            () -> {
              for (FileContent content : files.all()) {
                if (reload(content.inode)) {
                  pages.kernel().forgetInode(content.inode, true);
                }
              }
            });
    if (!isTaken) {
      LOG.log(Level.DEBUG, "read open files anew: too much at once, they will be when written");
    }
  }

  /**
   * A file that is open here shows what the other has closed; if it can't, it stays as it was.
   * Returns whether it shows something else than before.
   */
  private boolean reload(long inode) {
    FileContent content = files.contentOrNull(inode);
    if (content == null) {
      return false;
    }
    try {
      return files.reload(content, waits.deadlineNs());
    } catch (HoldfastException e) {
      LOG.log(Level.DEBUG, "read open file {0} anew: {1}", inode, e.getMessage());
      return false;
    }
  }

  private void takeEntry(long directory, EntryName sealed) {
    byte[] name = tree.openNameOrNull(directory, sealed);
    if (name != null) {
      freshness.tookEntry(directory, name);
      awaitOwnCalls(directory);
      pages.kernel().forgetEntry(directory, name);
    }
  }
}
