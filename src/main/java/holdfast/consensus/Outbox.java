package holdfast.consensus;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.Iterator;
import java.util.List;
import java.util.Set;

/**
 * The gate between the core and its driver: collects the effects of a step, numbers the writes, and
 * defers every message that promises a write until that write is done.
 */
final class Outbox {
  /** Messages that wait for a write; beyond it new ones are dropped, as a network might. */
  static final int DEFERRED_MAX = 4_096;

  private record Deferred(long ticket, RaftMessage message) {}

  /** A write in flight and the end of the log it leaves; lowered when the log is cut meanwhile. */
  private record Write(long ticket, long lastIndex) {}

  private final Set<Fault> faults;
  private final Deque<Deferred> deferred = new ArrayDeque<>();
  private Deque<Write> writes = new ArrayDeque<>();
  private List<Effect> effects = new ArrayList<>();
  private long lastTicket;
  private long doneTicket;

  /** Of the last write of a term or a vote. */
  private long hardStateTicket;

  /** Of the last write of entries. */
  private long entriesTicket;

  private long handedOutTerm;
  private long durableTerm;
  private long writtenIndex;

  Outbox(long writtenIndex, long term, Set<Fault> faults) {
    this.writtenIndex = writtenIndex;
    handedOutTerm = term;
    durableTerm = term;
    this.faults = faults;
  }

  /** What was collected since the last call. */
  List<Effect> take() {
    List<Effect> collected = effects;
    effects = new ArrayList<>();
    return collected;
  }

  void add(Effect effect) {
    effects.add(effect);
  }

  /**
   * Returns the ticket of the write.
   *
   * @param isPromised whether it says more than what is committed: then nothing is sent before it
   *     is done. <i>Event: a write takes 2 s; each time that a configuration was committed the
   *     leader's heartbeats waited for the note of that, and it took its partner for dead.</i>
   */
  long persistHardState(HardState state, boolean isPromised) {
    lastTicket++;
    hardStateTicket = isPromised ? lastTicket : hardStateTicket;
    handedOutTerm = state.term();
    dropSuperseded();
    add(new Effect.PersistHardState(lastTicket, state));
    return lastTicket;
  }

  /**
   * A term and the vote in it are one write: what this step handed out before without entries
   * behind it needn't reach the disk by itself. The later ticket answers for both.
   */
  private void dropSuperseded() {
    for (int i = effects.size() - 1; i >= 0; i--) {
      switch (effects.get(i)) {
        case Effect.PersistHardState superseded -> effects.remove(i);
        case Effect.AppendEntries append -> {
          return;
        }
        case Effect.ResetLog reset -> {
          return;
        }
        default -> {}
      }
    }
  }

  /** {@code truncateFrom} 0 for none; {@code entries} are not empty. */
  void appendEntries(long truncateFrom, List<LogEntry> entries) {
    if (truncateFrom > 0) {
      cutAt(truncateFrom - 1);
    }
    entriesTicket = ++lastTicket;
    add(new Effect.AppendEntries(lastTicket, truncateFrom, List.copyOf(entries)));
    writes.add(new Write(lastTicket, entries.getLast().index()));
  }

  void resetLog(SnapshotMeta snapshot) {
    cutAt(snapshot.index());
    writtenIndex = snapshot.index();
    entriesTicket = ++lastTicket;
    add(new Effect.ResetLog(lastTicket, snapshot));
  }

  private void cutAt(long lastIndex) {
    writtenIndex = Math.min(writtenIndex, lastIndex);
    Deque<Write> cut = new ArrayDeque<>();
    writes.forEach(w -> cut.add(new Write(w.ticket(), Math.min(w.lastIndex(), lastIndex))));
    writes = cut;
  }

  /** Sends when the sender's term and vote are on disk. */
  void send(RaftMessage message) {
    sendAfter(message, hardStateTicket);
  }

  /** Sends when all entries handed out so far are written, term and vote too. */
  void sendWhenWritten(RaftMessage message) {
    sendAfter(message, Math.max(hardStateTicket, entriesTicket));
  }

  private void sendAfter(RaftMessage message, long ticket) {
    if (ticket <= doneTicket || faults.contains(Fault.ACKNOWLEDGE_BEFORE_WRITE)) {
      add(new Effect.Send(message));
    } else if (deferred.size() < DEFERRED_MAX) {
      deferred.add(new Deferred(ticket, message));
    }
  }

  /** Takes note of finished writes and releases what waited; drops what an older term said. */
  void done(long ticket, long currentTerm) {
    doneTicket = Math.max(doneTicket, Math.min(ticket, lastTicket));
    if (hardStateTicket <= doneTicket) {
      durableTerm = handedOutTerm;
    }
    while (!writes.isEmpty() && writes.getFirst().ticket() <= doneTicket) {
      writtenIndex = Math.max(writtenIndex, writes.removeFirst().lastIndex());
    }
    for (Iterator<Deferred> it = deferred.iterator(); it.hasNext(); ) {
      Deferred next = it.next();
      if (next.ticket() <= doneTicket || next.message().header().term() < currentTerm) {
        it.remove();
        if (next.message().header().term() == currentTerm) {
          add(new Effect.Send(next.message()));
        }
      }
    }
  }

  /** Forgets what waits for a write. */
  void dropDeferred() {
    deferred.clear();
  }

  /** Forgets everything that is not yet handed out. */
  void drop() {
    dropDeferred();
    effects.clear();
  }

  /** The highest term known to be on disk. */
  long durableTerm() {
    return durableTerm;
  }

  boolean isHardStateDone() {
    return hardStateTicket <= doneTicket || faults.contains(Fault.ACKNOWLEDGE_BEFORE_WRITE);
  }

  /** Up to here the log as it is now is written. */
  long writtenIndex() {
    return writtenIndex;
  }
}
