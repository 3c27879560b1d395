package holdfast.port;

/**
 * The port to the single-writer loop of a node and its timers: everything a node decides, it
 * decides here, one task at a time.
 */
public interface Loop {
  /**
   * Most timers pending at once; more is a bug. Cancelled ones don't count: a loop may hold as many
   * of them before it clears them away.
   */
  int TIMERS_MAX = 65_536;

  /** Most posted tasks waiting at once; beyond it {@link #post} throws. */
  int TASKS_MAX = 262_144;

  /**
   * A loop that hasn't looked at its clock for so long has paused: its machine slept, its process
   * was stopped, or a task took long.
   */
  long PAUSE_NS = 1_000_000_000L;

  /**
   * Monotonic time in nanoseconds, read now; only differences mean anything. Counts the time in
   * which the machine slept. Any thread.
   */
  long nowNs();

  /**
   * Since when this loop has run without a pause, in the time of {@link #nowNs}: what others failed
   * to do before that may be its own fault, and is held against nobody. Never the other way round:
   * what was known before a pause is as old as {@link #nowNs} says. Loop thread.
   */
  long awakeSinceNs();

  /**
   * Runs {@code task} on the loop thread, after all tasks posted before. Any thread; never blocks.
   *
   * @throws holdfast.model.HoldfastException BUSY when {@value #TASKS_MAX} tasks wait
   */
  void post(Runnable task);

  /**
   * Runs {@code task} once on the loop thread, not before {@code deadlineNs}. Any thread; never
   * blocks. Timers run in the order of their deadlines, with one deadline in that of the calls.
   *
   * @throws holdfast.util.Invariants.Violation when far more than {@value #TIMERS_MAX} are pending
   */
  Timer at(long deadlineNs, String name, Runnable task);

  /** A pending task. */
  interface Timer {
    /** Makes sure that the task doesn't run from now on. Loop thread only. No effect afterwards. */
    void cancel();
  }
}
