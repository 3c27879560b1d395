package holdfast.app;

import holdfast.client.ClientFileSystem;
import holdfast.client.api.AttributeChange;
import holdfast.client.api.Caller;
import holdfast.client.api.CreatedFile;
import holdfast.client.api.FileAttributes;
import holdfast.client.api.LockRequest;
import holdfast.client.api.OpenFlags;
import holdfast.client.api.PoolFileSystem;
import holdfast.metadata.op.LockMode;
import holdfast.model.ErrorCode;
import holdfast.model.HoldfastException;
import java.lang.System.Logger.Level;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.function.LongSupplier;

/** A {@link Replacement} in the pool. */
final class PoolReplacement extends Replacement {
  private static final System.Logger LOG = System.getLogger("holdfast.app");
  private static final String COMMAND = "put";

  /** While it is written nobody else has to read it. */
  private static final int MODE = 0600;

  /** Forced this often, so that the last time isn't long: each call has a deadline. */
  private static final long FORCE_EVERY_BYTES = 256L << 20;

  /** How often mode and time are set again. */
  private static final int ATTEMPTS_MAX = 3;

  private final ClientFileSystem files;
  private final Ids ids;
  private final LongSupplier random;
  private final PoolPath path;
  private final long directory;
  private final FileAttributes replacedOrNull;
  private final long lockOwner;
  private AttributeChange wanted;
  private volatile PoolPath made;
  private volatile long inode;
  private volatile long handle = PoolFileSystem.NO_HANDLE;
  private long offset;
  private long forcedBytes;

  /**
   * Makes nothing yet.
   *
   * @param path its name, which {@code replacedOrNull} has now
   * @param random for names, and for who locks
   */
  PoolReplacement(
      ClientFileSystem files,
      Ids ids,
      LongSupplier random,
      PoolPath path,
      long directory,
      FileAttributes replacedOrNull) {
    super(path.toString(), replacedOrNull != null);
    this.files = files;
    this.ids = ids;
    this.random = random;
    this.path = path;
    this.directory = directory;
    this.replacedOrNull = replacedOrNull;
    lockOwner = random.getAsLong();
  }

  @Override
  void make() {
    removeStale();
    for (int attempt = 0; attempt < NAMES_MAX; attempt++) {
      if (tryToMake()) {
        return;
      }
    }
    throw noFreeName();
  }

  private boolean tryToMake() {
    var caller = new Caller(ids.uid(), ids.gid(), pid(), 0);
    String name = TemporaryName.of(path.last(), COMMAND, random.getAsLong());
    PoolPath wanted = path.parent().child(name);
    try {
      int flags = OpenFlags.WRITE_ONLY | OpenFlags.EXCLUSIVE;
      CreatedFile created = files.create(caller, directory, PoolPath.bytes(name), MODE, flags);
      inode = created.attributes().inode();
      handle = created.handle();
    } catch (HoldfastException e) {
      if (e.code() == ErrorCode.EXISTS) {
        return false;
      }
      made = wanted; // perhaps
      throw e;
    }
    made = wanted;
    // Between the two, another could take it for one that was left behind.
    if (lock(handle) && isStill(made)) {
      return true;
    }
    remove();
    return false;
  }

  private boolean lock(long handle) {
    try {
      long last = Long.MAX_VALUE;
      files.lock(handle, new LockRequest(true, LockMode.EXCLUSIVE, 0, last, lockOwner, pid()));
      return true;
    } catch (HoldfastException e) {
      if (e.code() == ErrorCode.LOCKED || e.code() == ErrorCode.NOT_FOUND) {
        return false;
      }
      throw e;
    }
  }

  private static int pid() {
    return (int) ProcessHandle.current().pid();
  }

  /** Whether this name leads to what was made. */
  private boolean isStill(PoolPath at) {
    FileAttributes found = foundOrNull(at);
    return found != null && found.inode() == inode;
  }

  private FileAttributes foundOrNull(PoolPath at) {
    try {
      return files.lookup(directory, PoolPath.bytes(at.last()));
    } catch (HoldfastException e) {
      if (e.code() == ErrorCode.NOT_FOUND) {
        return null;
      }
      throw e;
    }
  }

  /** What was left by one that died is locked by nobody; another that is still at work is. */
  private void removeStale() {
    try {
      for (String name : listed()) {
        FileAttributes found = files.lookup(directory, PoolPath.bytes(name));
        long stale = files.open(found.inode(), OpenFlags.READ_WRITE).handle();
        try {
          if (lock(stale)) {
            files.unlink(directory, PoolPath.bytes(name));
            LOG.log(Level.INFO, "removed {0}, left by a put that died", name);
          }
        } finally {
          files.abandon(stale);
        }
      }
    } catch (HoldfastException e) {
      LOG.log(Level.DEBUG, "look for what is left of other puts: {0}", e.getMessage());
    }
  }

  private List<String> listed() {
    var found = new ArrayList<String>();
    int[] seenCount = {0};
    files.readDirectory(
        directory,
        0,
        (bytes, ignored, type, cookie) -> {
          String name = new String(bytes, StandardCharsets.UTF_8);
          if (type == FileAttributes.REGULAR && TemporaryName.isOne(name, path.last(), COMMAND)) {
            found.add(name);
          }
          return ++seenCount[0] < LISTED_MAX;
        });
    return found;
  }

  @Override
  void write(byte[] buffer, int byteCount) {
    offset += files.write(handle, offset, buffer, 0, byteCount);
    if (offset - forcedBytes >= FORCE_EVERY_BYTES) {
      files.fsync(handle, true);
      forcedBytes = offset;
    }
  }

  @Override
  void prepare(int mode, long mtimeNs) {
    files.fsync(handle, false);
    int mask = AttributeChange.MODE;
    mask |= mtimeNs == NOW ? 0 : AttributeChange.MTIME;
    // Who isn't root owns everything there is; root puts into others' files as others' files.
    boolean isAnothers = ids.uid() == 0 && replacedOrNull != null;
    mask |= isAnothers ? AttributeChange.UID | AttributeChange.GID : 0;
    wanted =
        new AttributeChange(
            mask,
            mode,
            isAnothers ? replacedOrNull.uid() : 0,
            isAnothers ? replacedOrNull.gid() : 0,
            0,
            0,
            mtimeNs);
    files.setAttributes(inode, wanted, handle);
  }

  @Override
  void takeName() {
    PoolPath from = made;
    boolean isSettled = false;
    try {
      files.rename(
          directory, PoolPath.bytes(from.last()), directory, PoolPath.bytes(path.last()), 0);
    } catch (HoldfastException e) {
      settle(e);
      isSettled = true;
    }
    isNamed();
    made = null;
    force(from);
    // Nobody has heard of one without an answer: a power cut before the force goes unnoticed.
    if (isSettled && !isStill(path)) {
      markIndeterminate();
      throw new HoldfastException(
          ErrorCode.STORE_FAILED, "rename " + from + ": expected=the new file there, was=another");
    }
    keepAttributes();
    files.release(handle);
    handle = PoolFileSystem.NO_HANDLE;
  }

  private void force(PoolPath from) {
    try {
      files.fsyncDirectory(directory, false);
    } catch (HoldfastException e) {
      if (e.code() == ErrorCode.STORE_FAILED && isStill(from)) {
        isRefused(); // a power cut took the rename
        made = from;
      }
      throw e;
    }
  }

  /**
   * A power cut may have taken mode, time and owner alone, and the rename been made after it. What
   * is found after the force is on disk.
   */
  private void keepAttributes() {
    for (int attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
      FileAttributes found = foundOrNull(path);
      if (found == null || found.inode() != inode || isAsWanted(found)) {
        return; // another's file has the name by now, after this one
      }
      files.setAttributes(inode, wanted, handle);
      files.fsyncDirectory(directory, false);
    }
    throw new HoldfastException(
        ErrorCode.STORE_FAILED,
        "set mode and time of " + path + ": expected=that they stay, was=others each time");
  }

  private boolean isAsWanted(FileAttributes found) {
    int mask = wanted.mask();
    return (found.mode() & FileAttributes.PERMISSION_MASK) == wanted.mode()
        && ((mask & AttributeChange.MTIME) == 0 || found.mtimeNs() == wanted.mtimeNs())
        && ((mask & AttributeChange.UID) == 0 || found.uid() == wanted.uid())
        && ((mask & AttributeChange.GID) == 0 || found.gid() == wanted.gid());
  }

  /**
   * A rename without an answer may have happened, or happen yet: not once the name it starts from
   * is gone. Returns if it has happened.
   */
  private void settle(HoldfastException why) {
    markIndeterminate();
    try {
      files.unlink(directory, PoolPath.bytes(made.last()));
    } catch (HoldfastException e) {
      if (e.code() == ErrorCode.NOT_FOUND && isStill(path)) {
        return;
      }
      throw why;
    }
    isRefused();
    throw why;
  }

  @Override
  void remove() {
    if (made != null) {
      try {
        files.unlink(directory, PoolPath.bytes(made.last()));
      } catch (HoldfastException e) {
        if (e.code() != ErrorCode.NOT_FOUND) {
          isLeft(made.toString());
        }
      }
      made = null;
    }
    if (handle != PoolFileSystem.NO_HANDLE) {
      files.abandon(handle);
      handle = PoolFileSystem.NO_HANDLE;
    }
  }
}
