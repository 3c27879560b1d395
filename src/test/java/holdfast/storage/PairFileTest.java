package holdfast.storage;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import holdfast.model.StorageException;
import holdfast.sim.SimDisk;
import holdfast.util.ByteWriter;
import java.nio.ByteBuffer;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** What was saved in a pair is there, whatever crashes and whichever copy is damaged. */
final class PairFileTest {
  private static final int SIZE_BYTES = 128;
  private static final int ROUND_COUNT = 20;
  private static final int SAVES_MAX = 12;
  private static final int CHANGES_MAX = 60;
  private static final PairFile.Kind KIND =
      new PairFile.Kind("pair", "HFPAIRED", SIZE_BYTES, DirectoryFormat.VERSION);

  private static byte[] content(long sequence, long value) {
    var header = new ByteWriter(SIZE_BYTES);
    header.raw(SmallFile.magic(KIND.magic())).u32(KIND.version()).u64(sequence).u64(value);
    return Crc.seal(header, SIZE_BYTES);
  }

  private static long value(byte[] bytes) {
    return ByteBuffer.wrap(bytes).getLong(SmallFile.MAGIC_BYTES + Integer.BYTES + Long.BYTES);
  }

  @Test
  void whatWasSavedIsThereAfterAnyCrashOfTheSystemOrTheProcess() {
    Seeds.run(
        seed -> {
          var random = new Random(seed);
          var disk = new SimDisk("sim", seed);
          new PairFile(disk, KIND).replace(sequence -> content(sequence, 0));
          long saved = 0;
          long next = 0;
          for (int round = 0; round < ROUND_COUNT; round++) {
            disk.losePowerAt(1 + random.nextInt(CHANGES_MAX));
            try {
              var pair = new PairFile(disk, KIND);
              long found = value(pair.load().orElseThrow());
              assertTrue(found >= saved && found <= next, found + " of " + saved + " to " + next);
              for (int save = random.nextInt(SAVES_MAX); save >= 0; save--) {
                long value = ++next;
                if (random.nextInt(4) == 0) {
                  pair.replace(sequence -> content(sequence, value));
                } else {
                  pair.overwrite(sequence -> content(sequence, value));
                }
                saved = value;
              }
            } catch (SimDisk.PowerLost e) {
              // The point of it.
            }
            if (random.nextInt(3) == 0) {
              disk.restart();
            } else {
              disk.crash();
            }
          }
          assertTrue(value(new PairFile(disk, KIND).load().orElseThrow()) >= saved);
        });
  }

  @Test
  void eitherCopyAloneIsEnoughForWhatWasSavedLast() {
    for (int saves = 0; saves < 4; saves++) {
      for (String lost : new String[] {KIND.name(), KIND.copyName()}) {
        var disk = new SimDisk("sim", saves);
        var pair = new PairFile(disk, KIND);
        pair.replace(sequence -> content(sequence, 0));
        for (long value = 1; value <= saves; value++) {
          long each = value;
          pair.overwrite(sequence -> content(sequence, each));
        }
        disk.crash();
        disk.flipBit(lost, 200);

        assertEquals(saves, value(new PairFile(disk, KIND).load().orElseThrow()));
        assertEquals(saves, value(SmallFile.read(disk, lost).orElseThrow()), "written anew");
      }
    }
  }

  @Test
  void aSaveForcesEachCopyOnceAndNewFilesTheirDirectoryOnce() {
    var disk = new SimDisk("sim", 1);
    var pair = new PairFile(disk, KIND);
    pair.replace(sequence -> content(sequence, 0));
    assertEquals(3, disk.forceCount());

    pair.overwrite(sequence -> content(sequence, 1));
    assertEquals(5, disk.forceCount());

    pair = new PairFile(disk, KIND);
    pair.load();
    pair.overwrite(sequence -> content(sequence, 2));
    assertEquals(8, disk.forceCount(), "who renamed the files may not have forced the directory");
  }

  /** A second force of the same file may report success for what never reached the disk. */
  @Test
  void theSaveAfterOneThatFailedIsOfNewFiles() {
    for (String failing : new String[] {KIND.name(), KIND.copyName()}) {
      var disk = new SimDisk("sim", 1);
      var pair = new PairFile(disk, KIND);
      pair.replace(sequence -> content(sequence, 0));
      disk.failForceOf(failing);
      assertThrows(
          StorageException.class, () -> pair.overwrite(sequence -> content(sequence, 1)), failing);
      long before = disk.forceCount();

      pair.overwrite(sequence -> content(sequence, 2));

      assertEquals(3, disk.forceCount() - before);
      disk.crash();
      assertEquals(2, value(new PairFile(disk, KIND).load().orElseThrow()));
    }
  }
}
