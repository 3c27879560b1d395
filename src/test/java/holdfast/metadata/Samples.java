package holdfast.metadata;

import holdfast.metadata.op.Attributes;
import holdfast.metadata.op.Content;
import holdfast.metadata.op.EntryName;
import holdfast.metadata.op.Extent;
import holdfast.metadata.op.FileLock;
import holdfast.metadata.op.FileType;
import holdfast.metadata.op.LockFamily;
import holdfast.metadata.op.LockMode;
import holdfast.metadata.op.Operation;
import holdfast.metadata.op.RenameMode;
import holdfast.metadata.op.Replacement;
import holdfast.metadata.op.SealedTarget;
import holdfast.metadata.op.Tag;
import holdfast.metadata.op.XattrMode;
import holdfast.metadata.op.XattrName;
import holdfast.metadata.op.XattrValue;
import holdfast.model.ChunkId;
import holdfast.model.ChunkSalt;
import holdfast.model.ClientId;
import holdfast.model.SealId;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Random;

/** Random values for tests. */
public final class Samples {
  private Samples() {}

  public static ChunkId chunk(Random random) {
    return new ChunkId(random.nextLong(), random.nextLong(), random.nextLong(), random.nextLong());
  }

  public static ChunkSalt salt(Random random) {
    return new ChunkSalt(random.nextLong(), random.nextLong());
  }

  public static Tag tag(Random random) {
    return new Tag(random.nextLong(), random.nextLong());
  }

  static SealId sealId(Random random) {
    return new SealId(random.nextLong(), random.nextLong());
  }

  public static ClientId client(Random random) {
    return new ClientId(random.nextLong(), random.nextLong());
  }

  public static EntryName name(Random random) {
    byte[] sealed = new byte[16 + 32 * (1 + random.nextInt(8))];
    random.nextBytes(sealed);
    return new EntryName(
        sealed, random.nextInt(4) == 0 ? "peer 2026-01-0" + random.nextInt(9) : "");
  }

  /** One of few names, the same for the same number. */
  static EntryName name(int number) {
    byte[] sealed = new byte[48];
    new Random(number).nextBytes(sealed);
    return new EntryName(sealed);
  }

  /**
   * Names of one hash: the second word undoes what the first one did. Follows the mixing in {@link
   * Keys#cookieRun}.
   */
  static EntryName collidingName(int number) {
    byte[] sealed = new byte[48];
    long k = 0x9E3779B97F4A7C15L;
    long other = mix((48L ^ number) * k);
    long first = mix(48L * k);
    java.nio.ByteBuffer.wrap(sealed).putLong(number).putLong(other ^ first);
    return new EntryName(sealed);
  }

  private static long mix(long hash) {
    return hash ^ hash >>> 29;
  }

  public static SealedTarget target(Random random) {
    int plainBytes = 1 + random.nextInt(4_095);
    byte[] sealed = new byte[16 + (plainBytes + 31) / 32 * 32];
    random.nextBytes(sealed);
    return new SealedTarget(sealed, plainBytes);
  }

  /** One of few names, the same for the same number; the first ones have one hash. */
  public static XattrName xattrName(int number) {
    return new XattrName((number < 3 ? collidingName(number) : name(number)).sealed());
  }

  /** Mostly a short one; sometimes one that takes several records. */
  public static XattrValue xattrValue(Random random) {
    int blocks =
        switch (random.nextInt(6)) {
          case 0 -> 1 + random.nextInt((XattrValue.MAX_BYTES - 16) / 32);
          case 1 -> 14 + random.nextInt(4); // around the longest that isn't split
          default -> 1 + random.nextInt(4);
        };
    byte[] sealed = new byte[16 + 32 * blocks];
    random.nextBytes(sealed);
    return new XattrValue(sealed);
  }

  public static Attributes attributes(Random random) {
    return new Attributes(
        random.nextLong() >>> 1,
        sealId(random),
        FileType.values()[random.nextInt(7)],
        random.nextInt(010000),
        random.nextInt(),
        random.nextInt(),
        random.nextInt(),
        random.nextInt(1_000_000),
        random.nextLong() >>> 2,
        random.nextLong() >>> 2,
        random.nextLong(),
        random.nextLong(),
        random.nextLong(),
        random.nextLong() >>> 1,
        tag(random),
        random.nextInt(3) * random.nextInt(0x8000));
  }

  public static List<Extent> extents(Random random, long from, int maxCount) {
    var extents = new ArrayList<Extent>();
    long offset = from;
    int count = random.nextInt(maxCount + 1);
    for (int i = 0; i < count; i++) {
      offset += random.nextInt(3) == 0 ? random.nextInt(100_000) : 0;
      int lengthBytes = 1 + random.nextInt(200_000);
      extents.add(
          new Extent(
              offset,
              lengthBytes,
              chunk(random),
              salt(random),
              random.nextInt(0x10000),
              random.nextInt(1 << 20)));
      offset += lengthBytes;
    }
    return extents;
  }

  public static List<Replacement> replacements(Random random) {
    var replacements = new ArrayList<Replacement>();
    long from = 0;
    int count = random.nextInt(5);
    for (int i = 0; i < count; i++) {
      from += random.nextInt(1 << 20);
      var extents = extents(random, from, 6);
      long end = extents.isEmpty() ? from + 1 : extents.get(extents.size() - 1).fileEnd();
      long to = end + random.nextInt(1_000);
      replacements.add(new Replacement(from, to, extents));
      from = to;
    }
    return replacements;
  }

  public static Operation operation(Random random) {
    long timeNs = random.nextLong();
    return switch (random.nextInt(10)) {
      case 0 -> create(random);
      case 1 -> new Operation.Unlink(random.nextLong(), name(random), timeNs);
      case 2 -> new Operation.RemoveDirectory(random.nextLong(), name(random), timeNs);
      case 3 ->
          new Operation.Rename(
              random.nextLong(),
              name(random),
              random.nextLong(),
              name(random),
              tag(random),
              tag(random),
              RenameMode.values()[random.nextInt(3)],
              random.nextBoolean(),
              random.nextLong(),
              random.nextLong(),
              timeNs);
      case 4 ->
          new Operation.SetAttributes(
              random.nextLong(),
              random.nextInt(32),
              random.nextInt(010000),
              random.nextInt(),
              random.nextInt(),
              random.nextLong(),
              random.nextLong(),
              timeNs);
      case 5 -> {
        long base = random.nextInt(1_000);
        yield new Operation.Commit(
            random.nextLong(),
            base,
            base + 1 + random.nextInt(3),
            Extent.FILE_MAX_BYTES - random.nextInt(10),
            tag(random),
            random.nextLong(),
            timeNs,
            random.nextInt(5),
            replacements(random));
      }
      case 6 ->
          new Operation.SetXattr(
              random.nextLong(),
              xattrName(random.nextInt(9)),
              xattrValue(random),
              XattrMode.values()[random.nextInt(3)],
              timeNs);
      case 7 -> new Operation.RemoveXattr(random.nextLong(), xattrName(random.nextInt(9)), timeNs);
      case 8 -> new Operation.SetLock(random.nextLong(), lock(random), timeNs);
      default ->
          new Operation.Link(
              random.nextLong(), name(random), tag(random), random.nextLong(), timeNs);
    };
  }

  public static FileLock lock(Random random) {
    long first = random.nextLong() >>> 1;
    return new FileLock(
        LockFamily.values()[random.nextInt(2)],
        LockMode.values()[random.nextInt(3)],
        first,
        random.nextBoolean() ? Long.MAX_VALUE : first,
        random.nextLong(),
        random.nextInt());
  }

  private static Operation create(Random random) {
    var type = FileType.values()[random.nextInt(7)];
    var extents = extents(random, 0, 10);
    long sizeBytes =
        extents.isEmpty()
            ? random.nextInt(5)
            : extents.get(extents.size() - 1).fileEnd() + random.nextInt(9);
    var content =
        new Content(1 + random.nextInt(9), sizeBytes, tag(random), random.nextLong(), 1, extents);
    return new Operation.Create(
        random.nextLong(),
        name(random),
        tag(random),
        sealId(random),
        type,
        random.nextInt(010000),
        random.nextInt(),
        random.nextInt(),
        random.nextInt(),
        type == FileType.SYMLINK ? Optional.of(target(random)) : Optional.empty(),
        random.nextBoolean(),
        random.nextLong(),
        type == FileType.FILE && random.nextBoolean() ? Optional.of(content) : Optional.empty());
  }
}
