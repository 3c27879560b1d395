package holdfast.app;

import holdfast.model.ErrorCode;
import holdfast.model.HoldfastException;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.ReentrantLock;

/**
 * A file that is written beside the one whose name it is to get, and gets it when it is whole and
 * on disk. Until then what has the name is untouched, whatever fails; and what was written is
 * removed by {@link #close}. One that was left behind by a process or machine that died isn't
 * locked any more: the next one for the same name in the same directory removes it.
 *
 * <p>One thread writes. Another may call {@link #abandon}, for a signal; what the writer does then
 * fails.
 *
 * <p>Every failure is a {@link HoldfastException}; what can be said about the file that was there
 * says {@link #fate} after {@link #close}.
 */
abstract class Replacement implements AutoCloseable {
  /** Names of a directory that are looked at for what others left behind. */
  static final int LISTED_MAX = 4_096;

  /** How often another name is tried when one is taken, or removed by a zealous other. */
  static final int NAMES_MAX = 3;

  /** Says that the time of the last change is to be now. */
  static final long NOW = Long.MIN_VALUE;

  private enum State {
    WRITING,
    /** From here on nobody but the writer may remove it. */
    COMPLETING,
    COMPLETE,
    ABANDONED
  }

  /** What became of what had the name. */
  private enum Outcome {
    UNTOUCHED,
    REPLACED,
    UNKNOWN
  }

  private final AtomicReference<State> state = new AtomicReference<>(State.WRITING);

  /** Held while the file is made and while it is removed: who abandons it must know its name. */
  private final ReentrantLock making = new ReentrantLock();

  private final String place;
  private final boolean isThere;
  private volatile Outcome outcome = Outcome.UNTOUCHED;
  private volatile String leftOrNull;

  /**
   * Makes nothing yet.
   *
   * @param place what has the name, for messages
   * @param isThere whether anything has it
   */
  Replacement(String place, boolean isThere) {
    this.place = place;
    this.isThere = isThere;
  }

  /** Makes the file, empty. */
  final void begin() {
    making.lock();
    try {
      if (state.get() == State.WRITING) {
        make();
      }
    } finally {
      making.unlock();
    }
  }

  /** Appends; what is written may reach the disk much later. */
  abstract void write(byte[] buffer, int byteCount);

  /**
   * Gives the file its mode and time, and the name, all of it on disk when this returns.
   *
   * @param mode permission bits, without those that change the user or group
   * @param mtimeNs its time of last change, ns since 1970, or {@link #NOW}
   */
  final void complete(int mode, long mtimeNs) {
    prepare(mode, mtimeNs);
    if (!state.compareAndSet(State.WRITING, State.COMPLETING)) {
      throw new HoldfastException(ErrorCode.INTERRUPTED, "stopped by a signal");
    }
    takeName();
    state.set(State.COMPLETE);
  }

  /** Removes the file unless it is about to get its name; whether it was in time for that. */
  final boolean abandon() {
    if (!state.compareAndSet(State.WRITING, State.ABANDONED)) {
      return false;
    }
    removeMade();
    return true;
  }

  /** Removes the file unless it has its name. */
  @Override
  public final void close() {
    State before = state.getAndUpdate(now -> now == State.COMPLETE ? now : State.ABANDONED);
    if (before == State.WRITING || before == State.COMPLETING) {
      removeMade();
    }
  }

  private void removeMade() {
    making.lock();
    try {
      remove();
    } finally {
      making.unlock();
    }
  }

  /** What became of what had the name, and what is left of the attempt: the end of a sentence. */
  final String fate() {
    String fate =
        switch (outcome) {
          case UNTOUCHED -> place + (isThere ? " is as it was" : " was not made");
          case REPLACED -> place + " is the new file, but may not survive a power cut yet";
          case UNKNOWN -> "whether " + place + " is the new file yet is not known; it is whole";
        };
    String left = leftOrNull;
    return left == null
        ? fate
        : fate + "; " + left + " may be left, which the next attempt removes";
  }

  final HoldfastException noFreeName() {
    return new CommandFailure(
        ErrorCode.EXISTS,
        "make a file beside " + place + ": no free name, " + NAMES_MAX + " were taken");
  }

  /** For {@link #fate}: it has its name. */
  final void isNamed() {
    outcome = Outcome.REPLACED;
  }

  /** For {@link #fate}: nobody knows whether it has, or will have, its name. */
  final void markIndeterminate() {
    outcome = Outcome.UNKNOWN;
  }

  /** For {@link #fate}: it hasn't its name, and never will. */
  final void isRefused() {
    outcome = Outcome.UNTOUCHED;
  }

  /** For {@link #fate}: this couldn't be removed. */
  final void isLeft(String what) {
    leftOrNull = what;
  }

  /** Removes what others left behind, then makes the file and locks it. */
  abstract void make();

  /** Forces the content and sets mode and time. */
  abstract void prepare(int mode, long mtimeNs);

  /** Gives it the name and forces that. */
  abstract void takeName();

  /** Removes what was made, if anything; doesn't throw. */
  abstract void remove();
}
