package holdfast.storage;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.regex.Pattern;

/**
 * Keeps damaged files of the present log under names that nothing reads or deletes: {@code
 * damaged-N-NAME}. They are evidence; people may put them back, or delete them.
 */
final class DamagedFiles {
  private static final Pattern GIVEN_UP = Pattern.compile("damaged-\\d+-given-up\\.txt");

  private DamagedFiles() {}

  /**
   * Notes, for people, that what is missing is accepted as lost: as long as this file is there
   * {@code status} says so. Durable when this returns.
   */
  static void noteLoss(Disk disk, String why) {
    String text =
        """
        A part of this peer's log was missing or damaged, nobody else had it, and the pool went on
        with what was left. What was missing: %s.
        As long as this file is here, the pool's status says that changes are kept aside.
        """
            .formatted(why);
    SmallFile.replace(disk, nameFor(disk, "given-up.txt"), text.getBytes(StandardCharsets.UTF_8));
  }

  /** How many such notes there are. */
  static int lossNoteCount(Disk disk) {
    return (int) disk.list().stream().filter(name -> GIVEN_UP.matcher(name).matches()).count();
  }

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

  /**
   * Keeps a copy of a file; durable when this returns the copy's name. One that was made already,
   * by a start that came no further, is enough.
   */
  static String copyAside(Disk disk, String name) {
    byte[] bytes = bytes(disk, name);
    String aside = "";
    for (int number = 1; !aside.equals(nameFor(disk, name)); number++) {
      aside = "damaged-" + number + "-" + name;
      if (disk.exists(aside) && Arrays.equals(bytes, bytes(disk, aside))) {
        disk.forceDirectory();
        return aside;
      }
    }
    SmallFile.replace(disk, aside, bytes);
    return aside;
  }

  private static byte[] bytes(Disk disk, String name) {
    try (var file = disk.open(name, Disk.Mode.READ)) {
      return SmallFile.readUpTo(file, 0, Integer.MAX_VALUE - Long.BYTES);
    }
  }
}
