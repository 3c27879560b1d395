package holdfast.metadata;

import holdfast.metadata.op.Answer;
import holdfast.metadata.op.Operation;
import holdfast.metadata.op.OperationResult;
import holdfast.metadata.op.Query;
import holdfast.metadata.op.RequestId;
import holdfast.model.ClientId;
import java.util.List;

/**
 * Applies many operations in a row, cheaper than one {@link Namespace#apply} each: parts of the
 * state are copied once and then changed in place. Used by one thread at a time; the namespaces it
 * gives out are immutable as ever.
 */
public final class NamespaceEditor {
  private final Draft draft;
  private boolean wasRepeat;

  NamespaceEditor(Draft draft) {
    this.draft = draft;
  }

  /**
   * Applies an operation, or gives the remembered result if this author's sequence was applied
   * before. A failure is a result like any other, and leaves everything as it was.
   */
  public OperationResult apply(RequestId requestId, Operation operation) {
    var window = new ClientWindow(draft);
    var recalled = window.recall(requestId);
    wasRepeat = recalled.isPresent();
    if (wasRepeat) {
      return recalled.get();
    }
    var result = new Applier(draft, requestId.client()).apply(operation);
    window.remember(requestId, result);
    return result;
  }

  /** Whether the last {@link #apply} changed nothing because it was a retry, or too old for one. */
  public boolean wasRepeat() {
    return wasRepeat;
  }

  /**
   * A client's session begins: operations are taken from clients with a session only. A client id
   * whose session has ended stays ended.
   */
  public void beginSession(ClientId client) {
    new ClientWindow(draft).begin(client);
  }

  /** A client's session ends, and its pins and locks are released. */
  public void endSession(ClientId client) {
    new ClientWindow(draft).end(client);
  }

  /**
   * Another log goes on from this state: every session ends, since their clients may have been told
   * what is in no log any more, and new inodes get other numbers than any lost one had.
   *
   * @param inodePrefix as {@link Namespace#empty}
   */
  public void beginLineage(long inodePrefix) {
    namespace().sessions().forEach(this::endSession);
    draft.counters.inodePrefix = inodePrefix;
  }

  /** Removes those of the files that have no name and that no session pins. */
  public void removeOrphans(List<Long> inodes) {
    var orphans = new Orphans(draft);
    inodes.forEach(orphans::removeUnpinned);
  }

  /**
   * The chunks of all commits up to this one are on disk: what they replaced is dropped.
   *
   * @param upToTick the commit's place among all operations ({@link Unsettled.Commit#tick})
   */
  public void settle(long upToTick) {
    new Undo(draft).settle(upToTick);
  }

  /**
   * Gives a file the content that it had before a commit which isn't settled, and undoes all later
   * ones: their chunks were lost.
   *
   * @param version the file's, else nothing happens: it has changed meanwhile
   * @param fromTick the first commit to undo, else nothing happens
   * @return whether it happened
   */
  public boolean revert(long inode, long version, long fromTick) {
    return new Undo(draft).revert(inode, version, fromTick);
  }

  /** Begins an epoch, by the leader's command; one that is not newer changes nothing. */
  public void advanceEpoch(long epoch) {
    draft.counters.epoch = Math.max(draft.counters.epoch, epoch);
  }

  /** The upload epoch, as {@link Namespace#epoch}. */
  public long epoch() {
    return draft.counters.epoch;
  }

  /** Answers from the state as it is now. */
  public Answer query(Query query) {
    return new Queries(draft.records(), draft.counters).answer(query);
  }

  /** The place of the last operation, or session begun, in the order of all. */
  public long tick() {
    return draft.counters.tick;
  }

  /** What isn't settled as of now, for a look: it isn't to be used after the next change. */
  public Unsettled unsettled() {
    return new Unsettled(draft.tree(), draft.counters);
  }

  /** The state as it is now. The editor may go on. */
  public Namespace namespace() {
    return new Namespace(draft.tree().tree(), draft.counters.copy());
  }
}
