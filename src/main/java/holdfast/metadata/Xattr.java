package holdfast.metadata;

import holdfast.metadata.op.Checks;
import holdfast.metadata.op.XattrName;
import holdfast.metadata.op.XattrValue;
import holdfast.metadata.tree.Leaf;
import holdfast.util.ByteReader;

/**
 * The record of an extended attribute: its name and, while it is short, its value. A longer value
 * has records of its own, so that listings read little and no record is too large for a leaf.
 *
 * @param inode whose it is
 * @param cookie the place among the names of equal hash, as an entry's
 * @param valueBytes size of the sealed value
 * @param inlineValue the sealed value, or empty if it has records of its own
 */
record Xattr(long inode, long cookie, XattrName name, int valueBytes, byte[] inlineValue) {
  /** A sealed value of at most this size (508 bytes, unsealed) stands in the attribute's record. */
  static final int INLINE_MAX_BYTES = 528;

  /** A longer one in records of this size, but the last. */
  static final int PART_BYTES = Leaf.VALUE_MAX_BYTES;

  static Xattr of(long inode, long cookie, XattrName name, XattrValue value) {
    byte[] sealed = value.sealedShared();
    boolean isInline = sealed.length <= INLINE_MAX_BYTES;
    return new Xattr(inode, cookie, name, sealed.length, isInline ? sealed : new byte[0]);
  }

  boolean isInline() {
    return valueBytes <= INLINE_MAX_BYTES;
  }

  /** How many records of their own the value has. */
  int partCount() {
    return isInline() ? 0 : (valueBytes + PART_BYTES - 1) / PART_BYTES;
  }

  /** What it counts for in its inode's sum. */
  int totalBytes() {
    return name.sealedShared().length + valueBytes;
  }

  byte[] key() {
    return Keys.xattr(inode, cookie);
  }

  byte[] pack() {
    byte[] sealed = name.sealedShared();
    return new RecordWriter()
        .varint(sealed.length)
        .raw(sealed)
        .varint(valueBytes)
        .raw(inlineValue)
        .toBytes();
  }

  static Xattr unpack(byte[] key, byte[] record) {
    var in = new RecordReader(record);
    byte[] sealed = in.raw(in.varint(XattrName.MAX_BYTES));
    int valueBytes = in.varint(XattrValue.MAX_BYTES);
    byte[] inline = in.rest();
    if (inline.length != (valueBytes <= INLINE_MAX_BYTES ? valueBytes : 0)) {
      throw new ByteReader.Malformed(
          "read xattr: expected=" + valueBytes + " bytes of value, was=" + inline.length);
    }
    var name = Checks.decoding(() -> new XattrName(sealed));
    return new Xattr(Keys.u64(key, 1), Keys.u64(key, 9), name, valueBytes, inline);
  }
}
