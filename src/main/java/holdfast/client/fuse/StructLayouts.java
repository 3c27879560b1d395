package holdfast.client.fuse;

import holdfast.client.api.AttributeChange;
import holdfast.client.api.Caller;
import holdfast.client.api.FileAttributes;
import holdfast.client.api.LockRequest;
import holdfast.client.api.OpenFlags;
import holdfast.client.api.PoolFileSystem;
import holdfast.client.api.PoolSpace;
import holdfast.metadata.op.LockMode;
import holdfast.model.ErrorCode;
import holdfast.model.HoldfastException;
import jnr.ffi.Runtime;
import jnr.ffi.Struct;
import ru.serce.jnrfuse.struct.FileStat;
import ru.serce.jnrfuse.struct.FuseFileInfo;
import ru.serce.jnrfuse.struct.Statvfs;

/**
 * Reads and writes libfuse's structs. Offsets within stat, statvfs and fuse_file_info are
 * jnr-fuse's for this platform, read once; those of libfuse's own structs stand here. Immutable.
 */
final class StructLayouts {
  private static final long NS_PER_S = 1_000_000_000L;
  private static final double MS_PER_S = 1_000.0;

  /** What programs take for the best size of a read or write: one request each, not many. */
  private static final int BLOCK_SIZE_BYTES = PoolFileSystem.TRANSFER_BYTES_MAX;

  /** Every inode number is used once only, so one generation does. FUSE takes 0 for an error. */
  private static final long GENERATION = 1;

  // struct fuse_ctx { uid_t uid; gid_t gid; pid_t pid; mode_t umask; }
  private static final int CTX_GID = 4;
  private static final int CTX_PID = 8;
  private static final int CTX_UMASK = 12;

  // struct fuse_file_info: whether a write comes from the page cache, with no descriptor's flags.
  private static final int FILE_INFO_WRITE_PAGE = 16;

  // The bit field that jnr-fuse takes for padding; its second bit.
  private static final int FILE_INFO_BITS = 20;
  private static final int FILE_INFO_KEEP_CACHE = 1 << 1;

  // struct fuse_entry_param { ino; generation; struct stat attr; double attr_timeout, entry_timeout
  // }
  private static final int ENTRY_GENERATION = 8;
  private static final int ENTRY_STAT = 16;

  // struct flock { short l_type, l_whence; off_t l_start, l_len; pid_t l_pid; } of 64-bit Linux;
  // l_whence is SEEK_SET, and a length of 0 is up to the end.
  static final int FLOCK_BYTES = 32;
  private static final int FLOCK_WHENCE = 2;
  private static final int FLOCK_START = 8;
  private static final int FLOCK_LENGTH = 16;
  private static final int FLOCK_PID = 24;

  private final FileStat stat = new FileStat(Runtime.getSystemRuntime());
  private final long inodeAt = stat.st_ino.offset();
  private final long modeAt = stat.st_mode.offset();
  private final long linksAt = stat.st_nlink.offset();
  private final long uidAt = stat.st_uid.offset();
  private final long gidAt = stat.st_gid.offset();
  private final long rdevAt = stat.st_rdev.offset();
  private final long sizeAt = stat.st_size.offset();
  private final long blockSizeAt = stat.st_blksize.offset();
  private final long blocksAt = stat.st_blocks.offset();
  private final long atimeAt = stat.st_atim.tv_sec.offset();
  private final long mtimeAt = stat.st_mtim.tv_sec.offset();
  private final long ctimeAt = stat.st_ctim.tv_sec.offset();
  private final long nanosAfterSeconds = stat.st_atim.tv_nsec.offset() - atimeAt;
  private final int statBytes = Struct.size(stat);

  private final FuseFileInfo info = FuseFileInfo.of(null);
  private final long handleAt = info.fh.offset();
  private final long lockOwnerAt = info.lock_owner.offset();
  private final Statvfs statvfs = new Statvfs(Runtime.getSystemRuntime());

  /** Who owns every file as programs see it, or null: as stored. */
  private final Owner owner;

  /** An owner that stands for every stored one. */
  record Owner(int uid, int gid) {}

  StructLayouts(Owner owner) {
    this.owner = owner;
  }

  int statBytes() {
    return statBytes;
  }

  int entryBytes() {
    return ENTRY_STAT + statBytes + 2 * Double.BYTES;
  }

  int statvfsBytes() {
    return Struct.size(statvfs);
  }

  int handleOffset() {
    return (int) handleAt;
  }

  /** Fills a struct stat whose padding is zero already. */
  void putStat(long address, FileAttributes attributes) {
    NativeMemory.putLong(address + inodeAt, attributes.inode());
    NativeMemory.putInt(address + modeAt, attributes.mode());
    NativeMemory.putInt(address + linksAt, attributes.linkCount());
    NativeMemory.putInt(address + uidAt, owner == null ? attributes.uid() : owner.uid());
    NativeMemory.putInt(address + gidAt, owner == null ? attributes.gid() : owner.gid());
    NativeMemory.putLong(address + rdevAt, Integer.toUnsignedLong(attributes.rdev()));
    NativeMemory.putLong(address + sizeAt, attributes.sizeBytes());
    NativeMemory.putInt(address + blockSizeAt, BLOCK_SIZE_BYTES);
    NativeMemory.putLong(address + blocksAt, attributes.blockCount());
    putTime(address + atimeAt, attributes.atimeNs());
    putTime(address + mtimeAt, attributes.mtimeNs());
    putTime(address + ctimeAt, attributes.ctimeNs());
  }

  /** Fills a struct fuse_entry_param whose padding is zero already. */
  void putEntry(long address, FileAttributes attributes) {
    NativeMemory.putLong(address, attributes.inode());
    NativeMemory.putLong(address + ENTRY_GENERATION, GENERATION);
    putStat(address + ENTRY_STAT, attributes);
    long timeouts = address + ENTRY_STAT + statBytes;
    NativeMemory.putDouble(timeouts, attributes.attributeTimeoutMs() / MS_PER_S);
    NativeMemory.putDouble(timeouts + Double.BYTES, attributes.entryTimeoutMs() / MS_PER_S);
  }

  /** Fills a struct fuse_entry_param that says that there is no such name. */
  void putAbsent(long address, long timeoutMs) {
    NativeMemory.putLong(address, 0);
    long timeouts = address + ENTRY_STAT + statBytes;
    NativeMemory.putDouble(timeouts, 0);
    NativeMemory.putDouble(timeouts + Double.BYTES, timeoutMs / MS_PER_S);
  }

  double attributeTimeoutS(FileAttributes attributes) {
    return attributes.attributeTimeoutMs() / MS_PER_S;
  }

  /** What a setattr asks for; owner changes drop out where owners are not shown as stored. */
  AttributeChange getChange(long address, int mask) {
    int shown = owner == null ? mask : mask & ~(AttributeChange.UID | AttributeChange.GID);
    return new AttributeChange(
        shown,
        NativeMemory.getInt(address + modeAt) & FileAttributes.PERMISSION_MASK,
        NativeMemory.getInt(address + uidAt),
        NativeMemory.getInt(address + gidAt),
        NativeMemory.getLong(address + sizeAt),
        getTime(address + atimeAt),
        getTime(address + mtimeAt));
  }

  Caller getCaller(long context) {
    return new Caller(
        NativeMemory.getInt(context),
        NativeMemory.getInt(context + CTX_GID),
        NativeMemory.getInt(context + CTX_PID),
        NativeMemory.getInt(context + CTX_UMASK));
  }

  int getOpenFlags(long fileInfo) {
    return NativeMemory.getInt(fileInfo);
  }

  /** Whether a write is one of O_APPEND, by the flags as they are now: fcntl(2) changes them. */
  boolean isAppend(long fileInfo) {
    return (getOpenFlags(fileInfo) & OpenFlags.APPEND) != 0 && !isPageWrite(fileInfo);
  }

  /** Whether a write is the kernel's own, of pages of a mapped file. */
  boolean isPageWrite(long fileInfo) {
    return NativeMemory.getInt(fileInfo + FILE_INFO_WRITE_PAGE) != 0;
  }

  long getHandle(long fileInfo) {
    return NativeMemory.getLong(fileInfo + handleAt);
  }

  long getLockOwner(long fileInfo) {
    return NativeMemory.getLong(fileInfo + lockOwnerAt);
  }

  /** What a struct flock of fcntl(2) asks for. */
  LockRequest getLock(long flock, long owner) {
    long first = NativeMemory.getLong(flock + FLOCK_START);
    long length = NativeMemory.getLong(flock + FLOCK_LENGTH);
    return new LockRequest(
        false,
        lockMode(NativeMemory.getShort(flock)),
        first,
        length == 0 ? Long.MAX_VALUE : first + length - 1,
        owner,
        NativeMemory.getInt(flock + FLOCK_PID));
  }

  private static LockMode lockMode(short type) {
    if (type < 0 || type >= LockMode.values().length) {
      throw new HoldfastException(
          ErrorCode.INVALID, "lock file: expected=type 0 to 2, was=" + type);
    }
    return LockMode.ofWire(type); // F_RDLCK, F_WRLCK and F_UNLCK have its numbers
  }

  /** Fills a struct flock; null: nothing is in the way. */
  void putLock(long flock, LockRequest lockOrNull) {
    boolean isNone = lockOrNull == null;
    long first = isNone ? 0 : lockOrNull.first();
    long last = isNone ? Long.MAX_VALUE : lockOrNull.last();
    NativeMemory.putShort(flock, (short) (isNone ? LockMode.NONE : lockOrNull.mode()).wire());
    NativeMemory.putShort(flock + FLOCK_WHENCE, (short) 0);
    NativeMemory.putLong(flock + FLOCK_START, first);
    NativeMemory.putLong(flock + FLOCK_LENGTH, last == Long.MAX_VALUE ? 0 : last - first + 1);
    NativeMemory.putInt(flock + FLOCK_PID, isNone ? 0 : lockOrNull.pid());
  }

  void putHandle(long fileInfo, long handle, boolean keepPages) {
    NativeMemory.putLong(fileInfo + handleAt, handle);
    int bits = NativeMemory.getInt(fileInfo + FILE_INFO_BITS);
    NativeMemory.putInt(
        fileInfo + FILE_INFO_BITS,
        keepPages ? bits | FILE_INFO_KEEP_CACHE : bits & ~FILE_INFO_KEEP_CACHE);
  }

  /** Fills a struct statvfs whose other fields are zero already. */
  void putSpace(long address, PoolSpace space) {
    NativeMemory.putLong(address + statvfs.f_bsize.offset(), space.blockSizeBytes());
    NativeMemory.putLong(address + statvfs.f_frsize.offset(), space.blockSizeBytes());
    NativeMemory.putLong(address + statvfs.f_blocks.offset(), space.blockCount());
    NativeMemory.putLong(address + statvfs.f_bfree.offset(), space.freeBlockCount());
    NativeMemory.putLong(address + statvfs.f_bavail.offset(), space.availableBlockCount());
    NativeMemory.putLong(address + statvfs.f_files.offset(), space.fileCount());
    NativeMemory.putLong(address + statvfs.f_ffree.offset(), space.freeFileCount());
    NativeMemory.putLong(address + statvfs.f_favail.offset(), space.freeFileCount());
    NativeMemory.putLong(address + statvfs.f_namemax.offset(), space.nameBytesMax());
  }

  private void putTime(long address, long timeNs) {
    NativeMemory.putLong(address, Math.floorDiv(timeNs, NS_PER_S));
    NativeMemory.putLong(address + nanosAfterSeconds, Math.floorMod(timeNs, NS_PER_S));
  }

  private long getTime(long address) {
    long seconds = NativeMemory.getLong(address);
    long nanos = NativeMemory.getLong(address + nanosAfterSeconds);
    long limit = Long.MAX_VALUE / NS_PER_S;
    return Math.clamp(seconds, -limit, limit - 1) * NS_PER_S + nanos;
  }
}
