package holdfast.client.file;

import holdfast.client.kernel.CacheLease;

/**
 * Lets a commit whose appended bytes have to move wait for them: from the moment it is needed until
 * it is closed, nothing is appended to the file. A write that waits has pages locked in the kernel,
 * so others' changes of the file are confirmed meanwhile before those are dropped: two mounts would
 * wait for each other otherwise. One thread.
 */
final class AppendPause implements AutoCloseable {
  private final OpenFile file;
  private final CacheLease cacheLease;
  private CacheLease.Ticket ticketOrNull;

  AppendPause(OpenFile file, CacheLease cacheLease) {
    this.file = file;
    this.cacheLease = cacheLease;
  }

  /** Whether appended bytes have to be saved first; from then on no more come. */
  boolean isNeeded() {
    if (ticketOrNull == null && file.status().mustMoveAppends()) {
      ticketOrNull = cacheLease.begin(file.inode());
      file.pauseAppends(true);
    }
    return ticketOrNull != null;
  }

  @Override
  public void close() {
    if (ticketOrNull != null) {
      file.pauseAppends(false);
      ticketOrNull.close();
    }
  }
}
