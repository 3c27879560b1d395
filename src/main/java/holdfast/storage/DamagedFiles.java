package holdfast.storage;

import java.util.List;
import java.util.regex.Pattern;

/**
 * Files of the present log that were found damaged, kept under names that nothing reads or deletes:
 * {@code damaged-N-NAME}. They are evidence; people may put them back, or delete them.
 */
final class DamagedFiles {
  private static final Pattern NAME = Pattern.compile("damaged-\\d+-.+");

  private DamagedFiles() {}

  /** The name under which this file would be kept now. */
  static String nameFor(Disk disk, String name) {
    int number = 1;
    while (disk.exists("damaged-" + number + "-" + name)) {
      number++;
    }
    return "damaged-" + number + "-" + name;
  }

  /** Renames a file; durable when this returns the new name. */
  static String setAside(Disk disk, String name) {
    String aside = nameFor(disk, name);
    disk.rename(name, aside);
    disk.forceDirectory();
    return aside;
  }

  /** Keeps a copy of a file; durable when this returns the copy's name. */
  static String copyAside(Disk disk, String name) {
    String aside = nameFor(disk, name);
    try (var file = disk.open(name, Disk.Mode.READ)) {
      SmallFile.replace(disk, aside, SmallFile.readUpTo(file, 0, Integer.MAX_VALUE - Long.BYTES));
    }
    return aside;
  }

  /** What is kept. */
  static List<String> list(Disk disk) {
    return disk.list().stream().filter(name -> NAME.matcher(name).matches()).toList();
  }
}
