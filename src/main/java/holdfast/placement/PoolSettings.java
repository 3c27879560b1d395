package holdfast.placement;

import holdfast.util.ByteReader;
import holdfast.util.ByteWriter;

/**
 * The settings of a pool, which the operator may change while it runs.
 *
 * @param replicas copies of each chunk, 1 to {@value #REPLICAS_MAX}; as many as there are peers if
 *     those are fewer
 * @param minCopies copies that must exist before a write is acknowledged, 1 to {@code replicas}; as
 *     many as there are live peers if those are fewer
 * @param downOutMs a peer down for longer is out
 * @param awayOutMs a peer that said goodbye is out after this
 * @param forksMinority whether peers that lost their majority go on by themselves, or only read
 */
public record PoolSettings(
    int replicas, int minCopies, long downOutMs, long awayOutMs, boolean forksMinority) {
  /** Most copies. */
  public static final int REPLICAS_MAX = 8;

  /** Longest of the two times: 400 days. */
  public static final long OUT_MAX_MS = 400L * 24 * 3_600 * 1_000;

  /** What a new pool starts with. */
  public static final PoolSettings DEFAULT =
      new PoolSettings(3, 2, 10L * 60 * 1_000, 24L * 3_600 * 1_000, true);

  /** Checks the ranges; throws {@link IllegalArgumentException} with a text for the user. */
  public PoolSettings {
    check("replicas", replicas, 1, REPLICAS_MAX);
    check("min-copies", minCopies, 1, replicas);
    check("down-out in ms", downOutMs, 1, OUT_MAX_MS);
    check("away-out in ms", awayOutMs, 1, OUT_MAX_MS);
  }

  private static void check(String what, long value, long min, long max) {
    if (value < min || value > max) {
      throw new IllegalArgumentException(
          "set " + what + ": expected=" + min + " to " + max + ", was=" + value);
    }
  }

  /** Appends the fields. */
  public void write(ByteWriter out) {
    out.u8(replicas).u8(minCopies).u64(downOutMs).u64(awayOutMs).bool(forksMinority);
  }

  /**
   * Reads what {@link #write} wrote.
   *
   * @throws ByteReader.Malformed if it is none
   */
  public static PoolSettings read(ByteReader in) {
    try {
      return new PoolSettings(in.u8(), in.u8(), in.u64(), in.u64(), in.bool());
    } catch (IllegalArgumentException e) {
      throw new ByteReader.Malformed(e.getMessage());
    }
  }
}
