package holdfast.storage;

import holdfast.model.ErrorCode;
import holdfast.model.StorageException;
import holdfast.util.Invariants;
import java.util.concurrent.locks.ReentrantLock;

/**
 * A peer's directory, held by one process: its format, how the last run on it ended, and the peer's
 * incarnation, which goes up whenever something acknowledged may have been lost.
 *
 * <p>Order at start: open this, then {@link LogStore} (with this as its {@link LossListener}),
 * {@link SnapshotStore} and {@link ChunkStore}; only then is {@link #incarnation} the one to use.
 * At the end: force and close the stores, then {@link #closeCleanly}. Safe on several threads.
 */
public final class StorageDirectory implements LossListener, AutoCloseable {
  static final String LOCK_FILE = "lock";
  static final String FORMAT_FILE = "format";
  static final String INCARNATION_FILE = "incarnation";
  static final String RUN_FILE = "run";

  private static final System.Logger LOG = System.getLogger(StorageDirectory.class.getName());

  private final Disk disk;
  private final DiskLock directoryLock;
  private final String bootId;
  private final byte[] directoryId;
  private final OpenedAfter openedAfter;

  /** Guards what follows, and the files. */
  private final ReentrantLock lock = new ReentrantLock();

  private long incarnation;
  private boolean isLossUnrecorded;
  private boolean isClosed;

  private StorageDirectory(
      Disk disk,
      DiskLock directoryLock,
      String bootId,
      byte[] directoryId,
      OpenedAfter openedAfter,
      long incarnation) {
    this.disk = disk;
    this.directoryLock = directoryLock;
    this.bootId = bootId;
    this.directoryId = directoryId;
    this.openedAfter = openedAfter;
    this.incarnation = incarnation;
  }

  /**
   * Locks and opens the directory, creating its files if it is new, and notes that a run has begun:
   * durable when this returns. After a system crash the incarnation is already the next one.
   *
   * @param bootId the machine's boot id, 1 to 36 ASCII characters, another after every boot
   * @param newDirectoryId 16 random bytes, used if the directory is new
   * @param holder who opens it, for the message another process gets: {@code pid N}
   * @throws StorageException BUSY if another peer has it; UNSUPPORTED if its version is too new or
   *     too old; STORE_FAILED if it is corrupt or the disk fails; NO_SPACE
   */
  public static StorageDirectory open(
      Disk disk, String bootId, byte[] newDirectoryId, String holder) {
    Invariants.check(
        !bootId.isEmpty() && bootId.length() <= DirectoryFormat.BOOT_ID_BYTES,
        "boot id has 1 to 36 characters, was=%s",
        bootId);
    Invariants.check(
        newDirectoryId.length == DirectoryFormat.DIRECTORY_ID_BYTES,
        "directory id has 16 bytes, was=%s",
        newDirectoryId.length);
    DiskLock held = disk.lock(LOCK_FILE, holder);
    boolean isOpened = false;
    try {
      var directory =
          disk.exists(FORMAT_FILE)
              ? reopen(disk, held, bootId)
              : create(disk, held, bootId, newDirectoryId);
      isOpened = true;
      return directory;
    } finally {
      if (!isOpened) {
        held.close();
      }
    }
  }

  private static StorageDirectory create(
      Disk disk, DiskLock held, String bootId, byte[] directoryId) {
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
    writeRun(disk, false, bootId);
    SmallFile.replace(disk, FORMAT_FILE, DirectoryFormat.format(directoryId));
    return new StorageDirectory(disk, held, bootId, directoryId.clone(), OpenedAfter.FRESH, 1);
  }

  private static StorageDirectory reopen(Disk disk, DiskLock held, String bootId) {
    byte[] directoryId =
        DirectoryFormat.readFormat(
            SmallFile.read(disk, FORMAT_FILE).orElseThrow(), disk.path(FORMAT_FILE));
    deleteTemporary(disk);
    long incarnation =
        DirectoryFormat.readIncarnation(
            SmallFile.read(disk, INCARNATION_FILE).orElse(new byte[0]),
            disk.path(INCARNATION_FILE));
    OpenedAfter openedAfter = lastEnd(disk, bootId);
    if (openedAfter == OpenedAfter.SYSTEM_CRASH) {
      // Before the run file: were it rewritten first, a crash here would hide the loss.
      incarnation++;
      SmallFile.replace(disk, INCARNATION_FILE, DirectoryFormat.incarnation(incarnation));
    }
    writeRun(disk, false, bootId);
    return new StorageDirectory(disk, held, bootId, directoryId, openedAfter, incarnation);
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

  /** The peer's incarnation, from 1; durable. */
  public long incarnation() {
    lock.lock();
    try {
      return incarnation;
    } finally {
      lock.unlock();
    }
  }

  /** Makes the next incarnation durable, or if that fails too, the next start a new one. */
  @Override
  public void lost(String why) {
    lock.lock();
    try {
      LOG.log(System.Logger.Level.ERROR, "log may have lost entries: " + why);
      SmallFile.replace(disk, INCARNATION_FILE, DirectoryFormat.incarnation(incarnation + 1));
      incarnation++;
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
        writeRun(disk, true, bootId);
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
