package holdfast.storage;

import holdfast.model.ErrorCode;
import holdfast.model.StorageException;
import holdfast.util.ByteReader;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/** Reads and replaces small files as a whole, and checks the headers that all of them share. */
final class SmallFile {
  /** Ending of files that are not finished. */
  static final String TEMPORARY_SUFFIX = ".tmp";

  static final int MAGIC_BYTES = 8;
  private static final int READ_BYTES_MAX = 4_096;

  private SmallFile() {}

  /** Replaces a file atomically: durable when this returns, the old or the new one before. */
  static void replace(Disk disk, String name, byte[] bytes) {
    replace(disk, List.of(name), bytes);
  }

  /**
   * As {@link #replace(Disk, String, byte[])}: several files with the same content, each of them.
   */
  static void replace(Disk disk, List<String> names, byte[] bytes) {
    replaceUnnamed(disk, names, bytes);
    disk.forceDirectory();
  }

  /**
   * As {@link #replace(Disk, List, byte[])} without its last force: the content is durable when
   * this returns, under its name with the next force of the directory. Until then the old one may
   * be there.
   */
  static void replaceUnnamed(Disk disk, List<String> names, byte[] bytes) {
    for (String name : names) {
      String temporary = name + TEMPORARY_SUFFIX;
      disk.delete(temporary);
      try (var file = disk.open(temporary, Disk.Mode.CREATE)) {
        file.write(0, ByteBuffer.wrap(bytes));
        file.force();
      }
    }
    for (String name : names) {
      disk.rename(name + TEMPORARY_SUFFIX, name);
    }
  }

  /** Replaces a file: readers see the old or the new one; after a power cut it may be neither. */
  static void replaceUnforced(Disk disk, String name, byte[] bytes) {
    String temporary = name + TEMPORARY_SUFFIX;
    disk.delete(temporary);
    try (var file = disk.open(temporary, Disk.Mode.CREATE)) {
      file.write(0, ByteBuffer.wrap(bytes));
    }
    disk.rename(temporary, name);
  }

  /** The whole content; empty if there is no such file. */
  static Optional<byte[]> read(Disk disk, String name) {
    if (!disk.exists(name)) {
      return Optional.empty();
    }
    try (var file = disk.open(name, Disk.Mode.READ)) {
      return Optional.of(readUpTo(file, 0, READ_BYTES_MAX));
    }
  }

  /** The bytes at {@code position}, fewer than asked for if the file ends. */
  static byte[] readUpTo(DiskFile file, long position, int lengthBytes) {
    long leftBytes = Math.max(0, file.size() - position);
    byte[] bytes = new byte[(int) Math.min(leftBytes, lengthBytes)];
    int readBytes = file.read(position, ByteBuffer.wrap(bytes));
    return readBytes == bytes.length ? bytes : Arrays.copyOf(bytes, readBytes);
  }

  /** An 8-letter magic as bytes. */
  static byte[] magic(String letters) {
    return letters.getBytes(StandardCharsets.US_ASCII);
  }

  /** Whether this is a whole header of the size and magic, with the right CRC. */
  static boolean isWhole(byte[] bytes, int sizeBytes, String magic) {
    return bytes.length >= sizeBytes
        && Crc.isSealed(bytes, 0, sizeBytes)
        && new String(bytes, 0, MAGIC_BYTES, StandardCharsets.US_ASCII).equals(magic);
  }

  /**
   * Checks size, magic, CRC and version of a header; returns a reader behind the version. Corrupt
   * is STORE_FAILED, too new and too old are UNSUPPORTED.
   */
  static ByteReader header(byte[] bytes, int sizeBytes, String magic, int version, String path) {
    if (!isWhole(bytes, sizeBytes, magic)) {
      throw new StorageException(
          ErrorCode.STORE_FAILED,
          "read header: expected=%d bytes %s with a right CRC, was=corrupt (%d bytes), path=%s;"
                  .formatted(sizeBytes, magic, bytes.length, path)
              + " check the disk; put the file back from a copy, or give the peer an empty"
              + " directory (what only this peer holds is then lost)");
    }
    var in = new ByteReader(bytes, MAGIC_BYTES, sizeBytes - MAGIC_BYTES);
    checkVersion(in.u32(), version, path);
    return in;
  }

  static void checkVersion(int was, int version, String path) {
    if (Integer.compareUnsigned(was, version) > 0) {
      throw new StorageException(
          ErrorCode.UNSUPPORTED,
          "read version: expected=%d, was=%s, too new, path=%s; "
                  .formatted(version, Integer.toUnsignedString(was), path)
              + "run the newer holdfast that wrote it");
    }
    if (was != version) {
      throw new StorageException(
          ErrorCode.UNSUPPORTED,
          "read version: expected=%d, was=%d, too old, path=%s; ".formatted(version, was, path)
              + "an older holdfast wrote this folder: copy the files out with that one, then start"
              + " a new pool in an empty folder");
    }
  }
}
