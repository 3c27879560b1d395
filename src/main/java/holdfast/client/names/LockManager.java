package holdfast.client.names;

import holdfast.client.api.LockRequest;
import holdfast.client.file.FileHandle;
import holdfast.client.file.FileStatus;
import holdfast.client.file.OpenFile;
import holdfast.client.file.OpenFileTable;
import holdfast.client.file.WritePipeline;
import holdfast.client.kernel.PageInvalidations;
import holdfast.client.pool.Deadline;
import holdfast.client.pool.Deadlines;
import holdfast.client.pool.PoolService;
import holdfast.metadata.op.Answer;
import holdfast.metadata.op.FileLock;
import holdfast.metadata.op.LockFamily;
import holdfast.metadata.op.LockMode;
import holdfast.metadata.op.Operation;
import holdfast.metadata.op.OperationResult;
import holdfast.metadata.op.Query;
import holdfast.model.ErrorCode;
import holdfast.model.HoldfastException;
import holdfast.util.WallClock;
import java.lang.System.Logger.Level;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;

/**
 * Sets and releases locks of files in the pool, under this client's session. What was written
 * before a lock is set or released is with the pool by then, and who gets a lock reads what the one
 * before wrote. With a lost session its locks are lost, and their handles fail from then on: an
 * owner that slept must not write over its successor. Any thread but the loop, except where stated.
 */
public final class LockManager {
  /** How often a lock is asked for anew because its session was lost meanwhile. */
  private static final int ROUNDS_MAX = 3;

  /** Most releases that may wait to be sent; beyond, locks are refused. */
  static final int UNRELEASED_MAX = 4_096;

  private static final System.Logger LOG = System.getLogger(LockManager.class.getName());

  private final PoolService service;
  private final OpenFileTable files;
  private final WritePipeline pipeline;
  private final PageInvalidations pages;
  private final Deadlines deadlines;
  private final WallClock wallClock;
  private final GrantedLocks granted = new GrantedLocks();

  /** Releases that the pool hasn't answered; gone with the session at the latest. */
  private final Set<Release> unreleased = ConcurrentHashMap.newKeySet();

  private static final class Release {
    final OpenFile file;
    final FileLock lock;

    /** Whether the lock was used: what was written under it is with the pool before. */
    final boolean wasGranted;

    /** Locked while it is sent to the pool. */
    final ReentrantLock sending = new ReentrantLock();

    Release(OpenFile file, FileLock lock, boolean wasGranted) {
      this.file = file;
      this.lock = lock.toRelease();
      this.wasGranted = wasGranted;
    }

    boolean isOf(GrantedLocks.Owner owner) {
      return GrantedLocks.Owner.of(file.inode(), lock).equals(owner);
    }
  }

  public LockManager(
      PoolService service,
      OpenFileTable files,
      WritePipeline pipeline,
      PageInvalidations pages,
      Deadlines deadlines,
      WallClock wallClock) {
    this.service = service;
    this.files = files;
    this.pipeline = pipeline;
    this.pages = pages;
    this.deadlines = deadlines;
    this.wallClock = wallClock;
  }

  public static FileLock lock(LockRequest request) {
    if (request.first() < 0 || request.last() < request.first()) {
      throw new HoldfastException(
          ErrorCode.INVALID,
          "lock file: expected=a range, was=" + request.first() + " to " + request.last());
    }
    LockFamily family = request.isFlock() ? LockFamily.FLOCK : LockFamily.RECORD;
    return new FileLock(
        family, request.mode(), request.first(), request.last(), request.owner(), request.pid());
  }

  /** A lock that keeps the wanted one from being set, or null. */
  public LockRequest inTheWayOrNull(long inode, LockRequest wanted) {
    var query = new Query.GetLock(inode, service.client(), lock(wanted));
    return find(query, deadlines.begin()).granted().map(found -> seen(query, found)).orElse(null);
  }

  private static LockRequest seen(Query.GetLock query, Answer.Lock.Granted found) {
    FileLock lock = found.lock();
    boolean isOurs = found.client().equals(query.client());
    return new LockRequest(
        lock.family() == LockFamily.FLOCK,
        lock.mode(),
        lock.first(),
        lock.last(),
        lock.owner(),
        isOurs ? lock.pid() : 0);
  }

  /**
   * Whether it is worth trying to set this lock: a question, where a refusal is an entry of the
   * log.
   */
  boolean isFree(FileHandle handle, FileLock wanted, Deadline deadline) {
    var query = new Query.GetLock(handle.inode(), service.client(), wanted);
    return find(query, deadline).granted().isEmpty();
  }

  private Answer.Lock find(Query.GetLock query, Deadline deadline) {
    var answered = deadlines.await(service.ask(query, deadline), deadline);
    if (!(answered.answer().orThrow() instanceof Answer.Lock answer)) {
      throw new HoldfastException(
          ErrorCode.MALFORMED, "ask for lock: expected=a lock, was=" + answered.answer());
    }
    return answer;
  }

  /** Sets or releases a lock now; LOCKED if another's is in the way. */
  public void set(FileHandle handle, FileLock lock, Deadline deadline) {
    OpenFile file = handle.file();
    var owner = GrantedLocks.Owner.of(file.inode(), lock);
    if (lock.mode() != LockMode.NONE) {
      handle.checkLock();
    } else if (!granted.contains(owner)) {
      return; // a lost lock too: a program that can't unlock thinks that it has it for ever
    }
    handle.file().endAppend(handle);
    save(file, deadline);
    if (lock.mode() == LockMode.NONE) {
      unlock(owner, lock, deadline);
    } else {
      if (unreleased.size() >= UNRELEASED_MAX) {
        throw new HoldfastException(
            ErrorCode.NO_LOCKS,
            "lock file: expected="
                + UNRELEASED_MAX
                + " releases at most that the pool doesn't know, was=more; does it answer?");
      }
      sendUnreleased(owner, deadline);
      acquire(handle, owner, lock, deadline);
    }
  }

  private void unlock(GrantedLocks.Owner owner, FileLock none, Deadline deadline) {
    long since = granted.losses();
    Set<FileHandle> handles = granted.remove(owner, none);
    try {
      release(owner.inode(), none, deadline);
    } catch (HoldfastException e) {
      if (!handles.isEmpty()) {
        granted.add(owner, handles, none, since);
      }
      throw e;
    }
  }

  /** An owner's unsent releases come before its next lock, which they would release otherwise. */
  private void sendUnreleased(GrantedLocks.Owner owner, Deadline deadline) {
    for (Release release : unreleased) {
      if (release.isOf(owner)) {
        send(release, deadline);
      }
    }
  }

  /** Waits for a thread that is sending it already. */
  private void send(Release release, Deadline deadline) {
    try {
      if (!release.sending.tryLock(deadline.leftNs(), TimeUnit.NANOSECONDS)) {
        throw new HoldfastException(
            ErrorCode.TIMED_OUT,
            "lock file: expected=an earlier lock released by the deadline, was=not yet");
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new HoldfastException(ErrorCode.SHUTTING_DOWN, "lock file: interrupted", e);
    }
    try {
      if (unreleased.contains(release)) {
        if (release.wasGranted) {
          save(release.file, deadline);
        }
        release(release.file.inode(), release.lock, deadline);
        unreleased.remove(release);
      }
    } finally {
      release.sending.unlock();
    }
  }

  private void save(OpenFile file, Deadline deadline) {
    if (file.status().isUnsaved()) {
      pipeline.flush(file, false, deadline);
    }
  }

  private void acquire(
      FileHandle handle, GrantedLocks.Owner owner, FileLock lock, Deadline deadline) {
    for (int round = 0; round < ROUNDS_MAX; round++) {
      long since = granted.losses();
      OperationResult result;
      try {
        result = change(owner.inode(), lock, deadline);
      } catch (HoldfastException e) {
        releaseIndeterminate(handle.file(), owner, lock);
        throw e;
      }
      switch (result) {
        case OperationResult.Done done -> {
          if (granted.add(owner, Set.of(handle), lock, since)) {
            refreshOrReturn(handle, lock, done.attributes().version(), deadline);
            return;
          }
        }
        case OperationResult.Failed failed -> {
          if (failed.code() != ErrorCode.NO_SESSION) {
            refused(owner, failed, deadline);
          }
        }
      }
      handle.checkLock();
    }
    throw new HoldfastException(
        ErrorCode.NO_SESSION, "lock file: expected=a session that lasts, was=lost, " + owner);
  }

  private OperationResult change(long inode, FileLock lock, Deadline deadline) {
    var operation = new Operation.SetLock(inode, lock, wallClock.nowNs());
    return deadlines.await(service.change(operation, null, false, deadline), deadline);
  }

  /** As flock(2) has it, a lock that can't be converted is gone. */
  private void refused(GrantedLocks.Owner owner, OperationResult.Failed why, Deadline deadline) {
    boolean isConversion = owner.family() == LockFamily.FLOCK && granted.contains(owner);
    if (isConversion && why.code() == ErrorCode.LOCKED) {
      unlock(owner, all(owner), deadline);
    }
    throw new HoldfastException(why.code(), why.text());
  }

  private static FileLock all(GrantedLocks.Owner owner) {
    return FileLock.whole(owner.family(), LockMode.NONE, owner.number(), 0);
  }

  /** Without an answer it may be set: it is released, and what the owner had besides is lost. */
  private void releaseIndeterminate(OpenFile file, GrantedLocks.Owner owner, FileLock lock) {
    Set<FileHandle> before = granted.remove(owner, all(owner));
    if (before.isEmpty()) {
      unreleased.add(new Release(file, lock, false));
    } else {
      lose(before);
      unreleased.add(new Release(file, all(owner), false));
    }
  }

  private void refreshOrReturn(FileHandle handle, FileLock lock, long version, Deadline deadline) {
    try {
      refresh(handle.file(), version, deadline);
    } catch (HoldfastException e) {
      returnLock(handle, lock);
      throw e;
    }
  }

  /** What is known of the file is at least what it was when the lock was set. */
  private void refresh(OpenFile file, long version, Deadline deadline) {
    FileStatus status = file.status();
    boolean isNewest = status.isAtLeast(version) && !status.isIndeterminate();
    if (isNewest && !status.hasStalePages() && !pages.isStale(file.inode())) {
      return;
    }
    files.reload(file, deadline);
    while (!file.status().isAtLeast(version)) {
      checkDeadline(file, deadline);
      // A program here has written since: a commit lays that over the newer version.
      pipeline.flush(file, false, deadline);
      files.reload(file, deadline);
    }
    pages.drop(file.inode(), true);
  }

  private void checkDeadline(OpenFile file, Deadline deadline) {
    if (deadline.isOver()) {
      throw new HoldfastException(
          ErrorCode.TIMED_OUT,
          "lock file: expected=its newest version by the deadline, was=older, inode="
              + file.inode());
    }
  }

  /** Releases what the owner has in this range; the session's end has released it too. */
  private void release(long inode, FileLock none, Deadline deadline) {
    OperationResult result = change(inode, none, deadline);
    if (result instanceof OperationResult.Failed failed
        && failed.code() != ErrorCode.NO_SESSION
        && failed.code() != ErrorCode.NOT_FOUND) {
      throw new HoldfastException(failed.code(), failed.text());
    }
  }

  /** Releases a lock whose grant came too late. */
  void returnLock(FileHandle handle, FileLock lock) {
    granted.remove(GrantedLocks.Owner.of(handle.inode(), lock), lock);
    releaseOrLater(new Release(handle.file(), lock, false));
  }

  /** Whether the owner of this lock may have locks of the file. */
  boolean hasLocks(FileHandle handle, FileLock lock) {
    return granted.contains(GrantedLocks.Owner.of(handle.inode(), lock));
  }

  /** A process has closed the file: its record locks there are gone, by whichever handle. */
  public boolean closed(FileHandle handle, long ownerNumber) {
    var owner = new GrantedLocks.Owner(handle.inode(), LockFamily.RECORD, ownerNumber);
    return releaseAll(handle.file(), owner);
  }

  /** The last close of a handle: what its file description had locked is released. */
  boolean released(FileHandle handle) {
    boolean isAny = false;
    for (GrantedLocks.Owner owner : granted.ownersBy(handle)) {
      isAny |= releaseAll(handle.file(), owner);
    }
    return isAny;
  }

  /**
   * As {@link #released}, but the release is sent later, or the session ends first. Never waits.
   */
  void abandoned(FileHandle handle) {
    for (GrantedLocks.Owner owner : granted.ownersBy(handle)) {
      unreleased.add(new Release(handle.file(), all(owner), false));
      granted.remove(owner, all(owner));
    }
  }

  private boolean releaseAll(OpenFile file, GrantedLocks.Owner owner) {
    if (!granted.contains(owner)) {
      return false;
    }
    var release = new Release(file, all(owner), true);
    // Before it leaves the granted ones: a lost session finds it here or there.
    unreleased.add(release);
    granted.remove(owner, all(owner));
    trySend(release);
    return true;
  }

  private void releaseOrLater(Release release) {
    unreleased.add(release);
    trySend(release);
  }

  private void trySend(Release release) {
    try {
      send(release, deadlines.begin());
    } catch (HoldfastException e) {
      LOG.log(Level.WARNING, "release lock: trying again: {0}", e.getMessage());
    }
  }

  /** Tries again what couldn't be released. Blocks; one thread. */
  void releaseUnreleased() {
    unreleased.forEach(this::trySend);
  }

  /** The session is lost, and every lock with it. Loop; doesn't block. */
  public void onSessionLost() {
    for (Release release : unreleased) {
      if (release.wasGranted) {
        revert(release.file);
      }
    }
    unreleased.clear();
    lose(granted.loseAll());
  }

  private void lose(Set<FileHandle> handles) {
    for (FileHandle handle : handles) {
      OpenFile file = handle.file();
      LOG.log(
          Level.WARNING,
          "lock on inode {0}: lost with the session; the file has to be opened again",
          Long.toString(file.inode()));
      handle.loseLock();
      revert(file);
    }
  }

  /** What was written under a lock that is lost isn't committed any more. */
  private void revert(OpenFile file) {
    pipeline.revert(
        file,
        new HoldfastException(
            ErrorCode.NO_SESSION,
            "save file: was=written under a lock that is lost, inode=" + file.inode()));
  }
}
