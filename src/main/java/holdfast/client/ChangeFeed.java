package holdfast.client;

import holdfast.metadata.EntryName;
import holdfast.metadata.Invalidation;
import holdfast.model.HoldfastException;
import holdfast.peer.port.FileService;
import java.lang.System.Logger.Level;
import java.util.List;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;

/**
 * Works off what others change: what is open here is kept or read anew, what the kernel keeps is
 * taken back, then the change is confirmed. Where an own call is under way on the same inode, it is
 * confirmed first: that call is answered with nothing to keep, and the kernel, which may hold a
 * lock until then, is told right after. Called on the loop; waits on threads of its own.
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
  private volatile KernelCache kernel = KernelCache.NONE;

  ChangeFeed(
      Freshness freshness,
      Holds holds,
      OpenFiles files,
      Directories directories,
      Tree tree,
      Waits waits,
      Executor notifiers) {
    this.freshness = freshness;
    this.holds = holds;
    this.files = files;
    this.directories = directories;
    this.tree = tree;
    this.waits = waits;
    this.notifiers = notifiers;
  }

  void attach(KernelCache cache) {
    kernel = cache;
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
  public void onSessionLost() {
    takeEverythingBack(() -> {});
    holds.onSessionLost();
  }

  @Override
  public void onChanges(boolean all, List<Invalidation> changes, Runnable confirm) {
    if (all) {
      holds.lookAtAll();
      takeEverythingBack(confirm);
      return;
    }
    holds.onChanges(changes);
    tree.known().note(changes, waits.nowNs());
    boolean isUnderWay = freshness.note(changes);
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
    if (!isTaken && !isUnderWay) {
      LOG.log(Level.WARNING, "take back what changed: expected=room, was=too many changes at once");
    }
  }

  /** The lease runs out, or anything may have changed. */
  void takeEverythingBack(Runnable then) {
    tree.known().distrust(waits.nowNs());
    Freshness.Taken taken = freshness.distrust();
    onNotifiers(
        () -> {
          try {
            taken.entries().forEach(entry -> kernel.forgetEntry(entry.directory(), entry.name()));
            taken.inodes().forEach(inode -> kernel.forgetInode(inode, false));
            taken.listings().forEach(inode -> kernel.forgetInode(inode, true));
          } finally {
            then.run();
          }
        });
  }

  /** The kernel was given a listing that it must not keep: news came meanwhile. */
  void takeListingBack(long directory) {
    if (!onNotifiers(() -> kernel.forgetInode(directory, true))) {
      takeEverythingBack(() -> {});
    }
  }

  private boolean onNotifiers(Runnable work) {
    try {
      notifiers.execute(work);
      return true;
    } catch (RejectedExecutionException e) {
      // Not confirmed: the author waits until this client's lease has run out, and then everything
      // is taken back.
      return false;
    }
  }

  private void takeBack(Invalidation change) {
    try {
      switch (change) {
        case Invalidation.OfInode of -> takeInode(of);
        case Invalidation.OfEntry of -> takeEntry(of.parent(), of.name());
      }
    } catch (HoldfastException e) {
      LOG.log(Level.WARNING, "take back {0}: {1}", change, e.getMessage());
    }
  }

  private void takeInode(Invalidation.OfInode of) {
    FileContent content = files.contentOrNull(of.inode());
    if (content != null && of.content()) {
      files.reload(content, waits.deadlineNs());
    }
    if (of.content()) {
      directories.changed(of.inode());
    }
    freshness.tookInode(of.inode(), of.content());
    kernel.forgetInode(of.inode(), of.content());
  }

  private void takeEntry(long directory, EntryName sealed) {
    byte[] name = tree.openNameOrNull(directory, sealed);
    if (name != null) {
      freshness.tookEntry(directory, name);
      kernel.forgetEntry(directory, name);
    }
  }
}
