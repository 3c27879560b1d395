package holdfast.client;

import static holdfast.client.MemoryPool.ROOT;
import static holdfast.client.MemoryPool.bytes;
import static holdfast.client.MemoryPool.get;
import static holdfast.client.MemoryPool.name;
import static holdfast.client.MemoryPool.put;
import static holdfast.client.MemoryPool.read;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import holdfast.client.api.AttributeChange;
import holdfast.client.api.OpenFlags;
import holdfast.metadata.Namespace;
import holdfast.metadata.op.Operation;
import holdfast.model.ErrorCode;
import holdfast.model.HoldfastException;
import java.util.Arrays;
import java.util.List;
import java.util.function.LongConsumer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.FieldSource;

/**
 * A power cut of all peers takes a mode, an owner, a time or an extended attribute that was
 * acknowledged: a program that sets 0600 and then writes a secret must hear of it.
 */
class LostAttributesTest {
  private static final byte[] OLD = bytes(1, 100);

  private final MemoryPool memory = new MemoryPool();
  private final MemoryPoolService pool = memory.service;
  private final ClientFileSystem fs = memory.mount();

  @AfterEach
  void close() {
    memory.close();
  }

  static final List<String> CHANGES = List.of("mode", "owner", "time", "xattr", "xattr again");

  private LongConsumer change(String what) {
    return switch (what) {
      case "mode" -> inode -> set(inode, AttributeChange.MODE);
      case "owner" -> inode -> set(inode, AttributeChange.UID);
      case "time" -> inode -> set(inode, AttributeChange.ATIME);
      default -> inode -> fs.setXattr(inode, name("user.k"), bytes(7, 10), 0);
    };
  }

  private void set(long inode, int field) {
    fs.setAttributes(inode, new AttributeChange(field, 0600, 1, 1, 0, 77, 77), -1);
  }

  private long create() {
    long handle = fs.create(ROOT, 1, name("f"), 0644, 0).handle();
    put(fs, handle, 0, OLD);
    fs.setXattr(inode(), name("user.k"), bytes(5, 10), 0);
    fs.fsync(handle, false);
    return handle;
  }

  private long inode() {
    return fs.lookup(1, name("f")).inode();
  }

  private void expectLost(Runnable call) {
    var lost = assertThrows(HoldfastException.class, call::run);
    assertEquals(ErrorCode.STORE_FAILED, lost.code(), lost.getMessage());
  }

  @ParameterizedTest
  @FieldSource("CHANGES")
  void theNextFsyncTellsItOnceAndTheContentStays(String what) {
    long handle = create();
    Namespace forced = pool.namespace();
    change(what).accept(inode());

    pool.losePower(forced);
    put(fs, handle, 0, bytes(2, 50));

    expectLost(() -> fs.fsync(handle, false));
    fs.fsync(handle, false);
    byte[] wanted = OLD.clone();
    System.arraycopy(bytes(2, 50), 0, wanted, 0, 50);
    assertArrayEquals(wanted, read(memory.mount(), "f"));
    assertEquals(0644, fs.attributes(inode()).mode() & 07777);
    change(what).accept(inode());
    put(fs, handle, 0, bytes(3, 50));
    fs.fsync(handle, false);
    assertArrayEquals(bytes(3, 50), Arrays.copyOf(get(fs, handle), 50));
    fs.release(handle);
  }

  @ParameterizedTest
  @FieldSource("CHANGES")
  void aLossIsReportedByTheFsyncOfWhoOpensTheFileLater(String what) {
    fs.release(create());
    Namespace forced = pool.namespace();
    change(what).accept(inode());

    pool.losePower(forced);
    pool.loseSession();
    long handle = fs.open(inode(), OpenFlags.READ_WRITE).handle();

    expectLost(() -> fs.fsync(handle, false));
    fs.fsync(handle, false);
    fs.release(handle);
  }

  @ParameterizedTest
  @FieldSource("CHANGES")
  void whatIsStillThereIsNotLost(String what) {
    long handle = create();
    change(what).accept(inode());

    pool.losePower(pool.namespace());

    fs.fsync(handle, false);
    put(fs, handle, 0, bytes(2, 50));
    fs.fsync(handle, false);
    fs.release(handle);
  }

  @ParameterizedTest
  @FieldSource("CHANGES")
  void whatIsForcedIsNotLost(String what) {
    long handle = create();
    change(what).accept(inode());
    fs.fsync(handle, false);

    pool.losePower(pool.namespace());
    put(fs, handle, 0, bytes(2, 50));

    fs.fsync(handle, false);
    fs.release(handle);
  }

  /** What another mount has set since isn't ours that is gone. */
  @Test
  void whatAnotherHasChangedSinceIsNotLost() {
    long handle = create();
    long inode = inode();
    set(inode, AttributeChange.MODE);
    pool.beginOther();
    pool.changeUnheard(
            new Operation.SetAttributes(
                inode, Operation.SetAttributes.MODE, 0640, 0, 0, 0, 0, Long.MAX_VALUE / 2))
        .orThrow();

    pool.losePower(pool.namespace());

    fs.fsync(handle, false);
    fs.release(handle);
  }

  @ParameterizedTest
  @FieldSource("CHANGES")
  void theFsyncOfADirectoryTellsThatItsOwnAreLost(String what) {
    long directory = fs.makeDirectory(ROOT, 1, name("d"), 0755).inode();
    fs.setXattr(directory, name("user.k"), bytes(5, 10), 0);
    fs.fsyncDirectory(directory, false);
    Namespace forced = pool.namespace();
    change(what).accept(directory);

    pool.losePower(forced);
    pool.loseSession();
    fs.release(fs.create(ROOT, directory, name("in it"), 0644, 0).handle());

    expectLost(() -> fs.fsyncDirectory(directory, false));
    fs.fsyncDirectory(directory, false);
  }

  /** cp -a and install make several such calls. */
  @Test
  void aChangeThatComesAfterTheCutHidesNoneBeforeIt() {
    for (boolean isHeard : new boolean[] {true, false}) {
      long handle = create();
      Namespace forced = pool.namespace();
      set(inode(), AttributeChange.MODE);

      pool.losePower(forced);
      if (isHeard) {
        pool.loseSession();
      }
      set(inode(), AttributeChange.UID);

      expectLost(() -> fs.fsync(handle, false));
      fs.fsync(handle, false);
      fs.release(handle);
      fs.unlink(1, name("f"));
    }
  }

  /** What answers for it is an fsync, not the close of one who read it. */
  @Test
  void whoReadsTheFileTakesNoLossFromWhoWrites() {
    fs.release(create());
    Namespace forced = pool.namespace();
    set(inode(), AttributeChange.MODE);

    pool.losePower(forced);
    pool.loseSession();
    long reader = fs.open(inode(), OpenFlags.READ_ONLY).handle();
    fs.flush(reader);
    fs.release(reader);
    long handle = fs.open(inode(), OpenFlags.READ_WRITE).handle();
    put(fs, handle, 0, bytes(2, 50));

    expectLost(() -> fs.fsync(handle, false));
    fs.fsync(handle, false);
    fs.release(handle);
  }
}
