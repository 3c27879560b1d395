package holdfast.protocol;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import holdfast.util.ByteReader;
import holdfast.util.Invariants;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Every message survives its codec; nothing else does. */
final class MessageCodecTest {
  private static final int RANDOM_PAYLOADS = 20_000;

  static List<Message> samples() {
    var all = new ArrayList<Message>();
    all.addAll(MessageSamples.requests());
    all.addAll(MessageSamples.replies());
    all.addAll(MessageSamples.notices());
    return all;
  }

  @ParameterizedTest
  @MethodSource("samples")
  void messageIsReadBackAsItWasWritten(Message message) {
    byte[] payload = MessageCodec.encode(message);

    Message back = MessageCodec.decode(MessageCodec.typeOf(message), payload);

    assertEquals(message, back);
  }

  @Test
  void summaryIsReadBackAsItWasWritten() {
    byte[] payload = MessageCodec.encode(MessageSamples.summary());

    var back = (Reply.Summary) MessageCodec.decode(75, payload);

    assertEquals(38, back.partition());
    assertArrayEquals(new byte[32], back.digest());
    assertArrayEquals(payload, MessageCodec.encode(back));
  }

  @ParameterizedTest
  @MethodSource("samples")
  void shorterAndLongerPayloadsAreMalformed(Message message) {
    int type = MessageCodec.typeOf(message);
    byte[] payload = MessageCodec.encode(message);

    for (int length = 0; length < payload.length; length++) {
      byte[] cut = Arrays.copyOf(payload, length);
      assertThrows(ByteReader.Malformed.class, () -> MessageCodec.decode(type, cut));
    }
    byte[] longer = Arrays.copyOf(payload, payload.length + 1);
    assertThrows(ByteReader.Malformed.class, () -> MessageCodec.decode(type, longer));
  }

  @Test
  void randomBytesAreReadOrRefusedAndNeverAnythingElse() {
    long seed = new Random().nextLong();
    var random = new Random(seed);
    int readCount = 0;
    for (int i = 0; i < RANDOM_PAYLOADS; i++) {
      byte[] payload = new byte[random.nextInt(200)];
      random.nextBytes(payload);
      int type = random.nextInt(256);
      try {
        MessageCodec.decode(type, payload);
        readCount++;
      } catch (ByteReader.Malformed | MessageCodec.UnknownType e) {
        assertTrue(e.getMessage().contains("expected"), "seed " + seed + ": " + e.getMessage());
      }
    }
    assertTrue(readCount < RANDOM_PAYLOADS, "seed " + seed);
  }

  @Test
  void typesTellRequestsAndNoticesEvenWhenUnknown() {
    assertTrue(MessageCodec.isRequest(63));
    assertTrue(MessageCodec.isNotice(200));
    assertThrows(MessageCodec.UnknownType.class, () -> MessageCodec.decode(63, new byte[0]));
    assertThrows(MessageCodec.UnknownType.class, () -> MessageCodec.decode(127, new byte[0]));
    assertThrows(MessageCodec.UnknownType.class, () -> MessageCodec.decode(200, new byte[0]));
  }

  @Test
  void payloadBeyondTheBoundIsRefusedBothWays() {
    var tooMany = new ArrayList<>(List.of(MessageSamples.CHUNK));
    while (tooMany.size() <= Request.LIST_MAX) {
      tooMany.add(MessageSamples.CHUNK);
    }

    assertThrows(
        Invariants.Violation.class, () -> MessageCodec.encode(new Request.ForceChunks(tooMany)));
    assertThrows(
        ByteReader.Malformed.class,
        () -> MessageCodec.decode(22, new byte[MessageCodec.PAYLOAD_MAX_BYTES + 1]));
  }
}
