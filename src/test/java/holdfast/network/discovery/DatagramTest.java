package holdfast.network.discovery;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import holdfast.crypto.Fernet;
import holdfast.model.InstanceId;
import holdfast.model.NodeId;
import holdfast.util.ByteReader;
import java.security.SecureRandom;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.Random;
import org.junit.jupiter.api.Test;

class DatagramTest {
  private static final Datagram.Header HEADER =
      new Datagram.Header(
          new Nonce(0x0102030405060708L, 0x090A0B0C0D0E0F10L),
          new InstanceId(0x1112131415161718L, 0x191A1B1C1D1E1F20L),
          7,
          1,
          1);
  private static final String HEADER_HEX =
      "0102030405060708090a0b0c0d0e0f10"
          + "1112131415161718191a1b1c1d1e1f20"
          + "0000000000000007"
          + "0101";

  @Test
  void aRequestHasItsFieldsInTheDocumentedPlaces() {
    var request = new Datagram.Request(HEADER, 5_000_000_000L);

    byte[] plain = request.encode();

    assertThat(plain).hasSize(Datagram.REQUEST_PLAIN_BYTES);
    assertThat(HexFormat.of().formatHex(plain, 0, 51))
        .isEqualTo("01" + HEADER_HEX + "000000012a05f200");
    assertThat(Datagram.decode(plain)).isEqualTo(request);
  }

  @Test
  void anAnswerHasItsFieldsInTheDocumentedPlaces() {
    var answer =
        new Datagram.Answer(
            HEADER, new Nonce(1, 2), 8_000, 9, new Datagram.PublicKey(new byte[] {0x30, 0x42}));

    byte[] plain = answer.encode();

    assertThat(HexFormat.of().formatHex(plain))
        .isEqualTo(
            "02"
                + HEADER_HEX
                + "0000000000000001"
                + "0000000000000002"
                + "1f40"
                + "0000000000000009"
                + "0002"
                + "3042");
    assertThat(Datagram.decode(plain)).isEqualTo(answer);
  }

  @Test
  void anAnnouncementHasItsFieldsInTheDocumentedPlaces() {
    var announce = new Datagram.Announce(HEADER, new NodeId(1, 2, 3, 4), 8_001, 10);

    byte[] plain = announce.encode();

    assertThat(HexFormat.of().formatHex(plain))
        .isEqualTo(
            "03"
                + HEADER_HEX
                + "0000000000000001"
                + "0000000000000002"
                + "0000000000000003"
                + "0000000000000004"
                + "1f41"
                + "000000000000000a");
    assertThat(Datagram.decode(plain)).isEqualTo(announce);
  }

  @Test
  void anAnswerIsNeverLargerThanItsRequest() {
    byte[] key = new byte[Fernet.KEY_BYTES];
    var random = new SecureRandom();
    var largest =
        new Datagram.Answer(
            HEADER,
            new Nonce(1, 2),
            8_000,
            9,
            new Datagram.PublicKey(new byte[Datagram.PUBLIC_KEY_MAX_BYTES]));

    int requestBytes =
        Fernet.encrypt(key, new Datagram.Request(HEADER, 0).encode(), random, 0).length;
    int answerBytes = Fernet.encrypt(key, largest.encode(), random, 0).length;

    assertThat(requestBytes).isBetween(Datagram.REQUEST_MIN_BYTES, Datagram.MAX_BYTES);
    assertThat(answerBytes).isLessThanOrEqualTo(requestBytes);
  }

  @Test
  void whatIsNotExactlyADatagramIsMalformed() {
    byte[] announce = new Datagram.Announce(HEADER, new NodeId(1, 2, 3, 4), 8_001, 10).encode();
    byte[] request = new Datagram.Request(HEADER, 1).encode();
    byte[] padded = request.clone();
    padded[padded.length - 1] = 1;

    assertMalformed(Arrays.copyOf(announce, announce.length + 1));
    assertMalformed(Arrays.copyOf(announce, announce.length - 1));
    assertMalformed(Arrays.copyOf(request, request.length - 1));
    assertMalformed(padded);
    assertMalformed(new byte[0]);
  }

  @Test
  void randomBytesNeverDoMoreThanFail() {
    long seed = System.nanoTime();
    System.out.println("seed=" + seed);
    var random = new Random(seed);
    for (int i = 0; i < 20_000; i++) {
      byte[] bytes = new byte[random.nextInt(900)];
      random.nextBytes(bytes);
      if (bytes.length > 0) {
        bytes[0] = (byte) random.nextInt(5);
      }
      try {
        assertThat(Datagram.decode(bytes).encode()).isNotEmpty();
      } catch (ByteReader.Malformed expected) {
        assertThat(expected).hasMessageContaining("expected=");
      }
    }
  }

  private static void assertMalformed(byte[] plain) {
    assertThatThrownBy(() -> Datagram.decode(plain)).isInstanceOf(ByteReader.Malformed.class);
  }
}
