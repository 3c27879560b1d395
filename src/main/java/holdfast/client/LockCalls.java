package holdfast.client;

import holdfast.metadata.Answer;
import holdfast.metadata.FileLock;
import holdfast.metadata.LockFamily;
import holdfast.metadata.LockMode;
import holdfast.metadata.Operation;
import holdfast.metadata.OperationResult;
import holdfast.metadata.Query;
import holdfast.model.ErrorCode;
import holdfast.model.HoldfastException;
import holdfast.peer.port.FileService;
import holdfast.util.WallClock;
import java.lang.System.Logger.Level;
import java.util.Set;
import java.util.concurrent.ConcurrentLinkedQueue;

/**
 * Locks of files, kept in the pool under this client's session. What was written before a lock is
 * set or released is with the pool by then, and who gets a lock reads what the one before wrote. A
 * lost session takes its locks along, and their handles fail from then on: a holder that slept must
 * not write over its successor. Any thread but the loop, except where stated.
 */
final class LockCalls {
  /** How often a lock is asked for anew because its session was lost meanwhile. */
  private static final int ROUNDS_MAX = 3;

  private static final System.Logger LOG = System.getLogger(LockCalls.class.getName());

  private final FileService service;
  private final OpenFiles files;
  private final WriteBack writeBack;
  private final KernelPages pages;
  private final Waits waits;
  private final WallClock wallClock;
  private final HeldLocks held = new HeldLocks();

  /** Releases that couldn't be told to the pool; gone with the session at the latest. */
  private final ConcurrentLinkedQueue<Release> unreleased = new ConcurrentLinkedQueue<>();

  private record Release(long inode, FileLock lock) {}

  LockCalls(
      FileService service,
      OpenFiles files,
      WriteBack writeBack,
      KernelPages pages,
      Waits waits,
      WallClock wallClock) {
    this.service = service;
    this.files = files;
    this.writeBack = writeBack;
    this.pages = pages;
    this.waits = waits;
    this.wallClock = wallClock;
  }

  static FileLock lock(LockRequest request) {
    LockMode mode =
        switch (request.type()) {
          case LockRequest.SHARED -> LockMode.SHARED;
          case LockRequest.EXCLUSIVE -> LockMode.EXCLUSIVE;
          case LockRequest.NONE -> LockMode.NONE;
          default ->
              throw new HoldfastException(
                  ErrorCode.INVALID, "lock file: expected=type 0 to 2, was=" + request.type());
        };
    if (request.first() < 0 || request.last() < request.first()) {
      throw new HoldfastException(
          ErrorCode.INVALID,
          "lock file: expected=a range, was=" + request.first() + " to " + request.last());
    }
    LockFamily family = request.isFlock() ? LockFamily.FLOCK : LockFamily.RECORD;
    return new FileLock(
        family, mode, request.first(), request.last(), request.owner(), request.pid());
  }

  /** A lock that keeps the wanted one from being set, or null. */
  LockRequest inTheWayOrNull(long inode, LockRequest wanted) {
    long deadlineNs = waits.deadlineNs();
    var query = new Query.GetLock(inode, service.client(), lock(wanted));
    var told = waits.await(service.ask(query, deadlineNs), deadlineNs);
    if (!(told.answer().orThrow() instanceof Answer.Lock answer)) {
      throw new HoldfastException(
          ErrorCode.MALFORMED, "ask for lock: expected=a lock, was=" + told.answer());
    }
    return answer.held().map(found -> seen(query, found)).orElse(null);
  }

  private static LockRequest seen(Query.GetLock query, Answer.Lock.Held found) {
    FileLock lock = found.lock();
    boolean isOurs = found.client().equals(query.client());
    return new LockRequest(
        lock.family() == LockFamily.FLOCK,
        lock.mode() == LockMode.EXCLUSIVE ? LockRequest.EXCLUSIVE : LockRequest.SHARED,
        lock.first(),
        lock.last(),
        lock.owner(),
        isOurs ? lock.pid() : 0);
  }

  /** Sets or releases a lock now; LOCKED if another's is in the way. */
  void set(FileHandle handle, FileLock lock, long deadlineNs) {
    FileContent content = handle.content;
    var owner = HeldLocks.Owner.of(content.inode, lock);
    handle.checkLock();
    if (lock.mode() == LockMode.NONE && !held.contains(owner)) {
      return;
    }
    AppendGate.settle(handle);
    save(content, deadlineNs);
    if (lock.mode() == LockMode.NONE) {
      release(content.inode, lock, deadlineNs);
      if (isWhole(lock)) {
        held.remove(owner);
      }
    } else {
      acquire(handle, owner, lock, deadlineNs);
    }
  }

  private void save(FileContent content, long deadlineNs) {
    boolean isUnsaved;
    content.lock.lock();
    try {
      isUnsaved = content.isUnsaved();
    } finally {
      content.lock.unlock();
    }
    if (isUnsaved) {
      writeBack.flush(content, false, deadlineNs);
    }
  }

  private static boolean isWhole(FileLock lock) {
    return lock.first() == 0 && lock.last() == Long.MAX_VALUE;
  }

  private void acquire(FileHandle handle, HeldLocks.Owner owner, FileLock lock, long deadlineNs) {
    for (int round = 0; round < ROUNDS_MAX; round++) {
      long since = held.losses();
      OperationResult result;
      try {
        result = change(owner.inode(), lock, deadlineNs);
      } catch (HoldfastException e) {
        inDoubt(owner, lock);
        throw e;
      }
      switch (result) {
        case OperationResult.Done done -> {
          if (held.add(owner, handle, since)) {
            refreshOrGiveBack(handle, lock, done.attributes().version(), deadlineNs);
            return;
          }
        }
        case OperationResult.Failed failed -> {
          if (failed.code() != ErrorCode.NO_SESSION) {
            refused(owner, failed, deadlineNs);
          }
        }
      }
      handle.checkLock();
    }
    throw new HoldfastException(
        ErrorCode.NO_SESSION, "lock file: expected=a session that lasts, was=lost, " + owner);
  }

  private OperationResult change(long inode, FileLock lock, long deadlineNs) {
    var operation = new Operation.SetLock(inode, lock, wallClock.nowNs());
    return waits.await(service.change(operation, null, false, deadlineNs), deadlineNs);
  }

  /** As flock(2) has it, a lock that can't be converted is gone. */
  private void refused(HeldLocks.Owner owner, OperationResult.Failed why, long deadlineNs) {
    boolean isConversion = owner.family() == LockFamily.FLOCK && held.contains(owner);
    if (isConversion && why.code() == ErrorCode.LOCKED) {
      release(owner.inode(), all(owner), deadlineNs);
      held.remove(owner);
    }
    throw new HoldfastException(why.code(), why.text());
  }

  private static FileLock all(HeldLocks.Owner owner) {
    return FileLock.whole(owner.family(), LockMode.NONE, owner.number(), 0);
  }

  /** Nobody knows whether it was set: it is released, and what the owner had besides is lost. */
  private void inDoubt(HeldLocks.Owner owner, FileLock lock) {
    Set<FileHandle> before = held.remove(owner);
    if (before.isEmpty()) {
      unreleased.add(
          new Release(
              owner.inode(),
              new FileLock(
                  lock.family(), LockMode.NONE, lock.first(), lock.last(), lock.owner(), 0)));
    } else {
      lose(before);
      unreleased.add(new Release(owner.inode(), all(owner)));
    }
  }

  private void refreshOrGiveBack(FileHandle handle, FileLock lock, long version, long deadlineNs) {
    try {
      refresh(handle.content, version, deadlineNs);
    } catch (HoldfastException e) {
      giveBack(handle, lock);
      throw e;
    }
  }

  /** What is known of the file is at least what it was when the lock was set. */
  private void refresh(FileContent content, long version, long deadlineNs) {
    boolean isOld;
    content.lock.lock();
    try {
      isOld = content.committed.version() < version || content.isMixed;
    } finally {
      content.lock.unlock();
    }
    if (isOld || pages.isOld(content.inode)) {
      files.reload(content, deadlineNs);
      pages.kernel().forgetInode(content.inode, true);
    }
  }

  /** Releases what the owner has in this range; the session's end has released it too. */
  private void release(long inode, FileLock none, long deadlineNs) {
    OperationResult result = change(inode, none, deadlineNs);
    if (result instanceof OperationResult.Failed failed
        && failed.code() != ErrorCode.NO_SESSION
        && failed.code() != ErrorCode.NOT_FOUND) {
      throw new HoldfastException(failed.code(), failed.text());
    }
  }

  /** Gives back a lock that came too late. */
  void giveBack(FileHandle handle, FileLock lock) {
    releaseOrLater(
        new Release(
            handle.content.inode,
            new FileLock(
                lock.family(), LockMode.NONE, lock.first(), lock.last(), lock.owner(), 0)));
  }

  /** A process has closed the file: its record locks there are gone, by whichever handle. */
  boolean closed(FileHandle handle, long ownerNumber) {
    var owner = new HeldLocks.Owner(handle.content.inode, LockFamily.RECORD, ownerNumber);
    return releaseAll(owner);
  }

  /** The last close of a handle: what its file description had locked is released. */
  boolean released(FileHandle handle) {
    boolean isAny = false;
    for (HeldLocks.Owner owner : held.ownersBy(handle)) {
      isAny |= releaseAll(owner);
    }
    return isAny;
  }

  private boolean releaseAll(HeldLocks.Owner owner) {
    if (!held.contains(owner)) {
      return false;
    }
    releaseOrLater(new Release(owner.inode(), all(owner)));
    held.remove(owner);
    return true;
  }

  private void releaseOrLater(Release release) {
    try {
      release(release.inode(), release.lock(), waits.deadlineNs());
    } catch (HoldfastException e) {
      LOG.log(Level.WARNING, "release lock: trying again: {0}", e.getMessage());
      unreleased.add(release);
    }
  }

  /** Tries again what couldn't be released. */
  void releaseUnreleased() {
    int count = unreleased.size();
    for (int i = 0; i < count; i++) {
      Release release = unreleased.poll();
      if (release != null) {
        releaseOrLater(release);
      }
    }
  }

  /** The session is lost, and every lock with it. Loop; doesn't block. */
  void onSessionLost() {
    unreleased.clear();
    lose(held.loseAll());
  }

  private void lose(Set<FileHandle> handles) {
    for (FileHandle handle : handles) {
      FileContent content = handle.content;
      LOG.log(
          Level.WARNING,
          "lock on inode {0}: lost with the session; the file has to be opened again",
          Long.toString(content.inode));
      content.lock.lock();
      try {
        handle.loseLock();
        content.uploads.forEach(upload -> upload.cutBytes = 0);
        content.failed(
            new HoldfastException(
                ErrorCode.NO_SESSION,
                "save file: was=written under a lock that is lost, inode=" + content.inode));
      } finally {
        content.lock.unlock();
      }
      writeBack.discard(content);
    }
  }
}
