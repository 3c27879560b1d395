package holdfast.client;

/**
 * Lets a commit whose appended bytes have to move wait for them: from the moment it is needed until
 * it is closed, nothing is appended to the file. One thread, which doesn't hold the file's lock.
 */
final class AppendGate implements AutoCloseable {
  private final FileContent content;
  private boolean isShut;

  AppendGate(FileContent content) {
    this.content = content;
  }

  /** Whether appended bytes have to be saved first; from then on no more come. */
  boolean isNeeded() {
    content.lock.lock();
    try {
      if (!isShut && content.appends.isOvertaken()) {
        content.appends.closeGate();
        isShut = true;
      }
      return isShut;
    } finally {
      content.lock.unlock();
    }
  }

  @Override
  public void close() {
    if (!isShut) {
      return;
    }
    content.lock.lock();
    try {
      content.appends.openGate();
      content.changed.signalAll();
    } finally {
      content.lock.unlock();
    }
  }
}
