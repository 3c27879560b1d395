package holdfast.storage;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import holdfast.sim.SimDisk;
import java.nio.ByteBuffer;
import org.junit.jupiter.api.Test;

class SealedFileTest {
  private static final SealedFile FILE = new SealedFile("known", "HFKNOWNR", 100, "no harm");
  private static final byte[] KNOWN = {1, 2, 3, 4, 5, 6, 7};

  private final SimDisk disk = new SimDisk("known", 1);

  @Test
  void whatWasWrittenIsReadAndSurvivesALossOfPower() {
    assertEquals(0, FILE.read(disk).length);
    FILE.write(disk, new byte[] {9});
    FILE.write(disk, KNOWN);

    disk.crash();

    assertArrayEquals(KNOWN, FILE.read(disk));
  }

  @Test
  void whatIsDamagedIsForgotten() {
    FILE.write(disk, KNOWN);
    byte[] whole;
    try (var file = disk.open(FILE.name(), Disk.Mode.READ)) {
      whole = SmallFile.readUpTo(file, 0, (int) file.size());
    }

    for (int at = 0; at < whole.length; at++) {
      byte[] flipped = whole.clone();
      flipped[at] ^= 1;
      replace(flipped);
      assertEquals(0, FILE.read(disk).length, "byte " + at + " flipped");
      replace(java.util.Arrays.copyOf(whole, at));
      assertEquals(0, FILE.read(disk).length, "cut at " + at);
    }
    replace(whole);
    assertArrayEquals(KNOWN, FILE.read(disk));
  }

  private void replace(byte[] bytes) {
    disk.delete(FILE.name());
    try (var file = disk.open(FILE.name(), Disk.Mode.CREATE)) {
      file.write(0, ByteBuffer.wrap(bytes));
    }
  }
}
