package holdfast.client.fuse;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Detects what the running kernel can do, where libfuse 2 doesn't report it. */
final class KernelVersion {
  private static final Path RELEASE = Path.of("/proc/sys/kernel/osrelease");
  private static final Pattern NUMBERS = Pattern.compile("(\\d+)\\.(\\d+).*", Pattern.DOTALL);

  private KernelVersion() {}

  /**
   * Whether ENOSYS to an opendir makes the kernel do without (5.1 and later); an older one would
   * pass it on to programs.
   */
  static boolean opensNoDirectories() {
    try {
      return isAtLeast(Files.readString(RELEASE, StandardCharsets.US_ASCII), 5, 1);
    } catch (IOException e) {
      System.getLogger("holdfast.client.fuse")
          .log(System.Logger.Level.WARNING, "read {0}: {1}", RELEASE, e.getMessage());
      return false;
    }
  }

  static boolean isAtLeast(String release, int major, int minor) {
    Matcher numbers = NUMBERS.matcher(release);
    if (!numbers.matches()) {
      return false;
    }
    int itsMajor = Integer.parseInt(numbers.group(1));
    int itsMinor = Integer.parseInt(numbers.group(2));
    return itsMajor > major || itsMajor == major && itsMinor >= minor;
  }
}
