package holdfast.app;

import holdfast.model.HoldfastException;

/** Fills a {@link Replacement}: whole, or not at all and a sentence about it. */
final class Transfer {
  /** How long a signal waits until what was written is removed. */
  private static final long REMOVE_MAX_MS = 5_000;

  private Transfer() {}

  /** Writes all there is and calls {@link Replacement#complete}. */
  @FunctionalInterface
  interface Filling {
    void fill(Replacement to);
  }

  /**
   * Fills it, or removes it: whatever is thrown, and when SIGINT, SIGTERM or SIGHUP come, which
   * then end the process with exit code 1.
   *
   * @param what verb and object, for messages
   */
  static void run(String what, Replacement to, Filling filling) {
    var stop = new StopSignal();
    stop.whenAsked(() -> endIfIncomplete(what, to));
    try (to) {
      to.begin();
      filling.fill(to);
      stop.wentWell();
    } catch (HoldfastException e) {
      String text = what + ": " + CommandFailure.words(e) + "; " + to.fate();
      stop.failed(text);
      throw new CommandFailure(e.code(), text, e);
    } finally {
      stop.done();
    }
  }

  /**
   * Ends the process at once unless it is too late to remove the file: the writer may be waiting
   * for a pool that doesn't answer, or for standard input.
   */
  private static void endIfIncomplete(String what, Replacement to) {
    var wasInTime = new boolean[] {true};
    var removing = new Thread(() -> wasInTime[0] = to.abandon(), "remove");
    removing.setDaemon(true);
    removing.start();
    String fate = null;
    try {
      removing.join(REMOVE_MAX_MS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    if (removing.isAlive()) {
      fate = "a part of it may be left, which the next attempt removes";
    } else if (wasInTime[0]) {
      fate = to.fate();
    }
    if (fate != null) {
      System.err.println("holdfast: " + what + ": stopped by a signal; " + fate);
      Runtime.getRuntime().halt(Main.EXIT_FAILED);
    }
  }
}
