package holdfast.peer;

import holdfast.metadata.op.Operation;
import holdfast.metadata.op.OperationResult;
import holdfast.metadata.op.RequestId;
import holdfast.peer.chunk.MissingChunks;
import holdfast.peer.session.LeaseManager;
import holdfast.peer.state.Command;
import holdfast.peer.state.StateMachine;
import holdfast.peer.view.PeerListener;

/**
 * Notifies those who keep something of the log in memory of each entry that was applied. Here, so
 * that {@link StateMachine} knows none of them. Loop thread.
 */
final class AppliedChanges implements StateMachine.Listener {
  private final MissingChunks missingChunks;
  private final LeaseManager leases;
  private final PeerListener listener;
  private final Runnable mapChanged;

  AppliedChanges(
      MissingChunks missingChunks,
      LeaseManager leases,
      PeerListener listener,
      Runnable mapChanged) {
    this.missingChunks = missingChunks;
    this.leases = leases;
    this.listener = listener;
    this.mapChanged = mapChanged;
  }

  @Override
  public void onReplaced() {
    missingChunks.forgetScan();
  }

  @Override
  public void onMap() {
    mapChanged.run();
  }

  @Override
  public void onChange(
      long index, RequestId requestId, Operation operation, OperationResult.Done done) {
    missingChunks.onOperation(operation);
    leases.onChange(index, requestId, operation, done);
  }

  @Override
  public void onReverted(long index, Command.Revert revert) {
    listener.onNote(
        "file %x has the content again that it had before version %d: chunks of that were lost"
            .formatted(revert.inode(), revert.version()));
    leases.onReverted(index, revert.inode());
  }

  @Override
  public void onLockRefused(RequestId requestId, Operation.SetLock set) {
    leases.onLockRefused(requestId, set);
  }
}
