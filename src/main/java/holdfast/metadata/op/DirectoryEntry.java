package holdfast.metadata.op;

import holdfast.util.ByteReader;
import holdfast.util.ByteWriter;

/**
 * One line of the answer to a directory listing: a sealed name, its tag, and the inode it leads to;
 * how a directory is stored is the tree's affair.
 *
 * @param cookie its place: positive, above 32,767, the same as long as the entry lives
 * @param entryTag the author's tag over parent, name, child and type
 * @param attributes of the inode it leads to
 */
public record DirectoryEntry(long cookie, EntryName name, Tag entryTag, Attributes attributes) {
  public int encodedBytes() {
    return 8
        + 4
        + name.sealedShared().length
        + EntryName.CONFLICT_TAG_MAX_BYTES
        + 16
        + Attributes.BYTES;
  }

  /** Appends the fields. */
  public void write(ByteWriter out) {
    out.u64(cookie);
    name.write(out);
    entryTag.write(out);
    attributes.write(out);
  }

  /**
   * Reads what {@link #write} wrote.
   *
   * @throws ByteReader.Malformed if it is no entry
   */
  public static DirectoryEntry read(ByteReader in) {
    return new DirectoryEntry(in.u64(), EntryName.read(in), Tag.read(in), Attributes.read(in));
  }
}
