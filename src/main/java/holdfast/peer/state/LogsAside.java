package holdfast.peer.state;

import holdfast.model.LogId;
import holdfast.peer.view.PeerListener;
import holdfast.port.OperationLog;
import holdfast.protocol.Reply;
import holdfast.protocol.Request;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;

/**
 * Keeps account of the logs that are kept aside on this peer's disk, until the log that is followed
 * is known to hold all of each. Loop thread.
 */
final class LogsAside {
  private final OperationLog log;
  private final PeerListener listener;
  private final Map<LogId, Request.CompareLog> kept = new HashMap<>();

  LogsAside(OperationLog log, PeerListener listener) {
    this.log = log;
    this.listener = listener;
    for (OperationLog.Aside left : log.atStart().aside()) {
      keep(new Request.CompareLog(left.log(), left.lastIndex(), left.lastTerm(), 0, 0, null));
    }
  }

  /** This is here of a log that is left. */
  void keep(Request.CompareLog left) {
    kept.put(left.log(), left);
  }

  int count() {
    return kept.size();
  }

  /** The present log's state is here, durably: what it holds of others needn't be kept. */
  void dropHeld(Function<Request.CompareLog, Reply.Compared.Relation> relation) {
    for (Request.CompareLog left : List.copyOf(kept.values())) {
      if (relation.apply(left) == Reply.Compared.Relation.HELD) {
        drop(left.log());
      }
    }
  }

  private void drop(LogId left) {
    log.dropAside(
        left,
        why -> {
          if (why == null) {
            kept.remove(left);
          } else {
            listener.onNote("drop log " + left + ": was=" + why.getMessage());
          }
        });
  }
}
