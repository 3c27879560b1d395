package holdfast.client.fuse;

import holdfast.client.api.PoolFileSystem;
import holdfast.client.fuse.binding.LibFuse;
import holdfast.model.ErrorCode;
import holdfast.model.HoldfastException;
import holdfast.util.MonotonicClock;
import holdfast.util.NamedThreads;
import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;
import jnr.ffi.LibraryLoader;

/**
 * The life of one mounted file system, from mount to unmount. Made by {@link #mount}; ends when it
 * is unmounted (this object's {@link #unmount}, {@code holdfast umount}, fusermount). Never closes
 * the file system, and registers no shutdown hook: the order of the end is the application's. Safe
 * on every thread.
 */
public final class FuseMount {
  private static final Logger LOG = System.getLogger("holdfast.client.fuse");
  private static final String LIBRARY = "libfuse.so.2";
  private static final String SUBTYPE = "holdfast";
  private static final Duration READY_TIMEOUT = Duration.ofSeconds(10);

  /** What an ended mount's last calls get beyond their deadline. */
  private static final Duration DRAIN_MARGIN = Duration.ofSeconds(1);

  /**
   * A mount that is out of this process's tree for so long and hasn't ended is in another one's,
   * such as a container's that was started meanwhile.
   */
  private static final Duration ELSEWHERE_AFTER = Duration.ofSeconds(3);

  private static final long LOOK_EVERY_MS = 5;

  // struct fuse_args { int argc; char **argv; int allocated; }
  private static final int ARGUMENTS_BYTES = 24;
  private static final int ARGUMENTS_VECTOR = 8;

  private static final class Library {
    private static final LibFuse FUSE =
        LibraryLoader.create(LibFuse.class).failImmediately().load(LIBRARY);
  }

  private final Path mountPoint;
  private final MountOptions options;
  private final Operations operations;
  private final FuseSession session;
  private final LookupCounts counts;
  private final Unmount unmount;
  private final PageWriteback pages;
  private final ReentrantLock unmounting = new ReentrantLock();
  private final PoolFileSystem files;
  private final MonotonicClock clock;

  private FuseMount(
      Path mountPoint,
      MountOptions options,
      PoolFileSystem files,
      Operations operations,
      FuseSession session,
      LookupCounts counts,
      Unmount unmount,
      MonotonicClock clock) {
    this.mountPoint = mountPoint;
    this.options = options;
    this.files = files;
    this.operations = operations;
    this.session = session;
    this.counts = counts;
    this.unmount = unmount;
    this.clock = clock;
    pages = new PageWriteback(operations.files().pageWrites(), clock, options.deadline());
  }

  /**
   * Looks whether one can mount here, and changes nothing.
   *
   * @throws HoldfastException as {@link #mount} would, but for what only the kernel can refuse
   */
  public static void check(Path mountPoint, NamedThreads threads, MonotonicClock clock) {
    new MountPoints(threads, new Unmount(clock)).check(mountPoint);
    library();
  }

  /**
   * Mounts, and returns when the kernel and libfuse have agreed: programs' calls are answered from
   * then on. A stale mount at this place is cleared first.
   *
   * @throws HoldfastException with one line for the user: the directory is missing, none, not empty
   *     or mounted already; FUSE or libfuse is missing; it isn't permitted
   */
  public static FuseMount mount(
      PoolFileSystem files,
      Path mountPoint,
      MountOptions options,
      NamedThreads threads,
      MonotonicClock clock) {
    var unmount = new Unmount(clock);
    Path place = new MountPoints(threads, unmount).prepare(mountPoint);
    LibFuse library = library();
    var layouts = new StructLayouts(shownOwner());
    var counts = new LookupCounts();
    boolean opensDirectories = !KernelVersion.opensNoDirectories();
    var operations = new Operations(library, files, layouts, counts, clock, opensDirectories);
    var ready = new CountDownLatch(1);
    var table = new OperationTable(operations, ready::countDown);
    var session = open(library, layouts, threads, table, operations.abandoned(), place, options);
    var mount = new FuseMount(place, options, files, operations, session, counts, unmount, clock);
    session.start();
    threads.startPlatform(
        "fuse-watchdog",
        new Watchdog(session, operations.abandoned(), files::movedNs, clock, options.deadline()));
    mount.awaitReady(ready);
    files.attach(session.notifier());
    return mount;
  }

  /** Where it is mounted: absolute, links resolved. */
  public Path mountPoint() {
    return mountPoint;
  }

  /**
   * Returns when the mount has ended and no callback runs any more, so that the file system can be
   * closed. Calls that hang are waited for no longer than their deadline.
   */
  public void awaitUnmounted() throws InterruptedException {
    session.ended().await();
    awaitDrained();
  }

  /** Whether it has ended. */
  public boolean isUnmounted() {
    return session.ended().getCount() == 0;
  }

  /**
   * Unmounts and returns when it is gone from the mount table and no callback runs any more. Where
   * files are open, or it is in other mount namespaces too, it is detached from the tree
   * nevertheless: who has it there gets ENOTCONN from then on. What was written before, and stored
   * into mapped files, is with the file system, which writes it out when it is closed. Does nothing
   * if it has ended. Blocks for 30 s and two deadlines at most, and for as long as mapped files are
   * written back.
   */
  public void unmount() {
    unmounting.lock();
    try {
      if (!isUnmounted()) {
        unmountOrDetach();
      }
      awaitDrained();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new HoldfastException(
          ErrorCode.SHUTTING_DOWN, "unmount " + mountPoint + ": interrupted", e);
    } finally {
      unmounting.unlock();
    }
  }

  private void unmountOrDetach() throws InterruptedException {
    try {
      unmount.unmount(mountPoint);
    } catch (HoldfastException e) {
      if (isUnmounted()) {
        return; // another thread was faster
      }
      if (e.code() != ErrorCode.NOT_FOUND) {
        LOG.log(Level.WARNING, "{0}; detaching it", e.getMessage());
        writeBack(true);
        operations.stop();
        unmount.detach(mountPoint);
        leave();
        return;
      }
    }
    if (!session.ended().await(ELSEWHERE_AFTER.toMillis(), TimeUnit.MILLISECONDS)) {
      LOG.log(
          Level.INFO,
          "unmount {0}: still in use where it was detached, or in another mount namespace (a"
              + " container?), where it ends too",
          mountPoint);
      writeBack(false);
      leave();
    }
  }

  /** While requests are answered still. */
  private void writeBack(boolean isInTree) throws InterruptedException {
    if (options.readOnly()) {
      return;
    }
    if (isInTree) {
      pages.ofMount(mountPoint);
    } else {
      pages.ofDetached(mountPoint);
    }
  }

  /** Threads that wait for the kernel stay until it has let go of the last file. */
  private void leave() {
    operations.stop();
    session.ended().countDown();
  }

  /**
   * Waits until no callback is in the file system, for as long as any of them moves: all threads
   * have ended, or (detached, with files still open) none works and none will.
   */
  private void awaitDrained() throws InterruptedException {
    long silenceNs = options.deadline().plus(DRAIN_MARGIN).toNanos();
    long startNs = clock.nowNs();
    while (session.drained().getCount() > 0 && (session.isBusy() || !operations.isStopped())) {
      if (clock.nowNs() - Math.max(startNs, movedNs()) >= silenceNs) {
        LOG.log(Level.WARNING, "unmount {0}: expected=calls finished, was=some hang", mountPoint);
        operations.stop();
        return;
      }
      session.drained().await(LOOK_EVERY_MS, TimeUnit.MILLISECONDS);
    }
  }

  /** When a call that is in the file system has moved last. */
  private long movedNs() {
    long movedNs = Long.MIN_VALUE / 2;
    for (Worker worker : session.workers()) {
      if (worker.current != null) {
        movedNs = Math.max(movedNs, files.movedNs(worker.thread));
      }
    }
    return movedNs;
  }

  private void awaitReady(CountDownLatch ready) {
    try {
      if (ready.await(READY_TIMEOUT.toMillis(), TimeUnit.MILLISECONDS)) {
        return;
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    unmount();
    throw new HoldfastException(
        ErrorCode.TIMED_OUT,
        "mount "
            + mountPoint
            + ": expected=the kernel's greeting within "
            + READY_TIMEOUT.toSeconds()
            + " s, was=none");
  }

  /** Inodes the kernel knows, for tests and figures. */
  int knownInodeCount() {
    return counts.size();
  }

  /** Threads of the request loop, for tests and figures. */
  int threadCount() {
    return session.threadCount();
  }

  private static LibFuse library() {
    try {
      return Library.FUSE;
    } catch (LinkageError e) {
      throw new HoldfastException(
          ErrorCode.UNSUPPORTED,
          "mount: expected=the library "
              + LIBRARY
              + ", was=missing; apt-get install libfuse2 fuse3",
          e);
    }
  }

  /** Root sees owners as stored; for anyone else all belongs to whoever mounted. */
  private static StructLayouts.Owner shownOwner() {
    return LibC.effectiveUser() == 0
        ? null
        : new StructLayouts.Owner(LibC.effectiveUser(), LibC.effectiveGroup());
  }

  private static FuseSession open(
      LibFuse library,
      StructLayouts layouts,
      NamedThreads threads,
      OperationTable table,
      AbandonedCalls abandoned,
      Path place,
      MountOptions options) {
    var owned = new ArrayList<Long>();
    long arguments = arguments(options, owned);
    long path = NativeMemory.allocatePath(place.toString());
    owned.add(path);
    long channel = 0;
    long session = 0;
    try {
      channel = library.fuse_mount(path, arguments);
      if (channel == 0) {
        throw refused(place, options);
      }
      session = library.fuse_lowlevel_new(arguments, table.address(), OperationTable.BYTES, 0);
      if (session == 0) {
        throw new HoldfastException(
            ErrorCode.INTERNAL, "mount " + place + ": expected=a session, was=options refused");
      }
      library.fuse_session_add_chan(session, channel);
      return new FuseSession(library, layouts, threads, table, abandoned, session, channel);
    } finally {
      if (channel != 0 && session == 0) {
        library.fuse_unmount(path, channel);
      }
      if (session == 0) {
        table.free();
      }
      library.fuse_opt_free_args(arguments);
      owned.forEach(NativeMemory::free);
    }
  }

  private static HoldfastException refused(Path place, MountOptions options) {
    String hint =
        Unmount.isRoot()
            ? "; is this a container without the right to mount?"
            : options.allowOther()
                ? "; needs root, or user_allow_other in /etc/fuse.conf"
                : "; needs fusermount: apt-get install fuse3";
    return new HoldfastException(
        ErrorCode.NOT_PERMITTED,
        "mount " + place + ": expected=the right to mount, was=refused (see above)" + hint);
  }

  /** A struct fuse_args; every address to free afterwards goes into {@code owned}. */
  private static long arguments(MountOptions options, List<Long> owned) {
    var list = new ArrayList<String>();
    list.add("fsname=" + options.source());
    list.add("subtype=" + SUBTYPE);
    list.add("nosuid");
    list.add("nodev");
    list.add("default_permissions");
    list.add("big_writes");
    list.add("async_read");
    list.add("max_read=" + PoolFileSystem.TRANSFER_BYTES_MAX);
    list.add("max_write=" + PoolFileSystem.TRANSFER_BYTES_MAX);
    list.add("max_readahead=" + PoolFileSystem.TRANSFER_BYTES_MAX);
    list.add(options.readOnly() ? "ro" : "rw");
    if (options.allowOther()) {
      list.add("allow_other");
    }
    var vector = List.of(SUBTYPE, "-o", String.join(",", list));
    long pointers = NativeMemory.allocate((long) Long.BYTES * (vector.size() + 1));
    owned.add(pointers);
    for (int i = 0; i < vector.size(); i++) {
      long text = NativeMemory.allocatePath(vector.get(i));
      owned.add(text);
      NativeMemory.putLong(pointers + (long) Long.BYTES * i, text);
    }
    long arguments = NativeMemory.allocate(ARGUMENTS_BYTES);
    owned.add(arguments);
    NativeMemory.putInt(arguments, vector.size());
    NativeMemory.putLong(arguments + ARGUMENTS_VECTOR, pointers);
    return arguments;
  }
}
