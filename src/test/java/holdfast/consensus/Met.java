package holdfast.consensus;

import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** How often each fault met each thing a node may be in the middle of. */
final class Met {
  /** What is done to a node. */
  enum Fault {
    KILL,
    POWER_CUT,
    WHOLE_POOL_POWER_CUT,
    OLDER_COPY,
    EMPTIED_FOLDER,
    PAUSE,
    ISOLATION,
    DISK_FAILURE
  }

  /** What the node is in the middle of. */
  enum Doing {
    NOTHING,
    STARTING,
    RECOVERING,
    RECEIVING_SNAPSHOT,
    WRITING,
    LEADING,
    COMMITTING,
    ELECTING,
    ENDING_LOG,
    FOLLOWING
  }

  private final Map<Fault, Map<Doing, Integer>> counts = new EnumMap<>(Fault.class);

  void note(Fault fault, Set<Doing> doing) {
    var row = counts.computeIfAbsent(fault, f -> new EnumMap<>(Doing.class));
    doing.forEach(each -> row.merge(each, 1, Integer::sum));
  }

  void addAll(Met other) {
    other.counts.forEach(
        (fault, row) -> {
          var into = counts.computeIfAbsent(fault, f -> new EnumMap<>(Doing.class));
          row.forEach((doing, count) -> into.merge(doing, count, Integer::sum));
        });
  }

  /** What never came together, though it can. */
  List<String> never() {
    List<String> never = new ArrayList<>();
    for (Fault fault : Fault.values()) {
      for (Doing doing : Doing.values()) {
        if (canMeet(fault, doing) && count(fault, doing) == 0) {
          never.add(fault + " while " + doing);
        }
      }
    }
    return never;
  }

  /**
   * A node that does nothing can be in the middle of nothing; the end of a log is no work of the
   * disk's queue, and who ends one isn't put back: the others don't hold all of it.
   */
  private static boolean canMeet(Fault fault, Doing doing) {
    boolean isOfFolder = fault == Fault.OLDER_COPY || fault == Fault.EMPTIED_FOLDER;
    boolean isOfDisk = fault == Fault.DISK_FAILURE;
    return doing != Doing.NOTHING && !(doing == Doing.ENDING_LOG && (isOfFolder || isOfDisk));
  }

  int count(Fault fault, Doing doing) {
    return counts.getOrDefault(fault, Map.of()).getOrDefault(doing, 0);
  }

  /** A table: a row for each fault. */
  @Override
  public String toString() {
    var text = new StringBuilder("%-21s".formatted(""));
    for (Doing doing : Doing.values()) {
      text.append(" %18s".formatted(doing));
    }
    for (Fault fault : Fault.values()) {
      text.append("%n%-21s".formatted(fault));
      for (Doing doing : Doing.values()) {
        text.append(" %18d".formatted(count(fault, doing)));
      }
    }
    return text.toString();
  }
}
