package holdfast.storage;

import holdfast.consensus.Recovery;
import holdfast.model.ErrorCode;
import holdfast.model.StorageException;
import holdfast.util.ByteWriter;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.LongSupplier;

/**
 * A peer's directory, held by one process: its format, how the last run on it ended, and the mark
 * that something which was vouched for may be missing.
 *
 * <p>Order at start: open this, then {@link LogStore} (with this as its {@link LossListener}),
 * {@link SnapshotStore} and {@link ChunkStore}; only then is {@link #recovery} the one to use. At
 * the end: force and close the stores, then {@link #closeCleanly}. Safe on several threads.
 */
public final class StorageDirectory implements LossListener, AutoCloseable {
  static final String LOCK_FILE = "lock";
  static final String FORMAT_FILE = "format";
  static final String INCARNATION_FILE = "incarnation";
  static final String RUN_FILE = "run";
  static final String RECOVERY_FILE = "recovery";

  private static final System.Logger LOG = System.getLogger(StorageDirectory.class.getName());

  private final Disk disk;
  private final DiskLock directoryLock;
  private final Machine machine;
  private final LongSupplier random;
  private final byte[] directoryId;
  private final OpenedAfter openedAfter;

  /** Guards what follows, and the files. */
  private final ReentrantLock lock = new ReentrantLock();

  private Recovery recovery;
  private boolean isLossUnrecorded;
  private boolean isClosed;

  private StorageDirectory(
      Disk disk,
      DiskLock directoryLock,
      Machine machine,
      LongSupplier random,
      byte[] directoryId,
      OpenedAfter openedAfter,
      Recovery recovery) {
    this.disk = disk;
    this.directoryLock = directoryLock;
    this.machine = machine;
    this.random = random;
    this.directoryId = directoryId;
    this.openedAfter = openedAfter;
    this.recovery = recovery;
  }

  /**
   * Locks and opens the directory, creating its files if it is new, and notes that a run has begun:
   * durable when this returns. After a system crash the mark is set already.
   *
   * @param holder who opens it, for the message another process gets: {@code pid N}
   * @param random names directories and losses; nobody else may guess the numbers
   * @throws StorageException BUSY if another peer has it; UNSUPPORTED if its version is too new or
   *     too old; STORE_FAILED if it is corrupt or the disk fails; NO_SPACE
   */
  public static StorageDirectory open(
      Disk disk, Machine machine, String holder, LongSupplier random) {
    DiskLock held = disk.lock(LOCK_FILE, holder);
    boolean isOpened = false;
    try {
      var directory =
          disk.exists(FORMAT_FILE)
              ? reopen(disk, held, machine, random)
              : create(disk, held, machine, random);
      isOpened = true;
      return directory;
    } finally {
      if (!isOpened) {
        held.close();
      }
    }
  }

  private static StorageDirectory create(
      Disk disk, DiskLock held, Machine machine, LongSupplier random) {
    for (String name : disk.list()) {
      if (ChunkFormat.isSegmentName(name)
          || LogFormat.isLogName(name)
          || SnapshotFormat.isSnapshotName(name)) {
        throw new StorageException(
            ErrorCode.STORE_FAILED,
            "open storage directory: expected=a format file beside "
                + name
                + ", was=corrupt (none), path="
                + disk.path(FORMAT_FILE)
                + "; give the peer an empty directory: its data is on the others");
      }
    }
    deleteTemporary(disk);
    // The format file comes last: without it the next start begins here again.
    SmallFile.replace(disk, INCARNATION_FILE, DirectoryFormat.incarnation(1));
    writeRun(disk, false, machine.bootId());
    byte[] directoryId =
        new ByteWriter(DirectoryFormat.DIRECTORY_ID_BYTES)
            .u64(random.getAsLong())
            .u64(random.getAsLong())
            .toBytes();
    SmallFile.replace(disk, FORMAT_FILE, DirectoryFormat.format(directoryId));
    return new StorageDirectory(
        disk, held, machine, random, directoryId, OpenedAfter.FRESH, Recovery.NONE);
  }

  private static StorageDirectory reopen(
      Disk disk, DiskLock held, Machine machine, LongSupplier random) {
    byte[] directoryId =
        DirectoryFormat.readFormat(
            SmallFile.read(disk, FORMAT_FILE).orElseThrow(), disk.path(FORMAT_FILE));
    deleteTemporary(disk);
    OpenedAfter openedAfter = lastEnd(disk, machine.bootId());
    Recovery recovery = recovery(disk);
    if (openedAfter == OpenedAfter.SYSTEM_CRASH) {
      // Before the run file: were it rewritten first, a crash here would hide the loss.
      recovery = worse(recovery, Recovery.Cause.POWER_CUT, false, random);
      mark(disk, recovery, "the machine went down, or nobody knows how the last run ended");
    }
    writeRun(disk, false, machine.bootId());
    return new StorageDirectory(disk, held, machine, random, directoryId, openedAfter, recovery);
  }

  private static Recovery recovery(Disk disk) {
    byte[] bytes = SmallFile.read(disk, RECOVERY_FILE).orElse(new byte[0]);
    return DirectoryFormat.isRecovery(bytes)
        ? DirectoryFormat.readRecovery(bytes, disk.path(RECOVERY_FILE)).recovery()
        : Recovery.NONE;
  }

  /** A loss on top of what was lost before, under a new nonce. */
  private static Recovery worse(
      Recovery before, Recovery.Cause cause, boolean isVoteLost, LongSupplier random) {
    long nonce = random.getAsLong();
    while (nonce == 0 || nonce == before.nonce()) {
      nonce = random.getAsLong();
    }
    return new Recovery(nonce, cause, isVoteLost).and(before.cause(), before.isVoteLost());
  }

  private static void mark(Disk disk, Recovery recovery, String reason) {
    SmallFile.replace(
        disk, RECOVERY_FILE, DirectoryFormat.recovery(new DirectoryFormat.Mark(recovery, reason)));
  }

  private static OpenedAfter lastEnd(Disk disk, String bootId) {
    byte[] bytes = SmallFile.read(disk, RUN_FILE).orElse(new byte[0]);
    if (!DirectoryFormat.isRun(bytes)) {
      return OpenedAfter.SYSTEM_CRASH;
    }
    var run = DirectoryFormat.readRun(bytes, disk.path(RUN_FILE));
    if (run.isClean()) {
      return OpenedAfter.CLEAN;
    }
    return run.bootId().equals(bootId) ? OpenedAfter.PROCESS_CRASH : OpenedAfter.SYSTEM_CRASH;
  }

  private static void writeRun(Disk disk, boolean isClean, String bootId) {
    SmallFile.replace(
        disk, RUN_FILE, DirectoryFormat.run(new DirectoryFormat.Run(isClean, bootId)));
  }

  private static void deleteTemporary(Disk disk) {
    for (String name : disk.list()) {
      if (name.endsWith(SmallFile.TEMPORARY_SUFFIX)) {
        disk.delete(name);
      }
    }
  }

  /** The disk it is on. */
  public Disk disk() {
    return disk;
  }

  /** How the last run ended. */
  public OpenedAfter openedAfter() {
    return openedAfter;
  }

  /** The 16 random bytes this directory got when it was made. */
  public byte[] directoryId() {
    return directoryId.clone();
  }

  /** Whether chunks, a log or snapshots are here: they belong to the peer that wrote them. */
  public boolean holdsData() {
    return disk.list().stream()
        .anyMatch(
            name ->
                ChunkFormat.isSegmentName(name)
                    || LogFormat.isLogName(name)
                    || SnapshotFormat.isSnapshotName(name));
  }

  /** The peer's incarnation. */
  public long incarnation() {
    return DirectoryFormat.readIncarnation(
        SmallFile.read(disk, INCARNATION_FILE).orElse(new byte[0]), disk.path(INCARNATION_FILE));
  }

  /** Whether something may be missing; durable. */
  public Recovery recovery() {
    lock.lock();
    try {
      return recovery;
    } finally {
      lock.unlock();
    }
  }

  /** Clears the mark, durably, if it still has this nonce. Blocks on the disk. */
  public void recovered(long nonce) {
    lock.lock();
    try {
      if (recovery.isNeeded() && recovery.nonce() == nonce) {
        disk.delete(RECOVERY_FILE);
        disk.forceDirectory();
        recovery = Recovery.NONE;
      }
    } finally {
      lock.unlock();
    }
  }

  /** Makes the mark durable, or if that fails too, the next start set it. */
  @Override
  public void lost(Recovery.Cause cause, boolean isVoteLost, String why) {
    lock.lock();
    try {
      LOG.log(System.Logger.Level.ERROR, "log may have lost entries: " + why);
      recovery = worse(recovery, cause, isVoteLost, random);
      mark(disk, recovery, why);
    } catch (StorageException e) {
      isLossUnrecorded = true;
      LOG.log(System.Logger.Level.ERROR, "record loss: was=" + e.getMessage());
      forgetRun();
    } finally {
      lock.unlock();
    }
  }

  private void forgetRun() {
    try {
      disk.delete(RUN_FILE);
      disk.forceDirectory();
    } catch (StorageException e) {
      LOG.log(System.Logger.Level.ERROR, "record loss: was=" + e.getMessage());
    }
  }

  /**
   * Notes that the run ended cleanly, durably, and lets the directory go. Only after all stores
   * were forced and closed. Does as {@link #close} if a loss could not be recorded.
   */
  public void closeCleanly() {
    lock.lock();
    try {
      if (!isClosed && !isLossUnrecorded) {
        writeRun(disk, true, machine.bootId());
      }
    } finally {
      lock.unlock();
      close();
    }
  }

  /** Lets the directory go as if the process had died. A second call does nothing. */
  @Override
  public void close() {
    lock.lock();
    try {
      isClosed = true;
      directoryLock.close();
    } finally {
      lock.unlock();
    }
  }
}
