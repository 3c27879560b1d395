package holdfast.client;

import holdfast.metadata.Attributes;
import holdfast.model.ChunkId;
import holdfast.model.ErrorCode;
import holdfast.model.HoldfastException;
import holdfast.peer.port.FileService;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;

/**
 * Lays what was written here over what the pool has by now: another client's newer version, or an
 * older one after a power cut. Any thread but the loop.
 */
final class Reconciler {
  /** Chunks that are looked for side by side. */
  private static final int LOOKS_AT_ONCE = 32;

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
      content.keepUnforced();
    } finally {
      content.lock.unlock();
    }
    pages.drop(content.inode);
    if (lost != null) {
      Losses.log(content.inode, lost);
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
      saved.told(content.inode, newer.version());
    }
    return lost;
  }

  /** What handles that are closed have written and the file hasn't got any more: told once. */
  private HoldfastException lostBeforeOrNull(Attributes now) {
    if (!saved.isLost(now.inode(), now.version())) {
      return null;
    }
    long savedVersion = saved.version(now);
    saved.told(now.inode(), now.version());
    return LostContent.ofFile(now.inode(), savedVersion, now.version());
  }

  /**
   * For an fsync, or a change that rests on what is there: throws, once, if what closed handles
   * have written is lost.
   */
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
    HoldfastException lost = null;
    while (content.isDoubtfulNow()) {
      if (deadlineNs - waits.nowNs() <= 0) {
        throw new HoldfastException(
            ErrorCode.TIMED_OUT,
            "look what the pool has: expected=an end by the deadline, was=ever new commits, inode="
                + content.inode);
      }
      HoldfastException lostNow = lostStoredOrNull(content, deadlineNs);
      lost = lostNow == null ? lost : lostNow;
      if (!rebase(content, deadlineNs)) {
        return false;
      }
    }
    if (lost != null) {
      throw lost;
    }
    return true;
  }

  /**
   * Chunks that were stored and not committed may have gone with the session: a commit that names
   * one would be acknowledged, and undone. Where one isn't there any more, what isn't committed is
   * dropped, and that is what is returned.
   */
  private HoldfastException lostStoredOrNull(FileContent content, long deadlineNs) {
    Set<ChunkId> chunks;
    content.lock.lock();
    try {
      // What a commit has taken out comes back if it hasn't happened.
      ContentWaits.commit(content, waits, deadlineNs);
      chunks = content.storedChunks();
    } finally {
      content.lock.unlock();
    }
    var rest = List.copyOf(chunks);
    try {
      for (int i = 0; i < rest.size(); i += LOOKS_AT_ONCE) {
        List<CompletableFuture<FileService.Fetched>> looks =
            rest.subList(i, Math.min(rest.size(), i + LOOKS_AT_ONCE)).stream()
                .map(chunk -> service.fetch(chunk, 0, 1, Set.of(), deadlineNs))
                .toList();
        looks.forEach(look -> waits.await(look, deadlineNs));
      }
      return null;
    } catch (HoldfastException e) {
      if (e.code() != ErrorCode.CHUNK_MISSING) {
        throw e;
      }
      return lostStored(content, e);
    }
  }

  private HoldfastException lostStored(FileContent content, HoldfastException why) {
    HoldfastException lost = LostContent.ofStored(content.inode, why);
    content.lock.lock();
    try {
      content.losses.add(lost);
      content.drop();
      budget.release(content.takeDroppedBytes());
    } finally {
      content.lock.unlock();
    }
    Losses.log(content.inode, lost);
    pages.drop(content.inode);
    return lost;
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
    boolean isWritten = saved.forget(content.inode, service.client(), waits.nowNs());
    HoldfastException lost = content.goneOrNull(isWritten);
    if (lost != null) {
      Losses.log(content.inode, lost);
    }
  }
}
