package holdfast.storage;

import holdfast.consensus.Recovery;
import holdfast.model.ChunkLoss;
import holdfast.model.StorageException;
import holdfast.port.OperationLog;
import holdfast.util.Invariants;
import java.util.Optional;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.LongSupplier;

/**
 * A peer's directory, held by one process: its format, how the last run on it ended, and the mark
 * that something which was vouched for may be missing, of the log, the vote or the chunks.
 *
 * <p>Order at start: open this, then {@link ChunkStore}, then {@link LogStore} (with this as its
 * {@link LossListener}) and {@link SnapshotStore}, then {@link #begin}; only then are {@link
 * #recovery} and {@link #chunkLoss} the ones to use. At the end: force and close the stores, then
 * {@link #closeCleanly}. Safe on several threads.
 */
public final class StorageDirectory implements LossListener, AutoCloseable {
  static final String LOCK_FILE = "lock";

  private static final System.Logger LOG = System.getLogger(StorageDirectory.class.getName());

  private final Disk disk;
  private final DiskLock directoryLock;
  private final OpenedAfter openedAfter;

  /** Guards what follows, and the files. */
  private final ReentrantLock lock = new ReentrantLock();

  private final DirectoryFiles files;
  private volatile DirectoryFormat.Mark mark; // written under the lock
  private Optional<DirectoryFormat.LogEnd> logEnd = Optional.empty();
  private boolean hasBegun;
  private boolean isLossUnrecorded;
  private boolean isClosed;

  private StorageDirectory(
      Disk disk,
      DiskLock directoryLock,
      DirectoryFiles files,
      OpenedAfter openedAfter,
      DirectoryFormat.Mark mark) {
    this.disk = disk;
    this.directoryLock = directoryLock;
    this.files = files;
    this.openedAfter = openedAfter;
    this.mark = mark;
    hasBegun = openedAfter == OpenedAfter.FRESH;
  }

  /**
   * Locks and opens the directory, creating its files if it is new: durable when this returns.
   * After a system crash the mark is set already. A small file of which one copy is damaged is
   * written anew. How the last run ended stays written there until {@link #begin}.
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
      var files = new DirectoryFiles(disk, machine, random);
      boolean isNew = files.format().isEmpty() && !files.hasData() && !files.hasKey();
      var directory = isNew ? create(disk, held, files) : reopen(disk, held, files);
      isOpened = true;
      return directory;
    } finally {
      if (!isOpened) {
        held.close();
      }
    }
  }

  private static StorageDirectory create(Disk disk, DiskLock held, DirectoryFiles files) {
    files.deleteTemporary();
    // The format file comes last: without it the next start begins here again.
    files.writeRun(false, Optional.empty());
    files.writeFormat(false);
    return new StorageDirectory(disk, held, files, OpenedAfter.FRESH, DirectoryFormat.Mark.NONE);
  }

  private static StorageDirectory reopen(Disk disk, DiskLock held, DirectoryFiles files) {
    boolean isFormatLost = files.format().isEmpty();
    boolean isEmptied = isFormatLost && !files.hasData();
    if (isFormatLost && !isEmptied) {
      files.requireReadable();
    }
    files.deleteTemporary();
    OpenedAfter openedAfter = files.lastEnd();
    DirectoryFormat.Mark mark = files.mark();
    // Marks come before the files whose state they are for: else a crash here would hide the loss.
    // What is lost of the chunks is named by what came first: this is an older folder, or an empty
    // one, before its machine is started again.
    Optional<String> copied = files.copied();
    if (copied.isPresent()) {
      LOG.log(System.Logger.Level.ERROR, copied.get() + ", path=" + disk.path(""));
      mark = files.damaged(mark, true, copied.get(), mark.chunks().withDamage());
    }
    if (isFormatLost) {
      String why =
          isEmptied
              ? "everything but the peer's key is missing"
              : "both copies of the format file are missing or damaged";
      LOG.log(System.Logger.Level.ERROR, why + ": written anew, path=" + disk.path("format"));
      var chunks = isEmptied ? mark.chunks().withDamage() : mark.chunks();
      mark = files.damaged(mark, isEmptied, why, chunks);
    }
    if (openedAfter == OpenedAfter.SYSTEM_CRASH) {
      String why = "the machine went down, or nobody knows how the last run ended";
      Recovery worse = files.worse(mark.recovery(), Recovery.Cause.POWER_CUT, false);
      mark = files.write(new DirectoryFormat.Mark(worse, why, mark.chunks().withPowerCut()));
    }
    if (isFormatLost) {
      files.writeFormat(true);
    }
    // The run isn't written yet: a start that fails must find the same as this one.
    return new StorageDirectory(disk, held, files, openedAfter, mark);
  }

  /**
   * Notes that this run has begun; durable when this returns. After log and snapshots are what this
   * run goes on from, before anything else is written to them and before anything is sent: from
   * here on nobody knows any more how the last run ended.
   */
  void begin() {
    lock.lock();
    try {
      if (!hasBegun && !isLossUnrecorded) {
        files.writeRun(false, Optional.empty());
      }
      hasBegun = true;
    } finally {
      lock.unlock();
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
    return files.format().orElseThrow().directoryId().clone();
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
    return files.format().orElseThrow().incarnation();
  }

  /** Whether a log was ever begun here: then one must be here. */
  boolean isLogBegun() {
    return files.format().orElseThrow().isLogBegun();
  }

  /** Notes that a log is about to be begun here; durable when this returns. */
  void beginLog() {
    lock.lock();
    try {
      files.noteLog();
    } finally {
      lock.unlock();
    }
  }

  /** This run's number: 1 in a new directory, more at each start; durable since it began. */
  public long runNumber() {
    return files.runNumber();
  }

  /** Where the log ended when the last run did; empty unless that was a clean end. */
  Optional<DirectoryFormat.LogEnd> lastLogEnd() {
    return files.lastLogEnd();
  }

  /** Where the log ends now that it is closed, for the mark of a clean end. */
  void logEnds(DirectoryFormat.LogEnd end) {
    lock.lock();
    try {
      logEnd = Optional.of(end);
    } finally {
      lock.unlock();
    }
  }

  /** Whether something may be missing of log or vote; durable. Waits for nobody. */
  public Recovery recovery() {
    return mark.recovery();
  }

  /** What may be missing of the chunks; durable. Waits for nobody. */
  public ChunkLoss chunkLoss() {
    return mark.chunks();
  }

  /** For the store of the chunks. */
  SegmentNotes segmentNotes() {
    return new SegmentNotes() {
      @Override
      public long lastMade() {
        return files.lastSegment();
      }

      @Override
      public void onScanned(SegmentNotes.Scanned scanned) {
        noteChunkLoss(scanned);
      }

      @Override
      public void onMade(long number) {
        madeSegment(number);
      }
    };
  }

  /** Damage is noted as far as it is new, and no power cut explains it. */
  private void noteChunkLoss(SegmentNotes.Scanned scanned) {
    lock.lock();
    try {
      long known = files.chunkDamage();
      files.noteChunkDamage(scanned.damage()); // on disk when the run begins, as is the next
      files.noteSegment(Math.max(files.lastSegment(), scanned.highest()));
      if ((scanned.flipped() & ~known) != 0) {
        noteChunks(mark.chunks().withSureDamage());
      } else if (scanned.isCutNow() || (scanned.damage() & ~known) != 0) {
        noteChunks(mark.chunks().withDamage());
      }
    } finally {
      lock.unlock();
    }
  }

  private void madeSegment(long number) {
    lock.lock();
    long before = files.lastSegment();
    boolean isNoted = false;
    try {
      Invariants.check(hasBegun, "make chunk segment: expected=a run that has begun");
      files.noteSegment(number);
      if (!isLossUnrecorded) {
        files.writeRun(false, Optional.empty());
      }
      isNoted = true;
    } finally {
      if (!isNoted) {
        files.noteSegment(before);
      }
      lock.unlock();
    }
  }

  /**
   * Puts {@code next} in the place of what is known to be lost of the chunks, unless that isn't
   * {@code expected} any more; durable when this returns. Blocks on the disk.
   */
  void settleChunks(ChunkLoss expected, ChunkLoss next) {
    lock.lock();
    try {
      if (mark.chunks().equals(expected)) {
        noteChunks(next);
      }
    } finally {
      lock.unlock();
    }
  }

  /**
   * Another log is followed: its commits are numbered anew. What may be lost ends with the last one
   * now, and is damage where that can't be known any more.
   */
  void reopenChunks() {
    lock.lock();
    try {
      noteChunks(mark.chunks().inAnotherLog());
    } finally {
      lock.unlock();
    }
  }

  private void noteChunks(ChunkLoss next) {
    if (!mark.chunks().equals(next)) {
      mark = files.write(new DirectoryFormat.Mark(mark.recovery(), mark.reason(), next));
    }
  }

  /** Known to this process also where it can't be written. */
  private void worsen(DirectoryFormat.Mark next) {
    mark = next;
    files.write(next);
  }

  /** What was here once, where the folder is known to be older. */
  OperationLog.Lacking lacking() {
    return files.lacking();
  }

  /** Forgets that, durably: it is here again, or accepted as lost. */
  void settleLacking() {
    lock.lock();
    try {
      files.settleLacking();
    } finally {
      lock.unlock();
    }
  }

  /** Clears the mark, durably, if it still has this nonce. Blocks on the disk. */
  public void recovered(long nonce) {
    lock.lock();
    try {
      if (mark.recovery().isNeeded() && mark.recovery().nonce() == nonce) {
        mark = files.write(new DirectoryFormat.Mark(Recovery.NONE, "", mark.chunks()));
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
      Recovery worse = files.worse(mark.recovery(), cause, isVoteLost);
      worsen(new DirectoryFormat.Mark(worse, why, mark.chunks()));
    } catch (StorageException e) {
      isLossUnrecorded = true;
      LOG.log(System.Logger.Level.ERROR, "record loss: was=" + e.getMessage());
      forgetRun();
    } finally {
      lock.unlock();
    }
  }

  /**
   * The folder was further once: damage that may have taken the vote as well. From now on this run
   * has at least this number. Durable when this returns the mark.
   *
   * @param lacking up to where the log was here then
   */
  Recovery lostInRun(long runNumber, OperationLog.Lacking lacking, String why) {
    lock.lock();
    try {
      files.noteOlder(lacking);
      Recovery worse = files.worse(mark.recovery(), Recovery.Cause.DAMAGE, true);
      worsen(new DirectoryFormat.Mark(worse, why, mark.chunks().withDamage()));
      files.raiseRunNumber(runNumber);
      files.writeRun(false, Optional.empty());
      return mark.recovery();
    } finally {
      lock.unlock();
    }
  }

  /**
   * Where nothing here says any more which run was the last: it had this number. Before the run
   * begins. <i>Event: a lone peer is killed, and both copies of {@code run} are lost: it took
   * itself for an older folder than the one that its machine remembered, and waited for ever.</i>
   */
  public void lastRunWas(long number) {
    lock.lock();
    try {
      files.lastRunWas(number);
    } finally {
      lock.unlock();
    }
  }

  /** From now on this run has at least this number; durable when this returns. */
  void raiseRunNumber(long atLeast) {
    lock.lock();
    try {
      files.raiseRunNumber(atLeast);
      files.writeRun(false, Optional.empty());
    } finally {
      lock.unlock();
    }
  }

  private void forgetRun() {
    try {
      files.forgetRun();
    } catch (StorageException e) {
      LOG.log(System.Logger.Level.ERROR, "record loss: was=" + e.getMessage());
    }
  }

  /**
   * Notes that the run ended cleanly, durably, and lets the directory go. Only after all stores
   * were forced and closed. Does as {@link #close} if a loss could not be recorded, or the run
   * hasn't begun: then the files still say how the last one ended.
   */
  public void closeCleanly() {
    lock.lock();
    try {
      if (!isClosed && hasBegun && !isLossUnrecorded) {
        files.writeRun(true, logEnd);
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
