package holdfast.peer.state;

import holdfast.consensus.LogEntry;
import holdfast.consensus.SnapshotMeta;
import holdfast.metadata.Namespace;
import holdfast.metadata.NamespaceEditor;
import holdfast.metadata.Unsettled;
import holdfast.metadata.op.Answer;
import holdfast.metadata.op.Operation;
import holdfast.metadata.op.OperationResult;
import holdfast.metadata.op.Query;
import holdfast.metadata.op.RequestId;
import holdfast.model.ErrorCode;
import holdfast.model.LogId;
import holdfast.model.NodeId;
import holdfast.model.SealId;
import holdfast.port.OperationLog;
import holdfast.util.Invariants;

/**
 * The replicated state machine of this peer: applies the committed entries of the log, in order.
 */
public final class StateMachine {
  private static final int ROOT_MODE = 0755;

  /** Receives what changed, after it did. */
  public interface Listener {
    /** A snapshot took the place of everything. */
    void onReplaced();

    /** Another map is in force. */
    void onMap();

    /** An operation was applied and changed something. */
    void onChange(long index, RequestId requestId, Operation operation, OperationResult.Done done);

    /** A file has older content again. */
    void onReverted(long index, Command.Revert revert);

    /** A lock was refused because of another. */
    void onLockRefused(RequestId requestId, Operation.SetLock set);
  }

  private final Listener listener;

  /** The log whose entries and snapshots are taken; the state may still be an earlier one's. */
  private LogId log;

  private volatile PoolState state;
  private NamespaceEditor editor;
  private Namespace namespace;
  private OperationResult lastResult;
  private long chunkChangeIndex;

  StateMachine(LogId log, Listener listener) {
    this.listener = listener;
    this.log = log;
    this.state = PoolState.initial(log);
  }

  public PoolState state() {
    return state;
  }

  boolean isPoolCreated() {
    return state.isPoolCreated();
  }

  /** The namespace as it is now; only when the pool is created. */
  public Namespace namespace() {
    Invariants.check(state.isPoolCreated(), "read namespace: expected=a created pool");
    if (namespace == null) {
      namespace = editor.namespace();
    }
    return namespace;
  }

  /** What isn't settled, as it is now: of no use after the next change. */
  public Unsettled unsettled() {
    return namespace == null ? editor.unsettled() : namespace.unsettled();
  }

  public Answer query(Query query) {
    return namespace == null ? editor.query(query) : namespace.query(query);
  }

  /** What became of the operation applied last. */
  public OperationResult lastResult() {
    return lastResult;
  }

  /** The last index at which chunks may have been referenced. */
  public long chunkChangeIndex() {
    return chunkChangeIndex;
  }

  void apply(LogEntry entry) {
    state = state.withEntry(entry.index(), entry.term());
    if (entry.kind() == LogEntry.Kind.COMMAND) {
      apply(entry.index(), Command.of(entry.payload()));
    }
  }

  private void apply(long index, Command command) {
    if (!state.isPoolCreated() && !(command instanceof Command.CreatePool)) {
      return;
    }
    PoolState before = state;
    switch (command) {
      case Command.ChangeNamespace c -> change(index, c);
      case Command.CreatePool c -> createPool(index, c);
      case Command.ListPeer c -> state = state.withPeer(index, c.peer());
      case Command.SetPeerState c ->
          state = state.withPeerState(index, c, Absence.since(editor.tick(), editor.epoch()));
      case Command.ChangeSettings c -> state = state.withSettings(index, c.settings());
      case Command.SetDataKey c -> state = state.withDataKey(c.dataKeyId());
      case Command.AdvanceEpoch c -> {
        editor.advanceEpoch(c.epoch());
        state = state.withEpoch(editor.epoch(), editor.tick());
        namespace = null;
      }
      case Command.BeginSession c -> {
        editor.beginSession(c.client());
        namespace = null;
      }
      case Command.EndSession c -> {
        editor.endSession(c.client());
        namespace = null;
      }
      case Command.RemoveOrphans c -> {
        editor.removeOrphans(c.inodes());
        namespace = null;
      }
      case Command.Settled c -> {
        editor.settle(c.tick());
        namespace = null;
      }
      case Command.Revert c -> revert(index, c);
      case Command.SetLease c -> state = state.withLease(c.leaseMs());
    }
    if (before.map() != state.map()) {
      listener.onMap();
    }
  }

  private void change(long index, Command.ChangeNamespace command) {
    lastResult = editor.apply(command.author(), command.operation());
    namespace = null;
    boolean isChange = lastResult instanceof OperationResult.Done && !editor.wasRepeat();
    if (isChange && hasContent(command.operation())) {
      chunkChangeIndex = index;
    }
    if (!editor.wasRepeat() && lastResult instanceof OperationResult.Done done) {
      listener.onChange(index, command.author(), command.operation(), done);
    }
    if (command.operation() instanceof Operation.SetLock set
        && lastResult instanceof OperationResult.Failed failed
        && failed.code() == ErrorCode.LOCKED) {
      listener.onLockRefused(command.author(), set);
    }
  }

  private void revert(long index, Command.Revert command) {
    if (editor.revert(command.inode(), command.version(), command.fromTick())) {
      namespace = null;
      listener.onReverted(index, command);
    }
  }

  private static boolean hasContent(Operation operation) {
    return operation instanceof Operation.Commit
        || operation instanceof Operation.Create create && create.content().isPresent();
  }

  private void createPool(long index, Command.CreatePool command) {
    if (state.isPoolCreated()) {
      return;
    }
    state = state.created(index, command.settings());
    namespace =
        Namespace.empty(
            inodePrefix(state.log()),
            new SealId(state.log().low(), state.log().high()),
            ROOT_MODE,
            command.rootUid(),
            command.rootGid(),
            command.timeNs());
    editor = namespace.edit();
  }

  private static long inodePrefix(LogId log) {
    return log.high() >>> (Long.SIZE - Namespace.INODE_PREFIX_BITS);
  }

  /** Another log is followed: its snapshot will take the place of what is here. */
  void follow(LogId next) {
    log = next;
  }

  /**
   * Another log goes on from the state as it is here.
   *
   * @param baseIndex the index that stands for this state in that log
   * @param founder this peer, elected by every voter in {@code electedTerm}
   */
  void lead(LogId next, long baseIndex, SnapshotMeta ended, NodeId founder, long electedTerm) {
    Lineage lineage =
        state.lineage().next(state.log(), ended.index(), ended.term(), founder, electedTerm);
    log = next;
    state = state.inLog(next, baseIndex, lineage);
    if (state.isPoolCreated()) {
      editor.beginLineage(inodePrefix(next));
      namespace = null;
    }
    chunkChangeIndex = baseIndex;
    listener.onReplaced();
    listener.onMap();
  }

  /** The state as it is now, for a snapshot written elsewhere. */
  OperationLog.SnapshotSource snapshot() {
    return new SnapshotStream.Source(state, state.isPoolCreated() ? namespace() : null);
  }

  /** A snapshot takes the place of everything. */
  void install(SnapshotStream.Sink loaded, Namespace loadedNamespaceOrNull, long index) {
    Invariants.check(
        loaded.state().log().equals(log),
        "install snapshot: expected=log %s, was=%s",
        log,
        loaded.state().log());
    state = loaded.state();
    namespace = loadedNamespaceOrNull;
    editor = namespace == null ? null : namespace.edit();
    chunkChangeIndex = index;
    listener.onReplaced();
    listener.onMap();
  }
}
