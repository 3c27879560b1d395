package holdfast.metadata.op;

import holdfast.model.ErrorCode;
import holdfast.model.SealId;
import holdfast.util.ByteReader;
import holdfast.util.ByteWriter;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** The bytes of an {@link Operation}: a tag of one byte, then the record's fields in order. */
final class OperationCodec {
  static final int CREATE = 1;
  static final int UNLINK = 2;
  static final int REMOVE_DIRECTORY = 3;
  static final int RENAME = 4;
  static final int SET_ATTRIBUTES = 5;
  static final int COMMIT = 6;
  static final int LINK = 7;
  static final int SET_XATTR = 8;
  static final int REMOVE_XATTR = 9;
  static final int PIN = 10;
  static final int UNPIN = 11;
  static final int SET_LOCK = 12;

  private OperationCodec() {}

  static void write(Operation operation, ByteWriter out) {
    int start = out.sizeBytes();
    switch (operation) {
      case Operation.Create create -> writeCreate(create, out.u8(CREATE));
      case Operation.Unlink unlink -> {
        out.u8(UNLINK).u64(unlink.parent());
        unlink.name().write(out);
        out.bool(unlink.pin()).u64(unlink.timeNs());
      }
      case Operation.RemoveDirectory remove -> {
        out.u8(REMOVE_DIRECTORY).u64(remove.parent());
        remove.name().write(out);
        out.u64(remove.timeNs());
      }
      case Operation.Rename rename -> writeRename(rename, out.u8(RENAME));
      case Operation.SetAttributes set ->
          out.u8(SET_ATTRIBUTES)
              .u64(set.inode())
              .u8(set.mask())
              .u16(set.mode())
              .u32(set.uid())
              .u32(set.gid())
              .u64(set.mtimeNs())
              .u64(set.atimeNs())
              .u64(set.timeNs());
      case Operation.Commit commit -> writeCommit(commit, out.u8(COMMIT));
      case Operation.Link link -> {
        out.u8(LINK).u64(link.parent());
        link.name().write(out);
        link.entryTag().write(out);
        out.u64(link.inode()).u64(link.timeNs());
      }
      case Operation.Pin pin -> out.u8(PIN).u64(pin.inode()).u64(pin.timeNs());
      case Operation.Unpin unpin -> out.u8(UNPIN).u64(unpin.inode()).u64(unpin.timeNs());
      case Operation.SetLock set -> {
        set.lock().write(out.u8(SET_LOCK).u64(set.inode()));
        out.u64(set.timeNs());
      }
      case Operation.SetXattr set -> {
        out.u8(SET_XATTR).u64(set.inode());
        set.name().write(out);
        set.value().write(out);
        out.u8(set.mode().wire()).u64(set.timeNs());
      }
      case Operation.RemoveXattr remove -> {
        out.u8(REMOVE_XATTR).u64(remove.inode());
        remove.name().write(out);
        out.u64(remove.timeNs());
      }
    }
    int sizeBytes = out.sizeBytes() - start;
    Checks.check(
        ErrorCode.TOO_LARGE,
        sizeBytes <= Operation.ENCODED_MAX_BYTES,
        "encode operation: expected=%s bytes at most, was=%s, split it",
        Operation.ENCODED_MAX_BYTES,
        sizeBytes);
  }

  static Operation read(ByteReader in) {
    int before = in.remaining();
    int tag = in.u8();
    var operation =
        switch (tag) {
          case CREATE -> readCreate(in);
          case UNLINK -> new Operation.Unlink(in.u64(), EntryName.read(in), in.bool(), in.u64());
          case REMOVE_DIRECTORY ->
              new Operation.RemoveDirectory(in.u64(), EntryName.read(in), in.u64());
          case RENAME -> readRename(in);
          case SET_ATTRIBUTES ->
              new Operation.SetAttributes(
                  in.u64(), in.u8(), in.u16(), in.u32(), in.u32(), in.u64(), in.u64(), in.u64());
          case COMMIT -> readCommit(in);
          case LINK ->
              new Operation.Link(in.u64(), EntryName.read(in), Tag.read(in), in.u64(), in.u64());
          case PIN -> new Operation.Pin(in.u64(), in.u64());
          case UNPIN -> new Operation.Unpin(in.u64(), in.u64());
          case SET_LOCK -> new Operation.SetLock(in.u64(), FileLock.read(in), in.u64());
          case SET_XATTR ->
              new Operation.SetXattr(
                  in.u64(),
                  XattrName.read(in),
                  XattrValue.read(in),
                  XattrMode.ofWire(in.u8()),
                  in.u64());
          case REMOVE_XATTR -> new Operation.RemoveXattr(in.u64(), XattrName.read(in), in.u64());
          default ->
              throw new ByteReader.Malformed("read operation: expected=a known tag, was=" + tag);
        };
    int sizeBytes = before - in.remaining();
    Checks.check(
        ErrorCode.TOO_LARGE,
        sizeBytes <= Operation.ENCODED_MAX_BYTES,
        "read operation: expected=%s bytes at most, was=%s",
        Operation.ENCODED_MAX_BYTES,
        sizeBytes);
    return operation;
  }

  private static void writeCreate(Operation.Create create, ByteWriter out) {
    out.u64(create.parent());
    create.name().write(out);
    create.entryTag().write(out);
    create.sealId().write(out);
    out.u8(create.type().wire()).u16(create.mode());
    out.u32(create.uid()).u32(create.gid()).u32(create.rdev());
    out.bool(create.target().isPresent());
    create.target().ifPresent(target -> target.write(out));
    out.bool(create.exclusive()).u64(create.timeNs());
    out.bool(create.content().isPresent());
    create.content().ifPresent(content -> content.write(out));
  }

  private static Operation readCreate(ByteReader in) {
    return new Operation.Create(
        in.u64(),
        EntryName.read(in),
        Tag.read(in),
        SealId.read(in),
        FileType.ofWire(in.u8()),
        in.u16(),
        in.u32(),
        in.u32(),
        in.u32(),
        in.bool() ? Optional.of(SealedTarget.read(in)) : Optional.empty(),
        in.bool(),
        in.u64(),
        in.bool() ? Optional.of(Content.read(in)) : Optional.empty());
  }

  private static void writeRename(Operation.Rename rename, ByteWriter out) {
    out.u64(rename.oldParent());
    rename.oldName().write(out);
    out.u64(rename.newParent());
    rename.newName().write(out);
    rename.newEntryTag().write(out);
    rename.oldEntryTag().write(out);
    out.u8(rename.mode().wire())
        .bool(rename.pin())
        .u64(rename.inode())
        .u64(rename.contentVersion())
        .u64(rename.timeNs());
  }

  private static Operation readRename(ByteReader in) {
    return new Operation.Rename(
        in.u64(),
        EntryName.read(in),
        in.u64(),
        EntryName.read(in),
        Tag.read(in),
        Tag.read(in),
        RenameMode.ofWire(in.u8()),
        in.bool(),
        in.u64(),
        in.u64(),
        in.u64());
  }

  private static void writeCommit(Operation.Commit commit, ByteWriter out) {
    out.u64(commit.inode()).u64(commit.baseVersion()).u64(commit.newVersion());
    out.u64(commit.newSizeBytes());
    commit.fileTag().write(out);
    out.u64(commit.mtimeNs()).u64(commit.timeNs()).u64(commit.uploadEpoch());
    out.u32(commit.replacements().size());
    for (Replacement replacement : commit.replacements()) {
      replacement.write(out);
    }
  }

  private static Operation readCommit(ByteReader in) {
    long inode = in.u64();
    long baseVersion = in.u64();
    long newVersion = in.u64();
    long newSizeBytes = in.u64();
    var fileTag = Tag.read(in);
    long mtimeNs = in.u64();
    long timeNs = in.u64();
    long uploadEpoch = in.u64();
    int count = in.count(in.remaining() / Replacement.HEAD_BYTES);
    var replacements = new ArrayList<Replacement>(count);
    for (int i = 0; i < count; i++) {
      replacements.add(Replacement.read(in));
    }
    return new Operation.Commit(
        inode,
        baseVersion,
        newVersion,
        newSizeBytes,
        fileTag,
        mtimeNs,
        timeNs,
        uploadEpoch,
        replacements);
  }

  static void checkCommit(
      long baseVersion, long newVersion, long newSizeBytes, List<Replacement> replacements) {
    Checks.check(
        baseVersion >= 0 && newVersion > baseVersion,
        "check commit: expected=a version above %s, was=%s",
        baseVersion,
        newVersion);
    Checks.check(
        ErrorCode.TOO_LARGE,
        newSizeBytes >= 0 && newSizeBytes <= Extent.FILE_MAX_BYTES,
        "check file size: expected=0 to %s, was=%s",
        Extent.FILE_MAX_BYTES,
        newSizeBytes);
    long freeFrom = 0;
    for (Replacement replacement : replacements) {
      Checks.check(
          replacement.fromOffset() >= freeFrom,
          "check commit: expected=replacements ascending from %s, was=%s",
          freeFrom,
          replacement.fromOffset());
      freeFrom = replacement.toOffset();
      var extents = replacement.extents();
      Checks.check(
          extents.isEmpty() || extents.get(extents.size() - 1).fileEnd() <= newSizeBytes,
          "check commit: expected=extents below the new size %s",
          newSizeBytes);
    }
  }
}
