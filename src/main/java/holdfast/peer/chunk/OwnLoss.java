package holdfast.peer.chunk;

import holdfast.model.ChunkLoss;
import holdfast.model.StorageException;
import holdfast.peer.state.Leadership;
import holdfast.peer.view.PeerListener;
import holdfast.peer.view.PeerPorts;

/**
 * Tracks what this peer may have lost of its chunks ({@link ChunkLoss}): bounds what the start
 * found, forgets it when all that it concerns is settled, adds what is found later. Loop thread.
 */
public final class OwnLoss implements OwnForce.Loss {
  private static final long EVERY_NS = 1_000_000_000L;

  /** So often while it isn't known which commit was the last before the start. */
  private static final long EVERY_WHILE_OPEN_NS = 20_000_000L;

  /**
   * What was found out after a start is written so much later: the disk has enough to do then, and
   * most is settled by that time.
   */
  private static final long WRITE_AFTER_NS = 5_000_000_000L;

  private final PeerPorts ports;
  private final PeerListener listener;
  private final Leadership leadership;

  /** What the disk says that {@link #bounded} is about. */
  private ChunkLoss open = ChunkLoss.NONE;

  private ChunkLoss bounded = ChunkLoss.NONE;
  private long writeAtNs;
  private boolean isNoting;
  private boolean isDamageDue;
  private boolean isFailing;
  private boolean isStopped;

  public OwnLoss(PeerPorts ports, PeerListener listener, Leadership leadership) {
    this.ports = ports;
    this.listener = listener;
    this.leadership = leadership;
    writeAtNs = ports.loop().nowNs();
  }

  /** Looks, from now on again and again. */
  void start() {
    if (isStopped) {
      return;
    }
    look();
    boolean isSoon = now().isOpen() && leadership.isReady() && !isFailing;
    long pauseNs = isSoon && !leadership.isWithoutQuorum() ? EVERY_WHILE_OPEN_NS : EVERY_NS;
    ports.loop().at(ports.loop().nowNs() + pauseNs, "own loss", this::start);
  }

  void stop() {
    isStopped = true;
  }

  @Override
  public ChunkLoss now() {
    ChunkLoss loss = ports.log().chunkLoss();
    return loss.isOpen() && loss.equals(open) ? bounded : loss;
  }

  @Override
  public boolean isNoted() {
    return !isDamageDue;
  }

  /** Noted at the next look: however much is found, it costs a few forces a second at most. */
  @Override
  public void onDamage() {
    boolean isAllSettled =
        leadership.isCaughtUp() && leadership.stateMachine().unsettled().count() == 0;
    isDamageDue |= !isAllSettled;
  }

  private void look() {
    ChunkLoss loss = ports.log().chunkLoss();
    if (isNoting) {
      return;
    }
    if (isDamageDue) {
      open = ChunkLoss.NONE;
      note(loss, loss.withSureDamage(), true);
    } else if (!loss.isNone() && leadership.isCaughtUp()) {
      bound(loss);
      if (ports.loop().nowNs() - writeAtNs >= 0) {
        write(loss);
      }
    }
  }

  private void bound(ChunkLoss loss) {
    if (loss.isOpen() && !loss.equals(open)) {
      open = loss;
      bounded = loss.upTo(leadership.stateMachine().unsettled().lastTick());
      writeAtNs = ports.loop().nowNs() + WRITE_AFTER_NS;
    }
  }

  private void write(ChunkLoss loss) {
    ChunkLoss known = now();
    boolean isSettled =
        leadership.stateMachine().unsettled().oldest(1).stream()
            .allMatch(commit -> commit.tick() > known.lastTick());
    if (isSettled) {
      forget(loss);
    } else if (!known.equals(loss)) {
      note(loss, known, false);
    }
  }

  private void note(ChunkLoss expected, ChunkLoss next, boolean isDamage) {
    isNoting = true;
    ports
        .log()
        .settleChunks(
            expected,
            next,
            why -> {
              sayIfNew(why);
              noted(isDamage && why == null);
            });
  }

  /** That all is settled may stand in a part of the log that a power cut takes. */
  private void forget(ChunkLoss loss) {
    isNoting = true;
    ports
        .log()
        .force(
            why -> {
              if (why == null) {
                note(loss, ChunkLoss.NONE, false);
              } else {
                isNoting = false;
              }
            });
  }

  /** It is tried again each second: without the note no damaged chunk is denied or settled. */
  private void sayIfNew(StorageException whyOrNull) {
    if (whyOrNull != null && !isFailing) {
      listener.onNote("note what may be lost of the chunks: was=" + whyOrNull.getMessage());
    }
    isFailing = whyOrNull != null;
  }

  private void noted(boolean isDamageNoted) {
    isNoting = false;
    // Something else may have been noted in between: then this wasn't.
    isDamageDue &= !isDamageNoted || !now().isOpen();
  }
}
