package holdfast.crypto.handshake;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import holdfast.crypto.Fernet;
import holdfast.crypto.Hashes;
import holdfast.crypto.identity.Fixtures;
import holdfast.crypto.identity.Fixtures.FixedRandom;
import holdfast.model.ErrorCode;
import holdfast.model.HoldfastException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

class FrameTest {
  private final AtomicLong nowNs = new AtomicLong();
  private final byte[] secret = Fixtures.counted(32, 1);
  private final FrameSealer sealer =
      new FrameSealer(secret.clone(), new FixedRandom("frames"), Fixtures.WALL, nowNs::get);
  private final FrameOpener opener = new FrameOpener(secret.clone());

  private static List<byte[]> tokens(byte[] sent) {
    var tokens = new ArrayList<byte[]>();
    var in = ByteBuffer.wrap(sent);
    while (in.hasRemaining()) {
      byte[] token = new byte[FrameFormat.checkTokenBytes(in.getInt())];
      in.get(token);
      tokens.add(token);
    }
    return tokens;
  }

  private byte[] token(int type) {
    return tokens(sealer.seal(type, 1, new byte[3])).get(0);
  }

  private void assertRefused(byte[] token) {
    var failure = assertThrows(HoldfastException.class, () -> opener.open(token));
    assertEquals(ErrorCode.REFUSED, failure.code());
  }

  @Test
  void framesOpenInTheOrderTheyWereSealedOnly() {
    byte[] first = token(1);
    byte[] second = token(2);
    byte[] third = token(3);

    assertRefused(second);
    assertEquals(1, opener.open(first).type());
    assertRefused(first);
    assertRefused(third);
    assertEquals(2, opener.open(second).type());
    assertRefused(Fixtures.flipped(third, 300));
  }

  @Test
  void theLargestFrameIsExactAndOneByteMoreIsRefusedBeforeSealing() {
    byte[] largest = sealer.seal(1, 1, new byte[FrameFormat.PAYLOAD_BYTES_MAX]);
    byte[] token = Arrays.copyOfRange(largest, 4, largest.length);

    assertTrue(token.length <= FrameFormat.TOKEN_BYTES_MAX);
    assertEquals(FrameFormat.PAYLOAD_BYTES_MAX, opener.open(token).payload().length);
    var failure =
        assertThrows(
            HoldfastException.class,
            () -> sealer.seal(1, 1, new byte[FrameFormat.PAYLOAD_BYTES_MAX + 1]));
    assertEquals(ErrorCode.TOO_LARGE, failure.code());
    assertEquals(5, opener.open(token(5)).type());
  }

  @Test
  void aLengthIsCheckedBeforeAnythingIsAllocated() {
    for (int n : new int[] {-1, Integer.MIN_VALUE, FrameFormat.TOKEN_BYTES_MAX + 1}) {
      var failure = assertThrows(HoldfastException.class, () -> FrameFormat.checkTokenBytes(n));
      assertEquals(ErrorCode.TOO_LARGE, failure.code());
    }
    assertThrows(HoldfastException.class, () -> FrameFormat.checkTokenBytes(72));
    assertEquals(73, FrameFormat.checkTokenBytes(73));
  }

  @Test
  void afterAnHourTheKeysChangeAndTheOldOnesOpenNothingMore() {
    byte[] first = token(1);
    nowNs.set(FrameFormat.GENERATION_NS);
    var tokens = tokens(sealer.seal(2, 7, new byte[] {9}));

    assertEquals(2, tokens.size());
    opener.open(first);
    assertTrue(opener.open(tokens.get(0)).isRekey());
    var frame = opener.open(tokens.get(1));
    assertEquals(2, frame.type());
    assertArrayEquals(new byte[] {9}, frame.payload());
    byte[] oldKey = Hashes.expand(secret, "frame");
    byte[] newKey = Hashes.expand(Hashes.expand(secret, "next"), "frame");
    assertTrue(Fernet.decrypt(oldKey, tokens.get(1)).isEmpty());
    assertTrue(Fernet.decrypt(newKey, tokens.get(1)).isPresent());
    assertEquals(1, tokens(sealer.seal(3, 8, new byte[0])).size());
  }
}
