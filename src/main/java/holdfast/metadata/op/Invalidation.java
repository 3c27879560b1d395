package holdfast.metadata.op;

import holdfast.util.ByteReader;
import holdfast.util.ByteWriter;
import java.util.ArrayList;
import java.util.List;

/** A part of a client's cache that a change of another client makes stale. */
public sealed interface Invalidation {
  /** Most of them that one operation makes. */
  int PER_OPERATION_MAX = 6;

  /**
   * An inode: its attributes; with {@code content} also what it holds (a file's bytes, a
   * directory's entries).
   *
   * @param unlinked its last name is gone
   */
  record OfInode(long inode, boolean content, boolean unlinked) implements Invalidation {}

  /** A name in a directory: whether it is there, and what it stands for. */
  record OfEntry(long parent, EntryName name) implements Invalidation {}

  /**
   * A lock of a file that this client didn't get may be free by now. It makes nothing old, so
   * nobody waits until it is confirmed.
   */
  record OfLocks(long inode) implements Invalidation {}

  /** What an operation that happened has made old. */
  static List<Invalidation> of(Operation operation, OperationResult.Done done) {
    var made = new ArrayList<Invalidation>(PER_OPERATION_MAX);
    switch (operation) {
      case Operation.Create create -> {
        // Else the name was there already, and nothing changed.
        if (done.attributes().sealId().equals(create.sealId())) {
          made.add(new OfEntry(create.parent(), create.name()));
          made.add(new OfInode(create.parent(), true, false));
        }
      }
      case Operation.Unlink unlink -> {
        made.add(new OfEntry(unlink.parent(), unlink.name()));
        made.add(new OfInode(unlink.parent(), true, false));
        made.add(attributesOf(done.attributes()));
      }
      case Operation.RemoveDirectory remove -> {
        made.add(new OfEntry(remove.parent(), remove.name()));
        made.add(new OfInode(remove.parent(), true, false));
        made.add(attributesOf(done.attributes()));
      }
      case Operation.Rename rename -> {
        made.add(new OfEntry(rename.oldParent(), rename.oldName()));
        made.add(new OfEntry(rename.newParent(), rename.newName()));
        made.add(attributesOf(done.attributes()));
        for (Attributes other : done.others()) {
          boolean isParent =
              other.inode() == rename.oldParent() || other.inode() == rename.newParent();
          made.add(isParent ? new OfInode(other.inode(), true, false) : attributesOf(other));
        }
      }
      case Operation.SetAttributes set -> made.add(new OfInode(set.inode(), false, false));
      case Operation.Commit commit -> made.add(new OfInode(commit.inode(), true, false));
      case Operation.Link link -> {
        made.add(new OfEntry(link.parent(), link.name()));
        made.add(new OfInode(link.parent(), true, false));
        made.add(new OfInode(link.inode(), false, false));
      }
      case Operation.SetXattr set -> made.add(new OfInode(set.inode(), false, false));
      case Operation.RemoveXattr remove -> made.add(new OfInode(remove.inode(), false, false));
      case Operation.Pin pin -> {}
      case Operation.Unpin unpin -> {}
      // Who waits for one is told by the leader, nobody else has to know.
      case Operation.SetLock set -> {}
    }
    return made;
  }

  private static Invalidation attributesOf(Attributes after) {
    return new OfInode(after.inode(), false, after.linkCount() == 0);
  }

  /** Appends a tag and the fields. */
  default void write(ByteWriter out) {
    switch (this) {
      case OfInode of -> out.u8(1).u64(of.inode()).bool(of.content()).bool(of.unlinked());
      case OfEntry of -> of.name().write(out.u8(2).u64(of.parent()));
      case OfLocks of -> out.u8(3).u64(of.inode());
    }
  }

  /**
   * Reads what {@link #write} wrote.
   *
   * @throws ByteReader.Malformed if it is none
   */
  static Invalidation read(ByteReader in) {
    int tag = in.u8();
    return switch (tag) {
      case 1 -> new OfInode(in.u64(), in.bool(), in.bool());
      case 2 -> new OfEntry(in.u64(), EntryName.read(in));
      case 3 -> new OfLocks(in.u64());
      default ->
          throw new ByteReader.Malformed("read invalidation: expected=tag 1 to 3, was=" + tag);
    };
  }
}
