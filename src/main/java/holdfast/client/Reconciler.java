package holdfast.client;

import holdfast.metadata.Attributes;
import holdfast.model.ChunkId;
import holdfast.model.ErrorCode;
import holdfast.model.HoldfastException;
import holdfast.peer.port.FileService;
import java.util.HashSet;

/**
 * Lays what was written here over what the pool has by now: another client's newer version, or an
 * older one after a power cut. Any thread but the loop.
 */
final class Reconciler {
  private final FileService service;
  private final ExtentLoader loader;
  private final MisplacedPages pages;
  private final SavedContents saved;
  private final MemoryBudget budget;
  private final Waits waits;

  /**
   * {@code saved} knows what was committed from here by handles that are closed; {@code budget}
   * gets back what is dropped.
   */
  Reconciler(
      FileService service,
      ExtentLoader loader,
      MisplacedPages pages,
      SavedContents saved,
      MemoryBudget budget,
      Waits waits) {
    this.service = service;
    this.saved = saved;
    this.budget = budget;
    this.loader = loader;
    this.pages = pages;
    this.waits = waits;
  }

  /**
   * Another client committed: what was written here is laid over its version. False when appended
   * bytes have to be saved first.
   */
  boolean rebase(FileContent content, long deadlineNs) {
    long versionBefore = content.committedVersion();
    ExtentLoader.Loaded newer = loadOrNull(content, deadlineNs);
    if (newer == null) {
      return true;
    }
    HoldfastException lost;
    content.lock.lock();
    try {
      // What another thread's commit has taken out would not be laid over the newer version.
      ContentWaits.commit(content, waits, deadlineNs);
      if (content.committed.version() != versionBefore) {
        return true; // that commit has happened: what was loaded may be from before it
      }
      if (Acknowledged.isSame(content.committed, newer.attributes())) {
        content.acknowledged.sure();
        content.appends.setOvertaken(false);
        return true;
      }
      if (Rebase.moves(content, newer.attributes()) && content.appends.isPending()) {
        content.appends.setOvertaken(true);
        return false;
      }
      lost = lostOrNull(content, newer.attributes());
      if (lost == null && content.isUnsaved()) {
        Rebase.run(content, newer.attributes(), newer.extents(), waits.nowNs());
      } else if (lost == null) {
        content.adopt(newer.attributes(), newer.extents(), waits.nowNs());
        content.rebaseCount++;
        content.isMixed = true;
      } else {
        // What came after what is lost would stand beside what came before it.
        content.losses.add(lost);
        content.drop();
        budget.release(content.takeDroppedBytes());
        content.adopt(newer.attributes(), newer.extents(), waits.nowNs());
        content.rebaseCount++;
      }
      content.acknowledged.sure();
      keepUnforced(content);
    } finally {
      content.lock.unlock();
    }
    pages.drop(content.inode);
    if (lost != null) {
      throw lost;
    }
    return true;
  }

  private HoldfastException lostOrNull(FileContent content, Attributes newer) {
    HoldfastException lost = content.acknowledged.lostOrNull(content.committed, newer);
    if (lost == null && content.isUnsaved() && saved.isAhead(content.inode, newer.version())) {
      // Written by handles that are closed: what is unsaved stands on it all the same.
      long foundVersion = Attributes.contentVersion(newer.version());
      lost = LostContent.ofFile(content.inode, saved.version(newer), foundVersion);
    }
    if (lost != null) {
      saved.told(content.inode);
    }
    return lost;
  }

  /** What handles that are closed have written and the file hasn't got any more: told once. */
  private HoldfastException lostBeforeOrNull(Attributes now) {
    if (!saved.isLost(now.inode(), now.version())) {
      return null;
    }
    long savedVersion = saved.version(now);
    saved.told(now.inode());
    return LostContent.ofFile(now.inode(), savedVersion, now.version());
  }

  /** What the file doesn't name any more needn't be forced. */
  private static void keepUnforced(FileContent content) {
    var named = new HashSet<ChunkId>();
    content.view.forEach(extent -> named.add(extent.chunk()));
    content.unforced.retainAll(named);
  }

  /** For an fsync: throws, once, if what closed handles have written is lost. */
  void vouchForClosed(FileContent content) {
    content.lock.lock();
    try {
      HoldfastException lost = content.isGone ? null : lostBeforeOrNull(content.committed);
      if (lost != null) {
        content.losses.add(lost);
        throw lost;
      }
    } finally {
      content.lock.unlock();
    }
  }

  /** Null if the pool doesn't know the file any more. */
  private ExtentLoader.Loaded loadOrNull(FileContent content, long deadlineNs) {
    try {
      return loader.loadNewest(content.inode, deadlineNs);
    } catch (HoldfastException e) {
      if (e.code() != ErrorCode.NOT_FOUND) {
        throw e;
      }
      gone(content);
      return null;
    }
  }

  /**
   * Makes sure, where the session was lost, that the pool still has what it had: a power cut of all
   * voters takes what wasn't forced. What isn't there any more is told by an exception, once, and
   * what isn't saved goes with it; else that is laid over what the pool has.
   *
   * @return false when appended bytes have to be saved first
   */
  boolean vouch(FileContent content, long deadlineNs) {
    while (content.isDoubtfulNow()) {
      if (deadlineNs - waits.nowNs() <= 0) {
        throw new HoldfastException(
            ErrorCode.TIMED_OUT,
            "look what the pool has: expected=an end by the deadline, was=ever new commits, inode="
                + content.inode);
      }
      if (!rebase(content, deadlineNs)) {
        return false;
      }
    }
    return true;
  }

  /**
   * Likewise for who only looks at the file: what is lost is told to the handles that are open, and
   * not to the caller.
   */
  void look(FileContent content, long deadlineNs) {
    try {
      vouch(content, deadlineNs);
    } catch (HoldfastException e) {
      if (content.isDoubtfulNow()) {
        throw e;
      }
    }
  }

  /** The pool doesn't know the file: who wrote it lately, by whatever handle, is told. */
  void gone(FileContent content) {
    content.gone(saved.forget(content.inode, service.client(), waits.nowNs()));
  }
}
