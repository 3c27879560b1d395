package holdfast.metadata;

import holdfast.metadata.tree.TreeView;
import holdfast.model.ClientId;
import java.util.ArrayList;

/**
 * Keeps regular files that have lost their last name for as long as somebody may have them open.
 * One stays while a session pins it, and without a pin until the leader has it removed: whoever had
 * it open when the name went has that long to say so. Where no other session could have it open it
 * doesn't stay at all.
 */
final class Orphans {
  private final Draft draft;

  Orphans(Draft draft) {
    this.draft = draft;
  }

  /** One name less for what is no directory. */
  void dropLink(Inode inode, ClientId author, boolean isPinned, long timeNs) {
    inode.ctimeNs = timeNs;
    inode.linkCount--;
    if (inode.linkCount > 0) {
      draft.putInode(inode);
    } else if (inode.isFile() && (isPinned || draft.counters.sessionCount > 1)) {
      draft.putInode(inode);
      draft.tree().put(Keys.orphan(inode.number), new byte[0]);
      if (isPinned) {
        pin(inode, author);
      }
    } else {
      draft.removeInode(inode);
    }
  }

  /** The client pins the file if it is an orphan. */
  void pin(Inode file, ClientId client) {
    if (file.linkCount == 0) {
      draft.tree().put(Keys.pin(file.number, client), new byte[0]);
    }
  }

  /** The client pins the file no more. */
  void unpin(Inode file, ClientId client) {
    byte[] pin = Keys.pin(file.number, client);
    if (draft.tree().get(pin) == null) {
      return;
    }
    draft.tree().remove(pin);
    if (draft.counters.sessionCount <= 1) {
      removeUnpinned(file.number);
    }
  }

  /** Ends all pins of a client. */
  void unpinAll(ClientId client) {
    var pinned = new ArrayList<Long>();
    var cursor = draft.tree().seek(new byte[] {Keys.PIN});
    while (cursor.isValid() && cursor.key()[0] == Keys.PIN) {
      byte[] key = cursor.key();
      if (Keys.u64(key, 9) == client.high() && Keys.u64(key, 17) == client.low()) {
        pinned.add(Keys.u64(key, 1));
      }
      cursor.next();
    }
    for (long inode : pinned) {
      draft.tree().remove(Keys.pin(inode, client));
    }
  }

  /** Removes an orphan unless a session pins it. */
  void removeUnpinned(long number) {
    boolean isOrphan = draft.tree().get(Keys.orphan(number)) != null;
    if (isOrphan && !isPinned(draft.tree(), number)) {
      draft.removeInode(draft.records().inode(number));
      draft.tree().remove(Keys.orphan(number));
    }
  }

  /** Whether any session pins the orphan. */
  static boolean isPinned(TreeView tree, long number) {
    var cursor = tree.seek(Keys.pin(number, new ClientId(0, 0)));
    return cursor.isValid() && cursor.key()[0] == Keys.PIN && Keys.u64(cursor.key(), 1) == number;
  }
}
