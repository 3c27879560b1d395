package holdfast.metadata;

import holdfast.metadata.op.Checks;
import holdfast.metadata.op.EntryName;
import holdfast.metadata.op.Tag;
import java.nio.charset.StandardCharsets;

/** The record of a directory entry, unpacked from the tree. */
record Entry(long parent, long cookie, EntryName name, long inode, Tag tag) {

  byte[] key() {
    return Keys.entry(parent, cookie);
  }

  byte[] pack() {
    byte[] conflictTag = name.conflictTag().getBytes(StandardCharsets.UTF_8);
    return new RecordWriter()
        .u64(inode)
        .u64(tag.high())
        .u64(tag.low())
        .u8(conflictTag.length)
        .raw(conflictTag)
        .raw(name.sealedShared())
        .toBytes();
  }

  static Entry unpack(byte[] key, byte[] record) {
    var in = new RecordReader(record);
    long inode = in.u64();
    var tag = new Tag(in.u64(), in.u64());
    int tagBytes = in.u8();
    String conflictTag = tagBytes == 0 ? "" : new String(in.raw(tagBytes), StandardCharsets.UTF_8);
    byte[] sealed = in.rest();
    var name = Checks.decoding(() -> new EntryName(sealed, conflictTag));
    return new Entry(Keys.u64(key, 1), Keys.u64(key, 9), name, inode, tag);
  }
}
