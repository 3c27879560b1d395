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
 * Processes the invalidations that the pool sends for others' changes: reads open files anew,
 * recalls what the kernel was granted, then confirms the change. Where an own call is in flight on
 * the same inode, or bytes that were appended to it have yet to find their place, it recalls only
 * attributes before it confirms: that call is answered with timeouts of 0, and the recall of names
 * and pages, which may wait for a lock that the kernel has until then, comes right after. Called on
 * the loop; waits on threads of its own.
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
  private final Executor expirer;
  private final ConcurrentLinkedQueue<Pending> pending = new ConcurrentLinkedQueue<>();
  private final InodeTable inodes;
  private final PageInvalidations pages;
  private final LockManager lockManager;
  private final LockWaits lockWaits;

  /** Expired grants to be recalled, and what follows. */
  private record Pending(CacheLease.Expired expired, Runnable then) {}

  /**
   * An invalidator that works on these threads.
   *
   * @param notifiers recall single grants; may refuse
   * @param expirer one thread that recalls all grants; a refused task is done by one that waits
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
      Executor expirer) {
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
    this.expirer = expirer;
  }

  @Override
  public void onLease(long reliedUntilNs, long untilNs) {
    cacheLease.renew(reliedUntilNs);
  }

  @Override
  public void onLeaseEnding() {
    expireAll(() -> {});
  }

  @Override
  public void onOutcomeUnknown() {
    expireAll(() -> {});
  }

  @Override
  public void onSessionLost() {
    lockManager.onSessionLost();
    expireAll(() -> {});
    pins.onSessionLost();
    namespace.onSessionLost();
    lockWaits.wakeAll();
  }

  @Override
  public void onChanges(boolean all, List<Invalidation> changes, Runnable confirm) {
    if (all) {
      pins.lookAtAll();
      expireAll(confirm);
      reloadAll();
      lockWaits.wakeAll();
      return;
    }
    changes.forEach(this::note);
    if (changes.stream().allMatch(change -> change instanceof Invalidation.OfLocks)) {
      confirm.run(); // nothing that is cached has become stale
      return;
    }
    pins.onChanges(changes);
    inodes.invalidate(changes, deadlines.nowNs());
    boolean isInFlight = cacheLease.note(changes) | changes.stream().anyMatch(this::isAppendedTo);
    boolean isAccepted = onNotifiers(() -> recall(changes, isInFlight, confirm));
    if (!isAccepted) {
      LOG.log(Level.DEBUG, "recall what changed: too much at once, everything instead");
      changes.forEach(this::notRecalled);
      if (isInFlight) {
        confirm.run();
      }
      expireAll(isInFlight ? () -> {} : confirm);
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

  /** Before it is confirmed: from then on its author may rely on it. */
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

  private void notRecalled(Invalidation change) {
    if (change instanceof Invalidation.OfInode of && of.content()) {
      OpenFile file = files.fileOrNull(of.inode());
      if (file != null) {
        file.setStalePages();
      }
      pages.notStale(of.inode());
    }
  }

  /** The lease runs out, or anything may have changed. Never refused. */
  private void expireAll(Runnable then) {
    inodes.expireAll(deadlines.nowNs());
    pending.add(new Pending(cacheLease.expireAll(), then));
    try {
      expirer.execute(this::recallPending);
    } catch (RejectedExecutionException e) {
      // A task that waits to run does this too; or the file system is closed, and the mount gone.
      LOG.log(Level.DEBUG, "recall everything: another is about to");
    }
  }

  private void recallPending() {
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

  /** An own call has the directory's lock, and is answered with timeouts of 0. */
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

  /** Recalls a listing that was invalidated while the kernel was given it. */
  void recallListing(long directory) {
    if (!onNotifiers(() -> pages.drop(directory, true))) {
      expireAll(() -> {});
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

  /** Attributes wait for no lock of the kernel: they are dropped before any confirmation. */
  private void recall(List<Invalidation> changes, boolean isInFlight, Runnable confirm) {
    try {
      changes.forEach(isInFlight ? this::recallAttributes : this::recall);
    } finally {
      confirm.run();
    }
    if (isInFlight) {
      changes.forEach(this::recall);
    }
  }

  private void recallAttributes(Invalidation change) {
    if (change instanceof Invalidation.OfInode of) {
      pages.drop(of.inode(), false);
    }
  }

  private void recall(Invalidation change) {
    try {
      switch (change) {
        case Invalidation.OfInode of -> recallInode(of);
        case Invalidation.OfEntry of -> recallEntry(of.parent(), of.name());
        case Invalidation.OfLocks of -> {}
      }
    } catch (RuntimeException e) {
      LOG.log(Level.WARNING, "recall " + change + ": everything instead", e);
      expireAll(() -> {});
    }
  }

  private void recallInode(Invalidation.OfInode of) {
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
   * content than it had here, since a power cut lost the newer.
   */
  private void reloadAll() {
    boolean isAccepted =
        onNotifiers(
            () -> {
              for (OpenFile file : files.all()) {
                if (reload(file.inode())) {
                  pages.drop(file.inode(), true);
                }
              }
            });
    if (!isAccepted) {
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
      return files.reload(file, deadlines.inFull());
    } catch (HoldfastException e) {
      LOG.log(Level.DEBUG, "read open file {0} anew: {1}", inode, e.getMessage());
      return false;
    }
  }

  private void recallEntry(long directory, EntryName sealed) {
    byte[] name = namespace.openNameOrNull(directory, sealed);
    if (name != null) {
      awaitOwnCalls(directory);
      pages.dropEntry(directory, name);
    }
  }
}
