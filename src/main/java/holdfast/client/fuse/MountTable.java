package holdfast.client.fuse;

import holdfast.model.ErrorCode;
import holdfast.model.StorageException;
import java.io.IOException;
import java.nio.charset.Charset;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * A snapshot of /proc/self/mountinfo: what is mounted where, as this process sees it. Immutable.
 */
final class MountTable {
  /** The type of Holdfast's mounts in the table. */
  static final String TYPE = "fuse.holdfast";

  /** How file names of this process look to the system. */
  static final Charset PATH_CHARSET =
      Charset.forName(System.getProperty("sun.jnu.encoding", "UTF-8"));

  private static final Path MOUNTINFO = Path.of("/proc/self/mountinfo");
  private static final int FIELD_DEVICE = 2;
  private static final int FIELD_MOUNT_POINT = 4;
  private static final int FIELDS_BEFORE_SEPARATOR_MIN = 6;
  private static final int OCTAL_DIGITS = 3;

  /** One mount: where, {@code major:minor}, type (as {@code fuse.holdfast}) and source. */
  record Entry(String mountPoint, String device, String type, String source) {
    boolean isFuse() {
      return type.equals("fuse") || type.startsWith("fuse.");
    }

    /** For messages: {@code type (source)}. */
    String description() {
      return type + " (" + source + ")";
    }
  }

  private final List<Entry> entries;

  private MountTable(List<Entry> entries) {
    this.entries = entries;
  }

  /** Reads the table; it is complete or the read fails. */
  static MountTable read() {
    try {
      return parse(Files.readAllBytes(MOUNTINFO));
    } catch (IOException e) {
      throw new StorageException(
          ErrorCode.STORE_FAILED, "read mount table: failed, path=" + MOUNTINFO, e);
    }
  }

  /** Parses what the kernel writes; lines that don't look like it are skipped. */
  static MountTable parse(byte[] text) {
    var entries = new ArrayList<Entry>();
    for (String line : new String(text, PATH_CHARSET).split("\n")) {
      String[] fields = line.split(" ");
      int separator = FIELDS_BEFORE_SEPARATOR_MIN;
      while (separator < fields.length && !fields[separator].equals("-")) {
        separator++; // optional fields
      }
      if (separator + 2 < fields.length) {
        entries.add(
            new Entry(
                unescape(fields[FIELD_MOUNT_POINT]),
                fields[FIELD_DEVICE],
                unescape(fields[separator + 1]),
                unescape(fields[separator + 2])));
      }
    }
    return new MountTable(List.copyOf(entries));
  }

  /** The mount one sees at this absolute path: the last one made there. */
  Optional<Entry> at(Path mountPoint) {
    Entry found = null;
    for (Entry entry : entries) {
      if (entry.mountPoint().equals(mountPoint.toString())) {
        found = entry;
      }
    }
    return Optional.ofNullable(found);
  }

  /** Space, tab, newline and backslash stand as a backslash and three octal digits. */
  private static String unescape(String field) {
    if (field.indexOf('\\') < 0) {
      return field;
    }
    var out = new StringBuilder(field.length());
    for (int i = 0; i < field.length(); i++) {
      char c = field.charAt(i);
      if (c == '\\' && isOctal(field, i + 1)) {
        out.append((char) Integer.parseInt(field, i + 1, i + 1 + OCTAL_DIGITS, 8));
        i += OCTAL_DIGITS;
      } else {
        out.append(c);
      }
    }
    return out.toString();
  }

  private static boolean isOctal(String field, int from) {
    if (from + OCTAL_DIGITS > field.length()) {
      return false;
    }
    for (int i = from; i < from + OCTAL_DIGITS; i++) {
      if (field.charAt(i) < '0' || field.charAt(i) > '7') {
        return false;
      }
    }
    return true;
  }
}
