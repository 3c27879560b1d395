package holdfast.crypto;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import holdfast.crypto.handshake.FrameFormat;
import holdfast.crypto.identity.Fixtures;
import holdfast.crypto.identity.Fixtures.FixedRandom;
import java.nio.charset.StandardCharsets;
import java.time.OffsetDateTime;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Optional;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/** The public specification's own vectors, and the binary form. */
class FernetTest {
  private record Vector(String desc, String token, String now, String src, String secret) {
    byte[] key() {
      return Base64.getUrlDecoder().decode(secret);
    }

    long nowS() {
      return OffsetDateTime.parse(now).toEpochSecond();
    }
  }

  private static List<Vector> vectors(String name) {
    var found = new ArrayList<Vector>();
    for (String object : Fixtures.resource("fernet/" + name + ".json").split("\\{")) {
      if (object.contains("\"token\"")) {
        found.add(
            new Vector(
                field(object, "desc"),
                field(object, "token"),
                field(object, "now"),
                field(object, "src"),
                field(object, "secret")));
      }
    }
    return found;
  }

  private static String field(String object, String name) {
    var matcher = Pattern.compile("\"" + name + "\": \"([^\"]*)\"").matcher(object);
    return matcher.find() ? matcher.group(1) : "";
  }

  @Test
  void theSpecificationsTokenIsGeneratedToTheByte() {
    var vectors = vectors("generate");
    assertEquals(1, vectors.size());
    var vector = vectors.get(0);
    byte[] iv = Fixtures.counted(16, 0);
    byte[] plain = vector.src().getBytes(StandardCharsets.UTF_8);
    byte[] token = new byte[Fernet.tokenBytes(plain.length)];

    FernetEngine.acquire()
        .encrypt(vector.key(), vector.nowS(), iv, plain, 0, plain.length, token, 0);

    assertEquals(vector.token(), Fernet.toText(token));
  }

  @Test
  void theSpecificationsTokenVerifies() {
    for (var vector : vectors("verify")) {
      var opened = Fernet.decryptText(vector.key(), vector.token(), 60, vector.nowS());
      assertEquals(vector.src(), new String(opened.orElseThrow(), StandardCharsets.UTF_8));
    }
  }

  @Test
  void everyInvalidTokenOfTheSpecificationIsRefused() {
    var vectors = vectors("invalid");
    assertEquals(8, vectors.size());
    for (var vector : vectors) {
      var opened = Fernet.decryptText(vector.key(), vector.token(), 60, vector.nowS());
      assertTrue(opened.isEmpty(), vector.desc());
    }
  }

  @Test
  void thePoolsOwnFormRefusesThemToo() {
    // But for the two that are invalid by their clock only: in a pool no clock is checked.
    var byClock = List.of("far-future TS (unacceptable clock skew)", "expired TTL");
    for (var vector : vectors("invalid")) {
      var opened = Fernet.ofText(vector.token()).flatMap(t -> Fernet.decrypt(vector.key(), t));
      assertEquals(byClock.contains(vector.desc()), opened.isPresent(), vector.desc());
    }
  }

  @Test
  void everySizeOpensToWhatWasSealedAndHasTheSizeForetold() {
    byte[] key = Fixtures.counted(32, 7);
    var random = new FixedRandom("sizes");
    for (int size : new int[] {0, 1, 15, 16, 17, 8191, 8192, 8193, 16384, 65535, 65536, 70001}) {
      byte[] plain = new byte[size];
      random.nextBytes(plain);
      byte[] token = Fernet.encrypt(key, plain, random, Fixtures.TIME_S);
      assertEquals(Fernet.tokenBytes(size), token.length);
      assertArrayEquals(plain, Fernet.decrypt(key, token).orElseThrow(), "size " + size);
    }
  }

  @Test
  void theLargestPlaintextForATokenSizeIsExact() {
    for (int tokenBytes : new int[] {73, 88, 89, 1000, FrameFormat.TOKEN_BYTES_MAX}) {
      int plainBytes = Fernet.plainBytesMax(tokenBytes);
      assertTrue(Fernet.tokenBytes(plainBytes) <= tokenBytes);
      assertTrue(Fernet.tokenBytes(plainBytes + 1) > tokenBytes);
    }
  }

  @Test
  void noChangedBitAndNoCutTokenOpens() {
    byte[] key = Fixtures.counted(32, 7);
    byte[] token = Fernet.encrypt(key, new byte[20], new FixedRandom("bits"), Fixtures.TIME_S);
    for (int bit = 0; bit < token.length * 8; bit++) {
      assertEquals(Optional.empty(), Fernet.decrypt(key, Fixtures.flipped(token, bit)));
    }
    for (int size = 0; size < token.length; size++) {
      assertEquals(Optional.empty(), Fernet.decrypt(key, token, 0, size));
    }
  }
}
