package holdfast.model;

/**
 * What a peer may have lost of the chunks that were on its disk, by commits: to power cuts, which
 * take only what nobody was told is forced, and to damage, which takes anything. Of several events
 * the first that covers a commit counts, since its chunks were looked for then. A pure value.
 *
 * @param powerCutTick chunks of commits up to this operation may have gone with a power cut; 0:
 *     none, {@link #UNKNOWN} while it isn't known which operation was the last before it
 * @param damageTick likewise, with damage
 */
public record ChunkLoss(long powerCutTick, long damageTick) {
  /** Nothing was lost. */
  public static final ChunkLoss NONE = new ChunkLoss(0, 0);

  /** No operation has this tick, every one has a lower one. */
  public static final long UNKNOWN = Long.MAX_VALUE;

  /** Whether nothing was lost. */
  public boolean isNone() {
    return equals(NONE);
  }

  /** Whether it isn't known yet up to which commit something may be lost. */
  public boolean isOpen() {
    return lastTick() == UNKNOWN;
  }

  /** The last commit that may have lost something; 0 if none. */
  public long lastTick() {
    return Math.max(powerCutTick, damageTick);
  }

  /** This, and then the machine went down. */
  public ChunkLoss withPowerCut() {
    return isOpen() ? this : new ChunkLoss(UNKNOWN, damageTick);
  }

  /** This, and then damage was found. */
  public ChunkLoss withDamage() {
    if (isOpen()) {
      return this;
    }
    boolean isDamageFirst = damageTick > 0 && damageTick < powerCutTick;
    return new ChunkLoss(isDamageFirst ? 0 : powerCutTick, UNKNOWN);
  }

  /** This, and then damage was found that no power cut before can have been. */
  public ChunkLoss withSureDamage() {
    return powerCutTick == UNKNOWN ? new ChunkLoss(0, UNKNOWN) : withDamage();
  }

  /** What is {@link #isOpen} ends with this operation. */
  public ChunkLoss upTo(long tick) {
    if (powerCutTick == UNKNOWN) {
      return new ChunkLoss(tick > damageTick ? tick : 0, damageTick);
    }
    if (damageTick == UNKNOWN) {
      return new ChunkLoss(powerCutTick, tick > powerCutTick ? tick : 0);
    }
    return this;
  }

  /** This in a log whose operations have other ticks. */
  public ChunkLoss inAnotherLog() {
    if (isNone()) {
      return this;
    }
    return damageTick > 0 ? new ChunkLoss(0, UNKNOWN) : new ChunkLoss(UNKNOWN, 0);
  }

  /** Whether damage may have taken what the commit with this tick named. */
  public boolean isDamage(long tick) {
    boolean isAfterPowerCut = powerCutTick >= damageTick || tick > powerCutTick;
    return tick <= damageTick && isAfterPowerCut;
  }
}
