package holdfast.metadata.op;

import holdfast.model.SealId;
import holdfast.util.ByteReader;
import holdfast.util.ByteWriter;
import java.util.List;
import java.util.Optional;

/**
 * A change of the namespace that a client asks for. Encodes to at most {@value #ENCODED_MAX_BYTES}
 * bytes. Times are the client's wall clock in ns since 1970: they become ctime and the parents'
 * mtime.
 */
public sealed interface Operation {
  /** Longest encoding. A commit with more extents is split by the client. */
  int ENCODED_MAX_BYTES = 120 << 10;

  /** The time that becomes ctime, ns since 1970. */
  long timeNs();

  /**
   * Makes an inode under a name. A directory with its set-group-id bit gives its group to what is
   * made in it, and the bit to directories.
   *
   * <p>Errors: NOT_FOUND and NOT_DIRECTORY of the parent; EXISTS. Not exclusive and a regular file
   * wanted and found: the found one is the result, unchanged (its seal id is not {@code sealId}); a
   * directory found: IS_DIRECTORY.
   *
   * @param sealId of the new inode, random, never used before
   * @param mode permission bits, umask applied already
   * @param rdev for device nodes, else 0
   * @param target for symbolic links exactly
   * @param exclusive whether a taken name is an error for regular files too
   * @param content for regular files: their first content; a taken name is EXISTS then
   */
  record Create(
      long parent,
      EntryName name,
      Tag entryTag,
      SealId sealId,
      FileType type,
      int mode,
      int uid,
      int gid,
      int rdev,
      Optional<SealedTarget> target,
      boolean exclusive,
      long timeNs,
      Optional<Content> content)
      implements Operation {
    /** Checks that mode, target and content fit the type. */
    public Create {
      Attributes.checkMode(mode);
      Checks.check(
          target.isPresent() == (type == FileType.SYMLINK),
          "check create: expected=a target for symbolic links exactly, was=%s",
          type);
      Checks.check(
          content.isEmpty() || type == FileType.FILE,
          "check create: expected=content for files only, was=%s",
          type);
    }
  }

  /**
   * Removes a name of anything but a directory. With its last name an inode goes; a regular file
   * stays as an orphan, with link count 0, while a session pins it or may be about to.
   *
   * <p>Errors: NOT_FOUND, NOT_DIRECTORY (the parent), IS_DIRECTORY.
   *
   * @param pin the author has the file open: if that was its last name, it pins the orphan
   */
  record Unlink(long parent, EntryName name, boolean pin, long timeNs) implements Operation {
    /** Removes a name of what the author hasn't got open. */
    public Unlink(long parent, EntryName name, long timeNs) {
      this(parent, name, false, timeNs);
    }
  }

  /**
   * Removes an empty directory.
   *
   * <p>Errors: NOT_FOUND, NOT_DIRECTORY, NOT_EMPTY.
   */
  record RemoveDirectory(long parent, EntryName name, long timeNs) implements Operation {}

  /**
   * Moves a name, atomically; what has the new name goes or changes places. Two names of one inode:
   * nothing happens.
   *
   * <p>Errors, in this order: NOT_FOUND and NOT_DIRECTORY of the parents; NOT_FOUND (old name; new
   * name of an exchange); EXISTS (NO_REPLACE); STALE_VERSION; INVALID (a directory into itself or
   * below); NOT_EMPTY (onto its own ancestor); NOT_DIRECTORY, IS_DIRECTORY (kinds differ);
   * NOT_EMPTY.
   *
   * @param newEntryTag for what gets the new name
   * @param oldEntryTag for an exchange: what gets the old name; else {@link Tag#ZERO}
   * @param pin the author has open what is replaced, as for {@link Unlink}
   * @param inode what is moved, as its author knows it: refused with STALE_VERSION when the old
   *     name is another's; 0: any
   * @param contentVersion of what is moved, as its author knows it: refused with STALE_VERSION when
   *     a power cut has taken it ({@link Attributes#contentVersion} is lower), so that a file whose
   *     new content is lost doesn't take the place of the old one; 0: any
   */
  record Rename(
      long oldParent,
      EntryName oldName,
      long newParent,
      EntryName newName,
      Tag newEntryTag,
      Tag oldEntryTag,
      RenameMode mode,
      boolean pin,
      long inode,
      long contentVersion,
      long timeNs)
      implements Operation {
    /** Moves a name onto nothing, or onto what the author hasn't got open, whatever its content. */
    public Rename(
        long oldParent,
        EntryName oldName,
        long newParent,
        EntryName newName,
        Tag newEntryTag,
        Tag oldEntryTag,
        RenameMode mode,
        long timeNs) {
      this(
          oldParent,
          oldName,
          newParent,
          newName,
          newEntryTag,
          oldEntryTag,
          mode,
          false,
          0,
          0,
          timeNs);
    }
  }

  /**
   * Sets attributes as they are sent: all that {@code mask} names, or none. Content and size change
   * by {@link Commit} only; set-id bits are cleared by the client that knows when.
   *
   * <p>Errors: NOT_FOUND.
   *
   * @param mask a sum of {@link #MODE}, {@link #UID}, {@link #GID}, {@link #MTIME}, {@link #ATIME};
   *     0 touches ctime only
   */
  record SetAttributes(
      long inode, int mask, int mode, int uid, int gid, long mtimeNs, long atimeNs, long timeNs)
      implements Operation {
    public static final int MODE = 1;
    public static final int UID = 2;
    public static final int GID = 4;
    public static final int MTIME = 8;
    public static final int ATIME = 16;
    static final int MASK_ALL = 31;

    /** Checks mask and mode. */
    public SetAttributes {
      Checks.check((mask & ~MASK_ALL) == 0, "check mask: expected=0 to 31, was=%s", mask);
      Attributes.checkMode(mode);
    }
  }

  /**
   * Changes a file's content: ranges are replaced in order, then everything beyond the new size is
   * cut (a truncation to a smaller size needs no replacement; one to a larger leaves a hole).
   *
   * <p>Errors: NOT_FOUND; IS_DIRECTORY, INVALID (not a regular file); STALE_VERSION; STALE_EPOCH
   * (uploaded before the previous epoch: upload again); INVALID (versions not ascending, ranges
   * beyond the new size, a window with more than {@link ExtentMap#WINDOW_EXTENTS_MAX} extents).
   *
   * @param baseVersion the version the change was made from
   * @param newVersion greater than the base; what the tag was made with
   * @param replacements ascending, without overlap, extents below the new size
   * @param uploadEpoch the epoch in which the chunks were uploaded
   */
  record Commit(
      long inode,
      long baseVersion,
      long newVersion,
      long newSizeBytes,
      Tag fileTag,
      long mtimeNs,
      long timeNs,
      long uploadEpoch,
      List<Replacement> replacements)
      implements Operation {
    static final int HEAD_BYTES = 84;

    /** Checks order and ranges. */
    public Commit {
      replacements = List.copyOf(replacements);
      OperationCodec.checkCommit(baseVersion, newVersion, newSizeBytes, replacements);
    }

    /** Whether {@link #write} would take a commit of these replacements: the client splits. */
    public static boolean fits(List<Replacement> replacements) {
      long bytes = HEAD_BYTES;
      for (Replacement replacement : replacements) {
        bytes += replacement.encodedBytes();
      }
      return bytes <= ENCODED_MAX_BYTES;
    }
  }

  /**
   * Gives an inode one more name.
   *
   * <p>Errors: NOT_FOUND (also an inode without any name), NOT_DIRECTORY (the parent), EXISTS,
   * NOT_PERMITTED (a directory).
   */
  record Link(long parent, EntryName name, Tag entryTag, long inode, long timeNs)
      implements Operation {}

  /**
   * The author has a file open whose last name is gone: it stays until {@link Release} or the end
   * of the author's session. No change while the file has a name.
   *
   * <p>Errors: NOT_FOUND, IS_DIRECTORY, INVALID (not a regular file).
   */
  record Pin(long inode, long timeNs) implements Operation {}

  /**
   * The author has closed a file that it held. No change if it held none.
   *
   * <p>Errors: NOT_FOUND, IS_DIRECTORY, INVALID (not a regular file).
   */
  record Unpin(long inode, long timeNs) implements Operation {}

  /**
   * Sets an extended attribute of any inode. Which names are allowed is the client's matter: peers
   * can't read them.
   *
   * <p>Errors, in this order: NOT_FOUND; EXISTS (CREATE), NO_DATA (REPLACE); NO_SPACE (the inode's
   * names or its attributes altogether have no room).
   */
  record SetXattr(long inode, XattrName name, XattrValue value, XattrMode mode, long timeNs)
      implements Operation {}

  /**
   * Removes an extended attribute.
   *
   * <p>Errors: NOT_FOUND, NO_DATA.
   */
  record RemoveXattr(long inode, XattrName name, long timeNs) implements Operation {}

  /**
   * Locks bytes of a regular file for an owner of the author's, in place of whatever that owner had
   * on them, or releases them. What the author's session holds goes with it.
   *
   * <p>Errors, in this order: NOT_FOUND, IS_DIRECTORY, INVALID (not a regular file); LOCKED
   * (another owner's is in the way); NO_LOCKS (the file has too many).
   */
  record SetLock(long inode, FileLock lock, long timeNs) implements Operation {}

  /**
   * Whether it may not be made under another session than the one it was meant for: what was locked
   * or written under a lock is another's by then.
   */
  default boolean isOfSession() {
    return this instanceof SetLock || this instanceof Commit;
  }

  /**
   * Appends a tag and the fields.
   *
   * @throws holdfast.model.HoldfastException TOO_LARGE beyond {@value #ENCODED_MAX_BYTES} bytes
   */
  default void write(ByteWriter out) {
    OperationCodec.write(this, out);
  }

  /** As {@link #write}, into an array of its own. */
  default byte[] toBytes() {
    var out = new ByteWriter(256);
    write(out);
    return out.toBytes();
  }

  /**
   * Reads what {@link #write} wrote.
   *
   * @throws ByteReader.Malformed if it is no operation
   */
  static Operation read(ByteReader in) {
    return Checks.decoding(() -> OperationCodec.read(in));
  }

  /** As {@link #read}; nothing may follow. */
  static Operation of(byte[] bytes) {
    var in = new ByteReader(bytes);
    var operation = read(in);
    in.end();
    return operation;
  }
}
