package holdfast.client.fuse;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;

final class MountTableTest {
  private static final String TEXT =
      """
      22 1 254:1 / / rw,relatime shared:1 - ext4 /dev/root rw,discard
      40 22 0:38 / /mnt/a\\040b\\134c\\011d rw,nosuid shared:7 master:2 \
      - fuse.holdfast holdfast:x\\040y rw,user_id=0
      41 22 0:39 / /mnt/plain rw,nosuid - tmpfs tmpfs rw
      42 22 0:40 / /mnt/plain rw,nosuid - fuse other rw
      garbage
      43 22 0:41 / /mnt/odd\\09 rw - fuse odd rw
      """;

  private final MountTable table = MountTable.parse(TEXT.getBytes(StandardCharsets.UTF_8));

  @Test
  void octalEscapesAreReadBack() {
    var entry = table.at(Path.of("/mnt/a b\\c\td")).orElseThrow();

    assertEquals("fuse.holdfast", entry.type());
    assertEquals("holdfast:x y", entry.source());
    assertEquals("0:38", entry.device());
    assertTrue(entry.isFuse());
  }

  @Test
  void whatIsNoOctalEscapeStaysAsItIs() {
    assertTrue(table.at(Path.of("/mnt/odd\\09")).isPresent());
  }

  @Test
  void theLastMountAtAPlaceIsTheOneThatCounts() {
    assertEquals("other", table.at(Path.of("/mnt/plain")).orElseThrow().source());
  }

  @Test
  void whatIsNotMountedIsNotFound() {
    assertTrue(table.at(Path.of("/mnt")).isEmpty());
  }

  @Test
  void theKernelsOwnTableHasTheRoot() {
    assertTrue(MountTable.read().at(Path.of("/")).isPresent());
  }
}
