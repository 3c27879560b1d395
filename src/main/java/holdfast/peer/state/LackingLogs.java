package holdfast.peer.state;

import holdfast.model.LogId;
import holdfast.model.StorageException;
import holdfast.peer.view.PeerListener;
import holdfast.port.OperationLog;
import java.util.function.Consumer;

/**
 * Tracks logs of which this folder, which is older than it was, lacks an end that it had: until the
 * log that is followed is known to have it, or to go on without it, which the operator is told.
 * Loop thread.
 */
final class LackingLogs {
  /** Most notes that are left for what others say was kept aside here: it may be anything. */
  private static final int ASIDE_MAX = 16;

  private final OperationLog log;
  private final PeerListener listener;
  private final Consumer<StorageException> done;
  private OperationLog.Lacking lacking;

  private int lossNoteCount;

  /** {@code done} gets null, or why a note couldn't be written. */
  LackingLogs(OperationLog log, PeerListener listener, Consumer<StorageException> done) {
    this.log = log;
    this.listener = listener;
    this.done = done;
    lacking = log.atStart().lacking();
    lossNoteCount = log.atStart().lossNoteCount();
  }

  /** This was here, too; of two, the later one counts. Indexes grow from log to log. */
  OperationLog.Lacking note(OperationLog.Lacking more) {
    lacking = more.index() > lacking.index() ? more : lacking;
    return lacking;
  }

  /** How many notes of losses there are that the operator hasn't deleted. */
  int lossNoteCount() {
    return lossNoteCount;
  }

  /**
   * A later run of this peer said that it kept so much aside, or had given it up, of which less is
   * here. <i>Event: a peer keeps aside what the next log lacks. Its folder is put back to when it
   * had less, all of which is in the pool: what it had kept is nowhere, and nobody said so.</i>
   */
  void lacksAside(int saidCount, int hereCount) {
    for (int i = hereCount; i < Math.min(saidCount, ASIDE_MAX); i++) {
      String what =
          ("a log that a later run of this peer kept aside, or what it had given up of one: of %d"
                  + " there are %d in this folder, which is older")
              .formatted(saidCount, hereCount);
      listener.onNote("what a newer folder than this one held counts as given up: " + what);
      lossNoteCount++;
      log.noteLoss(what, done);
    }
  }

  /** Whether it was of this log. */
  boolean isOf(LogId own) {
    return lacking.log().equals(own);
  }

  /**
   * The log that is followed is known to hold all that its lineage says, and itself up to here. The
   * note of what it lacks is durable before what the caller writes next.
   */
  void settle(LogId own, long lastIndex, Lineage lineage) {
    if (lacking.index() > 0) {
      long end = isOf(own) ? lastIndex : lineage.endOf(lacking.log());
      log.settleLacking(lacking.index() > end ? lossNote(end) : null, done);
    }
    lacking = OperationLog.Lacking.NONE;
  }

  private String lossNote(long end) {
    String what =
        "log %s was here up to entry %d at least, and the pool goes on from entry %d of it"
            .formatted(lacking.log(), lacking.index(), end);
    listener.onNote("the pool goes on without what was in this folder once: " + what);
    lossNoteCount++;
    return what;
  }
}
