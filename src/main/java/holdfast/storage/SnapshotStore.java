package holdfast.storage;

import holdfast.consensus.Configuration;
import holdfast.model.ErrorCode;
import holdfast.model.LogId;
import holdfast.model.StorageException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.locks.ReentrantLock;

/**
 * Stores the snapshots of a peer's namespace, the newest two, and finds the newest whole one at
 * start. Several threads may use it, each with its own reader or writer. Blocks on the disk; throws
 * {@link StorageException}.
 */
final class SnapshotStore {
  private static final System.Logger LOG = System.getLogger(SnapshotStore.class.getName());

  private static final String STAGED_SUFFIX = ".next";

  private final Disk disk;

  /** Held while names change, and by who relies on which there are: a force of the directory. */
  private final ReentrantLock lock = new ReentrantLock();

  private long writerCount;

  private SnapshotStore(Disk disk) {
    this.disk = disk;
  }

  /** Opens the snapshots of a directory; unfinished ones are deleted. */
  public static SnapshotStore open(Disk disk) {
    for (String name : disk.list()) {
      if (name.startsWith("snap-") && name.endsWith(SmallFile.TEMPORARY_SUFFIX)) {
        disk.delete(name);
      }
    }
    return new SnapshotStore(disk);
  }

  /**
   * Sets aside what belongs to another log, and finishes or drops what was staged for one; durable
   * with the next force of the directory.
   *
   * @return whether anything was
   */
  boolean leaveAllBut(LogId log) {
    lock.lock();
    try {
      boolean isLeft = setAsideAllBut(log);
      return takeStaged(log) || isLeft;
    } finally {
      lock.unlock();
    }
  }

  private boolean setAsideAllBut(LogId log) {
    boolean isAny = false;
    for (String name : disk.list()) {
      Optional<LogId> of = SnapshotFormat.isSnapshotName(name) ? logOf(name) : Optional.empty();
      if (of.isPresent() && !of.get().equals(log)) {
        disk.rename(name, LogFormat.asideName(of.get(), name));
        isAny = true;
      }
    }
    return isAny;
  }

  private boolean takeStaged(LogId log) {
    boolean isAny = false;
    for (String name : disk.list()) {
      if (name.endsWith(STAGED_SUFFIX)) {
        Optional<LogId> of = logOf(name);
        if (of.isEmpty()) {
          DamagedFiles.setAside(disk, name);
        } else if (of.get().equals(log)) {
          disk.rename(name, name.substring(0, name.length() - STAGED_SUFFIX.length()));
        } else {
          disk.delete(name);
        }
        isAny = true;
      }
    }
    return isAny;
  }

  /** The log that a snapshot's header names, however damaged the rest of it is. */
  private Optional<LogId> logOf(String name) {
    return start(name).map(LogSnapshot::logId);
  }

  private Optional<LogSnapshot> start(String name) {
    try (var file = disk.open(name, Disk.Mode.READ)) {
      return Optional.of(SnapshotReader.readStart(file, disk.path(name)).snapshot());
    } catch (StorageException e) {
      return Optional.empty();
    }
  }

  /** Begins a snapshot of a log that isn't followed yet: {@link #leaveAllBut} makes it one. */
  SnapshotWriter stage(LogSnapshot snapshot) {
    String name = snapshot.fileName() + STAGED_SUFFIX;
    return new SnapshotWriter(this, disk, snapshot, name + SmallFile.TEMPORARY_SUFFIX, name);
  }

  /** Begins a snapshot. Several may be written at a time. */
  SnapshotWriter write(LogSnapshot snapshot) {
    lock.lock();
    try {
      String name = snapshot.fileName();
      String temporary = name + "." + ++writerCount + SmallFile.TEMPORARY_SUFFIX;
      return new SnapshotWriter(this, disk, snapshot, temporary, name);
    } finally {
      lock.unlock();
    }
  }

  /** What {@link #check} found: the snapshots that are whole, newest first, and the others. */
  record Checked(List<Whole> whole, List<String> damaged) {
    /** The newest entry that any of these covered. */
    long newestDamagedIndex() {
      return damaged.stream().mapToLong(SnapshotFormat::index).max().orElse(0);
    }
  }

  /** A snapshot that was read through. */
  record Whole(LogSnapshot snapshot, long totalBytes) {}

  /**
   * Reads every snapshot through. Changes nothing.
   *
   * @throws StorageException UNSUPPORTED if one's version is too new or too old
   */
  Checked check() {
    var whole = new ArrayList<Whole>();
    var damaged = new ArrayList<String>();
    for (String name : namesNewestFirst()) {
      try (var reader = new SnapshotReader(disk, name)) {
        while (reader.hasNext()) {
          reader.next();
        }
        if (!name.equals(reader.snapshot().fileName())) {
          throw new StorageException(
              ErrorCode.STORE_FAILED, "check snapshot: was=another's, path=" + disk.path(name));
        }
        whole.add(new Whole(reader.snapshot(), reader.totalBytes()));
      } catch (StorageException e) {
        if (e.code() == ErrorCode.UNSUPPORTED) {
          throw e;
        }
        LOG.log(System.Logger.Level.WARNING, "check snapshot: was=" + e.getMessage());
        damaged.add(name);
      }
    }
    return new Checked(whole, damaged);
  }

  /** The configuration in a snapshot's header, however damaged the rest of it is. */
  Optional<Configuration> configuration(String name) {
    return start(name).map(snapshot -> snapshot.meta().configuration());
  }

  /** The log that the newest snapshot which says so is of. */
  Optional<LogId> newestLog() {
    return namesNewestFirst().stream().flatMap(name -> logOf(name).stream()).findFirst();
  }

  /** Keeps damaged snapshots under other names. */
  void setAside(List<String> names) {
    for (String name : names) {
      String aside = DamagedFiles.setAside(disk, name);
      LOG.log(System.Logger.Level.WARNING, "{0} is damaged: kept as {1}", disk.path(name), aside);
    }
  }

  /** The entry up to which the older of the two newest reaches; 0 if there is one at most. */
  long olderIndex() {
    lock.lock();
    try {
      var names = namesNewestFirst();
      return names.size() < SnapshotFormat.SNAPSHOTS_KEPT ? 0 : SnapshotFormat.index(names.get(1));
    } finally {
      lock.unlock();
    }
  }

  /**
   * Opens the newest snapshot whose ends are whole, by index, then term; a damaged one is logged
   * and passed over. Empty if there is none. The caller closes it.
   *
   * @throws StorageException UNSUPPORTED if its version is too new or too old
   */
  public Optional<SnapshotReader> newest() {
    for (String name : namesNewestFirst()) {
      try {
        return Optional.of(new SnapshotReader(disk, name));
      } catch (StorageException e) {
        if (e.code() == ErrorCode.UNSUPPORTED) {
          throw e;
        }
        LOG.log(System.Logger.Level.WARNING, "pass over snapshot: was=" + e.getMessage());
      }
    }
    return Optional.empty();
  }

  /** Opens the snapshot of an entry; empty if there is none. The caller closes it. */
  public Optional<SnapshotReader> read(long index, long term) {
    String name = SnapshotFormat.name(index, term);
    return disk.exists(name) ? Optional.of(new SnapshotReader(disk, name)) : Optional.empty();
  }

  /** What the snapshots whose ends are whole cover, newest first. */
  List<LogSnapshot> list() {
    var found = new ArrayList<LogSnapshot>();
    for (String name : namesNewestFirst()) {
      try (var reader = new SnapshotReader(disk, name)) {
        found.add(reader.snapshot());
      } catch (StorageException e) {
        LOG.log(System.Logger.Level.WARNING, "pass over snapshot: was=" + e.getMessage());
      }
    }
    return found;
  }

  /**
   * Gives a snapshot that is whole and forced its name, durably, and deletes all but the newest
   * two. What {@code check} throws leaves everything as it was: no log is left between the two.
   */
  void publish(String temporary, String name, Runnable check) {
    lock.lock();
    try {
      check.run();
      disk.rename(temporary, name);
      disk.forceDirectory();
      var names = namesNewestFirst();
      names.stream().skip(SnapshotFormat.SNAPSHOTS_KEPT).forEach(disk::delete);
    } finally {
      lock.unlock();
    }
  }

  private List<String> namesNewestFirst() {
    return disk.list().stream()
        .filter(SnapshotFormat::isSnapshotName)
        .sorted(Comparator.reverseOrder())
        .toList();
  }
}
