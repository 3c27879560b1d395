package holdfast.consensus;

import java.util.List;
import java.util.Optional;

/**
 * What the store recovered when the process started. All of it must have been forced before it is
 * given to a core: a recovered log counts as forced to its end.
 *
 * <p>{@code entries} are consecutive and start anywhere up to {@code snapshot.index + 1}; entries
 * the snapshot covers may be among them. Entries that don't join on to the snapshot (a crash
 * between installing it and resetting the log) are dropped by the core. {@code recovery} says
 * whether something that the store vouched for may be missing from all that.
 */
public record InitialState(
    HardState hardState, SnapshotMeta snapshot, List<LogEntry> entries, Recovery recovery) {
  /** Of a store that lacks nothing. */
  public InitialState(HardState hardState, SnapshotMeta snapshot, List<LogEntry> entries) {
    this(hardState, snapshot, entries, Recovery.NONE);
  }

  /** Freezes the list. */
  public InitialState {
    entries = List.copyOf(entries);
  }

  /** A node that joins: it knows the log's id, nothing else. It has no vote until it gets one. */
  public static InitialState empty() {
    return joining(Recovery.NONE);
  }

  /** Likewise, but it may have been here before, and have lost all that it had. */
  public static InitialState joining(Recovery recovery) {
    return new InitialState(HardState.INITIAL, SnapshotMeta.NONE, List.of(), recovery);
  }

  /**
   * The founder of a log that goes on from where another ended ({@link Effect.LogEnded}): it leads
   * in the next term, by its own vote. The caller writes and forces this state, with the snapshot
   * at {@code base}, before it starts the core with it.
   */
  public static InitialState after(SnapshotMeta base, long endedTerm, Endpoint founder) {
    return new InitialState(
        new HardState(endedTerm + 1, Optional.of(founder), base.index()), base, List.of());
  }

  /**
   * The founder of a new log, its only voter. The caller writes and forces this state (one entry,
   * term 1) before it starts the core with it. Only the process that creates a pool may do this.
   */
  public static InitialState founding(Endpoint founder) {
    var configuration = new Configuration(List.of(founder), List.of());
    return new InitialState(
        new HardState(1, Optional.of(founder)),
        SnapshotMeta.NONE,
        List.of(LogEntry.configuration(1, 1, configuration)));
  }
}
