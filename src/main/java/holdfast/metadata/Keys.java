package holdfast.metadata;

import holdfast.metadata.op.EntryName;
import holdfast.metadata.op.LockFamily;
import holdfast.metadata.op.XattrName;
import holdfast.model.ChunkId;
import holdfast.model.ClientId;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.util.Arrays;

/**
 * Makes and reads the keys of the tree's records: a byte for the kind, then what orders them.
 * Numbers are big-endian and positive, so that they sort as they count.
 */
final class Keys {
  /** Inode number. */
  static final int INODE = 1;

  /** Directory's inode number, cookie: a directory's entries are adjacent, in listing order. */
  static final int ENTRY = 2;

  /** Inode number, file offset: extents of files that have more than fit into the inode record. */
  static final int EXTENT = 3;

  /** Chunk id: how many extents refer to it. Sorted, so a partition's chunks are adjacent. */
  static final int CHUNK = 4;

  /** Client id: what of its operations is remembered. */
  static final int CLIENT = 5;

  /** Client id, sequence: a remembered result. */
  static final int RESULT = 6;

  /** Inode number: a symbolic link's target. */
  static final int TARGET = 7;

  /** Inode number: a file without a name that a session pins, or may be about to. */
  static final int ORPHAN = 8;

  /** Inode number, client id: the client's session pins the orphan. */
  static final int PIN = 9;

  /** Inode number, cookie: an extended attribute; an inode's are adjacent. */
  static final int XATTR = 10;

  /** Inode number, family, client id, owner, first byte: a lock granted to a session. */
  static final int LOCK = 11;

  /** Inode number, cookie, index: a piece of an extended attribute's long value. */
  static final int XATTR_PART = 12;

  /** Inode number, tick, part: what a commit has replaced and may yet be undone to. */
  static final int KEPT = 13;

  /** Tick: the inode of the commit at that place, of which something is kept. */
  static final int KEPT_AT = 14;

  /** Inode number: a file that was reverted, and has had no other content since. */
  static final int REVERTED = 15;

  /** Low bits of a cookie: tell entries apart whose names have the same hash. */
  static final int COOKIE_SEQUENCE_BITS = 15;

  static final long COOKIE_SEQUENCE_MASK = (1L << COOKIE_SEQUENCE_BITS) - 1;

  /** Size of the key of a {@link #LOCK}. */
  static final int LOCK_BYTES = 42;

  /** Size of the key of a {@link #KEPT}. */
  static final int KEPT_BYTES = 19;

  /** Size of the key of an {@link #XATTR_PART}. */
  static final int XATTR_PART_BYTES = 18;

  private static final VarHandle U64 =
      MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.BIG_ENDIAN);

  private Keys() {}

  static byte[] inode(long inode) {
    return key(INODE, inode);
  }

  static byte[] target(long inode) {
    return key(TARGET, inode);
  }

  static byte[] entry(long parent, long cookie) {
    return key(ENTRY, parent, cookie);
  }

  static byte[] extent(long inode, long fileOffset) {
    return key(EXTENT, inode, fileOffset);
  }

  static byte[] xattr(long inode, long cookie) {
    return key(XATTR, inode, cookie);
  }

  static byte[] xattrPart(long inode, long cookie, int part) {
    byte[] key = Arrays.copyOf(key(XATTR_PART, inode, cookie), XATTR_PART_BYTES);
    key[XATTR_PART_BYTES - 1] = (byte) part;
    return key;
  }

  static byte[] kept(long inode, long tick, int part) {
    byte[] key = Arrays.copyOf(key(KEPT, inode, tick), KEPT_BYTES);
    key[KEPT_BYTES - 2] = (byte) (part >>> 8);
    key[KEPT_BYTES - 1] = (byte) part;
    return key;
  }

  static int keptPart(byte[] key) {
    return (key[KEPT_BYTES - 2] & 0xFF) << 8 | key[KEPT_BYTES - 1] & 0xFF;
  }

  static byte[] keptAt(long tick) {
    return key(KEPT_AT, tick);
  }

  static byte[] reverted(long inode) {
    return key(REVERTED, inode);
  }

  static byte[] chunk(ChunkId chunk) {
    byte[] key = new byte[1 + ChunkId.BYTES];
    key[0] = CHUNK;
    U64.set(key, 1, chunk.a());
    U64.set(key, 9, chunk.b());
    U64.set(key, 17, chunk.c());
    U64.set(key, 25, chunk.d());
    return key;
  }

  static ChunkId chunkOf(byte[] key) {
    return new ChunkId(u64(key, 1), u64(key, 9), u64(key, 17), u64(key, 25));
  }

  static byte[] orphan(long inode) {
    return key(ORPHAN, inode);
  }

  static byte[] pin(long inode, ClientId client) {
    byte[] key = new byte[25];
    key[0] = PIN;
    U64.set(key, 1, inode);
    U64.set(key, 9, client.high());
    U64.set(key, 17, client.low());
    return key;
  }

  /** The least key of a file's locks of a family. */
  static byte[] locks(long inode, LockFamily family) {
    return lock(inode, family, new ClientId(0, 0), 0, 0);
  }

  static byte[] lock(long inode, LockFamily family, ClientId client, long owner, long first) {
    byte[] key = new byte[LOCK_BYTES];
    key[0] = LOCK;
    U64.set(key, 1, inode);
    key[9] = (byte) family.wire();
    U64.set(key, 10, client.high());
    U64.set(key, 18, client.low());
    U64.set(key, 26, owner);
    U64.set(key, 34, first);
    return key;
  }

  static boolean isLockOf(byte[] key, long inode, LockFamily family) {
    return key[0] == LOCK && u64(key, 1) == inode && key[9] == family.wire();
  }

  static LockFamily lockFamily(byte[] key) {
    return LockFamily.ofWire(key[9]);
  }

  static ClientId lockClient(byte[] key) {
    return new ClientId(u64(key, 10), u64(key, 18));
  }

  static long lockOwner(byte[] key) {
    return u64(key, 26);
  }

  static long lockFirst(byte[] key) {
    return u64(key, 34);
  }

  static byte[] client(ClientId client) {
    return key(CLIENT, client.high(), client.low());
  }

  static byte[] result(ClientId client, long sequence) {
    byte[] key = new byte[25];
    key[0] = RESULT;
    U64.set(key, 1, client.high());
    U64.set(key, 9, client.low());
    U64.set(key, 17, sequence);
    return key;
  }

  /** The u64 that begins at {@code offset} of a key. */
  static long u64(byte[] key, int offset) {
    return (long) U64.get(key, offset);
  }

  /** The first cookie of the run that all names with this name's hash share; never 0. */
  static long cookieRun(EntryName name) {
    long hash = hash(name.sealedShared());
    if (!name.conflictTag().isEmpty()) {
      hash ^= name.conflictTag().hashCode() * 0xD6E8FEB86659FD93L;
    }
    return run(hash);
  }

  /** The same for the names of extended attributes. */
  static long cookieRun(XattrName name) {
    return run(hash(name.sealedShared()));
  }

  private static long hash(byte[] sealed) {
    long hash = sealed.length;
    for (int i = 0; i + 8 <= sealed.length; i += 8) {
      hash = (hash ^ u64(sealed, i)) * 0x9E3779B97F4A7C15L;
      hash ^= hash >>> 29;
    }
    return hash;
  }

  private static long run(long hash) {
    long mixed = hash * 0xD6E8FEB86659FD93L;
    mixed ^= mixed >>> 32;
    long hash48 = mixed & 0xFFFF_FFFF_FFFFL;
    return Math.max(hash48, 1) << COOKIE_SEQUENCE_BITS;
  }

  private static byte[] key(int kind, long a) {
    byte[] key = new byte[9];
    key[0] = (byte) kind;
    U64.set(key, 1, a);
    return key;
  }

  private static byte[] key(int kind, long a, long b) {
    byte[] key = new byte[17];
    key[0] = (byte) kind;
    U64.set(key, 1, a);
    U64.set(key, 9, b);
    return key;
  }
}
