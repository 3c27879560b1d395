package holdfast.storage;

import holdfast.model.LogId;
import holdfast.peer.port.OperationLog.Aside;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeMap;

/** The logs that were left and are kept beside the one that is followed. */
final class AsideLogs {
  private AsideLogs() {}

  /** What is kept, and the last entry that can be read of each. */
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
    long lastIndex = 0;
    long lastTerm = 0;
    for (String name : files) {
      try (var file = disk.open(name, Disk.Mode.READ)) {
        byte[] bytes = SmallFile.readUpTo(file, 0, LogFormat.SEGMENT_HEADER_BYTES);
        var header = LogFormat.readSegmentHeader(bytes, disk.path(name));
        if (header.isPresent()) {
          var segment = new LogSegment(header.get(), file);
          segment.scan();
          if (segment.endIndex() - 1 > lastIndex) {
            lastIndex = segment.endIndex() - 1;
            lastTerm = segment.lastTerm();
          }
        }
      }
    }
    return new Aside(log, lastIndex, lastTerm);
  }
}
