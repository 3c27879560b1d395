package holdfast.client.kernel;

import static holdfast.client.MemoryPool.ROOT;
import static holdfast.client.MemoryPool.bytes;
import static holdfast.client.MemoryPool.name;
import static holdfast.client.MemoryPool.put;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import holdfast.client.ClientFileSystem;
import holdfast.client.MemoryPool;
import holdfast.client.api.Caller;
import holdfast.client.api.ClientOptions;
import holdfast.client.api.OpenFlags;
import holdfast.client.api.PoolFileSystem;
import holdfast.metadata.op.Attributes;
import holdfast.metadata.op.FileType;
import holdfast.metadata.op.Invalidation;
import holdfast.metadata.op.Operation;
import holdfast.metadata.op.Tag;
import holdfast.model.ErrorCode;
import holdfast.model.HoldfastException;
import holdfast.model.SealId;
import holdfast.util.SystemClocks;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;

/** Extended attributes over a pool in memory, with real sealing. */
class FileXattrsTest {
  private static final byte[] CAPABILITY = name("security.capability");
  private static final Caller USER = new Caller(1_000, 1_000, 1, 0);

  private static final long SECOND_NS = 1_000_000_000L;

  private final MemoryPool pool = new MemoryPool();
  private final AtomicLong skippedNs = new AtomicLong();
  private final ClientFileSystem fs =
      pool.mount(
          ClientOptions.standard(), () -> SystemClocks.monotonic().nowNs() + skippedNs.get());

  @AfterEach
  void close() {
    pool.close();
  }

  private long makeFile(String name) {
    return fs.makeNode(ROOT, 1, name(name), 0644, 0).inode();
  }

  private static ErrorCode code(Executable call) {
    return assertThrows(HoldfastException.class, call).code();
  }

  private static List<String> names(ClientFileSystem fs, Caller caller, long inode) {
    return fs.xattrNames(caller, inode).stream()
        .map(name -> new String(name, UTF_8))
        .sorted()
        .toList();
  }

  /** Event: {@code fsetxattr} returned 0, and {@code fgetxattr} said ENODATA for a second. */
  @Test
  void whatIsSetOnAnOpenFileWithoutANameIsThereAtOnce() {
    long file = fs.create(ROOT, 1, name("f"), 0644, OpenFlags.READ_WRITE).attributes().inode();
    lease(3_600 * SECOND_NS);
    fs.unlink(1, name("f"));
    assertNull(fs.xattrOrNull(file, name("user.a")));

    fs.setXattr(file, name("user.a"), name("x"), 0);

    assertArrayEquals(name("x"), fs.xattrOrNull(file, name("user.a")));
    assertEquals(List.of("user.a"), names(fs, ROOT, file));
    fs.removeXattr(file, name("user.a"));
    assertNull(fs.xattrOrNull(file, name("user.a")));
    assertEquals(List.of(), names(fs, ROOT, file));
  }

  @Test
  void whatOneMountSetAnotherGetsAndLists() {
    long file = makeFile("f");
    byte[] longest = bytes(1, 65_536);
    byte[] zeros = new byte[40];
    fs.setXattr(file, name("user.empty"), new byte[0], 0);
    fs.setXattr(file, name("user.longest"), longest, PoolFileSystem.XATTR_CREATE);
    fs.setXattr(file, name("user.zeros"), zeros, 0);
    fs.setXattr(file, name("user." + "n".repeat(250)), name("x"), 0);

    var other = pool.mount();

    assertArrayEquals(new byte[0], other.xattrOrNull(file, name("user.empty")));
    assertArrayEquals(longest, other.xattrOrNull(file, name("user.longest")));
    assertArrayEquals(zeros, other.xattrOrNull(file, name("user.zeros")));
    assertNull(other.xattrOrNull(file, name("user.other")));
    assertEquals(
        List.of("user.empty", "user.longest", "user." + "n".repeat(250), "user.zeros"),
        names(other, ROOT, file));
    other.removeXattr(file, name("user.empty"));
    assertNull(fs.xattrOrNull(file, name("user.empty")));
  }

  @Test
  void flagsAndLimitsAreThoseOfLinux() {
    long file = makeFile("f");
    byte[] a = name("user.a");

    assertEquals(ErrorCode.NO_DATA, code(() -> fs.removeXattr(file, a)));
    assertEquals(ErrorCode.NO_DATA, code(() -> fs.setXattr(file, a, a, 2)));
    fs.setXattr(file, a, name("1"), PoolFileSystem.XATTR_CREATE);
    assertEquals(ErrorCode.EXISTS, code(() -> fs.setXattr(file, a, a, 1)));
    fs.setXattr(file, a, name("2"), PoolFileSystem.XATTR_REPLACE);
    assertArrayEquals(name("2"), fs.xattrOrNull(file, a));
    assertEquals(ErrorCode.INVALID, code(() -> fs.setXattr(file, a, a, 3)));
    assertEquals(
        ErrorCode.ARGUMENT_TOO_LARGE, code(() -> fs.setXattr(file, a, new byte[65_537], 0)));
    assertEquals(ErrorCode.NOT_FOUND, code(() -> fs.setXattr(4_711, a, a, 0)));
  }

  @Test
  void rootsMountHasThreeNamespacesAndAUsersMountOne() {
    long file = makeFile("f");
    fs.setXattr(file, name("user.a"), name("1"), 0);
    fs.setXattr(file, name("trusted.a"), name("2"), 0);
    fs.setXattr(file, name("security.a"), name("3"), 0);
    for (String name : List.of("system.posix_acl_access", "other.a", "user.", "a")) {
      assertEquals(ErrorCode.UNSUPPORTED, code(() -> fs.setXattr(file, name(name), name("1"), 0)));
      assertEquals(ErrorCode.UNSUPPORTED, code(() -> fs.xattrOrNull(file, name(name))));
      assertEquals(ErrorCode.UNSUPPORTED, code(() -> fs.removeXattr(file, name(name))));
    }
    var options =
        new ClientOptions(ClientOptions.TIMEOUT, 1 << 20, false, new ClientOptions.Owner(1, 1));
    var users = pool.mount(options, SystemClocks.monotonic());

    assertEquals(List.of("security.a", "trusted.a", "user.a"), names(fs, ROOT, file));
    assertEquals(List.of("security.a", "user.a"), names(fs, USER, file));
    assertEquals(List.of("user.a"), names(users, USER, file));
    assertNull(users.xattrOrNull(file, name("trusted.a")));
    assertArrayEquals(name("1"), users.xattrOrNull(file, name("user.a")));
    byte[] trusted = name("trusted.a");
    assertEquals(ErrorCode.UNSUPPORTED, code(() -> users.setXattr(file, trusted, trusted, 0)));
    assertEquals(ErrorCode.UNSUPPORTED, code(() -> users.removeXattr(file, trusted)));
  }

  @Test
  void aReadOnlyMountRefusesChanges() {
    long file = makeFile("f");
    fs.setXattr(file, name("user.a"), name("1"), 0);
    var options = new ClientOptions(ClientOptions.TIMEOUT, 1 << 20, true, null);
    var readOnly = pool.mount(options, SystemClocks.monotonic());

    byte[] a = name("user.a");
    assertArrayEquals(name("1"), readOnly.xattrOrNull(file, a));
    assertEquals(ErrorCode.READ_ONLY, code(() -> readOnly.setXattr(file, a, a, 0)));
    assertEquals(ErrorCode.READ_ONLY, code(() -> readOnly.removeXattr(file, a)));
  }

  /** Everybody's changes are told in time for so long. */
  private void lease(long forNs) {
    long nowNs = SystemClocks.monotonic().nowNs() + skippedNs.get();
    pool.service.watcher().onLease(nowNs + forNs, nowNs + 2 * forNs);
  }

  /** The kernel asks for it before every write(2). */
  @Test
  void whetherThereIsACapabilityIsAskedOnceASecondAtMost() {
    var created = fs.create(ROOT, 1, name("f"), 0644, 0);
    long file = created.attributes().inode();
    lease(3_600 * SECOND_NS);
    int askedBefore = pool.service.askCount.get();
    for (int i = 0; i < 1_000; i++) {
      assertNull(fs.xattrOrNull(file, CAPABILITY));
      put(fs, created.handle(), i * 100L, bytes(i, 100));
    }
    int askedWithout = pool.service.askCount.get() - askedBefore;
    fs.setXattr(file, name("user.a"), name("1"), 0);
    for (int i = 0; i < 1_000; i++) {
      assertNull(fs.xattrOrNull(file, CAPABILITY));
    }
    int askedWithAnother = pool.service.askCount.get() - askedBefore;
    skippedNs.addAndGet(InodeTable.ABSENT_NS + 1);
    assertNull(fs.xattrOrNull(file, CAPABILITY));
    int askedLater = pool.service.askCount.get() - askedBefore;
    fs.release(created.handle());

    // A second may pass on a slow machine, never a thousand.
    assertTrue(askedWithout < 20, "asked " + askedWithout);
    assertTrue(askedWithAnother - askedWithout < 20, "asked " + askedWithAnother);
    assertTrue(askedLater > askedWithAnother, "asked " + askedLater);
  }

  @Test
  void anAnswerThatIsOvertakenByAChangeDoesNotHideIt() {
    var inodeTable = new InodeTable();
    long file = 77;
    var without = attributes(file, 0);
    var with = attributes(file, 1);

    inodeTable.answered(without, 10);
    assertTrue(inodeTable.isAbsent(file, false, 20));
    inodeTable.changed(with, 15, 30); // set by this client, answered at 30
    inodeTable.answered(without, 25); // asked before it was answered
    assertFalse(inodeTable.isAbsent(file, false, 31));
    inodeTable.changed(without, 20, 40); // another change of ours that happened before
    assertFalse(inodeTable.isAbsent(file, false, 41));
    inodeTable.answered(without, 50);
    assertTrue(inodeTable.isAbsent(file, false, 51));
    inodeTable.answeredNoCapability(with, 60);
    assertTrue(inodeTable.isAbsent(file, true, 61));
    assertFalse(inodeTable.isAbsent(file, false, 61));
    assertFalse(inodeTable.isAbsent(file, true, 61 + InodeTable.ABSENT_NS));
    inodeTable.answered(without, 70);
    inodeTable.invalidate(List.of(new Invalidation.OfInode(file, false, false)), 80);
    assertFalse(inodeTable.isAbsent(file, false, 81));
    inodeTable.answered(without, 75); // asked before the invalidation
    assertFalse(inodeTable.isAbsent(file, false, 82));
    inodeTable.answered(without, 90);
    assertTrue(inodeTable.isAbsent(file, false, 91));
    inodeTable.expireAll(95);
    assertFalse(inodeTable.isAbsent(file, false, 96));
    inodeTable.answered(without, 97);
    assertTrue(inodeTable.isAbsent(file, false, 98));
  }

  @Test
  void whatAnotherClientSetsIsSeenAtOnceThoughItWasJustAbsent() {
    long file = makeFile("f");
    var seen = new ConcurrentLinkedQueue<Operation.SetXattr>();
    pool.service.beforeChange =
        operation -> {
          if (operation instanceof Operation.SetXattr set) {
            seen.add(set);
          }
          return CompletableFuture.completedFuture(null);
        };
    byte[] a = name("user.a");
    fs.setXattr(file, a, name("1"), 0);
    fs.removeXattr(file, a);
    pool.service.beginOther();
    assertNull(fs.xattrOrNull(file, a));
    assertEquals(List.of(), fs.xattrNames(ROOT, file));

    pool.service.changeByOther(seen.element());

    assertArrayEquals(name("1"), fs.xattrOrNull(file, a));
    assertEquals(List.of("user.a"), names(fs, ROOT, file));
  }

  /** The lease ended while the machine slept, and nobody has said so yet. */
  @Test
  void whatWasAbsentIsAskedForWhenTheLeaseIsOver() {
    long file = makeFile("f");
    byte[] a = name("user.a");
    lease(SECOND_NS / 2);
    assertNull(fs.xattrOrNull(file, a));
    assertNull(fs.xattrOrNull(file, a));
    pool.mount().setXattr(file, a, name("1"), 0); // acknowledged without this one's confirmation

    skippedNs.addAndGet(SECOND_NS / 2);

    assertArrayEquals(name("1"), fs.xattrOrNull(file, a));
    assertEquals(List.of("user.a"), names(fs, ROOT, file));
  }

  private static Attributes attributes(long inode, int xattrCount) {
    return new Attributes(
        inode,
        new SealId(1, 1),
        FileType.FILE,
        0,
        0,
        0,
        0,
        1,
        0,
        0,
        0,
        0,
        0,
        0,
        Tag.ZERO,
        xattrCount);
  }

  @Test
  void aFileWithoutANameKeepsThemWhileItIsOpen() {
    var created = fs.create(ROOT, 1, name("tmp"), 0644, 0);
    long file = created.attributes().inode();
    fs.setXattr(file, name("user.a"), name("1"), 0);
    fs.unlink(1, name("tmp"));

    assertArrayEquals(name("1"), fs.xattrOrNull(file, name("user.a")));
    fs.setXattr(file, name("user.b"), name("2"), 0);
    assertEquals(List.of("user.a", "user.b"), names(fs, ROOT, file));
    fs.release(created.handle());
  }

  @Test
  void aFileThePoolKnowsNoMoreHasNoneAndIsntAskedFor() {
    pool.service.beginOther();
    var created = fs.create(ROOT, 1, name("tmp"), 0644, 0);
    long file = created.attributes().inode();
    fs.unlink(1, name("tmp"));
    pool.service.change(new Operation.Unpin(file, 1), null, false, null).join();
    pool.service.removeOrphans();
    skippedNs.addAndGet(InodeTable.ABSENT_NS + 1);
    assertNull(fs.xattrOrNull(file, CAPABILITY));
    int askedBefore = pool.service.askCount.get();

    assertNull(fs.xattrOrNull(file, CAPABILITY));
    assertEquals(List.of(), fs.xattrNames(ROOT, file));

    assertEquals(askedBefore, pool.service.askCount.get());
    fs.release(created.handle());
  }

  @Test
  void settingOneKeepsWhatIsUnsavedAndShowsItsChangeTime() {
    var created = fs.create(ROOT, 1, name("f"), 0644, 0);
    long file = created.attributes().inode();
    put(fs, created.handle(), 0, bytes(3, 1_000));

    fs.setXattr(file, name("user.a"), name("1"), 0);

    assertEquals(1_000, fs.attributes(file).sizeBytes());
    assertTrue(fs.attributes(file).ctimeNs() > created.attributes().ctimeNs());
    fs.flush(created.handle());
    fs.release(created.handle());
    assertArrayEquals(bytes(3, 1_000), MemoryPool.read(pool.mount(), "f"));
    assertArrayEquals(name("1"), pool.mount().xattrOrNull(file, name("user.a")));
  }

  @Test
  void peersSeeNeitherNamesNorValuesAndAValueOpensAtItsPlaceOnly() {
    long file = makeFile("f");
    long other = makeFile("g");
    var seen = new ConcurrentLinkedQueue<Operation.SetXattr>();
    pool.service.beforeChange =
        operation -> {
          if (operation instanceof Operation.SetXattr set) {
            seen.add(set);
          }
          return CompletableFuture.completedFuture(null);
        };
    byte[] value = name("the quick brown fox");
    fs.setXattr(file, name("user.quick"), value, 0);
    fs.setXattr(other, name("user.quick"), value, 0);
    fs.setXattr(file, name("user.brown"), value, 0);

    for (var set : seen) {
      String all = new String(set.toBytes(), UTF_8);
      assertEquals(-1, all.indexOf("quick"));
      assertEquals(-1, all.indexOf("brown"));
    }
    var sets = List.copyOf(seen);
    assertNotEquals(sets.get(0).name(), sets.get(1).name());
    assertNotEquals(sets.get(0).value(), sets.get(1).value());
    assertNotEquals(sets.get(0).value(), sets.get(2).value());
    var moved = sets.get(2);
    swapValue(moved, sets.get(0));
    assertEquals(ErrorCode.SEAL_BROKEN, code(() -> fs.xattrOrNull(file, name("user.brown"))));
  }

  /** What a peer could do: answer with the value of another attribute. */
  private void swapValue(Operation.SetXattr victim, Operation.SetXattr source) {
    var swapped =
        new Operation.SetXattr(
            victim.inode(), victim.name(), source.value(), victim.mode(), victim.timeNs());
    pool.service.change(swapped, null, false, null).join();
  }
}
