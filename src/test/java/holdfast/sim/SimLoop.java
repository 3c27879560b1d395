package holdfast.sim;

import holdfast.peer.port.Loop;

/** One process's loop in a simulation. Dead after {@link #kill}: nothing of it runs any more. */
public final class SimLoop implements Loop {
  private final SimWorld world;
  private final String name;
  private final long clockOffsetNs;
  private boolean dead;

  public SimLoop(SimWorld world, String name) {
    this.world = world;
    this.name = name;
    this.clockOffsetNs = world.split().nextLong(SimWorld.S, 1_000_000 * SimWorld.S);
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

  @Override
  public long nowNs() {
    return world.nowNs() + clockOffsetNs;
  }

  @Override
  public void post(Runnable task) {
    if (!dead) {
      world.schedule(world.nowNs(), this, "task", task);
    }
  }

  /** As post, after a while: for what disks and networks do. */
  public void postAfter(long delayNs, String what, Runnable task) {
    if (!dead) {
      world.schedule(world.nowNs() + delayNs, this, what, task);
    }
  }

  @Override
  public Timer at(long deadlineNs, String what, Runnable task) {
    return world.schedule(deadlineNs - clockOffsetNs, this, what, task)::cancel;
  }

  @Override
  public boolean onLoop() {
    return world.current() == this;
  }

  @Override
  public String toString() {
    return name;
  }
}
