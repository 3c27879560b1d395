package holdfast.consensus;

import holdfast.model.LogId;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The logs of a run, each with its checkers and with where it came from: who follows an older one
 * learns from whom it talks to that another log goes on from it.
 */
final class Lineages {
  private record Log(
      LogId parent, Endpoint founder, long electedTerm, List<Long> terms, Checkers checkers) {}

  private final Map<LogId, Log> logs = new LinkedHashMap<>();

  /** Entries that were committed, or acknowledged, and are in no log any more. */
  long lostCount;

  void add(LogId first) {
    logs.put(first, new Log(null, null, 0, List.of(), new Checkers()));
  }

  Checkers checkers(LogId log) {
    return logs.get(log).checkers();
  }

  int count() {
    return logs.size();
  }

  /**
   * Another log goes on from this one's entries up to the base: those up to {@code snapshotIndex}
   * as committed, then {@code entries}.
   */
  LogId end(
      LogId ended,
      Effect.LogEnded how,
      Endpoint founder,
      long snapshotIndex,
      List<LogEntry> entries) {
    SnapshotMeta base = how.base();
    Checkers old = checkers(ended);
    List<LogEntry> history = new ArrayList<>();
    for (long index = 1; index <= snapshotIndex; index++) {
      history.add(old.committedAt(index));
    }
    history.addAll(entries);
    Checkers.require(
        history.size() == base.index(), "ends at %s, holds %s", base.index(), history.size());
    lostCount += old.endedWith(history);
    var id = new LogId(7, 7 + logs.size());
    List<Long> terms = history.stream().map(LogEntry::term).toList();
    logs.put(id, new Log(ended, founder, how.term(), terms, new Checkers(history, old)));
    return id;
  }

  /** Whether {@code log} goes on from {@code older}, perhaps over others in between. */
  boolean descends(LogId log, LogId older) {
    LogId parent = logs.get(log).parent();
    return parent != null && (parent.equals(older) || descends(parent, older));
  }

  /** The log right after {@code older} on the way to {@code log}, which descends from it. */
  private Log after(LogId older, LogId log) {
    LogId child = log;
    while (!logs.get(child).parent().equals(older)) {
      child = logs.get(child).parent();
    }
    return logs.get(child);
  }

  /** Whether {@code older} ended by this vote, where {@code log} descends from it. */
  boolean isEndedBy(LogId log, LogId older, Endpoint votedForOrNull, long term) {
    Log next = after(older, log);
    return next.founder().equals(votedForOrNull) && next.electedTerm() == term;
  }

  /** Whether everything up to this entry of {@code older} is in {@code log}, which descends. */
  boolean holds(LogId log, LogId older, long index, long term) {
    List<Long> terms = after(older, log).terms();
    return index == 0 || index <= terms.size() && terms.get((int) index - 1) == term;
  }
}
