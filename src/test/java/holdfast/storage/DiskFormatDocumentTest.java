package holdfast.storage;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.lang.reflect.Field;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.TreeMap;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/** docs/disk-format.md says what the code does. */
final class DiskFormatDocumentTest {
  private static final Path DOCUMENT = Path.of("docs", "disk-format.md");
  private static final Pattern CONSTANT =
      Pattern.compile("\\| `(\\w+Format)\\.(\\w+)` \\| (0x[0-9A-Fa-f]+|\\d+) \\|.*");
  private static final Pattern TABLE = Pattern.compile("\\| offset .*total=(\\d+) \\|");
  private static final Pattern FIELD = Pattern.compile("\\| (\\d+) \\| (\\d+) \\| .*");
  private static final List<Class<?>> FORMATS =
      List.of(DirectoryFormat.class, ChunkFormat.class, LogFormat.class, SnapshotFormat.class);
  private static final int FIELD_TABLE_COUNT = 14;

  @Test
  void constantsInTheDocumentAreThoseInTheCode() throws IOException, ReflectiveOperationException {
    var documented = new TreeMap<String, Long>();
    for (String line : Files.readAllLines(DOCUMENT)) {
      var row = CONSTANT.matcher(line);
      if (row.matches()) {
        documented.put(row.group(1) + "." + row.group(2), Long.decode(row.group(3)));
      }
    }
    var coded = new TreeMap<String, Long>();
    for (Class<?> format : FORMATS) {
      for (Field field : format.getDeclaredFields()) {
        String name = format.getSimpleName() + "." + field.getName();
        boolean isInside =
            List.of("DIRECTORY_ID_BYTES", "BOOT_ID_BYTES", "DIGEST_BYTES")
                .contains(field.getName());
        if (field.getType() == int.class && field.canAccess(null) && !isInside) {
          coded.put(name, (long) field.getInt(null));
        }
      }
    }
    coded.keySet().removeIf(name -> name.endsWith(".CHAINED_BYTES"));

    assertEquals(coded, documented);
  }

  @Test
  void fieldsOfEveryTableFillItWithoutGaps() throws IOException {
    int tableCount = 0;
    int end = -1;
    int total = -1;
    for (String line : Files.readAllLines(DOCUMENT)) {
      var table = TABLE.matcher(line);
      var field = FIELD.matcher(line);
      if (table.matches()) {
        tableCount++;
        total = Integer.parseInt(table.group(1));
        end = 0;
      } else if (total >= 0 && field.matches()) {
        assertEquals(end, Integer.parseInt(field.group(1)), line);
        end += Integer.parseInt(field.group(2));
      } else if (total >= 0 && !line.startsWith("| ---")) {
        assertEquals(total, end, "table before: " + line);
        total = -1;
      }
    }
    assertEquals(FIELD_TABLE_COUNT, tableCount);
    assertTrue(total < 0);
  }
}
