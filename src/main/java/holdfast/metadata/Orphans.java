package holdfast.metadata;

import holdfast.metadata.tree.TreeView;
import holdfast.model.ClientId;
import java.util.ArrayList;

/**
 * Regular files that have lost their last name. One stays while a session holds it, and without a
 * holder until the leader has it removed: whoever had it open when the name went has that long to
 * say so. Where no other session could have it open it doesn't stay at all.
 */
final class Orphans {
  private final Draft draft;

  Orphans(Draft draft) {
    this.draft = draft;
  }

  /** One name less for what is no directory. */
  void dropLink(Inode inode, ClientId author, boolean isHeld, long timeNs) {
    inode.ctimeNs = timeNs;
    inode.linkCount--;
    if (inode.linkCount > 0) {
      draft.putInode(inode);
    } else if (inode.isFile() && (isHeld || draft.counters.sessionCount > 1)) {
      draft.putInode(inode);
      draft.tree().put(Keys.orphan(inode.number), new byte[0]);
      if (isHeld) {
        hold(inode, author);
      }
    } else {
      draft.removeInode(inode);
    }
  }

  /** The client holds the file if it is an orphan. */
  void hold(Inode file, ClientId client) {
    if (file.linkCount == 0) {
      draft.tree().put(Keys.hold(file.number, client), new byte[0]);
    }
  }

  /** The client holds the file no more. */
  void release(Inode file, ClientId client) {
    byte[] hold = Keys.hold(file.number, client);
    if (draft.tree().get(hold) == null) {
      return;
    }
    draft.tree().remove(hold);
    if (draft.counters.sessionCount <= 1) {
      removeUnheld(file.number);
    }
  }

  /** Ends all holds of a client. */
  void releaseAll(ClientId client) {
    var held = new ArrayList<Long>();
    var cursor = draft.tree().seek(new byte[] {Keys.HOLD});
    while (cursor.isValid() && cursor.key()[0] == Keys.HOLD) {
      byte[] key = cursor.key();
      if (Keys.u64(key, 9) == client.high() && Keys.u64(key, 17) == client.low()) {
        held.add(Keys.u64(key, 1));
      }
      cursor.next();
    }
    for (long inode : held) {
      draft.tree().remove(Keys.hold(inode, client));
    }
  }

  /** Removes an orphan unless a session holds it. */
  void removeUnheld(long number) {
    boolean isOrphan = draft.tree().get(Keys.orphan(number)) != null;
    if (isOrphan && !isHeld(draft.tree(), number)) {
      draft.removeInode(draft.records().inode(number));
      draft.tree().remove(Keys.orphan(number));
    }
  }

  /** Whether any session holds the orphan. */
  static boolean isHeld(TreeView tree, long number) {
    var cursor = tree.seek(Keys.hold(number, new ClientId(0, 0)));
    return cursor.isValid() && cursor.key()[0] == Keys.HOLD && Keys.u64(cursor.key(), 1) == number;
  }
}
