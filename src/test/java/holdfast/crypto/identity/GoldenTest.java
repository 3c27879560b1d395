package holdfast.crypto.identity;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import holdfast.crypto.CipherSuite;
import holdfast.crypto.handshake.Attachment;
import holdfast.crypto.handshake.HandshakeStatus;
import holdfast.crypto.identity.Fixtures.FixedRandom;
import holdfast.crypto.identity.Fixtures.Policy;
import holdfast.crypto.seal.ChunkLayout;
import holdfast.crypto.seal.NameSealer;
import holdfast.crypto.seal.SealingTest;
import holdfast.crypto.seal.Tags;
import holdfast.model.ChunkId;
import holdfast.model.ChunkSalt;
import holdfast.model.SealId;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import org.junit.jupiter.api.Test;

/**
 * The published vectors: whoever changes a byte on the wire or on disk sees it here. The files are
 * written only where none is there, and never over one: a changed format is a new version in a new
 * folder.
 */
class GoldenTest {
  private static final Path FOLDER = Path.of("src/test/resources/golden");

  private static void assertGolden(int version, String name, Map<String, byte[]> fields)
      throws IOException {
    var text = new StringBuilder();
    fields.forEach((field, value) -> text.append(field + " " + Fixtures.hex(value) + "\n"));
    var file = FOLDER.resolve(version + "/" + name + ".txt");
    if (System.getProperty("golden.new") != null && !Files.exists(file)) {
      Files.writeString(file, text);
    }
    assertEquals(Files.readString(file), text.toString(), name);
  }

  @Test
  void theHandshakeOfFixedRandomnessIsThePublishedOne() throws IOException {
    var pool = Fixtures.pool();
    var initiator = Fixtures.initiator(Fixtures.client(pool), pool);
    var policy = new Policy(pool.members(), HandshakeStatus.OK);
    var responder = Fixtures.responder(Fixtures.peer(pool), policy);
    byte[] m1 = initiator.m1();
    responder.checkM1(m1);
    byte[] m2 = responder.answerM1();
    byte[] m3 = initiator.m3(m2);
    responder.checkM3(m3);
    byte[] wait = responder.waiting(130);
    byte[] m4 = responder.m4();
    var atInitiator = initiator.finish(m4);
    var atResponder = responder.session();
    byte[] frame =
        atInitiator
            .connection()
            .outbound(new FixedRandom("holdfast test frame"), Fixtures.WALL, Fixtures.STILL)
            .seal(7, 42, "payload".getBytes(StandardCharsets.US_ASCII));
    var attach =
        atInitiator.attach(Attachment.CONNECTION, new FixedRandom("holdfast test attach i"));
    var answer =
        atResponder.answerAttach(attach.message(), new FixedRandom("holdfast test attach r"));
    byte[] attachedFrame =
        attach
            .finish(answer.message())
            .outbound(new FixedRandom("holdfast test frame"), Fixtures.WALL, Fixtures.STILL)
            .seal(7, 42, new byte[0]);
    var relay =
        atResponder.attach(
            Attachment.RELAY_BY_RESPONDER, new FixedRandom("holdfast test attach i"));

    var fields = new LinkedHashMap<String, byte[]>();
    fields.put("pool-id", pool.id().toBytes());
    fields.put("pool-secret", pool.newestSecret().secret());
    fields.put("initiator-certificate", Fixtures.client(pool).certificate().encoded());
    fields.put("responder-certificate", Fixtures.peer(pool).certificate().encoded());
    fields.put("member-list", pool.members().encode());
    fields.put("m1", m1);
    fields.put("m2", m2);
    fields.put("m3", m3);
    fields.put("wait", wait);
    fields.put("m4", m4);
    fields.put("session-id", atInitiator.id().toBytes());
    fields.put("frame", frame);
    fields.put("attach", attach.message());
    fields.put("attach-answer", answer.message());
    fields.put("attached-frame", attachedFrame);
    fields.put("relay-by-responder", relay.message());
    assertGolden(7, "handshake", fields);
  }

  @Test
  void aChunkOfEachSuiteIsThePublishedOne() throws IOException {
    for (var suite : CipherSuite.values()) {
      byte[] plain = Fixtures.counted(ChunkLayout.BLOCK_PLAIN_BYTES + 40, 0);
      var chunk = SealingTest.seal(suite, "golden", plain);
      byte[] sealed = chunk.sealed();
      var fields = new LinkedHashMap<String, byte[]>();
      fields.put("data-key", Fixtures.DATA_KEY.toBytes());
      fields.put("chunk-id", chunk.id().toBytes());
      fields.put("salt", chunk.salt().toBytes());
      fields.put("header", Arrays.copyOf(sealed, ChunkLayout.HEADER_BYTES));
      int last = ChunkLayout.of(suite).blockStart(1);
      fields.put("block-1", Arrays.copyOfRange(sealed, last, sealed.length));
      assertGolden(1, "chunk-" + suite.name().toLowerCase(Locale.ROOT).replace('_', '-'), fields);
    }
  }

  @Test
  void namesAndTagsAreThePublishedOnes() throws IOException {
    var sealer = new NameSealer(Fixtures.DATA_KEY);
    var tags = new Tags(Fixtures.DATA_KEY);
    var inode = new SealId(1, 2);
    byte[] name = "name".getBytes(StandardCharsets.US_ASCII);
    byte[] attribute = sealer.sealAttributeName(inode, name);
    var term = tags.extentTerm(inode, 3, 4, new ChunkId(5, 6, 7, 8), new ChunkSalt(9, 10), 11, 12);
    var fields = new LinkedHashMap<String, byte[]>();
    fields.put("name", sealer.sealName(inode, name));
    fields.put("symlink", sealer.sealTarget(inode, name));
    fields.put("xattr-name", attribute);
    fields.put("xattr-value", sealer.sealAttributeValue(inode, attribute, name));
    fields.put("entry-tag", tags.entryTag(inode, name, new SealId(3, 4), 5));
    fields.put("extent-term", term.toBytes());
    fields.put("file-tag", tags.fileTag(inode, 13, 14, term));
    assertGolden(1, "names", fields);
  }

  @Test
  void thePoolFileIsThePublishedOneAndReadsBack() throws IOException {
    var pool = Fixtures.pool().withFounder(Fixtures.PEER.id());
    byte[] encoded = pool.encode();

    assertGolden(1, "pool", Map.of("pool", encoded));
    assertArrayEquals(encoded, PoolFile.decode(encoded, Path.of("pool")).encode());
  }
}
