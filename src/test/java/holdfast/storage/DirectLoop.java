package holdfast.storage;

import holdfast.client.ManualLoop;

/**
 * A loop that runs what is posted at once: the order of the calls is the order on the disk. What a
 * task posts comes after it.
 */
final class DirectLoop extends ManualLoop {
  private boolean isRunning;

  @Override
  public void post(Runnable task) {
    super.post(task);
    if (!isRunning) {
      isRunning = true;
      try {
        run();
      } finally {
        isRunning = false;
      }
    }
  }
}
