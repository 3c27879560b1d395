package holdfast.sim;

import holdfast.model.ErrorCode;
import holdfast.model.HoldfastException;
import holdfast.port.Loop;
import holdfast.util.Invariants;

/** One process's loop in a simulation. Dead after {@link #kill}: nothing of it runs any more. */
public final class SimLoop implements Loop {
  private final SimWorld world;
  private final String name;
  private final long clockOffsetNs;
  private boolean dead;

  /** What last slept with it. */
  private Object machine;

  private boolean isAsleep;
  private long asleepSinceNs;
  private long asleepUntilNs;

  /** Whether the process's clock counts sleep, as every one should. */
  private boolean countsSleep = true;

  /** Time slept that the clock hasn't counted. */
  private long uncountedNs;

  private long awakeSinceNs;
  private int waitingTasks;
  private int pendingTimers;

  public SimLoop(SimWorld world, String name) {
    this.world = world;
    this.name = name;
    this.clockOffsetNs = world.split().nextLong(SimWorld.S, 1_000_000 * SimWorld.S);
    this.awakeSinceNs = nowNs();
  }

  public String name() {
    return name;
  }

  public boolean isDead() {
    return dead;
  }

  /** The process is gone, in the middle of whatever it was doing. */
  public void kill() {
    dead = true;
  }

  /** From now on its clock stands still while the machine sleeps. A bug. */
  void stopClockInSleep() {
    countsSleep = false;
  }

  /**
   * The machine sleeps: nothing of the process runs, and all that is due meanwhile comes at its
   * end, in order. What others send is lost.
   *
   * @param with whatever stands for the machine: processes that slept with the same one still hear
   *     each other
   */
  void sleep(long durationNs, Object with) {
    if (dead || isAsleep) {
      return;
    }
    machine = with;
    isAsleep = true;
    asleepSinceNs = world.nowNs();
    asleepUntilNs = asleepSinceNs + durationNs;
    world.after(durationNs, name + " wakes", this::wake);
  }

  private void wake() {
    long beforeNs = nowNs(asleepSinceNs);
    isAsleep = false;
    uncountedNs += countsSleep ? 0 : world.nowNs() - asleepSinceNs;
    awakeSinceNs = nowNs() - beforeNs > PAUSE_NS ? nowNs() : awakeSinceNs;
  }

  public boolean isAsleep() {
    return isAsleep;
  }

  /** When it wakes, in the world's time; only while it is asleep. */
  long asleepUntilNs() {
    return asleepUntilNs;
  }

  /** Whether it doesn't hear the other, which is on another machine. */
  boolean isDeafTo(SimLoop other) {
    return isAsleep && machine != other.machine;
  }

  @Override
  public long nowNs() {
    return nowNs(isAsleep && !countsSleep ? asleepSinceNs : world.nowNs());
  }

  private long nowNs(long worldNs) {
    return worldNs + clockOffsetNs - uncountedNs;
  }

  @Override
  public long awakeSinceNs() {
    return awakeSinceNs;
  }

  @Override
  public void post(Runnable task) {
    if (dead) {
      return;
    }
    if (waitingTasks >= TASKS_MAX) {
      throw new HoldfastException(
          ErrorCode.BUSY, "post task: expected=at most " + TASKS_MAX + " waiting");
    }
    waitingTasks++;
    world.schedule(
        world.nowNs(),
        this,
        "task",
        () -> {
          waitingTasks--;
          task.run();
        });
  }

  /** As post, after a while: for what disks and networks do. */
  public void postAfter(long delayNs, String what, Runnable task) {
    if (!dead) {
      world.schedule(world.nowNs() + delayNs, this, what, task);
    }
  }

  @Override
  public Timer at(long deadlineNs, String what, Runnable task) {
    Invariants.check(
        pendingTimers < 2 * TIMERS_MAX, "start timer %s: %s pending", what, pendingTimers);
    pendingTimers++;
    var timer = new SimTimer(deadlineNs, what, task);
    timer.start();
    return timer;
  }

  /** By the process's own clock: one that has stood still meanwhile makes it wait for longer. */
  private final class SimTimer implements Timer {
    private final long deadlineNs;
    private final String what;
    private final Runnable task;
    private SimWorld.SimEvent event;
    private boolean isOver;

    SimTimer(long deadlineNs, String what, Runnable task) {
      this.deadlineNs = deadlineNs;
      this.what = what;
      this.task = task;
    }

    void start() {
      long worldNs = deadlineNs - clockOffsetNs + uncountedNs;
      event = world.schedule(worldNs, SimLoop.this, what, this::due);
    }

    private void due() {
      if (nowNs() < deadlineNs) {
        start();
      } else {
        end();
        task.run();
      }
    }

    @Override
    public void cancel() {
      end();
      event.cancel();
    }

    private void end() {
      pendingTimers -= isOver ? 0 : 1;
      isOver = true;
    }
  }

  @Override
  public String toString() {
    return name;
  }
}
