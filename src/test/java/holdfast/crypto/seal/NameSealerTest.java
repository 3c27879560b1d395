package holdfast.crypto.seal;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import holdfast.crypto.AesSiv;
import holdfast.crypto.identity.Fixtures;
import holdfast.model.ErrorCode;
import holdfast.model.HoldfastException;
import holdfast.model.SealId;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import org.junit.jupiter.api.Test;

class NameSealerTest {
  private static final SealId DIRECTORY = new SealId(1, 2);
  private final NameSealer sealer = new NameSealer(Fixtures.DATA_KEY);
  private final AesSiv siv = new AesSiv(Fixtures.DATA_KEY.nameKey());

  private static byte[] bytes(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }

  private static void assertFails(ErrorCode code, Runnable action) {
    assertEquals(code, assertThrows(HoldfastException.class, action::run).code());
  }

  private byte[] sealedRaw(byte[] plain) {
    byte[] associated =
        Fixtures.joined(java.util.List.of(bytes("holdfast/1 name"), DIRECTORY.toBytes()));
    return siv.seal(plain, associated);
  }

  @Test
  void namesOfEveryLengthOpenAndShowTheirLengthTo32Only() {
    for (int size = 1; size <= 255; size++) {
      byte[] name = new byte[size];
      Arrays.fill(name, (byte) 'x');
      byte[] sealed = sealer.sealName(DIRECTORY, name);
      assertEquals(16 + (size + 31) / 32 * 32, sealed.length);
      assertArrayEquals(name, sealer.openName(DIRECTORY, sealed));
      assertArrayEquals(sealed, sealer.sealName(DIRECTORY, name));
    }
  }

  @Test
  void aNameOpensInItsDirectoryOnly() {
    byte[] sealed = sealer.sealName(DIRECTORY, bytes("file"));

    assertFails(ErrorCode.SEAL_BROKEN, () -> sealer.openName(new SealId(1, 3), sealed));
    assertFails(ErrorCode.SEAL_BROKEN, () -> sealer.openTarget(DIRECTORY, sealed));
    for (int bit = 0; bit < sealed.length * 8; bit++) {
      byte[] changed = Fixtures.flipped(sealed, bit);
      assertFails(ErrorCode.SEAL_BROKEN, () -> sealer.openName(DIRECTORY, changed));
    }
    for (int size = 0; size < sealed.length; size++) {
      byte[] cut = Arrays.copyOf(sealed, size);
      assertFails(ErrorCode.SEAL_BROKEN, () -> sealer.openName(DIRECTORY, cut));
    }
  }

  @Test
  void whatIsNoNameIsNotSealed() {
    for (String name : new String[] {"", ".", "..", "a/b", "a\0b", "/", "\0"}) {
      assertFails(ErrorCode.INVALID, () -> sealer.sealName(DIRECTORY, bytes(name)));
    }
    assertFails(ErrorCode.NAME_TOO_LONG, () -> sealer.sealName(DIRECTORY, new byte[256]));
    sealer.sealName(DIRECTORY, bytes("..."));
    sealer.sealName(DIRECTORY, bytes(".a"));
  }

  @Test
  void nonsenseThatWasSealedUnderTheRightKeyIsRefusedWhenOpened() {
    for (String name : new String[] {".", "..", "a/b", "a\0b"}) {
      byte[] sealed = sealedRaw(Arrays.copyOf(bytes(name), 32));
      assertFails(ErrorCode.SEAL_BROKEN, () -> sealer.openName(DIRECTORY, sealed));
    }
    for (byte[] padded :
        new byte[][] {
          new byte[32],
          Arrays.copyOf(bytes("short"), 64),
          Arrays.copyOf(bytes("odd"), 33),
          bytes("unpadded"),
          Arrays.copyOf(bytes("x".repeat(256)), 256),
          new byte[0]
        }) {
      byte[] sealed = sealedRaw(padded);
      assertFails(ErrorCode.SEAL_BROKEN, () -> sealer.openName(DIRECTORY, sealed));
    }
    byte[] good = sealedRaw(Arrays.copyOf(bytes("good"), 32));
    assertArrayEquals(bytes("good"), sealer.openName(DIRECTORY, good));
  }

  @Test
  void symlinkTargetsUpTo4095BytesOpen() {
    for (int size : new int[] {1, 31, 32, 33, 4094, 4095}) {
      byte[] target = bytes("/".repeat(size));
      byte[] sealed = sealer.sealTarget(DIRECTORY, target);
      assertArrayEquals(target, sealer.openTarget(DIRECTORY, sealed));
    }
    int largest = sealer.sealTarget(DIRECTORY, bytes("x".repeat(4095))).length;
    assertEquals(NameSealer.SEALED_TARGET_BYTES_MAX, largest);
    assertFails(ErrorCode.NAME_TOO_LONG, () -> sealer.sealTarget(DIRECTORY, new byte[4096]));
    assertFails(ErrorCode.INVALID, () -> sealer.sealTarget(DIRECTORY, new byte[1]));
  }

  @Test
  void attributeValuesOfAnyBytesOpenUnderTheirOwnNameOnly() {
    byte[] name = sealer.sealAttributeName(DIRECTORY, bytes("user.a/b"));
    assertArrayEquals(bytes("user.a/b"), sealer.openAttributeName(DIRECTORY, name));
    byte[] other = sealer.sealAttributeName(DIRECTORY, bytes("user.c"));
    for (int size : new int[] {0, 1, 27, 28, 29, 1000, 65_536}) {
      byte[] value = new byte[size];
      byte[] sealed = sealer.sealAttributeValue(DIRECTORY, name, value);
      assertArrayEquals(value, sealer.openAttributeValue(DIRECTORY, name, sealed));
      assertFails(ErrorCode.SEAL_BROKEN, () -> sealer.openAttributeValue(DIRECTORY, other, sealed));
    }
    int largest = sealer.sealAttributeValue(DIRECTORY, name, new byte[65_536]).length;
    assertEquals(NameSealer.SEALED_VALUE_BYTES_MAX, largest);
    assertFails(
        ErrorCode.ARGUMENT_TOO_LARGE,
        () -> sealer.sealAttributeValue(DIRECTORY, name, new byte[65_537]));
  }
}
