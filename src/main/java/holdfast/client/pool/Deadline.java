package holdfast.client.pool;

import holdfast.util.MonotonicClock;

/**
 * When a call fails: so long after something of its work has moved for the last time, however long
 * it takes in all. What moves are bytes, and counts that others report of their work on it; never
 * time alone, and no answer that leads to the same question again. Any thread.
 */
public final class Deadline {
  /**
   * Silence for a call that begins while the pool is out of reach: enough for two peers in reach to
   * answer from what they hold, also from a slow disk.
   */
  static final long HOPELESS_SILENCE_NS = 2_000_000_000L;

  /** The same where there is no peer in reach: for what is under way in this process. */
  static final long ALONE_SILENCE_NS = 250_000_000L;

  private final MonotonicClock clock;
  private final long silenceNs;
  private final boolean isHopeless;
  private final Runnable onMoved;
  private volatile long movedNs;

  private Deadline(
      MonotonicClock clock, long silenceNs, boolean isHopeless, long movedNs, Runnable onMoved) {
    this.clock = clock;
    this.silenceNs = silenceNs;
    this.isHopeless = isHopeless;
    this.movedNs = movedNs;
    this.onMoved = onMoved;
  }

  /** One that begins now. */
  public static Deadline in(MonotonicClock clock, long silenceNs) {
    return new Deadline(clock, silenceNs, false, clock.nowNs(), () -> {});
  }

  /** One that begins now, for a call that is known to be in vain unless a stale answer will do. */
  static Deadline hopeless(MonotonicClock clock, boolean isAlone) {
    long silenceNs = isAlone ? ALONE_SILENCE_NS : HOPELESS_SILENCE_NS;
    return new Deadline(clock, silenceNs, true, clock.nowNs(), () -> {});
  }

  /** The same for a part of the call: what moves there moves here, too, and {@code also} runs. */
  public Deadline with(Runnable also) {
    return new Deadline(
        clock,
        silenceNs,
        isHopeless,
        movedNs,
        () -> {
          moved();
          also.run();
        });
  }

  /** Something of the work has moved. */
  public void moved() {
    movedAt(clock.nowNs());
  }

  /** Something of it had moved then. */
  public void movedAt(long atNs) {
    if (atNs - movedNs > 0) {
      movedNs = atNs;
      onMoved.run();
    }
  }

  /** Whether the pool was out of reach when it began: nobody who doesn't answer is waited for. */
  boolean isHopeless() {
    return isHopeless;
  }

  /** When something of it has moved last, or it began. */
  long movedNs() {
    return movedNs;
  }

  /** How long nothing of it may move. */
  public long silenceNs() {
    return silenceNs;
  }

  /** When it is over, unless something moves before; on the monotonic clock. */
  public long untilNs() {
    return movedNs + silenceNs;
  }

  /** How long that is from now; 0 or less: it is over. */
  public long leftNs() {
    return untilNs() - clock.nowNs();
  }

  public boolean isOver() {
    return leftNs() <= 0;
  }
}
