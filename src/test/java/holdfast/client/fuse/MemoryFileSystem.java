package holdfast.client.fuse;

import holdfast.client.api.AttributeChange;
import holdfast.client.api.Caller;
import holdfast.client.api.CreatedFile;
import holdfast.client.api.DirectorySink;
import holdfast.client.api.FileAttributes;
import holdfast.client.api.LockRequest;
import holdfast.client.api.OpenedFile;
import holdfast.client.api.PendingLock;
import holdfast.client.api.PoolFileSystem;
import holdfast.client.api.PoolSpace;
import holdfast.metadata.op.LockMode;
import holdfast.model.ErrorCode;
import holdfast.model.HoldfastException;
import holdfast.util.SystemClocks;
import holdfast.util.WallClock;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.ReentrantLock;
import java.util.concurrent.locks.ReentrantReadWriteLock;
import java.util.function.LongSupplier;

/**
 * A whole file system in memory, sparse, with POSIX semantics: what a mount is tried with. Names
 * are guarded by one lock, content by one for each file.
 */
final class MemoryFileSystem implements PoolFileSystem {
  static final int BLOCK_BYTES = 131_072;
  static final long FILE_BYTES_MAX = 1L << 50;
  private static final long FIRST_COOKIE = 3; // behind "." and ".."

  private record Entry(byte[] name, long inode) {}

  /** Held, or waited for; one of an owner replaces the one it had, whatever their ranges. */
  private record Lock(long handle, long inode, LockRequest wanted, PendingLock.Listener listener) {
    boolean isOn(long other) {
      return inode == other;
    }

    boolean isOf(long owner) {
      return wanted.owner() == owner;
    }

    boolean conflicts(LockRequest other) {
      boolean isExclusive =
          wanted.mode() == LockMode.EXCLUSIVE || other.mode() == LockMode.EXCLUSIVE;
      return wanted.isFlock() == other.isFlock()
          && isExclusive
          && other.mode() != LockMode.NONE
          && !isOf(other.owner())
          && wanted.first() <= other.last()
          && other.first() <= wanted.last();
    }
  }

  private final Set<Lock> locks = ConcurrentHashMap.newKeySet();
  private final Set<Lock> waits = ConcurrentHashMap.newKeySet();

  private static final class Node {
    final long inode;
    final int rdev;
    final byte[] target;
    final Map<String, Long> cookies = new HashMap<>();
    final TreeMap<Long, Entry> entries = new TreeMap<>();
    final Map<Long, byte[]> blocks = new HashMap<>();
    final Map<String, byte[]> xattrs = new ConcurrentHashMap<>();
    final ReentrantReadWriteLock content = new ReentrantReadWriteLock();
    long nextCookie = FIRST_COOKIE;
    long parent;
    int openCount;
    volatile int mode;
    volatile int linkCount;
    volatile int uid;
    volatile int gid;
    volatile long sizeBytes;
    volatile long atimeNs;
    volatile long mtimeNs;
    volatile long ctimeNs;

    Node(long inode, int mode, int rdev, byte[] target) {
      this.inode = inode;
      this.mode = mode;
      this.rdev = rdev;
      this.target = target;
    }
  }

  private final ReentrantLock names = new ReentrantLock();
  private final Map<Long, Node> nodes = new ConcurrentHashMap<>();
  private final Map<Long, Node> handles = new ConcurrentHashMap<>();
  private final AtomicLong nextInode = new AtomicLong(ROOT_INODE);
  private final AtomicLong nextHandle = new AtomicLong(1);
  private final WallClock clock = SystemClocks.wall();
  private final long timeoutMs;

  final AtomicLong forgetCount = new AtomicLong();
  final AtomicLong writeCount = new AtomicLong();
  final AtomicLong lookupCount = new AtomicLong();
  final AtomicLong xattrGetCount = new AtomicLong();
  volatile int largestWriteBytes;

  /** When the calls that are worked on have moved last. */
  volatile LongSupplier movedNs = () -> Long.MIN_VALUE / 2;

  @Override
  public long movedNs(Thread thread) {
    return movedNs.getAsLong();
  }

  MemoryFileSystem() {
    this(0);
  }

  MemoryFileSystem(long timeoutMs) {
    this.timeoutMs = timeoutMs;
    Node root = add(new Caller(0, 0, 0, 0), null, FileAttributes.DIRECTORY | 0755, 0, null);
    root.parent = ROOT_INODE;
    root.linkCount = 2;
  }

  int openHandleCount() {
    return handles.size();
  }

  int inodeCount() {
    return nodes.size();
  }

  @Override
  public FileAttributes attributes(long inode) {
    return attributes(node(inode));
  }

  @Override
  public FileAttributes setAttributes(long inode, AttributeChange change, long handle) {
    Node node = node(inode);
    node.content.writeLock().lock();
    try {
      long now = clock.nowNs();
      if (change.has(AttributeChange.MODE)) {
        node.mode = (node.mode & FileAttributes.TYPE_MASK) | change.mode();
      }
      if (change.has(AttributeChange.UID)) {
        node.uid = change.uid();
      }
      if (change.has(AttributeChange.GID)) {
        node.gid = change.gid();
      }
      if (change.has(AttributeChange.SIZE)) {
        resize(node, change.sizeBytes());
        node.mtimeNs = now;
      }
      if (change.has(AttributeChange.ATIME)) {
        node.atimeNs = change.has(AttributeChange.ATIME_NOW) ? now : change.atimeNs();
      }
      if (change.has(AttributeChange.MTIME)) {
        node.mtimeNs = change.has(AttributeChange.MTIME_NOW) ? now : change.mtimeNs();
      }
      node.ctimeNs = now;
      return attributes(node);
    } finally {
      node.content.writeLock().unlock();
    }
  }

  private static void resize(Node node, long sizeBytes) {
    if (sizeBytes > FILE_BYTES_MAX) {
      throw failure(ErrorCode.TOO_LARGE, "resize");
    }
    long lastBlock = sizeBytes / BLOCK_BYTES;
    int keep = (int) (sizeBytes % BLOCK_BYTES);
    node.blocks.keySet().removeIf(block -> block > lastBlock || block == lastBlock && keep == 0);
    byte[] cut = node.blocks.get(lastBlock);
    if (cut != null && sizeBytes < node.sizeBytes) {
      java.util.Arrays.fill(cut, keep, BLOCK_BYTES, (byte) 0);
    }
    node.sizeBytes = sizeBytes;
  }

  @Override
  public FileAttributes lookup(long parent, byte[] name) {
    lookupCount.incrementAndGet();
    names.lock();
    try {
      return attributes(child(directory(parent), name));
    } finally {
      names.unlock();
    }
  }

  @Override
  public void forget(long inode) {
    forgetCount.incrementAndGet();
  }

  @Override
  public CreatedFile create(Caller caller, long parent, byte[] name, int mode, int openFlags) {
    var attributes = make(caller, parent, name, FileAttributes.REGULAR | mode, 0, null);
    return new CreatedFile(attributes, open(attributes.inode(), openFlags).handle());
  }

  @Override
  public FileAttributes makeDirectory(Caller caller, long parent, byte[] name, int mode) {
    return make(caller, parent, name, FileAttributes.DIRECTORY | mode, 0, null);
  }

  @Override
  public FileAttributes makeNode(Caller caller, long parent, byte[] name, int mode, int rdev) {
    return make(caller, parent, name, mode, rdev, null);
  }

  @Override
  public FileAttributes symbolicLink(Caller caller, long parent, byte[] name, byte[] target) {
    return make(caller, parent, name, FileAttributes.SYMBOLIC_LINK | 0777, 0, target);
  }

  private FileAttributes make(
      Caller caller, long parent, byte[] name, int mode, int rdev, byte[] target) {
    names.lock();
    try {
      Node directory = directory(parent);
      if (directory.cookies.containsKey(key(name))) {
        throw failure(ErrorCode.EXISTS, "make");
      }
      Node node = add(caller, directory, mode, rdev, target);
      enter(directory, name, node);
      return attributes(node);
    } finally {
      names.unlock();
    }
  }

  private Node add(Caller caller, Node parent, int mode, int rdev, byte[] target) {
    Node node = new Node(nextInode.getAndIncrement(), mode, rdev, target);
    boolean inherits = parent != null && (parent.mode & 02000) != 0;
    node.uid = caller.uid();
    node.gid = inherits ? parent.gid : caller.gid();
    if (inherits && isDirectory(node)) {
      node.mode |= 02000;
    }
    node.atimeNs = clock.nowNs();
    node.mtimeNs = node.atimeNs;
    node.ctimeNs = node.atimeNs;
    node.linkCount = isDirectory(node) ? 1 : 0;
    node.sizeBytes = target == null ? 0 : target.length;
    nodes.put(node.inode, node);
    return node;
  }

  private void enter(Node directory, byte[] name, Node node) {
    directory.cookies.put(key(name), directory.nextCookie);
    directory.entries.put(directory.nextCookie++, new Entry(name, node.inode));
    node.linkCount++;
    if (isDirectory(node)) {
      node.parent = directory.inode;
      directory.linkCount++;
    }
    node.ctimeNs = clock.nowNs();
    touch(directory);
  }

  private Node leave(Node directory, byte[] name) {
    Node node = child(directory, name);
    directory.entries.remove(directory.cookies.remove(key(name)));
    node.linkCount--;
    if (isDirectory(node)) {
      directory.linkCount--;
    }
    node.ctimeNs = clock.nowNs();
    touch(directory);
    return node;
  }

  private void touch(Node directory) {
    directory.mtimeNs = clock.nowNs();
    directory.ctimeNs = directory.mtimeNs;
  }

  private void drop(Node node) {
    if (node.linkCount <= (isDirectory(node) ? 1 : 0) && node.openCount == 0) {
      nodes.remove(node.inode);
    }
  }

  @Override
  public byte[] readLink(long inode) {
    Node node = node(inode);
    if (node.target == null) {
      throw failure(ErrorCode.INVALID, "read link");
    }
    return node.target;
  }

  @Override
  public void unlink(long parent, byte[] name) {
    names.lock();
    try {
      Node directory = directory(parent);
      if (isDirectory(child(directory, name))) {
        throw failure(ErrorCode.IS_DIRECTORY, "unlink");
      }
      drop(leave(directory, name));
    } finally {
      names.unlock();
    }
  }

  @Override
  public void removeDirectory(long parent, byte[] name) {
    names.lock();
    try {
      Node directory = directory(parent);
      Node node = child(directory, name);
      checkRemovable(node);
      drop(leave(directory, name));
    } finally {
      names.unlock();
    }
  }

  private static void checkRemovable(Node node) {
    if (!isDirectory(node)) {
      throw failure(ErrorCode.NOT_DIRECTORY, "remove directory");
    }
    if (!node.entries.isEmpty()) {
      throw failure(ErrorCode.NOT_EMPTY, "remove directory");
    }
  }

  @Override
  public void rename(long parent, byte[] name, long newParent, byte[] newName, int flags) {
    names.lock();
    try {
      Node from = directory(parent);
      Node to = directory(newParent);
      Node node = child(from, name);
      for (Node up = to; isDirectory(node) && up.inode != ROOT_INODE; up = node(up.parent)) {
        if (up == node) {
          throw failure(ErrorCode.INVALID, "rename");
        }
      }
      if (to.cookies.containsKey(key(newName))) {
        Node replaced = child(to, newName);
        if (replaced == node) {
          return;
        }
        if (isDirectory(node)) {
          checkRemovable(replaced);
        } else if (isDirectory(replaced)) {
          throw failure(ErrorCode.IS_DIRECTORY, "rename");
        }
        drop(leave(to, newName));
      }
      leave(from, name);
      enter(to, newName, node);
    } finally {
      names.unlock();
    }
  }

  @Override
  public FileAttributes link(long inode, long newParent, byte[] newName) {
    names.lock();
    try {
      Node directory = directory(newParent);
      Node node = node(inode);
      if (isDirectory(node)) {
        throw failure(ErrorCode.NOT_PERMITTED, "link");
      }
      if (directory.cookies.containsKey(key(newName))) {
        throw failure(ErrorCode.EXISTS, "link");
      }
      enter(directory, newName, node);
      return attributes(node);
    } finally {
      names.unlock();
    }
  }

  @Override
  public OpenedFile open(long inode, int openFlags) {
    return new OpenedFile(handle(inode), false);
  }

  private long handle(long inode) {
    names.lock();
    try {
      Node node = node(inode);
      node.openCount++;
      long handle = nextHandle.getAndIncrement();
      handles.put(handle, node);
      return handle;
    } finally {
      names.unlock();
    }
  }

  @Override
  public void release(long handle) {
    locks.removeIf(lock -> lock.handle == handle);
    grant();
    names.lock();
    try {
      Node node = handles.remove(handle);
      if (node == null) {
        throw failure(ErrorCode.BAD_HANDLE, "release");
      }
      node.openCount--;
      drop(node);
    } finally {
      names.unlock();
    }
  }

  @Override
  public int read(long handle, long offset, byte[] target, int targetOffset, int length) {
    Node node = opened(handle);
    node.content.readLock().lock();
    try {
      int count = (int) Math.max(0, Math.min(length, node.sizeBytes - offset));
      for (int done = 0; done < count; ) {
        int at = (int) ((offset + done) % BLOCK_BYTES);
        int part = Math.min(count - done, BLOCK_BYTES - at);
        byte[] block = node.blocks.get((offset + done) / BLOCK_BYTES);
        if (block == null) {
          java.util.Arrays.fill(target, targetOffset + done, targetOffset + done + part, (byte) 0);
        } else {
          System.arraycopy(block, at, target, targetOffset + done, part);
        }
        done += part;
      }
      return count;
    } finally {
      node.content.readLock().unlock();
    }
  }

  @Override
  public int write(long handle, long offset, byte[] source, int sourceOffset, int length) {
    Node node = opened(handle);
    if (offset > FILE_BYTES_MAX - length) {
      throw failure(ErrorCode.TOO_LARGE, "write");
    }
    writeCount.incrementAndGet();
    node.content.writeLock().lock();
    try {
      largestWriteBytes = Math.max(largestWriteBytes, length);
      for (int done = 0; done < length; ) {
        int at = (int) ((offset + done) % BLOCK_BYTES);
        int part = Math.min(length - done, BLOCK_BYTES - at);
        byte[] block =
            node.blocks.computeIfAbsent(
                (offset + done) / BLOCK_BYTES, key -> new byte[BLOCK_BYTES]);
        System.arraycopy(source, sourceOffset + done, block, at, part);
        done += part;
      }
      node.sizeBytes = Math.max(node.sizeBytes, offset + length);
      node.mtimeNs = clock.nowNs();
      node.ctimeNs = node.mtimeNs;
      return length;
    } finally {
      node.content.writeLock().unlock();
    }
  }

  @Override
  public void allocate(long handle, int mode, long offset, long lengthBytes) {
    Node node = opened(handle);
    boolean keepsSize = (mode & ALLOCATE_KEEP_SIZE) != 0;
    node.content.writeLock().lock();
    try {
      if ((mode & (ALLOCATE_PUNCH_HOLE | ALLOCATE_ZERO_RANGE)) != 0) {
        clear(node, offset, Math.min(node.sizeBytes, offset + lengthBytes));
      }
      if (!keepsSize && offset + lengthBytes > node.sizeBytes) {
        resize(node, offset + lengthBytes);
      }
    } finally {
      node.content.writeLock().unlock();
    }
  }

  private static void clear(Node node, long from, long to) {
    for (long at = from; at < to; ) {
      long block = at / BLOCK_BYTES;
      long end = Math.min(to, (block + 1) * BLOCK_BYTES);
      if (end - at == BLOCK_BYTES) {
        node.blocks.remove(block);
      } else if (node.blocks.containsKey(block)) {
        int start = (int) (at % BLOCK_BYTES);
        java.util.Arrays.fill(node.blocks.get(block), start, start + (int) (end - at), (byte) 0);
      }
      at = end;
    }
  }

  @Override
  public byte[] xattrOrNull(long inode, byte[] name) {
    xattrGetCount.incrementAndGet();
    if (key(name).startsWith("system.")) {
      throw failure(ErrorCode.UNSUPPORTED, "get xattr");
    }
    return node(inode).xattrs.get(key(name));
  }

  @Override
  public List<byte[]> xattrNames(Caller caller, long inode) {
    return node(inode).xattrs.keySet().stream()
        .filter(name -> caller.uid() == 0 || !name.startsWith("trusted."))
        .map(MemoryFileSystem::key)
        .toList();
  }

  @Override
  public void setXattr(long inode, byte[] name, byte[] value, int flags) {
    Node node = node(inode);
    if (key(name).startsWith("system.")) {
      throw failure(ErrorCode.UNSUPPORTED, "set xattr");
    }
    boolean isThere = node.xattrs.containsKey(key(name));
    if (isThere && flags == XATTR_CREATE) {
      throw failure(ErrorCode.EXISTS, "set xattr");
    }
    if (!isThere && flags == XATTR_REPLACE) {
      throw failure(ErrorCode.NO_DATA, "set xattr");
    }
    node.xattrs.put(key(name), value.clone());
  }

  @Override
  public void removeXattr(long inode, byte[] name) {
    if (node(inode).xattrs.remove(key(name)) == null) {
      throw failure(ErrorCode.NO_DATA, "remove xattr");
    }
  }

  @Override
  public void flush(long handle) {
    opened(handle);
  }

  @Override
  public void releaseLocks(long handle, long owner) {
    long inode = opened(handle).inode;
    locks.removeIf(lock -> lock.isOn(inode) && !lock.wanted.isFlock() && lock.isOf(owner));
    grant();
  }

  @Override
  public LockRequest lockInTheWayOrNull(long inode, LockRequest wanted) {
    return locks.stream()
        .filter(lock -> lock.isOn(inode) && lock.conflicts(wanted))
        .map(lock -> lock.wanted)
        .findFirst()
        .orElse(null);
  }

  @Override
  public void lock(long handle, LockRequest request) {
    names.lock();
    try {
      if (!tryLock(handle, request)) {
        throw failure(ErrorCode.LOCKED, "lock");
      }
    } finally {
      names.unlock();
    }
    grant();
  }

  private boolean tryLock(long handle, LockRequest request) {
    long inode = opened(handle).inode;
    if (lockInTheWayOrNull(inode, request) != null) {
      return false;
    }
    locks.removeIf(
        lock ->
            lock.isOn(inode)
                && lock.isOf(request.owner())
                && lock.wanted.isFlock() == request.isFlock());
    if (request.mode() != LockMode.NONE) {
      locks.add(new Lock(handle, inode, request, null));
    }
    return true;
  }

  @Override
  public PendingLock lockWhenFree(long handle, LockRequest request, PendingLock.Listener listener) {
    var waiting = new Lock(handle, opened(handle).inode, request, listener);
    waits.add(waiting);
    grant();
    return () ->
        Thread.startVirtualThread(
            () -> {
              if (waits.remove(waiting)) {
                listener.onEnd(failure(ErrorCode.INTERRUPTED, "wait"));
              }
            });
  }

  private void grant() {
    for (Lock waiting : waits) {
      boolean isGranted;
      names.lock();
      try {
        isGranted = waits.contains(waiting) && tryLock(waiting.handle, waiting.wanted);
        if (isGranted) {
          waits.remove(waiting);
        }
      } finally {
        names.unlock();
      }
      if (isGranted) {
        waiting.listener.onEnd(null);
      }
    }
  }

  int waitingCount() {
    return waits.size();
  }

  @Override
  public void fsync(long handle, boolean dataOnly) {
    opened(handle);
  }

  @Override
  public void readDirectory(long directory, long cookie, DirectorySink sink) {
    names.lock();
    try {
      Node node = directory(directory);
      if (cookie < 1 && !sink.accept(key("."), node.inode, FileAttributes.DIRECTORY, 1)) {
        return;
      }
      if (cookie < 2 && !sink.accept(key(".."), node.parent, FileAttributes.DIRECTORY, 2)) {
        return;
      }
      for (var next : node.entries.tailMap(cookie, false).entrySet()) {
        Entry entry = next.getValue();
        int type = node(entry.inode()).mode & FileAttributes.TYPE_MASK;
        if (!sink.accept(entry.name(), entry.inode(), type, next.getKey())) {
          return;
        }
      }
    } finally {
      names.unlock();
    }
  }

  @Override
  public void fsyncDirectory(long directory, boolean dataOnly) {
    directory(directory);
  }

  @Override
  public PoolSpace statistics() {
    return new PoolSpace(4_096, 1_000_000, 600_000, 500_000, 12_345, 10_000, NAME_BYTES_MAX);
  }

  @Override
  public void access(Caller caller, long inode, int mask) {
    node(inode);
  }

  @Override
  public void close() {
    handles.clear();
  }

  private Node node(long inode) {
    Node node = nodes.get(inode);
    if (node == null) {
      throw failure(ErrorCode.NOT_FOUND, "find inode");
    }
    return node;
  }

  private Node opened(long handle) {
    Node node = handles.get(handle);
    if (node == null) {
      throw failure(ErrorCode.BAD_HANDLE, "find handle");
    }
    return node;
  }

  private Node directory(long inode) {
    Node node = node(inode);
    if (!isDirectory(node)) {
      throw failure(ErrorCode.NOT_DIRECTORY, "find directory");
    }
    return node;
  }

  private Node child(Node directory, byte[] name) {
    Long cookie = directory.cookies.get(key(name));
    if (cookie == null) {
      throw failure(ErrorCode.NOT_FOUND, "find name");
    }
    return node(directory.entries.get(cookie).inode());
  }

  private FileAttributes attributes(Node node) {
    return new FileAttributes(
        node.inode,
        node.mode,
        node.linkCount,
        node.uid,
        node.gid,
        node.rdev,
        node.sizeBytes,
        (long) node.blocks.size() * (BLOCK_BYTES / 512),
        node.atimeNs,
        node.mtimeNs,
        node.ctimeNs,
        timeoutMs,
        timeoutMs);
  }

  private static boolean isDirectory(Node node) {
    return (node.mode & FileAttributes.TYPE_MASK) == FileAttributes.DIRECTORY;
  }

  private static String key(byte[] name) {
    return new String(name, StandardCharsets.ISO_8859_1);
  }

  private static byte[] key(String name) {
    return name.getBytes(StandardCharsets.ISO_8859_1);
  }

  private static HoldfastException failure(ErrorCode code, String what) {
    return new HoldfastException(code, what + ": failed, was=" + code);
  }
}
