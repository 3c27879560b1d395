package holdfast.storage;

import holdfast.model.LogId;
import holdfast.model.StorageException;
import holdfast.port.OperationLog.Aside;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeMap;

/**
 * Renames, lists and deletes the files of logs that were left and are kept aside, beside those of
 * the log that is followed.
 */
final class AsideLogFiles {
  /** Last index of a log of which nobody knows how far it reached: no other log holds all of it. */
  private static final long END_UNKNOWN = Long.MAX_VALUE;

  private static final System.Logger LOG = System.getLogger(AsideLogFiles.class.getName());

  private AsideLogFiles() {}

  /** What is kept, and up to which entry each reaches. */
  static List<Aside> list(Disk disk) {
    var names = new TreeMap<LogId, List<String>>();
    for (String name : disk.list()) {
      LogFormat.asideLog(name)
          .ifPresent(log -> names.computeIfAbsent(log, l -> new ArrayList<>()).add(name));
    }
    var found = new ArrayList<Aside>();
    names.forEach((log, files) -> found.add(end(disk, log, files)));
    return found;
  }

  /** Deletes what is kept of a log. */
  static void drop(Disk disk, LogId log) {
    for (String name : disk.list()) {
      if (LogFormat.asideLog(name).filter(log::equals).isPresent()) {
        disk.delete(name);
      }
    }
    disk.forceDirectory();
  }

  private static Aside end(Disk disk, LogId log, List<String> files) {
    var end = new Aside(log, 0, 0);
    for (String name : files) {
      Aside of = end(disk, log, name);
      end = of.lastIndex() > end.lastIndex() ? of : end;
    }
    return end;
  }

  /** How far one file reaches. One that isn't whole to its end may have reached anywhere. */
  private static Aside end(Disk disk, LogId log, String name) {
    String before = LogFormat.nameBeforeAside(name);
    if (SnapshotFormat.isSnapshotName(before)) {
      return new Aside(log, SnapshotFormat.index(before), SnapshotFormat.term(before));
    }
    try (var file = disk.open(name, Disk.Mode.READ)) {
      byte[] bytes = SmallFile.readUpTo(file, 0, LogFormat.SEGMENT_HEADER_BYTES);
      var header = LogFormat.readSegmentHeader(bytes, disk.path(name));
      if (header.filter(read -> read.logId().equals(log)).isPresent()) {
        var segment = new LogSegment(header.get(), file);
        if (segment.scan() == LogSegment.End.WHOLE) {
          return new Aside(log, segment.endIndex() - 1, segment.lastTerm());
        }
      }
    } catch (StorageException e) {
      LOG.log(System.Logger.Level.WARNING, "read log kept aside: was=" + e.getMessage());
    }
    LOG.log(
        System.Logger.Level.WARNING,
        "{0} can''t be read to its end: that log is kept for good",
        disk.path(name));
    return new Aside(log, END_UNKNOWN, 0);
  }
}
