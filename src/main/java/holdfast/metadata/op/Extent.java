package holdfast.metadata.op;

import holdfast.model.ChunkId;
import holdfast.model.ChunkSalt;
import holdfast.util.ByteReader;
import holdfast.util.ByteWriter;

/**
 * A range of a file that stands in a chunk. What no extent covers reads as zeros.
 *
 * @param fileOffset first byte in the file
 * @param lengthBytes 1 to {@value #CHUNK_PLAIN_MAX_BYTES}
 * @param chunk where the bytes are
 * @param salt the chunk's salt: block keys come from here, never from a peer's copy of the header
 * @param keyReference which of the pool's data keys, 0 to 65,535
 * @param chunkOffset first byte within the chunk's plaintext
 */
public record Extent(
    long fileOffset,
    int lengthBytes,
    ChunkId chunk,
    ChunkSalt salt,
    int keyReference,
    int chunkOffset) {
  /** Encoded size in bytes. */
  public static final int BYTES = 66;

  /** Plaintext of the largest chunk, in bytes. */
  public static final int CHUNK_PLAIN_MAX_BYTES = 4 << 20;

  /** The largest file, in bytes: 4 EiB. */
  public static final long FILE_MAX_BYTES = 1L << 62;

  /** Checks all ranges. */
  public Extent {
    Checks.check(
        fileOffset >= 0
            && lengthBytes > 0
            && lengthBytes <= CHUNK_PLAIN_MAX_BYTES
            && fileOffset <= FILE_MAX_BYTES - lengthBytes
            && chunkOffset >= 0
            && chunkOffset <= CHUNK_PLAIN_MAX_BYTES - lengthBytes
            && keyReference >= 0
            && keyReference <= 0xFFFF,
        "check extent: expected=ranges within file and chunk, was=offset %s length %s in chunk at"
            + " %s",
        fileOffset,
        lengthBytes,
        chunkOffset);
  }

  /** The first byte behind it in the file. */
  public long fileEnd() {
    return fileOffset + lengthBytes;
  }

  /** The part of it in {@code [from, to)}, which must overlap it. */
  public Extent crop(long from, long to) {
    long start = Math.max(fileOffset, from);
    long end = Math.min(fileEnd(), to);
    if (start == fileOffset && end == fileEnd()) {
      return this;
    }
    int skipped = (int) (start - fileOffset);
    return new Extent(start, (int) (end - start), chunk, salt, keyReference, chunkOffset + skipped);
  }

  /** Appends {@value #BYTES} bytes. */
  public void write(ByteWriter out) {
    out.u64(fileOffset).u32(lengthBytes);
    chunk.write(out);
    salt.write(out);
    out.u16(keyReference).u32(chunkOffset);
  }

  /**
   * Reads what {@link #write} wrote.
   *
   * @throws ByteReader.Malformed if it is none
   */
  public static Extent read(ByteReader in) {
    return Checks.decoding(
        () ->
            new Extent(
                in.u64(), in.u32(), ChunkId.read(in), ChunkSalt.read(in), in.u16(), in.u32()));
  }
}
