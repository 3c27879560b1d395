package holdfast.client.api;

import java.time.Duration;

/**
 * The options of a client's file system that its user sets.
 *
 * @param timeout how long nothing of a call may move before it fails
 * @param cacheSizeBytes opened blocks kept in memory
 * @param isReadOnly refuse every change with READ_ONLY
 * @param ownerOrNull shows all inodes as this owner's, and creates them so; null: as stored
 */
public record ClientOptions(
    Duration timeout, long cacheSizeBytes, boolean isReadOnly, Owner ownerOrNull) {
  /** The default timeout. */
  public static final Duration TIMEOUT = Duration.ofSeconds(10);

  /** The shortest timeout. */
  public static final Duration TIMEOUT_MIN = Duration.ofMillis(100);

  /** The longest timeout. */
  public static final Duration TIMEOUT_MAX = Duration.ofHours(1);

  /** Default cache of opened blocks. */
  public static final long CACHE_BYTES = 64L << 20;

  /** Most files open at once. */
  public static final int HANDLES_MAX = 65_536;

  /** A user and a group by number. */
  public record Owner(int uid, int gid) {}

  /** Checks the ranges. */
  public ClientOptions {
    if (timeout.compareTo(TIMEOUT_MIN) < 0 || timeout.compareTo(TIMEOUT_MAX) > 0) {
      throw new IllegalArgumentException(
          "read timeout: expected=100 ms to 1 h, was=" + timeout.toMillis() + " ms");
    }
  }

  /** The defaults. */
  public static ClientOptions standard() {
    return new ClientOptions(TIMEOUT, CACHE_BYTES, false, null);
  }
}
