package holdfast.client.fuse;

import java.io.IOException;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.TreeSet;

/** Finds the processes that keep a mount busy, as far as this user may see. For messages only. */
final class OpenFiles {
  private static final int PROCESS_COUNT_MAX = 5;

  private OpenFiles() {}

  /** {@code : pids 12, 34}, or nothing. Looks at links only, never at what is mounted. */
  static String describe(Path mountPoint) {
    var pids = new TreeSet<Integer>();
    try (var processes = Files.newDirectoryStream(Path.of("/proc"), "[0-9]*")) {
      for (Path process : processes) {
        if (pids.size() < PROCESS_COUNT_MAX && isInside(process, mountPoint)) {
          pids.add(Integer.valueOf(process.getFileName().toString()));
        }
      }
    } catch (IOException | DirectoryIteratorException e) {
      return "";
    }
    return pids.isEmpty() ? "" : ": pids " + pids;
  }

  private static boolean isInside(Path process, Path mountPoint) {
    if (pointsInto(process.resolve("cwd"), mountPoint)
        || pointsInto(process.resolve("root"), mountPoint)) {
      return true;
    }
    // What is mapped may have no descriptor any more.
    return isAnyInside(process.resolve("fd"), mountPoint)
        || isAnyInside(process.resolve("map_files"), mountPoint);
  }

  private static boolean isAnyInside(Path folder, Path mountPoint) {
    try (var links = Files.newDirectoryStream(folder)) {
      for (Path link : links) {
        if (pointsInto(link, mountPoint)) {
          return true;
        }
      }
    } catch (IOException | DirectoryIteratorException e) {
      return false; // another user's, or gone
    }
    return false;
  }

  private static boolean pointsInto(Path link, Path mountPoint) {
    try {
      return Files.readSymbolicLink(link).startsWith(mountPoint);
    } catch (IOException e) {
      return false;
    }
  }
}
