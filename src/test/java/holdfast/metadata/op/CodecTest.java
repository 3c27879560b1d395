package holdfast.metadata.op;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import holdfast.metadata.Samples;
import holdfast.model.ErrorCode;
import holdfast.model.HoldfastException;
import holdfast.util.ByteReader;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.function.Function;
import java.util.stream.IntStream;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import org.junit.jupiter.api.Test;

final class CodecTest {
  @Property(tries = 500)
  void whatWasWrittenIsReadAndDamageIsMalformedButNeverACrash(@ForAll long seed) {
    var random = new Random(seed);

    assertCodec(random, Samples.operation(random), Operation::toBytes, Operation::read);
    assertCodec(random, query(random), Query::toBytes, Query::read);
    assertCodec(random, result(random), OperationResult::toBytes, OperationResult::read);
    assertCodec(random, answer(random), Answer::toBytes, Answer::read);
  }

  private static <T> void assertCodec(
      Random random, T value, Function<T, byte[]> writer, Function<ByteReader, T> reader) {
    byte[] bytes = writer.apply(value);
    var in = new ByteReader(bytes);
    assertThat(reader.apply(in)).isEqualTo(value).hasSameHashCodeAs(value);
    in.end();

    int cutBytes = random.nextInt(bytes.length);
    assertThatThrownBy(() -> reader.apply(new ByteReader(bytes, 0, cutBytes)))
        .isInstanceOf(ByteReader.Malformed.class);
    for (int i = random.nextInt(4); i >= 0; i--) {
      int position =
          random.nextInt(random.nextBoolean() ? bytes.length : Math.min(24, bytes.length));
      bytes[position] = (byte) random.nextInt(256);
    }
    try {
      reader.apply(new ByteReader(bytes));
    } catch (ByteReader.Malformed e) {
      assertThat(e.getMessage()).isNotEmpty();
    }
  }

  private static Query query(Random random) {
    return switch (random.nextInt(9)) {
      case 0 -> new Query.Lookup(random.nextLong(), Samples.name(random));
      case 1 -> new Query.GetAttributes(random.nextLong());
      case 2 ->
          new Query.ReadDirectory(
              random.nextLong(), random.nextLong() >>> 1, 1 + random.nextInt(1_000));
      case 3 ->
          new Query.ReadExtents(
              random.nextLong(), random.nextLong() >>> 1, 1 + random.nextInt(1_500));
      case 4 -> new Query.ReadLink(random.nextLong());
      case 5 -> new Query.GetXattr(random.nextLong(), Samples.xattrName(random.nextInt(9)));
      case 6 -> new Query.ListXattrs(random.nextLong());
      case 7 -> new Query.GetLock(random.nextLong(), Samples.client(random), Samples.lock(random));
      default -> new Query.CountStatistics();
    };
  }

  private static OperationResult result(Random random) {
    return random.nextBoolean()
        ? new OperationResult.Failed(
            ErrorCode.values()[random.nextInt(ErrorCode.values().length)], "was=ü".repeat(80))
        : new OperationResult.Done(
            Samples.attributes(random),
            IntStream.range(0, random.nextInt(5))
                .mapToObj(i -> Samples.attributes(random))
                .toList());
  }

  private static Answer answer(Random random) {
    return switch (random.nextInt(10)) {
      case 0 -> new Answer.Entry(entry(random));
      case 1 -> new Answer.Inode(Samples.attributes(random));
      case 2 ->
          new Answer.Listing(
              Samples.attributes(random),
              random.nextLong(),
              IntStream.range(0, random.nextInt(9)).mapToObj(i -> entry(random)).toList(),
              random.nextBoolean());
      case 3 ->
          new Answer.Extents(
              Samples.attributes(random), Samples.extents(random, 0, 9), random.nextBoolean());
      case 4 -> new Answer.Target(Samples.attributes(random), Samples.target(random));
      case 5 -> new Answer.Totals(new Statistics(1, 2, random.nextLong(), 4, 5));
      case 6 ->
          new Answer.Xattr(
              Samples.attributes(random),
              random.nextBoolean() ? Optional.of(Samples.xattrValue(random)) : Optional.empty());
      case 7 ->
          new Answer.XattrNames(
              Samples.attributes(random),
              IntStream.range(0, random.nextInt(9)).mapToObj(Samples::xattrName).toList());
      case 8 ->
          new Answer.Lock(
              random.nextBoolean()
                  ? Optional.of(
                      new Answer.Lock.Granted(Samples.client(random), Samples.lock(random)))
                  : Optional.empty());
      default -> new Answer.Failed(ErrorCode.NOT_FOUND, "look up: was=none");
    };
  }

  private static DirectoryEntry entry(Random random) {
    return new DirectoryEntry(
        random.nextLong(), Samples.name(random), Samples.tag(random), Samples.attributes(random));
  }

  @Test
  void aCommitTooLargeToEncodeIsRefusedAndTheClientCanTellBefore() {
    var random = new Random(1);
    var extents = new ArrayList<Extent>();
    for (int i = 0; i < 1_900; i++) {
      extents.add(new Extent(i * 10L, 10, Samples.chunk(random), Samples.salt(random), 0, 0));
    }
    var fitting = List.of(new Replacement(0, 20_000, extents.subList(0, 1_850)));
    var tooMany = List.of(new Replacement(0, 20_000, extents));

    assertThat(Operation.Commit.fits(fitting)).isTrue();
    assertThat(commit(fitting).toBytes()).hasSizeLessThanOrEqualTo(Operation.ENCODED_MAX_BYTES);
    assertThat(Operation.Commit.fits(tooMany)).isFalse();
    assertThatThrownBy(() -> commit(tooMany).toBytes())
        .isInstanceOf(HoldfastException.class)
        .hasMessageStartingWith("encode operation: expected=122880 bytes at most, was=125")
        .extracting(e -> ((HoldfastException) e).code())
        .isEqualTo(ErrorCode.TOO_LARGE);
  }

  @Test
  void theSizeTheClientReckonsWithIsTheEncodedOne() {
    var replacements = Samples.replacements(new Random(3));
    int reckoned =
        Operation.Commit.HEAD_BYTES
            + replacements.stream().mapToInt(Replacement::encodedBytes).sum();

    assertThat(commit(replacements).toBytes()).hasSizeLessThanOrEqualTo(reckoned);
    assertThat(reckoned - commit(replacements).toBytes().length).isLessThan(8);
  }

  private static Operation.Commit commit(List<Replacement> replacements) {
    return new Operation.Commit(2, 0, 1, 1L << 40, Tag.ZERO, 0, 0, 1, replacements);
  }

  @Test
  void theLargestExtendedAttributeAndTheLongestListFitIntoTheirMessages() {
    var name = new XattrName(new byte[XattrName.MAX_BYTES]);
    var value = new XattrValue(new byte[XattrValue.MAX_BYTES]);
    var shortest = new XattrName(new byte[SealedBytes.SEALED_MIN_BYTES]);
    int mostNames = 1_985; // XattrTest
    var attributes = Samples.attributes(new Random(4));

    assertThat(new Operation.SetXattr(1, name, value, XattrMode.SET, 0).toBytes())
        .hasSizeLessThanOrEqualTo(Operation.ENCODED_MAX_BYTES);
    assertThat(new Answer.Xattr(attributes, Optional.of(value)).toBytes())
        .hasSizeLessThanOrEqualTo(Answer.ENCODED_MAX_BYTES);
    assertThat(
            new Answer.XattrNames(attributes, Collections.nCopies(mostNames, shortest)).toBytes())
        .hasSizeLessThanOrEqualTo(Answer.ENCODED_MAX_BYTES);
    assertThat(mostNames).isLessThan(Attributes.XATTR_COUNT_MAX);
    assertThatThrownBy(() -> new XattrValue(new byte[XattrValue.MAX_BYTES + 32]))
        .extracting(e -> ((HoldfastException) e).code())
        .isEqualTo(ErrorCode.ARGUMENT_TOO_LARGE);
    assertThatThrownBy(() -> new XattrName(new byte[XattrName.MAX_BYTES + 32]))
        .extracting(e -> ((HoldfastException) e).code())
        .isEqualTo(ErrorCode.NAME_TOO_LONG);
  }

  @Test
  void sealedNamesOfWrongLengthAreRefusedWithTheirCode() {
    assertThatThrownBy(() -> new EntryName(new byte[304]))
        .extracting(e -> ((HoldfastException) e).code())
        .isEqualTo(ErrorCode.NAME_TOO_LONG);
    for (int lengthBytes : new int[] {0, 16, 47, 64, 271}) {
      assertThatThrownBy(() -> new EntryName(new byte[lengthBytes]))
          .extracting(e -> ((HoldfastException) e).code())
          .isEqualTo(ErrorCode.INVALID);
    }
    assertThat(new EntryName(new byte[272]).sealed()).hasSize(272);
  }
}
