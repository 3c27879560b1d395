package holdfast.app;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** The user and group this process runs as, as the kernel says. */
record Ids(int uid, int gid) {
  private static final Path SELF = Path.of("/proc/self");

  static Ids ofThisProcess() {
    try {
      return new Ids(
          (Integer) Files.getAttribute(SELF, "unix:uid"),
          (Integer) Files.getAttribute(SELF, "unix:gid"));
    } catch (IOException e) {
      throw new UncheckedIOException("read owner of " + SELF, e);
    }
  }
}
