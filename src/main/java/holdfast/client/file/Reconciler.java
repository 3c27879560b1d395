package holdfast.client.file;

import holdfast.client.kernel.MisplacedPages;
import holdfast.client.pool.ChangedAttributes;
import holdfast.client.pool.Deadlines;
import holdfast.client.pool.LostContent;
import holdfast.client.pool.PoolService;
import holdfast.client.pool.SaveFailure;
import holdfast.client.pool.SavedContents;
import holdfast.metadata.op.Attributes;
import holdfast.model.ChunkId;
import holdfast.model.ErrorCode;
import holdfast.model.HoldfastException;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;

/**
 * Lays what was written here over what the pool has by now: another client's newer version, or an
 * older one after a power cut. Any thread but the loop.
 */
public final class Reconciler {
  /** Chunks that are looked for side by side. */
  private static final int LOOKS_AT_ONCE = 32;

  /** Of a file that is open, what nobody can tell of is given up after so long. */
  static final long LOOKED_NS = Uploads.KEPT_NS;

  /** From one look to the next one, at most: who waits longer has slept. */
  private static final long LOOK_MAX_NS = TimeUnit.MINUTES.toNanos(1);

  /** Instead of a doubt's number. */
  private static final long SURE_OF_NOTHING = -1;

  private final PoolService service;
  private final ExtentLoader loader;
  private final MisplacedPages pages;
  private final SavedContents saved;
  private final ChangedAttributes attributes;
  private final MemoryBudget budget;
  private final Deadlines deadlines;

  /**
   * {@code saved} and {@code attributes} know what was changed from here, by handles that are
   * closed too; {@code budget} gets back what is dropped.
   */
  public Reconciler(
      PoolService service,
      ExtentLoader loader,
      MisplacedPages pages,
      SavedContents saved,
      ChangedAttributes attributes,
      MemoryBudget budget,
      Deadlines deadlines) {
    this.service = service;
    this.saved = saved;
    this.attributes = attributes;
    this.budget = budget;
    this.loader = loader;
    this.pages = pages;
    this.deadlines = deadlines;
  }

  /**
   * Another client committed: what was written here is laid over its version. False when appended
   * bytes have to be saved first.
   */
  boolean rebase(FileContent content, long deadlineNs) {
    return rebase(content, SURE_OF_NOTHING, deadlineNs);
  }

  /** Likewise; up to {@code doubt} what is stored was asked for before. */
  private boolean rebase(FileContent content, long doubt, long deadlineNs) {
    long versionBefore = content.committedVersion();
    ExtentLoader.Loaded newer = loadOrNull(content, deadlineNs);
    if (newer == null) {
      return true;
    }
    HoldfastException lost;
    content.lock.lock();
    try {
      // What another thread's commit has taken out would not be laid over the newer version.
      ContentWaits.commit(content, deadlines, deadlineNs);
      if (content.committed.version() != versionBefore) {
        return true; // that commit has happened: what was loaded may be from before it
      }
      // In doubt with the content: an answer from before that settles nothing.
      boolean isAsked = doubt == content.acknowledged.doubtCount();
      boolean isChangeLost = isAsked && attributes.isLostFrom(newer.attributes());
      if (Acknowledged.isSame(content.committed, newer.attributes())) {
        if (isChangeLost) {
          content.committed = newer.attributes();
        }
        content.acknowledged.sure(doubt);
        content.appends.setOvertaken(false);
        return true;
      }
      if (Rebase.moves(content, newer.attributes()) && content.appends.isPending()) {
        content.appends.setOvertaken(true);
        return false;
      }
      lost = layOver(content, newer);
      if (lost != null) {
        content.losses.add(lost);
      }
      content.acknowledged.sure(doubt);
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

  /**
   * Lays what isn't saved over what the pool has, or drops it where that stands on what is lost;
   * called under the lock.
   *
   * @return what is lost; null: nothing
   */
  private HoldfastException layOver(FileContent content, ExtentLoader.Loaded newer) {
    HoldfastException lost = lostOrNull(content, newer.attributes());
    if (lost == null && content.isUnsaved()) {
      Rebase.run(content, newer.attributes(), newer.extents(), deadlines.nowNs());
      return null;
    }
    if (lost == null) {
      content.isMixed = true;
    } else {
      // What came after what is lost would stand beside what came before it.
      content.drop();
      budget.release(content.takeDroppedBytes());
    }
    content.adopt(newer.attributes(), newer.extents(), deadlines.nowNs());
    content.rebaseCount++;
    return lost;
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
      attributes.told(content.inode);
    }
    return lost;
  }

  /**
   * What handles that are closed have written and the file hasn't got any more, or what was changed
   * of its attributes: told once.
   */
  private HoldfastException lostBeforeOrNull(Attributes now) {
    if (!saved.isLost(now.inode(), now.version())) {
      return attributes.takeLost(now.inode()) ? LostContent.ofAttributes(now.inode()) : null;
    }
    long savedVersion = saved.version(now);
    saved.told(now.inode(), now.version());
    attributes.told(now.inode());
    return LostContent.ofFile(now.inode(), savedVersion, now.version());
  }

  /**
   * For an fsync, or a change that rests on what is there: throws, once, if what closed handles
   * have written is lost, or a change of its attributes.
   */
  void vouchForClosed(FileContent content, long deadlineNs) {
    if (isBehindClosed(content) && !rebase(content, deadlineNs)) {
      return; // what was appended is saved first: then it is asked again
    }
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

  /** What the pool was last heard to have may be older than what it has. */
  private boolean isBehindClosed(FileContent content) {
    content.lock.lock();
    try {
      return !content.isGone && saved.isAhead(content.inode, content.committed.version());
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
      if (deadlineNs - deadlines.nowNs() <= 0) {
        throw new HoldfastException(
            ErrorCode.TIMED_OUT,
            "look what the pool has: expected=an end by the deadline, was=ever new commits, inode="
                + content.inode);
      }
      // A doubt that comes from here on isn't settled by what is found now.
      long doubt = content.doubtCount();
      HoldfastException lostNow = lostStoredOrNull(content, deadlineNs);
      lost = lostNow == null ? lost : lostNow;
      if (!rebase(content, doubt, deadlineNs)) {
        return false;
      }
    }
    if (lost != null) {
      throw lost;
    }
    return true;
  }

  /** Chunks that are stored, and named by nothing that is committed; called under the lock. */
  private static Set<ChunkId> storedChunks(FileContent content) {
    Set<ChunkId> chunks = new HashSet<>();
    content
        .uncommitted
        .list()
        .forEach(
            range ->
                Extents.within(content.view, range.from(), range.to())
                    .forEach(extent -> chunks.add(extent.chunk())));
    for (Upload upload : content.uploads) {
      if (upload.extentsOrNull != null && upload.counts()) {
        upload.extentsOrNull.forEach(extent -> chunks.add(extent.chunk()));
      }
    }
    return chunks;
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
      ContentWaits.commit(content, deadlines, deadlineNs);
      chunks = storedChunks(content);
    } finally {
      content.lock.unlock();
    }
    if (isLooking(content) && loadOrNull(content, deadlineNs) == null) {
      return null; // a pool that is away doesn't count: that throws
    }
    HoldfastException why = null;
    Set<ChunkId> missing = Set.of();
    try {
      missing = missing(List.copyOf(chunks), deadlineNs);
    } catch (HoldfastException e) {
      if (!isGivenUp(content)) {
        throw SaveFailure.of(e);
      }
      missing = chunks;
      why = e;
    }
    return missing.isEmpty() ? null : lostStored(content, missing, why);
  }

  /** The first of these that nobody has any more; none: all are there. */
  private Set<ChunkId> missing(List<ChunkId> chunks, long deadlineNs) {
    for (int i = 0; i < chunks.size(); i += LOOKS_AT_ONCE) {
      List<ChunkId> some = chunks.subList(i, Math.min(chunks.size(), i + LOOKS_AT_ONCE));
      List<CompletableFuture<Boolean>> looks =
          some.stream().map(chunk -> service.has(chunk, deadlineNs)).toList();
      for (int look = 0; look < looks.size(); look++) {
        if (!deadlines.await(looks.get(look), deadlineNs)) {
          return Set.of(some.get(look));
        }
      }
    }
    return Set.of();
  }

  private static boolean isLooking(FileContent content) {
    content.lock.lock();
    try {
      return content.acknowledged.isLooking();
    } finally {
      content.lock.unlock();
    }
  }

  /** A peer that never comes back answers nothing: that must end. */
  private boolean isGivenUp(FileContent content) {
    content.lock.lock();
    try {
      return content.acknowledged.lookedNs(deadlines.nowNs(), LOOK_MAX_NS) >= LOOKED_NS;
    } finally {
      content.lock.unlock();
    }
  }

  /** Null where another thread has found it out, or the file doesn't need them any more. */
  private HoldfastException lostStored(
      FileContent content, Set<ChunkId> missing, HoldfastException whyOrNull) {
    HoldfastException lost = LostContent.ofStored(content.inode, whyOrNull);
    content.lock.lock();
    try {
      boolean isNeeded = !Collections.disjoint(storedChunks(content), missing);
      if (!isNeeded || !content.acknowledged.isDoubtful()) {
        return null;
      }
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
    boolean isWritten = saved.forget(content.inode, service.client(), deadlines.nowNs());
    HoldfastException lost = content.goneOrNull(isWritten);
    if (lost != null) {
      Losses.log(content.inode, lost);
    }
  }
}
