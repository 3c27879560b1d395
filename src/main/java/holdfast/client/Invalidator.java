package holdfast.client;

import holdfast.client.file.OpenFile;
import holdfast.client.file.OpenFileTable;
import holdfast.client.kernel.CacheLease;
import holdfast.client.kernel.GrantTable;
import holdfast.client.kernel.InodeTable;
import holdfast.client.kernel.PageInvalidations;
import holdfast.client.names.DirectoryListings;
import holdfast.client.names.LockManager;
import holdfast.client.names.LockWaits;
import holdfast.client.names.OrphanPins;
import holdfast.client.names.SealedNamespace;
import holdfast.client.pool.Deadlines;
import holdfast.client.pool.PoolService;
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
final class Invalidator implements PoolService.Watcher {
  private static final System.Logger LOG = System.getLogger(Invalidator.class.getName());

  private final CacheLease cacheLease;
  private final OrphanPins pins;
  private final OpenFileTable files;
  private final DirectoryListings listings;
  private final SealedNamespace namespace;
  private final Deadlines deadlines;
  private final Executor notifiers;
  private final Executor taker;
  private final ConcurrentLinkedQueue<Pending> pending = new ConcurrentLinkedQueue<>();
  private final InodeTable inodes;
  private final PageInvalidations pages;
  private final LockManager lockManager;
  private final LockWaits lockWaits;

  /** All that the kernel was told for long at some moment, to be taken back, and what follows. */
  private record Pending(CacheLease.Expired expired, Runnable then) {}

  /**
   * A feed that works on these threads.
   *
   * @param notifiers take back single changes; may refuse
   * @param taker one thread that takes everything back; a refused task is done by one that waits
   */
  Invalidator(
      CacheLease cacheLease,
      OrphanPins pins,
      OpenFileTable files,
      DirectoryListings listings,
      SealedNamespace namespace,
      Deadlines deadlines,
      InodeTable inodes,
      PageInvalidations pages,
      LockManager lockManager,
      LockWaits lockWaits,
      Executor notifiers,
      Executor taker) {
    this.cacheLease = cacheLease;
    this.pins = pins;
    this.files = files;
    this.listings = listings;
    this.namespace = namespace;
    this.deadlines = deadlines;
    this.inodes = inodes;
    this.pages = pages;
    this.lockManager = lockManager;
    this.lockWaits = lockWaits;
    this.notifiers = notifiers;
    this.taker = taker;
  }

  @Override
  public void onLease(long untilNs) {
    cacheLease.renew(untilNs);
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
    lockManager.onSessionLost();
    takeEverythingBack(() -> {});
    pins.onSessionLost();
    namespace.onSessionLost();
    lockWaits.wakeAll();
  }

  @Override
  public void onChanges(boolean all, List<Invalidation> changes, Runnable confirm) {
    if (all) {
      pins.lookAtAll();
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
    pins.onChanges(changes);
    inodes.invalidate(changes, deadlines.nowNs());
    boolean isUnderWay = cacheLease.note(changes) | changes.stream().anyMatch(this::isAppendedTo);
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
    OpenFile file = change instanceof Invalidation.OfInode of ? files.fileOrNull(of.inode()) : null;
    return file != null && file.status().hasAppends();
  }

  /** Before it is confirmed: from then on somebody may rely on it. */
  private void note(Invalidation change) {
    switch (change) {
      case Invalidation.OfInode of -> {
        if (of.content()) {
          pages.madeStale(of.inode());
        }
      }
      case Invalidation.OfLocks of -> lockWaits.wake(of.inode());
      case Invalidation.OfEntry of -> {}
    }
  }

  private void notTaken(Invalidation change) {
    if (change instanceof Invalidation.OfInode of && of.content()) {
      OpenFile file = files.fileOrNull(of.inode());
      if (file != null) {
        file.setStalePages();
      }
      pages.notStale(of.inode());
    }
  }

  /** The lease runs out, or anything may have changed. Never refused. */
  private void takeEverythingBack(Runnable then) {
    inodes.expireAll(deadlines.nowNs());
    pending.add(new Pending(cacheLease.expireAll(), then));
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
        CacheLease.Expired expired = next.expired();
        Map<Long, List<GrantTable.Entry>> locked = new HashMap<>();
        for (GrantTable.Entry entry : expired.entries()) {
          if (cacheLease.inFlight().isAnyOn(entry.directory())) {
            locked.computeIfAbsent(entry.directory(), key -> new ArrayList<>()).add(entry);
          } else {
            pages.expireEntry(entry.directory(), entry.name());
          }
        }
        expired.inodes().forEach(inode -> pages.drop(inode, false));
        expired.listings().forEach(inode -> pages.drop(inode, true));
        locked.forEach(this::expireLater);
      } finally {
        next.then().run();
      }
    }
  }

  /** An own call has the directory's lock, and is answered with nothing to keep. */
  private void expireLater(long directory, List<GrantTable.Entry> entries) {
    Runnable expire =
        () -> {
          awaitOwnCalls(directory);
          entries.forEach(entry -> pages.expireEntry(directory, entry.name()));
        };
    if (!onNotifiers(expire)) {
      expire.run();
    }
  }

  private void awaitOwnCalls(long directory) {
    cacheLease.inFlight().awaitThoseOn(directory, deadlines.timeoutNs());
  }

  /** The kernel was given a listing that it must not keep: news came meanwhile. */
  void takeListingBack(long directory) {
    if (!onNotifiers(() -> pages.drop(directory, true))) {
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
        listings.changed(of.inode());
      }
      pages.drop(of.inode(), of.content());
    } finally {
      if (of.content()) {
        pages.notStale(of.inode());
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
              for (OpenFile file : files.all()) {
                if (reload(file.inode())) {
                  pages.drop(file.inode(), true);
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
    OpenFile file = files.fileOrNull(inode);
    if (file == null) {
      return false;
    }
    try {
      return files.reload(file, deadlines.deadlineNs());
    } catch (HoldfastException e) {
      LOG.log(Level.DEBUG, "read open file {0} anew: {1}", inode, e.getMessage());
      return false;
    }
  }

  private void takeEntry(long directory, EntryName sealed) {
    byte[] name = namespace.openNameOrNull(directory, sealed);
    if (name != null) {
      awaitOwnCalls(directory);
      pages.dropEntry(directory, name);
    }
  }
}
