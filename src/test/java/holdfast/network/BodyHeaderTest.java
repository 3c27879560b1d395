package holdfast.network;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import holdfast.model.ChunkId;
import holdfast.model.ErrorCode;
import holdfast.port.Body;
import holdfast.util.ByteReader;
import holdfast.util.ByteWriter;
import java.util.HexFormat;
import java.util.Random;
import org.junit.jupiter.api.Test;

class BodyHeaderTest {
  private static final ChunkId CHUNK = new ChunkId(1, 2, 3, 4);
  private static final String CHUNK_HEX =
      "0000000000000001" + "0000000000000002" + "0000000000000003" + "0000000000000004";

  @Test
  void aPieceHasItsFieldsInTheDocumentedPlaces() {
    var header = new BodyHeader(true, true, CHUNK, 1_000_000, 262_144, 262_144, null, "");

    assertThat(HexFormat.of().formatHex(header.encode()))
        .isEqualTo("03" + CHUNK_HEX + "000f4240" + "00040000" + "00040000");
    assertThat(BodyHeader.decode(header.encode())).isEqualTo(header);
  }

  @Test
  void anAbortHasItsFieldsInTheDocumentedPlaces() {
    var header = new BodyHeader(false, false, CHUNK, 16, 8, 0, ErrorCode.CHUNK_CORRUPT, "no");

    assertThat(HexFormat.of().formatHex(header.encode()))
        .isEqualTo("04" + CHUNK_HEX + "00000010" + "00000008" + "00000000" + "0011" + "00026e6f");
    assertThat(BodyHeader.decode(header.encode())).isEqualTo(header);
  }

  @Test
  void numbersOutOfBoundsAreMalformed() {
    assertMalformed(0, Body.MAX_BYTES + 1, 0, 1);
    assertMalformed(0, -1, 0, 1);
    assertMalformed(0, 10, 11, 1);
    assertMalformed(0, 10, 5, 6);
    assertMalformed(0, 10, 5, 0);
    assertMalformed(4, 10, 5, 5);
    assertMalformed(8, 10, 5, 5);
    assertMalformed(0, Body.MAX_BYTES, 0, BodyHeader.PIECE_MAX_BYTES + 1);
  }

  @Test
  void randomBytesNeverDoMoreThanFail() {
    long seed = System.nanoTime();
    System.out.println("seed=" + seed);
    var random = new Random(seed);
    for (int i = 0; i < 20_000; i++) {
      byte[] bytes = new byte[random.nextInt(64)];
      random.nextBytes(bytes);
      try {
        assertThat(BodyHeader.decode(bytes).countBytes()).isLessThanOrEqualTo(Body.MAX_BYTES);
      } catch (ByteReader.Malformed expected) {
        assertThat(expected).hasMessageContaining("expected=");
      }
    }
  }

  private static void assertMalformed(int flags, int total, int offset, int count) {
    var out = new ByteWriter().u8(flags);
    CHUNK.write(out);
    byte[] payload = out.u32(total).u32(offset).u32(count).toBytes();
    assertThatThrownBy(() -> BodyHeader.decode(payload)).isInstanceOf(ByteReader.Malformed.class);
  }
}
