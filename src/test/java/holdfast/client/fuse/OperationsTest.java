package holdfast.client.fuse;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import holdfast.client.api.FileAttributes;
import holdfast.client.api.LockRequest;
import holdfast.client.api.PoolFileSystem;
import holdfast.client.fuse.binding.LibFuse;
import holdfast.metadata.op.LockMode;
import holdfast.model.ErrorCode;
import holdfast.model.HoldfastException;
import java.lang.reflect.Proxy;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** The wrapper and the guard, against a libfuse that only notes the replies. */
final class OperationsTest {
  private static final long REQUEST = 77;
  private static final int FLOCK_EXCLUSIVE = 2;
  private static final int ENOENT_REPLY = -2;

  private final List<String> replies = new ArrayList<>();
  private final MemoryFileSystem memory = new MemoryFileSystem();
  private final FaultyFileSystem faulty = new FaultyFileSystem(memory);
  private final StructLayouts layouts = new StructLayouts(null);
  private final LookupCounts counts = new LookupCounts();
  private final long scratch = NativeMemory.allocate(4_096);
  private int replyResult;
  private LibFuse library;
  private Operations operations;
  private Worker worker;

  @BeforeEach
  void make() {
    library =
        (LibFuse)
            Proxy.newProxyInstance(
                LibFuse.class.getClassLoader(),
                new Class<?>[] {LibFuse.class},
                (proxy, method, arguments) -> {
                  if (method.getName().equals("fuse_req_ctx")) {
                    return scratch; // zeros: root
                  }
                  assertEquals(REQUEST, arguments[0]);
                  replies.add(
                      method.getName().equals("fuse_reply_err")
                          ? "errno " + arguments[1]
                          : method.getName());
                  return method.getReturnType() == int.class ? replyResult : null;
                });
    operations = new Operations(library, faulty.files, layouts, counts, () -> 0, false);
    worker = new Worker(layouts, 4_096);
    Worker.CURRENT.set(worker);
  }

  @AfterEach
  void free() {
    Worker.CURRENT.remove();
    worker.free();
    NativeMemory.free(scratch);
  }

  private long name(String text) {
    byte[] bytes = text.getBytes();
    NativeMemory.putBytes(scratch + 1_024, bytes, 0, bytes.length);
    NativeMemory.putZero(scratch + 1_024 + bytes.length);
    return scratch + 1_024;
  }

  private long makeFile() {
    operations.makeNode(
        REQUEST, PoolFileSystem.ROOT_INODE, name("f"), FileAttributes.REGULAR | 0644, 0);
    assertEquals(List.of("fuse_reply_entry"), replies);
    replies.clear();
    return memory.lookup(PoolFileSystem.ROOT_INODE, "f".getBytes()).inode();
  }

  @Test
  void accessIsAnsweredAndItsFailuresToo() {
    operations.access(REQUEST, PoolFileSystem.ROOT_INODE, 4);
    faulty.faults.put(
        "access",
        () -> {
          throw new HoldfastException(ErrorCode.ACCESS_DENIED, "no");
        });
    operations.access(REQUEST, PoolFileSystem.ROOT_INODE, 4);
    faulty.faults.put(
        "access",
        () -> {
          throw new OutOfMemoryError("none left");
        });
    operations.access(REQUEST, PoolFileSystem.ROOT_INODE, 4);

    assertEquals(List.of("errno 0", "errno 13", "errno " + Errno.EIO), replies);
  }

  @Test
  void aThreadWithoutAWorkerAnswersEio() {
    Worker.CURRENT.remove();

    operations.getAttributes(REQUEST, PoolFileSystem.ROOT_INODE, 0);

    assertEquals(List.of("errno " + Errno.EIO), replies);
  }

  @Test
  void afterTheWatchdogRepliedNothingIsSentAndNothingStaysOpen() {
    long inode = makeFile();
    long looked = counts.of(inode);
    for (String method : List.of("lookup", "open", "create", "attributes", "read")) {
      faulty.faults.put(method, () -> worker.current.reply(Errno.ETIMEDOUT));
    }

    operations.lookup(REQUEST, PoolFileSystem.ROOT_INODE, name("f"));
    operations.files().open(REQUEST, inode, scratch + 2_048);
    operations.create(REQUEST, PoolFileSystem.ROOT_INODE, name("g"), 0644, scratch + 2_048);
    operations.getAttributes(REQUEST, inode, 0);

    assertEquals(java.util.Collections.nCopies(4, "errno " + Errno.ETIMEDOUT), replies);
    assertEquals(0, memory.openHandleCount());
    assertEquals(looked, counts.of(inode));
    assertEquals(1, counts.size());
  }

  /** Whether it may wait or not: a lock that is granted too late would have no owner. */
  @Test
  void afterTheWatchdogRepliedNoLockIsHeldOrWaitedFor() {
    long inode = makeFile();
    operations.files().open(REQUEST, inode, scratch + 2_048);
    long handle = layouts.getHandle(scratch + 2_048);
    var others = new LockRequest(true, LockMode.EXCLUSIVE, 0, Long.MAX_VALUE, 99, 0);
    replies.clear();
    faulty.faults.put("lock", () -> worker.current.reply(Errno.ETIMEDOUT));

    operations.locks().flock(REQUEST, inode, scratch + 2_048, FLOCK_EXCLUSIVE);
    assertEquals(List.of("errno " + Errno.ETIMEDOUT), replies);
    assertNull(memory.lockInTheWayOrNull(inode, others));

    memory.lock(handle, others);
    operations.locks().flock(REQUEST, inode, scratch + 2_048, FLOCK_EXCLUSIVE);
    assertEquals(java.util.Collections.nCopies(2, "errno " + Errno.ETIMEDOUT), replies);
  }

  @Test
  void aLockOfAnUnknownTypeIsInvalidAndNeverReachesTheFileSystem() {
    long inode = makeFile();
    faulty.finished.clear();
    for (short type : new short[] {-1, 3}) {
      NativeMemory.putShort(scratch + 3_072, type);
      operations.locks().set(REQUEST, inode, scratch + 2_048, scratch + 3_072, 0);
      operations.locks().get(REQUEST, inode, scratch + 2_048, scratch + 3_072);
    }

    assertEquals(java.util.Collections.nCopies(4, "errno 22"), replies);
    assertTrue(faulty.finished.isEmpty());
  }

  @Test
  void aReplyTheKernelDidNotTakeIsUndone() {
    long inode = makeFile();
    replyResult = ENOENT_REPLY; // the caller was interrupted meanwhile

    operations.lookup(REQUEST, PoolFileSystem.ROOT_INODE, name("f"));
    operations.files().open(REQUEST, inode, scratch + 2_048);
    operations.create(REQUEST, PoolFileSystem.ROOT_INODE, name("g"), 0644, scratch + 2_048);

    assertEquals(List.of("fuse_reply_entry", "fuse_reply_open", "fuse_reply_create"), replies);
    assertEquals(0, memory.openHandleCount());
    assertEquals(1, counts.of(inode));
    assertEquals(1, counts.size());
  }

  @Test
  void forgetsCountDownAndReachTheFileSystemAtZeroOnly() {
    long inode = makeFile();
    operations.lookup(REQUEST, PoolFileSystem.ROOT_INODE, name("f"));
    operations.lookup(REQUEST, PoolFileSystem.ROOT_INODE, name("f"));
    replies.clear();

    operations.forget(REQUEST, inode, 2);
    assertEquals(0, memory.forgetCount.get());
    NativeMemory.putLong(scratch + 2_048, inode);
    NativeMemory.putLong(scratch + 2_056, 1);
    NativeMemory.putLong(scratch + 2_064, 999); // never looked up
    NativeMemory.putLong(scratch + 2_072, 1);
    operations.forgetMany(REQUEST, 2, scratch + 2_048);

    assertEquals(1, memory.forgetCount.get());
    assertEquals(List.of("fuse_reply_none", "fuse_reply_none"), replies);
  }

  @Test
  void afterStopEveryCallIsRefusedWithoutTheFileSystem() {
    operations.stop();

    operations.getAttributes(REQUEST, PoolFileSystem.ROOT_INODE, 0);
    operations.files().release(REQUEST, PoolFileSystem.ROOT_INODE, scratch);

    assertEquals(List.of("errno 107", "errno 107"), replies);
    assertTrue(faulty.finished.isEmpty());
  }

  @Test
  void aDirectoryIsOpenedOnlyForAKernelThatNeedsIt() {
    var older = new Operations(library, faulty.files, layouts, counts, () -> 0, true);

    operations.openDirectory(REQUEST, PoolFileSystem.ROOT_INODE, scratch + 2_048);
    older.openDirectory(REQUEST, PoolFileSystem.ROOT_INODE, scratch + 2_048);

    assertEquals(List.of("errno 38", "fuse_reply_open"), replies);
    assertTrue(faulty.finished.isEmpty());
  }

  @Test
  void aCountThatCannotBeIsAnsweredWithEio() {
    var wrong =
        (PoolFileSystem)
            Proxy.newProxyInstance(
                PoolFileSystem.class.getClassLoader(),
                new Class<?>[] {PoolFileSystem.class},
                (proxy, method, arguments) ->
                    method.getName().equals("readLink") ? new byte[1 << 20] : 1 << 20);
    var trusting = new Operations(library, wrong, layouts, counts, () -> 0, false);

    trusting.files().read(REQUEST, 1, 100, 0, scratch);
    trusting.files().write(REQUEST, 1, scratch, 100, 0, scratch);
    trusting.readLink(REQUEST, 1);

    assertEquals(java.util.Collections.nCopies(3, "errno " + Errno.EIO), replies);
  }

  @Test
  void structsLieWhereThisMachinesHeadersSay() {
    boolean amd64 = System.getProperty("os.arch").equals("amd64");
    assertEquals(amd64 ? 144 : 128, layouts.statBytes());
    assertEquals(amd64 ? 176 : 160, layouts.entryBytes());
    assertEquals(112, layouts.statvfsBytes());
    assertEquals(24, layouts.handleOffset());
    assertEquals(41 * 8, OperationTable.BYTES);
  }
}
