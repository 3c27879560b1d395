package holdfast.client.pool;

import holdfast.metadata.op.Answer;
import holdfast.metadata.op.Attributes;
import holdfast.metadata.op.EntryName;
import holdfast.metadata.op.Operation;
import holdfast.metadata.op.OperationResult;
import holdfast.metadata.op.Query;
import java.util.List;
import java.util.function.Function;
import java.util.stream.Stream;

/**
 * One operation's effect on one name of a directory, as {@link ChangedDirectories} remembers it:
 * enough to find out later whether the pool still has it. If it has, it has all that came before.
 *
 * @param version the directory's afterwards: it goes up with each change of a name, and with
 *     nothing else
 * @param inode what the name leads to since, or led to
 */
record DirectoryChange(long directory, long version, Kind kind, EntryName name, long inode) {
  /** What has become of the name. */
  enum Kind {
    /** It leads to something new. */
    MADE,
    /** It leads to what was there before, elsewhere. */
    NAMED,
    /** It is no more. */
    GONE
  }

  /** The directories that an operation is about. */
  static List<Long> directories(Operation operation) {
    return switch (operation) {
      case Operation.Create create -> List.of(create.parent());
      case Operation.Link link -> List.of(link.parent());
      case Operation.Unlink unlink -> List.of(unlink.parent());
      case Operation.RemoveDirectory remove -> List.of(remove.parent());
      case Operation.Rename rename ->
          Stream.of(rename.oldParent(), rename.newParent()).distinct().toList();
      default -> List.of();
    };
  }

  /** What an operation has done; nothing, if it has found all as it was to be. */
  static List<DirectoryChange> of(Operation operation, OperationResult.Done done) {
    Stream<DirectoryChange> changes =
        switch (operation) {
          case Operation.Create create ->
              one(operation, done, create.parent(), Kind.MADE, create.name());
          case Operation.Link link -> one(operation, done, link.parent(), Kind.NAMED, link.name());
          case Operation.Unlink unlink ->
              one(operation, done, unlink.parent(), Kind.GONE, unlink.name());
          case Operation.RemoveDirectory remove ->
              one(operation, done, remove.parent(), Kind.GONE, remove.name());
          case Operation.Rename rename -> ofRename(rename, done);
          default -> Stream.of();
        };
    return changes.toList();
  }

  private static Stream<DirectoryChange> ofRename(
      Operation.Rename rename, OperationResult.Done done) {
    var arrived = one(rename, done, rename.newParent(), Kind.NAMED, rename.newName());
    return rename.oldParent() == rename.newParent()
        ? arrived
        : Stream.concat(
            arrived, one(rename, done, rename.oldParent(), Kind.GONE, rename.oldName()));
  }

  private static Stream<DirectoryChange> one(
      Operation operation, OperationResult.Done done, long directory, Kind kind, EntryName name) {
    for (Attributes other : done.others()) {
      if (other.inode() == directory && other.ctimeNs() == operation.timeNs()) {
        long inode = done.attributes().inode();
        return Stream.of(new DirectoryChange(directory, other.version(), kind, name, inode));
      }
    }
    return Stream.of();
  }

  /** Whether this one, made later, could not have been without the other. */
  boolean proves(DirectoryChange earlier) {
    boolean isOfSameName = name.equals(earlier.name) && kind == Kind.GONE;
    return inode == earlier.inode && (earlier.kind == Kind.MADE || isOfSameName);
  }

  /**
   * Whether the pool has it no more. The number alone doesn't show it: others' changes since may
   * have brought it up again. Where others have changed the same name since, the answer is that it
   * is.
   */
  boolean isLost(Function<Query, Answer> ask) {
    if (!(ask.apply(new Query.GetAttributes(directory)) instanceof Answer.Inode found)
        || found.attributes().version() < version) {
      return true;
    }
    boolean isLinked =
        ask.apply(new Query.Lookup(directory, name)) instanceof Answer.Entry entry
            && entry.entry().attributes().inode() == inode;
    return switch (kind) {
      case MADE ->
          !isLinked && !(ask.apply(new Query.GetAttributes(inode)) instanceof Answer.Inode);
      case NAMED -> !isLinked;
      case GONE -> isLinked;
    };
  }
}
