package holdfast.crypto.seal;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import holdfast.crypto.CipherSuite;
import holdfast.crypto.DataKey;
import holdfast.crypto.identity.Fixtures;
import holdfast.crypto.identity.Fixtures.FixedRandom;
import holdfast.model.ChunkId;
import holdfast.model.ChunkSalt;
import holdfast.model.ErrorCode;
import holdfast.model.HoldfastException;
import holdfast.model.InstanceId;
import holdfast.model.SealId;
import holdfast.util.Invariants;
import holdfast.util.Sha256;
import java.util.Arrays;
import java.util.List;
import java.util.TreeSet;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

public class SealingTest {
  private static final int BLOCK = ChunkLayout.BLOCK_PLAIN_BYTES;
  private static final int[] SIZES = {
    1, 15, 16, 17, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK + 5, ChunkLayout.CHUNK_PLAIN_BYTES_MAX
  };

  static ChunkSealer sealer(CipherSuite suite, String seed) {
    var random = new FixedRandom(seed);
    var salts = new SaltSource(random, new InstanceId(5, 6), Fixtures.WALL);
    return new ChunkSealer(suite, Fixtures.DATA_KEY, salts, random, Fixtures.WALL);
  }

  public static SealedChunk seal(CipherSuite suite, String seed, byte[] plain) {
    var blocks =
        IntStream.range(0, ChunkLayout.blockCount(plain.length))
            .mapToObj(
                i ->
                    Arrays.copyOfRange(plain, i * BLOCK, Math.min(plain.length, i * BLOCK + BLOCK)))
            .toList();
    byte[] target = new byte[ChunkLayout.of(suite).sealedBytes(plain.length)];
    return sealer(suite, seed).seal(blocks, plain.length, target);
  }

  private static byte[] plain(int lengthBytes) {
    byte[] plain = new byte[lengthBytes];
    new java.util.Random(lengthBytes).nextBytes(plain);
    return plain;
  }

  private static byte[] opened(CipherSuite suite, SealedChunk chunk) {
    return new ChunkOpener(suite, Fixtures.DATA_KEY, chunk.salt())
        .openBlocks(
            0,
            chunk.sealed(),
            ChunkLayout.HEADER_BYTES,
            chunk.sealed().length - ChunkLayout.HEADER_BYTES);
  }

  private static void assertBroken(Runnable action) {
    var failure = assertThrows(HoldfastException.class, action::run);
    assertEquals(ErrorCode.SEAL_BROKEN, failure.code());
  }

  @ParameterizedTest
  @EnumSource(CipherSuite.class)
  void chunksOfEverySizeOpenAndHaveTheSizesForetold(CipherSuite suite) {
    var layout = ChunkLayout.of(suite);
    for (int size : SIZES) {
      byte[] plain = plain(size);
      var chunk = seal(suite, "size " + size, plain);

      assertEquals(layout.sealedBytes(size), chunk.sealed().length, "size " + size);
      assertEquals(ChunkId.of(Sha256.of(chunk.sealed())), chunk.id(), "size " + size);
      assertTrue(chunk.sealed().length <= ChunkLayout.CHUNK_SEALED_BYTES_MAX);
      assertArrayEquals(plain, opened(suite, chunk), "size " + size);
    }
  }

  @Test
  void aFullFernetBlockHasTheSizeOfTheSpecification() {
    var layout = ChunkLayout.of(CipherSuite.FERNET);
    assertEquals(65_609, layout.sealedBlockBytes(BLOCK));
    assertEquals(32 + 65_609 * 7, layout.blockStart(7));
    assertEquals(65_552, ChunkLayout.of(CipherSuite.AES_256_GCM).sealedBlockBytes(BLOCK));
  }

  /** Equal bytes, so that a key and nonce used twice would show as equal sealed bytes. */
  @ParameterizedTest
  @EnumSource(CipherSuite.class)
  void equalBlocksAreSealedToDifferentBytesInOneChunkAndInTwo(CipherSuite suite) {
    var layout = ChunkLayout.of(suite);
    byte[] plain = new byte[3 * BLOCK];
    var blocks = List.of(new byte[BLOCK], new byte[BLOCK], new byte[BLOCK]);
    var sealer = sealer(suite, "equal");
    var sealed = new TreeSet<String>();

    for (int chunk = 0; chunk < 2; chunk++) {
      byte[] target = new byte[layout.sealedBytes(plain.length)];
      sealer.seal(blocks, plain.length, target);
      for (int i = 0; i < 3; i++) {
        int start = layout.blockStart(i);
        sealed.add(Fixtures.hex(Arrays.copyOfRange(target, start + 32, start + 1_024)));
      }
    }

    assertEquals(6, sealed.size());
  }

  @ParameterizedTest
  @EnumSource(CipherSuite.class)
  void anArrayOfAnotherSizeIsRefused(CipherSuite suite) {
    byte[] target = new byte[ChunkLayout.of(suite).sealedBytes(10) + 1];

    assertThrows(
        Invariants.Violation.class,
        () -> sealer(suite, "size").seal(List.of(new byte[10]), 10, target));
  }

  @ParameterizedTest
  @EnumSource(CipherSuite.class)
  void aRangeOfBlocksOpensAloneFromTheBytesAPeerCutsOut(CipherSuite suite) {
    byte[] plain = plain(5 * BLOCK + 100);
    var chunk = seal(suite, "range", plain);
    var layout = ChunkLayout.of(suite);
    var opener = new ChunkOpener(suite, Fixtures.DATA_KEY, chunk.salt());

    var blocks = ChunkLayout.blocksFor(2 * BLOCK + 10, BLOCK);
    assertEquals(new ChunkLayout.Blocks(2, 4), blocks);
    var bytes = layout.sealedRange(blocks, chunk.sealed().length);
    byte[] range = opener.openBlocks(2, chunk.sealed(), bytes.offset(), bytes.lengthBytes());
    assertArrayEquals(Arrays.copyOfRange(plain, 2 * BLOCK, 4 * BLOCK), range);
    var last = layout.sealedRange(new ChunkLayout.Blocks(5, 6), chunk.sealed().length);
    byte[] tail = opener.openBlock(5, chunk.sealed(), last.offset(), last.lengthBytes());
    assertArrayEquals(Arrays.copyOfRange(plain, 5 * BLOCK, plain.length), tail);
    assertThrows(
        IllegalArgumentException.class,
        () -> layout.sealedRange(new ChunkLayout.Blocks(6, 7), chunk.sealed().length));
  }

  @ParameterizedTest
  @EnumSource(CipherSuite.class)
  void aBlockOpensInItsPlaceOfItsChunkOnly(CipherSuite suite) {
    byte[] plain = plain(3 * BLOCK);
    var chunk = seal(suite, "a", plain);
    var other = seal(suite, "b", plain);
    var layout = ChunkLayout.of(suite);
    var opener = new ChunkOpener(suite, Fixtures.DATA_KEY, chunk.salt());
    int blockBytes = layout.sealedBlockBytes(BLOCK);

    assertBroken(() -> opener.openBlock(0, chunk.sealed(), layout.blockStart(1), blockBytes));
    assertBroken(() -> opener.openBlock(1, other.sealed(), layout.blockStart(1), blockBytes));
    assertBroken(() -> opener.openBlock(1, chunk.sealed(), layout.blockStart(1), blockBytes - 16));
    var otherKey = DataKey.of(Fixtures.counted(32, 0x41));
    var wrongKey = new ChunkOpener(suite, otherKey, chunk.salt());
    assertBroken(() -> wrongKey.openBlock(0, chunk.sealed(), 32, blockBytes));
    var wrongSuite = suite == CipherSuite.FERNET ? CipherSuite.AES_256_GCM : CipherSuite.FERNET;
    var confused = new ChunkOpener(wrongSuite, Fixtures.DATA_KEY, chunk.salt());
    assertBroken(() -> confused.openBlock(0, chunk.sealed(), 32, blockBytes));
    for (int bit : new int[] {0, 9 * 8, 40 * 8, 30_000, blockBytes * 8 - 1}) {
      byte[] changed = Fixtures.flipped(chunk.sealed(), 32 * 8 + bit);
      assertBroken(() -> opener.openBlock(0, changed, 32, blockBytes));
    }
  }

  @Test
  void noSizeFromAPeerIsTakenForGranted() {
    var chunk = seal(CipherSuite.FERNET, "sizes", plain(100));
    for (var suite : CipherSuite.values()) {
      var opener = new ChunkOpener(suite, Fixtures.DATA_KEY, chunk.salt());
      for (int size : new int[] {0, 1, 16, 17, 56, 57, 72, 73, 100}) {
        assertBroken(() -> opener.openBlock(0, new byte[size], 0, size));
      }
      assertBroken(() -> opener.openBlocks(0, new byte[0], 0, 0));
      assertBroken(() -> opener.openBlock(64, new byte[200], 0, 200));
      assertBroken(() -> opener.openBlock(-1, new byte[200], 0, 200));
      byte[] large = new byte[65 * 65_609];
      assertBroken(() -> opener.openBlocks(0, large, 0, large.length));
      assertBroken(() -> opener.openBlocks(63, large, 0, 2 * 65_609));
    }
  }

  @Test
  void saltsDifferEvenWhenRandomnessRepeats() {
    // A cloned machine: the same random state and clock, another instance or a later count.
    var one = new SaltSource(new FixedRandom("clone"), new InstanceId(1, 1), Fixtures.WALL);
    var two = new SaltSource(new FixedRandom("clone"), new InstanceId(1, 2), Fixtures.WALL);

    assertNotEquals(one.next(), two.next());
  }

  @Test
  void theFileTagsSumForgetsAnExtentExactly() {
    var tags = new Tags(Fixtures.DATA_KEY);
    var file = new SealId(1, 2);
    var sum = ExtentSum.ZERO;
    var terms = new ExtentSum[50];
    for (int i = 0; i < terms.length; i++) {
      terms[i] =
          tags.extentTerm(file, i * 100L, 100, new ChunkId(i, 2, 3, 4), new ChunkSalt(i, 9), 1, 0);
      sum = sum.plus(terms[i]);
    }
    var big = new java.math.BigInteger("0");
    for (var term : terms) {
      big = big.add(new java.math.BigInteger(1, term.toBytes()));
    }
    var modulus = java.math.BigInteger.ONE.shiftLeft(256);
    assertEquals(big.mod(modulus), new java.math.BigInteger(1, sum.toBytes()));
    var inOtherOrder = ExtentSum.ZERO;
    for (int i = terms.length - 1; i > 0; i--) {
      inOtherOrder = inOtherOrder.plus(terms[i]);
    }
    assertEquals(inOtherOrder, sum.minus(terms[0]));
    var one = new ExtentSum(0, 0, 0, 1);
    var all = new ExtentSum(-1, -1, -1, -1);
    assertEquals(ExtentSum.ZERO, all.plus(one));
    assertEquals(all, ExtentSum.ZERO.minus(one));
  }

  @Test
  void aTagBindsEveryFieldOfWhatItTags() {
    var tags = new Tags(Fixtures.DATA_KEY);
    var a = new SealId(1, 2);
    var b = new SealId(1, 3);
    byte[] name = new byte[48];
    byte[] tag = tags.entryTag(a, name, b, 1);

    assertEquals(Tags.BYTES, tag.length);
    assertTrue(!Tags.equal(tag, tags.entryTag(b, name, b, 1)));
    assertTrue(!Tags.equal(tag, tags.entryTag(a, new byte[80], b, 1)));
    assertTrue(!Tags.equal(tag, tags.entryTag(a, name, a, 1)));
    assertTrue(!Tags.equal(tag, tags.entryTag(a, name, b, 2)));
    assertTrue(Tags.equal(tag, tags.entryTag(a, name, b, 1)));
    byte[] file = tags.fileTag(a, 1, 5, ExtentSum.ZERO);
    assertTrue(!Tags.equal(file, tags.fileTag(a, 2, 5, ExtentSum.ZERO)));
    assertTrue(!Tags.equal(file, tags.fileTag(a, 1, 6, ExtentSum.ZERO)));
    assertTrue(!Tags.equal(file, tags.fileTag(b, 1, 5, ExtentSum.ZERO)));
    assertTrue(!Tags.equal(file, tags.fileTag(a, 1, 5, new ExtentSum(0, 0, 0, 1))));
  }
}
