package holdfast.model;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import holdfast.util.ByteReader;
import java.util.Arrays;
import java.util.HashSet;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Identifiers, addresses and error codes. */
final class IdentifiersTest {
  @Test
  void orderOfIdsIsTheOrderOfTheirBytes() {
    var random = new Random(1);
    for (int i = 0; i < 1_000; i++) {
      byte[] left = new byte[32];
      byte[] right = new byte[32];
      random.nextBytes(left);
      random.nextBytes(right);
      System.arraycopy(left, 0, right, 0, random.nextInt(33));

      int expected = Integer.signum(Arrays.compareUnsigned(left, right));

      assertEquals(expected, Integer.signum(ChunkId.of(left).compareTo(ChunkId.of(right))));
      assertEquals(expected, Integer.signum(NodeId.of(left).compareTo(NodeId.of(right))));
      assertArrayEquals(left, ChunkId.of(left).toBytes());
    }
  }

  @Test
  void partitionIsTheFirstTenBits() {
    byte[] bytes = new byte[32];
    bytes[0] = (byte) 0xFF;
    bytes[1] = (byte) 0x80;

    assertEquals(0b1111111110, ChunkId.of(bytes).partition());
    bytes[1] = (byte) 0xFF;
    assertEquals(ChunkId.PARTITION_COUNT - 1, ChunkId.of(bytes).partition());
  }

  @Test
  void nodeIdIsShownInBase32Groups() {
    byte[] bytes = "0123456789abcdef0123456789ABCDEF".getBytes();
    var id = NodeId.of(bytes);

    // RFC 4648 base32 of these bytes, lower case, without padding.
    assertEquals("gaytemz", id.shortForm());
    assertEquals(
        "gaytemzugu3doobzmfrggzdfmyydcmrtgq2tmnzyhfaueq2eivda", id.toString().replace("-", ""));
    assertTrue(id.toString().startsWith(id.shortForm() + "-"));
    assertThrows(ByteReader.Malformed.class, () -> NodeId.of(new byte[31]));
    assertThrows(ByteReader.Malformed.class, () -> NodeId.of(new byte[33]));
  }

  @Test
  void addressesAreReadAndWritten() {
    assertEquals(new HostPort("10.0.0.1", 80), HostPort.parse("10.0.0.1:80"));
    assertEquals(new HostPort("::1", 80), HostPort.parse("[::1]:80"));
    assertEquals("[::1]:80", new HostPort("::1", 80).toString());
    assertEquals("host:65535", HostPort.parse("host:65535").toString());
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "host", "host:", "host:0", "host:65536", ":80", "host:8x", "h:-1"})
  void badAddressesAreRefused(String text) {
    assertThrows(IllegalArgumentException.class, () -> HostPort.parse(text));
  }

  @Test
  void everyErrorCodeHasItsOwnNumberAndIsFoundByIt() {
    var numbers = new HashSet<Integer>();
    for (ErrorCode code : ErrorCode.values()) {
      assertTrue(numbers.add(code.wire()), code + " shares its number");
      assertEquals(code, ErrorCode.ofWire(code.wire()));
      assertTrue(code.errno() > 0, code + " has no errno");
    }
    assertEquals(ErrorCode.INTERNAL, ErrorCode.ofWire(60_000));
  }
}
