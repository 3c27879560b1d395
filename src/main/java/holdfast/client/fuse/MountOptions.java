package holdfast.client.fuse;

import java.time.Duration;

/**
 * The options of one mount.
 *
 * @param source what the mount table shows as the device: letters, digits and {@code :._-}, 1 to 64
 * @param readOnly the kernel refuses every change
 * @param allowOther other users than the mounting one get in (needs root, or {@code
 *     user_allow_other} in fuse.conf)
 * @param deadline how long a call into the file system may take before its caller gets ETIMEDOUT
 *     regardless: the file system's own deadline and a margin. 10 ms to 61 min
 */
public record MountOptions(String source, boolean readOnly, boolean allowOther, Duration deadline) {
  private static final int SOURCE_CHARS_MAX = 64;
  private static final Duration DEADLINE_MIN = Duration.ofMillis(10);

  /** An hour, which is the file system's longest, and a margin. */
  private static final Duration DEADLINE_MAX = Duration.ofMinutes(61);

  /** Checks every field. */
  public MountOptions {
    if (source.length() > SOURCE_CHARS_MAX || !source.matches("[A-Za-z0-9:._-]+")) {
      throw new IllegalArgumentException(
          "check mount source: expected=1 to 64 of letters, digits and :._-, was=" + source);
    }
    if (deadline.compareTo(DEADLINE_MIN) < 0 || deadline.compareTo(DEADLINE_MAX) > 0) {
      throw new IllegalArgumentException(
          "check mount deadline: expected=10 ms to 61 min, was=" + deadline);
    }
  }
}
