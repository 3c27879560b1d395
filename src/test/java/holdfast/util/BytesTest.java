package holdfast.util;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Random;
import org.junit.jupiter.api.Test;

/** The byte cursors: what one writes the other reads, and nothing beyond the end. */
final class BytesTest {
  @Test
  void fieldsAreReadBackAsTheyWereWritten() {
    var out = new ByteWriter(1);
    out.u8(0xFE).u16(0xFFFE).u32(-2).u64(Long.MIN_VALUE).bool(true).bool(false);
    out.v(new byte[] {1, 2}).blob(new byte[300]).text("höld").raw(new byte[] {9}, 0, 1);

    var in = new ByteReader(out.toBytes());

    assertEquals(0xFE, in.u8());
    assertEquals(0xFFFE, in.u16());
    assertEquals(-2, in.u32());
    assertEquals(Long.MIN_VALUE, in.u64());
    assertTrue(in.bool());
    assertFalse(in.bool());
    assertArrayEquals(new byte[] {1, 2}, in.v(2));
    assertEquals(300, in.blob(300).length);
    assertEquals("höld", in.text(5));
    assertArrayEquals(new byte[] {9}, in.raw(1));
    in.end();
  }

  @Test
  void bytesAreBigEndian() {
    assertArrayEquals(new byte[] {1, 2, 3, 4}, new ByteWriter(4).u16(0x0102).u16(0x0304).toBytes());
    assertEquals(0x01020304, new ByteReader(new byte[] {1, 2, 3, 4}).u32());
  }

  @Test
  void lengthBeyondTheBoundIsRefusedBeforeAnythingIsAllocated() {
    byte[] huge = new ByteWriter().u32(Integer.MAX_VALUE).toBytes();
    byte[] negative = new ByteWriter().u32(-1).toBytes();

    assertThrows(ByteReader.Malformed.class, () -> new ByteReader(huge).blob(1_000));
    assertThrows(ByteReader.Malformed.class, () -> new ByteReader(huge).blob(Integer.MAX_VALUE));
    assertThrows(ByteReader.Malformed.class, () -> new ByteReader(negative).count(10));
    assertThrows(ByteReader.Malformed.class, () -> new ByteReader(negative).blob(10));
    assertThrows(ByteReader.Malformed.class, () -> new ByteReader(new byte[] {0, 3, 1}).v(2));
  }

  @Test
  void readsBeyondTheEndAndLeftoversAreMalformed() {
    var in = new ByteReader(new byte[] {0, 1, 2, 3}, 1, 2);

    assertEquals(0x0102, in.u16());
    assertThrows(ByteReader.Malformed.class, in::u8);
    var rest = assertThrows(ByteReader.Malformed.class, new ByteReader(new byte[3])::end);
    assertEquals("read end: expected=0 bytes left, was=3", rest.getMessage());
    assertThrows(ByteReader.Malformed.class, () -> new ByteReader(new byte[] {2}).bool());
  }

  @Test
  void randomBytesNeverCauseAnythingButMalformed() {
    long seed = new Random().nextLong();
    var random = new Random(seed);
    for (int i = 0; i < 10_000; i++) {
      byte[] bytes = new byte[random.nextInt(20)];
      random.nextBytes(bytes);
      var in = new ByteReader(bytes);
      try {
        in.blob(1 << 30);
        in.v(0xFFFF);
        in.count(1 << 20);
        in.u64();
        in.end();
      } catch (ByteReader.Malformed e) {
        assertTrue(e.getMessage().contains("expected="), "seed " + seed);
      }
    }
  }
}
