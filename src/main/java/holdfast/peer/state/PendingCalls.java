package holdfast.peer.state;

import holdfast.consensus.Rejection;
import holdfast.model.ErrorCode;
import holdfast.peer.state.RaftDriver.Proposed;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * The calls that wait for an entry to be applied or a read to be confirmed: each is answered
 * exactly once. The driver bounds how many there are. Loop thread.
 */
final class PendingCalls {
  private record Accepted(long term, Proposed proposed) {}

  private record Waiting(long index, Proposed proposed) {}

  private final Map<Long, Proposed> proposed = new HashMap<>();
  private final TreeMap<Long, Accepted> accepted = new TreeMap<>();
  private final Map<Long, Proposed> reads = new HashMap<>();
  private final List<Waiting> readable = new ArrayList<>();
  private final List<Waiting> forcing = new ArrayList<>();
  private long nextId = 1;

  int proposalCount() {
    return proposed.size() + accepted.size();
  }

  int readCount() {
    return reads.size() + readable.size();
  }

  int forceCount() {
    return forcing.size();
  }

  /** Returns the id under which the core is asked. */
  long propose(Proposed then) {
    proposed.put(nextId, then);
    return nextId++;
  }

  long read(Proposed then) {
    reads.put(nextId, then);
    return nextId++;
  }

  /** Waits until the log is forced up to there. */
  void force(long index, Proposed then) {
    forcing.add(new Waiting(index, then));
  }

  /** The proposal stands in the log. */
  void accepted(long id, long index, long term) {
    accepted.put(index, new Accepted(term, proposed.remove(id)));
  }

  void refused(long id, Rejection reason) {
    fail(proposed.remove(id), reason);
  }

  /** The read may be answered once this index is applied. */
  void readable(long id, long index) {
    readable.add(new Waiting(index, reads.remove(id)));
  }

  void unread(long id, Rejection reason) {
    fail(reads.remove(id), reason);
  }

  private static void fail(Proposed refused, Rejection reason) {
    ErrorCode code =
        switch (reason) {
          case NOT_LEADER, TRANSFERRING -> ErrorCode.NOT_LEADER;
          case BUSY, CHANGE_PENDING, NO_COMMIT_IN_TERM, NOT_CAUGHT_UP -> ErrorCode.BUSY;
          case NO_QUORUM -> ErrorCode.NO_QUORUM;
          case INVALID -> ErrorCode.INVALID;
          case TOO_LARGE -> ErrorCode.TOO_LARGE;
          case STOPPED -> ErrorCode.STORE_FAILED;
        };
    refused.onFailure(code, "change pool: expected=accepted, was=" + reason);
  }

  /** This entry is committed and applied. */
  void committed(long index, long term) {
    Accepted waiting = accepted.remove(index);
    if (waiting != null && waiting.term() == term) {
      waiting.proposed().onApplied(index);
    } else if (waiting != null) {
      waiting.proposed().onFailure(ErrorCode.NOT_LEADER, "change pool: another leader's entry");
    }
  }

  /** Everything up to here is applied. */
  void applied(long index) {
    answerUpTo(readable, index);
  }

  /** Everything up to here is forced at a majority. */
  void forced(long index) {
    answerUpTo(forcing, index);
  }

  private static void answerUpTo(List<Waiting> waiting, long index) {
    if (waiting.isEmpty()) {
      return;
    }
    List<Waiting> ready = waiting.stream().filter(w -> w.index() <= index).toList();
    waiting.removeAll(ready);
    ready.forEach(w -> w.proposed().onApplied(w.index()));
  }

  /** Fails what only a leader can bring to an end. */
  void failLeaders(ErrorCode code, String text) {
    List<Proposed> lost = new ArrayList<>();
    accepted.values().forEach(a -> lost.add(a.proposed()));
    forcing.forEach(w -> lost.add(w.proposed()));
    accepted.clear();
    forcing.clear();
    lost.forEach(p -> p.onFailure(code, text));
  }

  /** Fails everything. */
  void failAll(ErrorCode code, String text) {
    List<Proposed> lost = new ArrayList<>(proposed.values());
    lost.addAll(reads.values());
    readable.forEach(w -> lost.add(w.proposed()));
    proposed.clear();
    reads.clear();
    readable.clear();
    lost.forEach(p -> p.onFailure(code, text));
    failLeaders(code, text);
  }
}
