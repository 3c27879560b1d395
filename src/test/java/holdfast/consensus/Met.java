package holdfast.consensus;

import java.util.EnumMap;
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
