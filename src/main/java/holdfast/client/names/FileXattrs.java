package holdfast.client.names;

import static java.nio.charset.StandardCharsets.US_ASCII;

import holdfast.client.api.Caller;
import holdfast.client.api.PoolFileSystem;
import holdfast.client.file.OpenFile;
import holdfast.client.file.OpenFileTable;
import holdfast.client.file.Sealing;
import holdfast.client.kernel.CacheLease;
import holdfast.client.kernel.InodeTable;
import holdfast.client.pool.Deadline;
import holdfast.client.pool.Deadlines;
import holdfast.metadata.op.Answer;
import holdfast.metadata.op.Attributes;
import holdfast.metadata.op.Operation;
import holdfast.metadata.op.Query;
import holdfast.metadata.op.XattrMode;
import holdfast.metadata.op.XattrName;
import holdfast.model.ErrorCode;
import holdfast.model.HoldfastException;
import holdfast.model.SealId;
import holdfast.util.WallClock;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Extended attributes with open names and values: which namespaces are supported, and which
 * requests the cache answers. Blocks; any thread but the loop.
 */
public final class FileXattrs {
  private static final byte[] USER = "user.".getBytes(US_ASCII);
  private static final byte[] TRUSTED = "trusted.".getBytes(US_ASCII);
  private static final byte[] SECURITY = "security.".getBytes(US_ASCII);
  private static final byte[] CAPABILITY = "security.capability".getBytes(US_ASCII);

  private final SealedNamespace namespace;
  private final OpenFileTable files;
  private final InodeTable inodes;
  private final CacheLease cacheLease;
  private final Sealing sealing;
  private final Deadlines deadlines;
  private final WallClock wallClock;
  private final boolean isForUserOnly;

  /** {@code isForUserOnly}: no namespace but user., for a mount that isn't root's. */
  public FileXattrs(
      SealedNamespace namespace,
      OpenFileTable files,
      InodeTable inodes,
      CacheLease cacheLease,
      Sealing sealing,
      Deadlines deadlines,
      WallClock wallClock,
      boolean isForUserOnly) {
    this.namespace = namespace;
    this.files = files;
    this.inodes = inodes;
    this.cacheLease = cacheLease;
    this.sealing = sealing;
    this.deadlines = deadlines;
    this.wallClock = wallClock;
    this.isForUserOnly = isForUserOnly;
  }

  /** The value; null if there is none of that name. */
  public byte[] valueOrNull(long inode, byte[] name) {
    boolean isCapability = Arrays.equals(name, CAPABILITY);
    if (!isCapability) {
      checkNamespace(name);
    }
    if (isForUserOnly && !begins(name, USER) || isAbsent(inode, isCapability) || isGone(inode)) {
      return null;
    }
    Deadline deadline = deadlines.begin();
    SealId sealId = namespace.sealId(inode, deadline);
    XattrName sealed = sealing.xattrName(sealId, name);
    long askedNs = deadlines.nowNs();
    Answer answer = askOrNull(inode, new Query.GetXattr(inode, sealed), deadline);
    if (answer == null) {
      return null;
    }
    if (!(answer instanceof Answer.Xattr found)) {
      throw SealedNamespace.wrongAnswer();
    }
    if (isCapability && found.value().isEmpty()) {
      inodes.answeredNoCapability(found.attributes(), askedNs);
    } else {
      inodes.answered(found.attributes(), askedNs);
    }
    return found.value().map(value -> sealing.openXattrValue(sealId, sealed, value)).orElse(null);
  }

  /** Whether it needn't be asked for: others set none without this client's knowing of it. */
  private boolean isAbsent(long inode, boolean isCapability) {
    return cacheLease.isLeased() && inodes.isAbsent(inode, isCapability, deadlines.nowNs());
  }

  /** All names that this caller may see. */
  public List<byte[]> names(Caller caller, long inode) {
    if (isAbsent(inode, false) || isGone(inode)) {
      return List.of();
    }
    long askedNs = deadlines.nowNs();
    Answer answer = askOrNull(inode, new Query.ListXattrs(inode), deadlines.begin());
    if (answer == null) {
      return List.of();
    }
    if (!(answer instanceof Answer.XattrNames found)) {
      throw SealedNamespace.wrongAnswer();
    }
    inodes.answered(found.attributes(), askedNs);
    var names = new ArrayList<byte[]>(found.names().size());
    for (XattrName sealed : found.names()) {
      byte[] name = sealing.openXattrName(found.attributes().sealId(), sealed);
      boolean isShown =
          begins(name, USER) || !isForUserOnly && (caller.uid() == 0 || !begins(name, TRUSTED));
      if (isShown) {
        names.add(name);
      }
    }
    return names;
  }

  public void set(long inode, byte[] name, byte[] value, int flags) {
    checkNamespace(name);
    checkSupported(name);
    XattrMode mode =
        switch (flags) {
          case 0 -> XattrMode.SET;
          case PoolFileSystem.XATTR_CREATE -> XattrMode.CREATE;
          case PoolFileSystem.XATTR_REPLACE -> XattrMode.REPLACE;
          default ->
              throw new HoldfastException(
                  ErrorCode.INVALID, "set xattr: expected=flags 0 to 2, was=" + flags);
        };
    Deadline deadline = deadlines.begin();
    SealId sealId = namespace.sealId(inode, deadline);
    XattrName sealed = sealing.xattrName(sealId, name);
    changed(
        new Operation.SetXattr(
            inode, sealed, sealing.xattrValue(sealId, sealed, value), mode, wallClock.nowNs()),
        deadline);
  }

  public void remove(long inode, byte[] name) {
    checkNamespace(name);
    checkSupported(name);
    Deadline deadline = deadlines.begin();
    XattrName sealed = sealing.xattrName(namespace.sealId(inode, deadline), name);
    changed(new Operation.RemoveXattr(inode, sealed, wallClock.nowNs()), deadline);
  }

  private void changed(Operation operation, Deadline deadline) {
    Attributes after = namespace.change(operation, deadline).attributes();
    OpenFile file = files.fileOrNull(after.inode());
    if (file != null) {
      file.attributesChanged(after);
    }
  }

  /** Null if the pool doesn't know an inode any more that may be open here. */
  private Answer askOrNull(long inode, Query query, Deadline deadline) {
    try {
      return namespace.ask(query, deadline);
    } catch (HoldfastException e) {
      boolean isGone = e.code() == ErrorCode.NOT_FOUND;
      if (isGone && files.goneOrNull(inode) != null) {
        return null;
      }
      if (isGone && inodes.lastWithoutNameOrNull(inode) != null) {
        return null;
      }
      throw e;
    }
  }

  /** The pool knows it no more: it mustn't be asked for before every write. */
  private boolean isGone(long inode) {
    OpenFile file = files.fileOrNull(inode);
    return file != null && file.status().isGone();
  }

  private void checkSupported(byte[] name) {
    if (isForUserOnly && !begins(name, USER)) {
      throw unsupported("user. on a mount that isn't root's");
    }
  }

  private static void checkNamespace(byte[] name) {
    if (!begins(name, USER) && !begins(name, TRUSTED) && !begins(name, SECURITY)) {
      throw unsupported("user., trusted. or security.");
    }
  }

  /** Whether it is a name in this namespace, and not the namespace alone. */
  private static boolean begins(byte[] name, byte[] namespace) {
    return name.length > namespace.length
        && Arrays.equals(name, 0, namespace.length, namespace, 0, namespace.length);
  }

  private static HoldfastException unsupported(String expected) {
    return new HoldfastException(
        ErrorCode.UNSUPPORTED, "name xattr: expected=" + expected + ", was=another namespace");
  }
}
