package holdfast.crypto;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import holdfast.crypto.identity.Fixtures;
import holdfast.crypto.identity.Fixtures.FixedRandom;
import holdfast.crypto.identity.NodeKey;
import holdfast.model.HoldfastException;
import java.nio.file.Path;
import java.util.Arrays;
import org.junit.jupiter.api.Test;

class PrimitivesTest {
  @Test
  void hkdfExtractAgreesWithRfc5869() {
    byte[] ikm = Fixtures.hex("0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b");
    byte[] salt = Fixtures.hex("000102030405060708090a0b0c");
    assertEquals(
        "077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5",
        Fixtures.hex(Hashes.extract(salt, ikm)));
    assertEquals(
        "19ef24a32c717b167f33a91d6f648bdf96596776afdb6377ac434c1c293ccb04",
        Fixtures.hex(Hashes.extract(new byte[0], ikm)));
  }

  @Test
  void hkdfExpandPutsLabelAndZeroInFrontOfTheContext() {
    // RFC 5869 A.1 expands with info f0..f9: as label "" that would be 00 + context, so the
    // construction is compared with one made by hand from HMAC, over two blocks.
    byte[] prk = Fixtures.counted(32, 0);
    byte[] context = {9, 8};
    byte[] info = {'a', 'b', 0, 9, 8};
    byte[] t1 = Hashes.hmac(prk, info, new byte[] {1});
    byte[] t2 = Hashes.hmac(prk, t1, info, new byte[] {2});

    byte[] out = Hashes.expand(prk, "ab", 64, context);

    assertEquals(Fixtures.hex(t1) + Fixtures.hex(t2), Fixtures.hex(out));
    assertArrayEquals(t1, Hashes.expand(prk, "ab", new byte[] {9}, new byte[] {8}));
  }

  @Test
  void aesSivAgreesWithRfc5297DeterministicExample() {
    var siv =
        new AesSiv(
            Fixtures.hex("fffefdfcfbfaf9f8f7f6f5f4f3f2f1f0 f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff"));
    byte[] associated = Fixtures.hex("101112131415161718191a1b1c1d1e1f2021222324252627");
    byte[] plain = Fixtures.hex("112233445566778899aabbccddee");

    byte[] sealed = siv.seal(plain, associated);

    assertEquals(
        "85632d07c6e8f37f950acd320a2ecc9340c02b9690c4dc04daef7f6afe5c", Fixtures.hex(sealed));
    assertArrayEquals(plain, siv.open(sealed, associated).orElseThrow());
    assertTrue(siv.open(sealed, new byte[] {1}).isEmpty());
    assertTrue(siv.open(Fixtures.flipped(sealed, 130), associated).isEmpty());
  }

  @Test
  void aesSivAgreesWithRfc5297NonceExample() {
    var siv =
        new AesSiv(
            Fixtures.hex("7f7e7d7c7b7a79787776757473727170 404142434445464748494a4b4c4d4e4f"));
    byte[] first =
        Fixtures.hex(
            "00112233445566778899aabbccddeeffdeaddadadeaddadaffeeddccbbaa99887766554433221100");
    byte[] second = Fixtures.hex("102030405060708090a0");
    byte[] nonce = Fixtures.hex("09f911029d74e35bd84156c5635688c0");
    byte[] plain =
        Fixtures.hex(
            "7468697320697320736f6d6520706c61696e7465787420746f20656e6372797074207573696e672053"
                + "49562d414553");

    assertEquals(
        "7bdb6e3b432667eb06f4d14bff2fbd0fcb900f2fddbe404326601965c889bf17"
            + "dba77ceb094fa663b7a3f748ba8af829ea64ad544a272e9c485b62a3fd5c0d",
        Fixtures.hex(siv.seal(plain, first, second, nonce)));
  }

  @Test
  void x25519AgreesWithRfc7748() {
    byte[] scalar =
        Fixtures.hex("a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4");
    byte[] u = Fixtures.hex("e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c");
    assertEquals(
        "c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552",
        Fixtures.hex(Curve25519.multiply(scalar, u)));
    byte[] alice = Fixtures.hex("77076d0a7318a57d3c16c17251b26645df4c2f92ebc099a25c4a8d1e0f6c7a2d");
    byte[] base = new byte[32];
    base[0] = 9;
    assertEquals(32, Curve25519.multiply(alice, base).length);
    byte[] topBit = u.clone();
    topBit[31] |= (byte) 0x80;
    assertArrayEquals(Curve25519.multiply(scalar, u), Curve25519.multiply(scalar, topBit));
  }

  @Test
  void x25519RefusesPointsOfSmallOrder() {
    var own = new Curve25519(new FixedRandom("small order"));
    for (String point :
        new String[] {
          "0000000000000000000000000000000000000000000000000000000000000000",
          "0100000000000000000000000000000000000000000000000000000000000000",
          "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
          "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
          "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
          "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
          "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"
        }) {
      assertThrows(HoldfastException.class, () -> own.agree(Fixtures.hex(point)), point);
    }
  }

  @Test
  void aNodeKeyHasOneEncodingAndOneSize() {
    byte[] encoded = Fixtures.PEER.publicKey().encoded();
    assertEquals(NodePublicKey.BYTES, encoded.length);
    assertEquals(Fixtures.PEER.id(), NodePublicKey.of(encoded).id());
    assertThrows(HoldfastException.class, () -> NodePublicKey.of(new byte[422]));
    // The absent NULL parameter, a longer length form, an even modulus, e = 65539.
    assertThrows(HoldfastException.class, () -> NodePublicKey.of(Arrays.copyOf(encoded, 421)));
    byte[] even = encoded.clone();
    even[even.length - 6] &= (byte) 0xFE;
    assertThrows(HoldfastException.class, () -> NodePublicKey.of(even));
    byte[] exponent = encoded.clone();
    exponent[exponent.length - 1] = 3;
    assertThrows(HoldfastException.class, () -> NodePublicKey.of(exponent));
    byte[] algorithm = encoded.clone();
    algorithm[16] ^= 1;
    assertThrows(HoldfastException.class, () -> NodePublicKey.of(algorithm));
  }

  @Test
  void aSignatureCountsForItsContextHashAndKeyOnly() {
    byte[] hash = Fixtures.counted(32, 3);
    byte[] signature = Fixtures.PEER.sign("context a", hash, new FixedRandom("pss"));
    var key = Fixtures.PEER.publicKey();

    assertTrue(key.verifies("context a", hash, signature));
    assertTrue(!key.verifies("context b", hash, signature));
    assertTrue(!key.verifies("context a", Fixtures.counted(32, 4), signature));
    assertTrue(!Fixtures.OTHER.publicKey().verifies("context a", hash, signature));
    assertTrue(!key.verifies("context a", hash, new byte[384]));
    assertTrue(!key.verifies("context a", hash, new byte[3]));
  }

  @Test
  void aGeneratedKeyIsOfTheOneFormAndParsesBack() {
    var made = NodeKey.generate(new java.security.SecureRandom());
    assertEquals(NodePublicKey.BYTES, made.publicKey().encoded().length);
    assertThrows(HoldfastException.class, () -> NodeKey.parse("no key", Path.of("x")));
  }
}
