package holdfast.storage;

import holdfast.model.StorageException;
import holdfast.util.ByteReader;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.function.LongFunction;

/**
 * Keeps a small file twice, as {@code NAME} and {@code NAME.copy}: what damages one of them loses
 * nothing. Both hold the same; the one that is whole and has the higher sequence counts. One thread
 * at a time. Blocks on the disk; throws {@link StorageException}.
 */
final class PairFile {
  /** Ending of the second copy's name. */
  static final String COPY_SUFFIX = ".copy";

  private static final System.Logger LOG = System.getLogger(PairFile.class.getName());

  private final Disk disk;
  private final Kind kind;
  private long sequence;

  /**
   * Whether this object put the files there, or they are as good: an earlier process may not have
   * forced their names.
   */
  private boolean isOurs;

  /** Why a copy couldn't be read at all. */
  private Optional<StorageException> unreadable = Optional.empty();

  PairFile(Disk disk, Kind kind) {
    this.disk = disk;
    this.kind = kind;
  }

  /**
   * What such a file looks like. Its header is 8 bytes of magic, the version as u32, the sequence
   * as u64; its last 4 bytes are the CRC of all before.
   */
  record Kind(String name, String magic, int sizeBytes, int version) {
    String copyName() {
      return name + COPY_SUFFIX;
    }
  }

  /**
   * The content, header and all; empty if neither copy is whole. A copy that is missing, damaged or
   * older is written anew, from the other.
   *
   * @throws StorageException UNSUPPORTED if a whole copy is of another version; STORE_FAILED if one
   *     can't be read and the other isn't whole: it may be what counts
   */
  Optional<byte[]> load() {
    Optional<byte[]> first = whole(kind.name());
    Optional<byte[]> second = whole(kind.copyName());
    if (first.isEmpty() && second.isEmpty()) {
      if (unreadable.isPresent()) {
        throw unreadable.get();
      }
      return Optional.empty();
    }
    boolean isFirst =
        second.isEmpty() || first.isPresent() && sequence(first.get()) >= sequence(second.get());
    byte[] newest = isFirst ? first.get() : second.get();
    Optional<byte[]> other = isFirst ? second : first;
    sequence = sequence(newest);
    if (other.isEmpty() || !Arrays.equals(newest, other.get())) {
      String name = isFirst ? kind.copyName() : kind.name();
      if (other.isEmpty()) {
        LOG.log(
            System.Logger.Level.WARNING,
            "read {0}: was=missing, damaged or unreadable; written anew from its twin, nothing is"
                + " lost",
            disk.path(name));
      }
      SmallFile.replace(disk, name, newest);
    }
    return Optional.of(newest);
  }

  /** Whether there is a file of either name, whole or not. */
  boolean exists() {
    return disk.exists(kind.name()) || disk.exists(kind.copyName());
  }

  /** Replaces both copies by new files; durable when this returns, the old or the new before. */
  void replace(LongFunction<byte[]> content) {
    byte[] bytes = content.apply(++sequence);
    SmallFile.replace(disk, List.of(kind.name(), kind.copyName()), bytes);
    isOurs = true;
  }

  /**
   * As {@link #replace}, in place, which a force less is enough for. One copy after the other: the
   * power may fail in the midst of each. Both are forced, so that a copy the power cut damaged
   * isn't the only one that holds a vote. After a save that failed the next one replaces them.
   */
  void overwrite(LongFunction<byte[]> content) {
    if (!isOurs) {
      replace(content);
      return;
    }
    byte[] bytes = content.apply(++sequence);
    isOurs = false; // Should a force fail, the next save isn't in place.
    overwrite(kind.name(), bytes);
    overwrite(kind.copyName(), bytes);
    isOurs = true;
  }

  private void overwrite(String name, byte[] bytes) {
    try (var file = disk.open(name, Disk.Mode.WRITE)) {
      file.write(0, ByteBuffer.wrap(bytes));
      file.force();
    }
  }

  /**
   * What was loaded stays: the run that wrote it last ended cleanly, so it had forced the names and
   * no save of it had failed. The next one may be in place.
   */
  void keep() {
    isOurs = true;
  }

  /** Deletes both copies, durably. */
  void delete() {
    isOurs = false;
    disk.delete(kind.copyName());
    disk.delete(kind.name());
    disk.forceDirectory();
  }

  private Optional<byte[]> whole(String name) {
    Optional<byte[]> bytes =
        read(name).filter(read -> SmallFile.isWhole(read, kind.sizeBytes(), kind.magic()));
    bytes.ifPresent(
        read ->
            SmallFile.header(
                read, kind.sizeBytes(), kind.magic(), kind.version(), disk.path(name)));
    return bytes;
  }

  /** A bad sector is damage like any other, as long as the twin is whole. */
  private Optional<byte[]> read(String name) {
    try {
      return SmallFile.read(disk, name);
    } catch (StorageException e) {
      unreadable = Optional.of(e);
      return Optional.empty();
    }
  }

  private long sequence(byte[] bytes) {
    return new ByteReader(bytes, SmallFile.MAGIC_BYTES + Integer.BYTES, Long.BYTES).u64();
  }
}
