package holdfast.storage;

import holdfast.consensus.Recovery;
import holdfast.model.ChunkLoss;
import holdfast.model.ErrorCode;
import holdfast.model.LogId;
import holdfast.model.StorageException;
import holdfast.port.OperationLog;
import holdfast.util.ByteReader;
import holdfast.util.ByteWriter;
import java.util.Optional;
import java.util.function.LongSupplier;

/**
 * Loads and replaces the small files of a storage directory; {@link StorageDirectory} decides what
 * they are to say. Its owner locks.
 */
final class DirectoryFiles {
  /** The only incarnation there is, as long as nobody takes another one. */
  private static final long INCARNATION = 1;

  private static final int OLDER_BYTES = LogId.BYTES + Long.BYTES;

  /** That the folder is older than it was, and by how much. */
  private static final SealedFile OLDER =
      new SealedFile("older", "HFOLDERF", OLDER_BYTES, "only the status may say less by it");

  private final Disk disk;
  private final Machine machine;
  private final LongSupplier random;
  private final PairFile formatFile;
  private final PairFile runFile;
  private final PairFile recoveryFile;
  private Optional<DirectoryFormat.Format> format;
  private final Optional<DirectoryFormat.Run> lastRun;
  private long runNumber;
  private long chunkDamage;
  private volatile long lastSegment; // written under the lock

  /**
   * Reads them; throws UNSUPPORTED if one is of another version.
   *
   * @param random names directories and losses
   */
  DirectoryFiles(Disk disk, Machine machine, LongSupplier random) {
    this.disk = disk;
    this.machine = machine;
    this.random = random;
    formatFile = new PairFile(disk, DirectoryFormat.FORMAT);
    runFile = new PairFile(disk, DirectoryFormat.RUN);
    recoveryFile = new PairFile(disk, DirectoryFormat.RECOVERY);
    format = formatFile.load().map(bytes -> DirectoryFormat.readFormat(bytes, path("format")));
    lastRun = runFile.load().map(bytes -> DirectoryFormat.readRun(bytes, path("run")));
    runNumber = lastRun.map(DirectoryFormat.Run::number).orElse(0L) + 1;
    chunkDamage = lastRun.map(DirectoryFormat.Run::chunkDamage).orElse(0L);
    lastSegment = lastRun.map(DirectoryFormat.Run::lastSegment).orElse(0L);
  }

  private String path(String name) {
    return disk.path(name);
  }

  Optional<DirectoryFormat.Format> format() {
    return format;
  }

  /** Whether a log, snapshots or chunks are there, or what says that they were. */
  boolean hasData() {
    return recoveryFile.exists()
        || disk.list().stream()
            .anyMatch(
                name ->
                    ChunkFormat.isSegmentName(name)
                        || LogFormat.isLogName(name)
                        || LogFormat.asideLog(name).isPresent()
                        || SnapshotFormat.isSnapshotName(name));
  }

  /** Whether a peer has ever started here: its key is made once there is a format file. */
  boolean hasKey() {
    return disk.exists(DirectoryFormat.KEY_FILE)
        || disk.exists(DirectoryFormat.KEY_FILE + PairFile.COPY_SUFFIX);
  }

  /**
   * Makes sure, in a directory without a readable format, that it is one of this version: that some
   * other file can be read.
   */
  void requireReadable() {
    if (lastRun.isEmpty() && !isLogReadable() && recoveryFile.load().isEmpty()) {
      throw new StorageException(
          ErrorCode.STORE_FAILED,
          "open storage directory: expected=a format file or another that can be read, was=corrupt"
              + " (all of them), path="
              + path("format")
              + "; check the disk; put the folder back from a copy, or give the peer an empty one"
              + " (what only this peer holds is then lost: if it is the only one, all; a new pool"
              + " needs another HOLDFAST_HOME)");
    }
  }

  private boolean isLogReadable() {
    for (String name : disk.list()) {
      if (LogFormat.segmentNumber(name) >= 0) {
        try (var file = disk.open(name, Disk.Mode.READ)) {
          byte[] bytes = SmallFile.readUpTo(file, 0, LogFormat.SEGMENT_HEADER_BYTES);
          if (LogFormat.readSegmentHeader(bytes, path(name)).isPresent()) {
            return true;
          }
        }
      }
    }
    return new PairFile(disk, LogFormat.STATE).load().isPresent();
  }

  /** Writes a format file with another directory id. */
  void writeFormat(boolean isLogBegun) {
    byte[] directoryId =
        new ByteWriter(DirectoryFormat.DIRECTORY_ID_BYTES)
            .u64(random.getAsLong())
            .u64(random.getAsLong())
            .toBytes();
    write(new DirectoryFormat.Format(directoryId, INCARNATION, isLogBegun));
  }

  /** Notes that a log has been begun. */
  void noteLog() {
    var known = format.orElseThrow();
    if (!known.isLogBegun()) {
      write(new DirectoryFormat.Format(known.directoryId(), known.incarnation(), true));
    }
  }

  private void write(DirectoryFormat.Format next) {
    formatFile.replace(sequence -> DirectoryFormat.format(sequence, next));
    format = Optional.of(next);
  }

  /** How the last run ended. */
  OpenedAfter lastEnd() {
    if (lastRun.isEmpty()) {
      return OpenedAfter.SYSTEM_CRASH;
    }
    if (lastRun.get().isClean()) {
      return OpenedAfter.CLEAN;
    }
    return lastRun.get().machine().bootId().equals(machine.bootId())
        ? OpenedAfter.PROCESS_CRASH
        : OpenedAfter.SYSTEM_CRASH;
  }

  /**
   * How this folder is seen to be a copy of the one that the last run was on: the original may have
   * gone on, and voted.
   */
  Optional<String> copied() {
    return lastRun.flatMap(run -> copied(run, machine, disk.folderId()));
  }

  private static Optional<String> copied(DirectoryFormat.Run run, Machine machine, long folderId) {
    boolean isElsewhere =
        !run.machine().machineId().isEmpty()
            && !machine.machineId().isEmpty()
            && !run.machine().machineId().equals(machine.machineId());
    if (isElsewhere) {
      return Optional.of("the folder is a copy, or was moved here from another machine");
    }
    return run.folderId() != 0 && folderId != 0 && run.folderId() != folderId
        ? Optional.of("the folder is a copy: its inode number was " + run.folderId())
        : Optional.empty();
  }

  /** Where the log ended when the last run did, if that was a clean end. */
  Optional<DirectoryFormat.LogEnd> lastLogEnd() {
    return lastRun.filter(DirectoryFormat.Run::isClean).flatMap(DirectoryFormat.Run::logEnd);
  }

  /** This run's number. */
  long runNumber() {
    return runNumber;
  }

  /** For where it isn't known here. */
  void lastRunWas(long number) {
    if (lastRun.isEmpty()) {
      runNumber = Math.max(runNumber, number + 1);
    }
  }

  /** From the next {@link #writeRun} on the number is no lower. */
  void raiseRunNumber(long atLeast) {
    runNumber = Math.max(runNumber, atLeast);
  }

  /** What is known to be wrong with the chunk segments; 0: nothing. */
  long chunkDamage() {
    return chunkDamage;
  }

  /** From the next {@link #writeRun} on that is known. */
  void noteChunkDamage(long damage) {
    chunkDamage = damage;
  }

  /** The number of the chunk segment made last; 0: none was made. Any thread. */
  long lastSegment() {
    return lastSegment;
  }

  /** From the next {@link #writeRun} on that is known. */
  void noteSegment(long number) {
    lastSegment = number;
  }

  void writeRun(boolean isClean, Optional<DirectoryFormat.LogEnd> logEnd) {
    var run =
        new DirectoryFormat.Run(
            isClean, machine, runNumber(), disk.folderId(), chunkDamage, lastSegment, logEnd);
    runFile.overwrite(sequence -> DirectoryFormat.run(sequence, run));
  }

  /** Makes the next start a system crash. */
  void forgetRun() {
    runFile.delete();
  }

  /** The mark as it is; one that can't be read says the worst. */
  DirectoryFormat.Mark mark() {
    Optional<byte[]> bytes = recoveryFile.load();
    if (bytes.isPresent()) {
      return DirectoryFormat.readRecovery(bytes.get(), path("recovery"));
    }
    return recoveryFile.exists()
        ? damaged(
            DirectoryFormat.Mark.NONE,
            true,
            "the mark of an earlier loss is damaged",
            ChunkLoss.NONE.withDamage())
        : DirectoryFormat.Mark.NONE;
  }

  /** Replaces the mark; durable. There is no file where nothing is missing. */
  DirectoryFormat.Mark write(DirectoryFormat.Mark next) {
    if (next.isNone()) {
      recoveryFile.delete();
    } else {
      recoveryFile.overwrite(sequence -> DirectoryFormat.recovery(sequence, next));
    }
    return next;
  }

  /** Marks damage on top of what was lost before, under a new nonce; durable. */
  DirectoryFormat.Mark damaged(
      DirectoryFormat.Mark before, boolean isVoteLost, String why, ChunkLoss chunks) {
    Recovery worse = worse(before.recovery(), Recovery.Cause.DAMAGE, isVoteLost);
    return write(new DirectoryFormat.Mark(worse, why, chunks));
  }

  /** A loss on top of what was lost before. */
  Recovery worse(Recovery before, Recovery.Cause cause, boolean isVoteLost) {
    long nonce = random.getAsLong();
    while (nonce == 0 || nonce == before.nonce()) {
      nonce = random.getAsLong();
    }
    return new Recovery(nonce, cause, isVoteLost).and(before.cause(), before.isVoteLost());
  }

  /** Notes up to where the log was here once; durable. What was noted before counts if higher. */
  void noteOlder(OperationLog.Lacking lacking) {
    if (lacking.index() > lacking().index()) {
      var out = new ByteWriter(OLDER_BYTES);
      lacking.log().write(out);
      OLDER.write(disk, out.u64(lacking.index()).toBytes());
    }
  }

  /** What {@link #noteOlder} noted; nothing where it can't be read. */
  OperationLog.Lacking lacking() {
    byte[] noted = OLDER.read(disk);
    if (noted.length != OLDER_BYTES) {
      return OperationLog.Lacking.NONE;
    }
    var in = new ByteReader(noted);
    return new OperationLog.Lacking(LogId.read(in), in.u64());
  }

  void settleLacking() {
    if (disk.delete(OLDER.name())) {
      disk.forceDirectory();
    }
  }

  void deleteTemporary() {
    for (String name : disk.list()) {
      if (name.endsWith(SmallFile.TEMPORARY_SUFFIX)) {
        disk.delete(name);
      }
    }
  }
}
