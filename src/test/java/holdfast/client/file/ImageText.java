package holdfast.client.file;

import static holdfast.client.MemoryPool.bytes;

import holdfast.metadata.op.Attributes;
import holdfast.metadata.op.Extent;
import holdfast.metadata.op.FileType;
import holdfast.metadata.op.Tag;
import holdfast.model.ChunkId;
import holdfast.model.ChunkSalt;
import holdfast.model.SealId;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** Files as text, one character for each byte: the letter of its chunk, a dot in a hole. */
final class ImageText {
  private static final char HOLE = '.';

  private ImageText() {}

  /** In the chunk of that letter, which begins where the file does. */
  static Extent extent(long from, long to, char letter) {
    return new Extent(
        from, (int) (to - from), chunk(letter), new ChunkSalt(0, letter), 0, (int) from);
  }

  private static ChunkId chunk(char letter) {
    return new ChunkId(0, 0, 0, letter);
  }

  static List<Extent> extents(String text) {
    var extents = new ArrayList<Extent>();
    int from = 0;
    for (int to = 1; to <= text.length(); to++) {
      if (to == text.length() || text.charAt(to) != text.charAt(from)) {
        if (text.charAt(from) != HOLE) {
          extents.add(extent(from, to, text.charAt(from)));
        }
        from = to;
      }
    }
    return extents;
  }

  static String text(List<Extent> extents, long sizeBytes) {
    var text = new char[(int) sizeBytes];
    Arrays.fill(text, HOLE);
    for (Extent extent : extents) {
      Arrays.fill(
          text, (int) extent.fileOffset(), (int) extent.fileEnd(), (char) extent.chunk().d());
    }
    return new String(text);
  }

  /** What of an image is stored, as long as all of it is. */
  static String text(FileImage image) {
    return text(image.extents(), image.sizeBytes());
  }

  static Attributes attributes(long version, long sizeBytes) {
    return new Attributes(
        7,
        new SealId(1, 1),
        FileType.FILE,
        0644,
        0,
        0,
        0,
        1,
        sizeBytes,
        0,
        0,
        0,
        0,
        version,
        Tag.ZERO,
        0);
  }

  /** As the pool has it in its first version. */
  static FileImage image(String text) {
    return image(extents(text), text.length());
  }

  static FileImage image(List<Extent> extents, long sizeBytes) {
    return new FileImage(
        attributes(1, sizeBytes), extents, new BufferPool(DirtyData.BLOCK_BYTES, 4));
  }

  /** Another client's version becomes the base. */
  static void rebase(FileImage image, String text) {
    image.rebase(attributes(image.committed().version() + 1, text.length()), extents(text));
  }

  static void write(FileImage image, long offset, int lengthBytes) {
    image.write(offset, bytes(1, lengthBytes), 0, lengthBytes, 1);
  }

  /** A whole write by O_APPEND. */
  static void append(FileImage image, int lengthBytes) {
    long from = image.sizeBytes();
    write(image, from, lengthBytes);
    image.appends().add(null, from, from + lengthBytes, false, 0);
  }

  /** Uploads what was written: one piece. */
  static Upload start(FileImage image) {
    return image.startAll(0).getFirst();
  }

  /** The upload ends; it is in the view if it is the first one. */
  static void store(FileImage image, Upload upload, char letter) {
    PendingChunk piece = upload.piece();
    upload.stored(piece.extents(chunk(letter), new ChunkSalt(0, letter), 0), 3);
    image.applyEnded();
  }

  /** What was written is stored. */
  static void store(FileImage image, char letter) {
    store(image, start(image), letter);
  }
}
