package holdfast.metadata;

import holdfast.metadata.op.Attributes;
import holdfast.metadata.op.Operation;
import holdfast.metadata.op.OperationResult;
import holdfast.metadata.op.RenameMode;
import holdfast.model.ClientId;
import holdfast.model.ErrorCode;
import java.util.ArrayList;
import java.util.List;

/**
 * Applies a rename: finds what takes part, refuses in the order of renameat2(2), then moves. Apart
 * from {@link Applier} since its checks concern up to four inodes at once.
 */
final class RenameStep {
  private final Draft draft;
  private final Records records;
  private final Operation.Rename rename;
  private final ClientId author;

  private Inode oldParent;
  private Inode newParent;
  private Entry oldEntry;
  private Records.Place newPlace;
  private Entry newEntry;
  private Inode moved;
  private Inode target;

  RenameStep(Draft draft, Operation.Rename rename, ClientId author) {
    this.author = author;
    this.draft = draft;
    this.records = draft.records();
    this.rename = rename;
  }

  OperationResult apply() {
    find();
    checkPlaces();
    if (target != null && target.number == moved.number) {
      return done();
    }
    if (rename.mode() == RenameMode.EXCHANGE) {
      exchange();
    } else {
      checkReplaceable();
      move();
    }
    return done();
  }

  private void find() {
    oldParent = records.directory(rename.oldParent());
    newParent =
        rename.newParent() == rename.oldParent()
            ? oldParent
            : records.directory(rename.newParent());
    oldEntry = records.findEntry(oldParent.number, rename.oldName());
    if (oldEntry == null) {
      throw refusal(ErrorCode.NOT_FOUND, "was=no such old name");
    }
    newPlace = records.findPlace(newParent.number, rename.newName());
    newEntry = newPlace.entry();
    if (newEntry != null && rename.mode() == RenameMode.NO_REPLACE) {
      throw refusal(ErrorCode.EXISTS, "was=the new name is taken");
    }
    if (newEntry == null && rename.mode() == RenameMode.EXCHANGE) {
      throw refusal(ErrorCode.NOT_FOUND, "was=no such new name to exchange with");
    }
    moved = records.inode(oldEntry.inode());
    target = newEntry == null ? null : records.inode(newEntry.inode());
    checkContent();
  }

  private void checkContent() {
    if (rename.inode() != 0 && rename.inode() != moved.number) {
      throw refusal(
          ErrorCode.STALE_VERSION,
          "was=inode %d, expected=%d".formatted(moved.number, rename.inode()));
    }
    long version = Attributes.contentVersion(moved.version);
    if (version < Attributes.contentVersion(rename.contentVersion())) {
      throw refusal(
          ErrorCode.STALE_VERSION,
          "was=content version %d of the file, expected=%d or more"
              .formatted(version, Attributes.contentVersion(rename.contentVersion())));
    }
  }

  private void checkPlaces() {
    if (newParent == oldParent) {
      return;
    }
    if (moved.isDirectory() && isWithin(newParent, moved.number)) {
      throw refusal(ErrorCode.INVALID, "was=a directory into itself");
    }
    if (target != null && target.isDirectory() && isWithin(oldParent, target.number)) {
      boolean exchanges = rename.mode() == RenameMode.EXCHANGE;
      throw refusal(
          exchanges ? ErrorCode.INVALID : ErrorCode.NOT_EMPTY, "was=onto its own ancestor");
    }
  }

  /** Whether a directory is the other one or below it. Ends at the root: there are no cycles. */
  private boolean isWithin(Inode directory, long ancestor) {
    var place = directory;
    while (place.number != ancestor) {
      if (place.number == Attributes.ROOT_INODE) {
        return false;
      }
      place = records.inode(place.parent);
    }
    return true;
  }

  private void checkReplaceable() {
    if (target == null) {
      if (moved.isDirectory() && newParent != oldParent) {
        Applier.checkLinks(newParent);
      }
      return;
    }
    if (moved.isDirectory() && !target.isDirectory()) {
      throw refusal(ErrorCode.NOT_DIRECTORY, "was=a directory onto " + target.type);
    }
    if (!moved.isDirectory() && target.isDirectory()) {
      throw refusal(ErrorCode.IS_DIRECTORY, "was=" + moved.type + " onto a directory");
    }
    if (target.isDirectory()) {
      Applier.checkEmpty(target);
    }
  }

  private void exchange() {
    draft.putEntry(
        new Entry(
            newParent.number,
            newEntry.cookie(),
            rename.newName(),
            moved.number,
            rename.newEntryTag()));
    draft.putEntry(
        new Entry(
            oldParent.number,
            oldEntry.cookie(),
            rename.oldName(),
            target.number,
            rename.oldEntryTag()));
    oldParent.linkCount += count(target) - count(moved);
    newParent.linkCount += count(moved) - count(target);
    arrive(moved, newParent);
    arrive(target, oldParent);
    touchParents(0, 0);
  }

  private void move() {
    long cookie = newEntry != null ? newEntry.cookie() : newPlace.cookieToAdd();
    draft.removeEntry(oldEntry);
    draft.putEntry(
        new Entry(newParent.number, cookie, rename.newName(), moved.number, rename.newEntryTag()));
    oldParent.linkCount -= count(moved);
    newParent.linkCount += count(moved);
    if (target != null) {
      newParent.linkCount -= count(target);
      if (target.isDirectory()) {
        draft.removeInode(target);
        target.linkCount = 0;
        target.ctimeNs = rename.timeNs();
      } else {
        new Orphans(draft).dropLink(target, author, rename.pin(), rename.timeNs());
      }
    }
    arrive(moved, newParent);
    touchParents(-1, target == null ? 1 : 0);
  }

  private static int count(Inode inode) {
    return inode.isDirectory() ? 1 : 0;
  }

  private void arrive(Inode inode, Inode directory) {
    inode.ctimeNs = rename.timeNs();
    if (inode.isDirectory()) {
      inode.parent = directory.number;
    }
    draft.putInode(inode);
  }

  private void touchParents(int oldChange, int newChange) {
    if (oldParent == newParent) {
      oldParent.touchEntries(rename.timeNs(), oldChange + newChange);
    } else {
      oldParent.touchEntries(rename.timeNs(), oldChange);
      newParent.touchEntries(rename.timeNs(), newChange);
      draft.putInode(newParent);
    }
    draft.putInode(oldParent);
  }

  private OperationResult done() {
    List<Attributes> others = new ArrayList<>(3);
    others.add(newParent.attributes());
    if (oldParent != newParent) {
      others.add(oldParent.attributes());
    }
    if (target != null && target.number != moved.number) {
      others.add(target.attributes());
    }
    return new OperationResult.Done(moved.attributes(), others);
  }

  private Refusal refusal(ErrorCode code, String what) {
    return new Refusal(
        code,
        "rename entry: "
            + what
            + ", parent="
            + rename.oldParent()
            + ", new parent="
            + rename.newParent());
  }
}
