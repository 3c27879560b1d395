package holdfast.crypto;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assertions.fail;

import holdfast.crypto.handshake.ConnectionKeys;
import holdfast.crypto.handshake.FrameFormat;
import holdfast.crypto.handshake.FrameSealer;
import holdfast.crypto.handshake.HandshakeFormat;
import holdfast.crypto.handshake.HandshakeResponder.Gate;
import holdfast.crypto.handshake.HandshakeStatus;
import holdfast.crypto.handshake.LocalNode;
import holdfast.crypto.identity.Fixtures;
import holdfast.crypto.identity.Fixtures.FixedRandom;
import holdfast.crypto.identity.Fixtures.Policy;
import holdfast.crypto.identity.NodeKey;
import holdfast.crypto.identity.PoolFile;
import holdfast.crypto.seal.ChunkLayout;
import holdfast.crypto.seal.NameSealer;
import holdfast.crypto.seal.SealingTest;
import holdfast.model.SealId;
import holdfast.process.Python;
import holdfast.process.Script;
import holdfast.util.Sha256;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** An independent implementation, over Python's cryptography package, as the other end. */
@Tag("python")
@Timeout(60)
class PythonTest {
  private static final Path SCRIPT = Path.of("src/test/python/holdfast_peer.py");
  private static final Duration PATIENCE = Duration.ofSeconds(20);

  /** A run of the script; lines of hexadecimal in both directions. */
  private static final class OtherEnd implements AutoCloseable {
    private final Python python = new Python(Path.of(""));
    private final Script script;

    OtherEnd(String command) throws IOException {
      script = python.startWith("the Python end", SCRIPT, command);
    }

    OtherEnd write(byte[] bytes) throws IOException {
      return line(Fixtures.hex(bytes));
    }

    OtherEnd line(String text) throws IOException {
      script.say(text);
      return this;
    }

    String line() throws InterruptedException {
      String line = script.line(PATIENCE);
      return line != null ? line : fail("the Python end failed: see its message on stderr");
    }

    byte[] read() throws InterruptedException {
      return Fixtures.hex(line());
    }

    @Override
    public void close() throws IOException {
      try (python) {
        script.endInput();
        script.expectDone(PATIENCE);
      }
    }
  }

  private final PoolFile pool = Fixtures.pool();

  @BeforeAll
  static void pythonHasItsPackage() throws Exception {
    assertTrue(Files.exists(SCRIPT), "run the tests in the project's folder");
    try (var python = new Python(Path.of(""))) {
      String program =
          "from cryptography.hazmat.primitives.ciphers.aead import AESSIV; AESSIV(bytes(64))";
      assertEquals(
          0,
          python.start("check", program).awaitExit(PATIENCE),
          "install what is missing: apt-get install python3-cryptography");
    } catch (IOException e) {
      fail("install what is missing: apt-get install python3 python3-cryptography", e);
    }
  }

  private void begin(OtherEnd python, LocalNode node, NodeKey key) throws Exception {
    python.write(pool.id().toBytes()).write(pool.newestSecret().secret());
    String name = key == Fixtures.HOME ? "home" : "peer";
    String pem = Fixtures.resource("golden/1/" + name + ".key.pem");
    String body = pem.replaceAll("-----[^-]*-----", "").replaceAll("\\s", "");
    python.write(java.util.Base64.getDecoder().decode(body));
    python.write(node.certificate().encoded()).write(Fixtures.HOME.publicKey().encoded());
  }

  private static byte[] token(byte[] frame) {
    return Arrays.copyOfRange(frame, FrameFormat.LENGTH_BYTES, frame.length);
  }

  private static byte[] text(String text) {
    return text.getBytes(StandardCharsets.US_ASCII);
  }

  private static FrameSealer sealer(ConnectionKeys keys) {
    return keys.outbound(new FixedRandom("java"), Fixtures.WALL, Fixtures.STILL);
  }

  @Test
  void aPythonClientOpensASessionAndAttachesAConnection() throws Exception {
    var client = Fixtures.client(pool);
    var responder =
        Fixtures.responder(Fixtures.peer(pool), new Policy(pool.members(), HandshakeStatus.OK));
    try (var python = new OtherEnd("initiator")) {
      begin(python, client, Fixtures.HOME);
      python.write(new holdfast.util.ByteWriter().u64(client.dataKeyId()).toBytes());
      assertEquals(Gate.OPEN, responder.checkM1(python.read()));
      python.write(responder.answerM1());
      responder.checkM3(python.read());
      python.write(responder.waiting(HandshakeFormat.PLACE_MAX)).write(responder.waiting(7));
      python.write(responder.m4());
      var session = responder.session();
      assertEquals(client.dataKeyId(), session.remote().dataKeyId());
      var frame = session.connection().inbound().open(token(python.read()));
      assertEquals(7, frame.type());
      assertEquals(42, frame.request());
      assertArrayEquals(text("from python"), frame.payload());
      python.write(sealer(session.connection()).seal(1, 2, text("from java")));
      var answer = session.answerAttach(python.read(), new FixedRandom("attach"));
      python.write(answer.message());
      var attached = answer.keys().inbound().open(token(python.read()));
      assertArrayEquals(text("attached"), attached.payload());
      assertEquals("done", python.line());
    }
  }

  @Test
  void aPythonPeerAnswersAHandshake() throws Exception {
    var initiator = Fixtures.initiator(Fixtures.client(pool), pool);
    try (var python = new OtherEnd("responder")) {
      begin(python, Fixtures.peer(pool), Fixtures.PEER);
      python.write(initiator.m1());
      python.write(initiator.m3(python.read()));
      assertEquals(130, initiator.waiting(python.read()));
      assertEquals(0, initiator.waiting(python.read()));
      var session = initiator.finish(python.read());
      session.requireOk();
      assertEquals(Fixtures.LIMITS, session.limits());
      python.write(sealer(session.connection()).seal(1, 2, text("from java")));
      var frame = session.connection().inbound().open(token(python.read()));
      assertArrayEquals(text("from python"), frame.payload());
      assertEquals("done", python.line());
    }
  }

  @Test
  void fernetTokensOpenAtTheOtherEndBothWays() throws Exception {
    byte[] key = Fixtures.counted(32, 9);
    for (int size : new int[] {0, 1, 16, 70_000}) {
      byte[] plain = Fixtures.counted(size, 1);
      try (var python = new OtherEnd("fernet_seal")) {
        python.write(key).write(plain);
        var token = Fernet.ofText(python.line()).orElseThrow();
        assertArrayEquals(plain, Fernet.decrypt(key, token).orElseThrow());
      }
      try (var python = new OtherEnd("fernet_open")) {
        byte[] token = Fernet.encrypt(key, plain, new FixedRandom("f"), Fixtures.TIME_S);
        python.write(key).line(Fernet.toText(token));
        assertArrayEquals(plain, python.read());
      }
    }
  }

  @ParameterizedTest
  @EnumSource(CipherSuite.class)
  void aChunkIsRecoveredWithNothingButThePublicRecipe(CipherSuite suite) throws Exception {
    byte[] plain = Fixtures.counted(5 * ChunkLayout.BLOCK_PLAIN_BYTES + 333, 5);
    var chunk = SealingTest.seal(suite, "python", plain);
    try (var python = new OtherEnd("recover")) {
      python.write(Fixtures.DATA_KEY.toBytes()).write(new byte[] {(byte) suite.wire()});
      python.write(chunk.salt().toBytes()).write(chunk.sealed());
      assertArrayEquals(Sha256.of(plain), python.read());
    }
  }

  @Test
  void namesOpenAtTheOtherEndBothWays() throws Exception {
    var directory = new SealId(77, 88);
    var sealer = new NameSealer(Fixtures.DATA_KEY);
    for (int size : new int[] {1, 31, 32, 33, 255}) {
      byte[] name = text("n".repeat(size));
      byte[] sealed = sealer.sealName(directory, name);
      try (var python = new OtherEnd("name_seal")) {
        python.write(Fixtures.DATA_KEY.toBytes()).write(directory.toBytes()).write(name);
        assertArrayEquals(sealed, python.read());
      }
      try (var python = new OtherEnd("name_open")) {
        python.write(Fixtures.DATA_KEY.toBytes()).write(directory.toBytes()).write(sealed);
        assertArrayEquals(name, python.read());
      }
    }
  }
}
