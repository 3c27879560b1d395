package holdfast.metadata;

import holdfast.metadata.op.Checks;
import holdfast.metadata.op.FileLock;
import holdfast.metadata.op.LockFamily;
import holdfast.metadata.op.LockMode;
import holdfast.metadata.tree.TreeView;
import holdfast.model.ClientId;
import holdfast.model.ErrorCode;
import java.util.ArrayList;
import java.util.List;

/**
 * Grants and releases the locks of files: one record each, under the client that has it. An owner's
 * locks of one file and family never overlap, and neighbours of one mode are one lock, as fcntl(2)
 * has it.
 */
final class Locks {
  /** Most locks of one file and family. */
  static final int FILE_MAX = 1_024;

  private final TreeView tree;

  Locks(TreeView tree) {
    this.tree = tree;
  }

  /** A lock and whose it is. */
  record Granted(ClientId client, FileLock lock) {
    byte[] key(long inode) {
      return Keys.lock(inode, lock.family(), client, lock.owner(), lock.first());
    }

    byte[] pack() {
      return new RecordWriter()
          .u8(lock.mode().wire())
          .varint(lock.last())
          .varint(Integer.toUnsignedLong(lock.pid()))
          .toBytes();
    }

    static Granted unpack(byte[] key, byte[] record) {
      var in = new RecordReader(record);
      var mode = LockMode.ofWire(in.u8());
      long last = in.varint();
      int pid = (int) in.varint();
      in.end();
      var lock =
          new FileLock(
              Keys.lockFamily(key), mode, Keys.lockFirst(key), last, Keys.lockOwner(key), pid);
      Checks.check(mode != LockMode.NONE, "read lock: expected=shared or exclusive, was=none");
      return new Granted(Keys.lockClient(key), lock);
    }

    private boolean isOf(ClientId otherClient, FileLock other) {
      return client.equals(otherClient) && lock.owner() == other.owner();
    }
  }

  /** A lock that keeps the client from getting the wanted one; null if there is none. */
  Granted inTheWay(long inode, ClientId client, FileLock wanted) {
    for (Granted granted : all(inode, wanted.family())) {
      if (!granted.isOf(client, wanted) && granted.lock().conflicts(wanted)) {
        return granted;
      }
    }
    return null;
  }

  private List<Granted> all(long inode, LockFamily family) {
    var found = new ArrayList<Granted>();
    var cursor = tree.seek(Keys.locks(inode, family));
    while (cursor.isValid() && Keys.isLockOf(cursor.key(), inode, family)) {
      found.add(Granted.unpack(cursor.key(), cursor.value()));
      cursor.next();
    }
    return found;
  }

  /** Sets or releases; LOCKED, NO_LOCKS. */
  void set(Draft draft, long inode, ClientId client, FileLock wanted) {
    Granted conflicting = inTheWay(inode, client, wanted);
    if (conflicting != null) {
      throw new Refusal(
          ErrorCode.LOCKED,
          "lock file: expected=no lock of another, was="
              + conflicting.lock().mode()
              + " by "
              + conflicting.client()
              + ", inode="
              + inode);
    }
    var all = all(inode, wanted.family());
    var old = all.stream().filter(granted -> granted.isOf(client, wanted)).toList();
    var merged = merge(old, new Granted(client, wanted));
    if (merged.size() > old.size() && all.size() - old.size() + merged.size() > FILE_MAX) {
      throw new Refusal(
          ErrorCode.NO_LOCKS,
          "lock file: expected=" + FILE_MAX + " locks at most, was=more, inode=" + inode);
    }
    old.forEach(granted -> draft.tree().remove(granted.key(inode)));
    merged.forEach(granted -> draft.tree().put(granted.key(inode), granted.pack()));
  }

  /** An owner's locks, ascending, once it has asked for one more, or for less. */
  private static List<Granted> merge(List<Granted> old, Granted wanted) {
    var merged = new ArrayList<Granted>();
    FileLock added = wanted.lock();
    for (Granted granted : old) {
      FileLock lock = granted.lock();
      boolean isSame = lock.mode() == added.mode();
      if (isSame && touches(lock, added)) {
        long first = Math.min(lock.first(), added.first());
        added = added.on(first, Math.max(lock.last(), added.last()));
      } else if (!lock.overlaps(added)) {
        merged.add(granted);
      } else {
        if (lock.first() < added.first()) {
          merged.add(new Granted(granted.client(), lock.on(lock.first(), added.first() - 1)));
        }
        if (lock.last() > added.last()) {
          merged.add(new Granted(granted.client(), lock.on(added.last() + 1, lock.last())));
        }
      }
    }
    if (added.mode() != LockMode.NONE) {
      merged.add(new Granted(wanted.client(), added));
    }
    return merged;
  }

  private static boolean touches(FileLock a, FileLock b) {
    boolean isBefore = a.last() < Long.MAX_VALUE && a.last() + 1 == b.first();
    boolean isBehind = b.last() < Long.MAX_VALUE && b.last() + 1 == a.first();
    return a.overlaps(b) || isBefore || isBehind;
  }

  /** The client has no lock any more: its session has ended. */
  static void releaseAll(Draft draft, ClientId client) {
    var released = new ArrayList<byte[]>();
    var cursor = draft.tree().seek(new byte[] {Keys.LOCK});
    while (cursor.isValid() && cursor.key()[0] == Keys.LOCK) {
      if (Keys.lockClient(cursor.key()).equals(client)) {
        released.add(cursor.key());
      }
      cursor.next();
    }
    released.forEach(draft.tree()::remove);
  }

  /** The file goes, and its locks with it. */
  static void removeAll(Draft draft, long inode) {
    var gone = new ArrayList<byte[]>();
    for (LockFamily family : LockFamily.values()) {
      for (Granted granted : new Locks(draft.tree()).all(inode, family)) {
        gone.add(granted.key(inode));
      }
    }
    gone.forEach(draft.tree()::remove);
  }
}
