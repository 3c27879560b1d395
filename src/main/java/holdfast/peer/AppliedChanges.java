package holdfast.peer;

import holdfast.metadata.op.Author;
import holdfast.metadata.op.Operation;
import holdfast.metadata.op.OperationResult;
import holdfast.peer.chunk.Census;
import holdfast.peer.session.ClientSessions;
import holdfast.peer.state.Command;
import holdfast.peer.state.Replica;
import holdfast.peer.view.PeerListener;

/** Passes what the log has changed on to those who keep something of it in memory. Loop thread. */
final class AppliedChanges implements Replica.Listener {
  private final Census census;
  private final ClientSessions sessions;
  private final PeerListener listener;
  private final Runnable mapChanged;

  AppliedChanges(
      Census census, ClientSessions sessions, PeerListener listener, Runnable mapChanged) {
    this.census = census;
    this.sessions = sessions;
    this.listener = listener;
    this.mapChanged = mapChanged;
  }

  @Override
  public void onReplaced() {
    census.forgetScan();
  }

  @Override
  public void onMap() {
    mapChanged.run();
  }

  @Override
  public void onChange(long index, Author author, Operation operation, OperationResult.Done done) {
    census.onOperation(operation);
    sessions.onChange(index, author, operation, done);
  }

  @Override
  public void onReverted(long index, Command.Revert revert) {
    listener.onNote(
        "file %x has the content again that it had before version %d: chunks of that were lost"
            .formatted(revert.inode(), revert.version()));
    sessions.onReverted(index, revert.inode());
  }

  @Override
  public void onLockRefused(Author author, Operation.SetLock set) {
    sessions.onLockRefused(author, set);
  }
}
