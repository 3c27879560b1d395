package holdfast.client.names;

import static holdfast.client.MemoryPool.ROOT;
import static holdfast.client.MemoryPool.name;
import static holdfast.client.MemoryPool.sealed;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;

import holdfast.client.ClientFileSystem;
import holdfast.client.MemoryPool;
import holdfast.client.MemoryPoolService;
import holdfast.client.api.AttributeChange;
import holdfast.client.api.FileAttributes;
import holdfast.client.api.PoolFileSystem;
import holdfast.metadata.op.Operation;
import holdfast.model.ErrorCode;
import holdfast.model.HoldfastException;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/**
 * Directories, pipes and devices that are removed while they are open here, by whomever: the file
 * system hears neither open nor close of them, only that the kernel forgets them.
 */
class RemovedInodesTest {
  private final MemoryPool memory = new MemoryPool();
  private final MemoryPoolService pool = memory.service;
  private final ClientFileSystem fs = memory.mount();

  @AfterEach
  void close() {
    memory.close();
  }

  private static AttributeChange mode(int mode) {
    return new AttributeChange(AttributeChange.MODE, mode, 0, 0, 0, 0, 0);
  }

  private FileAttributes changeMode(long inode, int mode) {
    return fs.setAttributes(inode, mode(mode), PoolFileSystem.NO_HANDLE);
  }

  private void expectLivesOn(FileAttributes before) {
    FileAttributes after = fs.attributes(before.inode());
    assertEquals(0, after.linkCount());
    assertEquals(before.mode(), after.mode());
    assertEquals(before.mtimeNs(), after.mtimeNs());

    FileAttributes changed = changeMode(before.inode(), 0700);
    assertEquals(0700, changed.mode() & 0777);
    assertEquals(before.mode() & FileAttributes.TYPE_MASK, changed.mode() & ~07777);
    assertEquals(0700, fs.attributes(before.inode()).mode() & 0777);
    assertEquals(0, fs.attributes(before.inode()).linkCount());
    assertNull(fs.xattrOrNull(before.inode(), name("user.a")));
    assertEquals(List.of(), fs.xattrNames(ROOT, before.inode()));
  }

  private void expectForgotten(long inode) {
    fs.forget(inode);
    HoldfastException e = assertThrows(HoldfastException.class, () -> fs.attributes(inode));
    assertEquals(ErrorCode.NOT_FOUND, e.code());
    assertThrows(HoldfastException.class, () -> changeMode(inode, 0755));
  }

  @Test
  void aDirectoryThatAnotherMountRemovedLivesOnUntilTheKernelForgetsIt() {
    FileAttributes made = fs.makeDirectory(ROOT, 1, name("d"), 0755);

    pool.beginOther();
    pool.changeByOther(new Operation.RemoveDirectory(1, sealed("d"), 5));

    expectLivesOn(made);
    expectForgotten(made.inode());
  }

  @Test
  void aPipeAndADeviceThatAnotherMountRemovedLiveOn() {
    FileAttributes pipe = fs.makeNode(ROOT, 1, name("p"), FileAttributes.PIPE | 0644, 0);
    FileAttributes device =
        fs.makeNode(ROOT, 1, name("c"), FileAttributes.CHARACTER_DEVICE | 0644, 0x0103);

    pool.beginOther();
    pool.changeByOther(new Operation.Unlink(1, sealed("p"), false, 5));
    pool.changeByOther(new Operation.Unlink(1, sealed("c"), false, 5));

    expectLivesOn(pipe);
    assertEquals(0x0103, fs.attributes(device.inode()).rdev());
    expectLivesOn(device);
    expectForgotten(pipe.inode());
  }

  @Test
  void theModeOfADirectoryThatWasRemovedHereCanBeChanged() {
    FileAttributes made = fs.makeDirectory(ROOT, 1, name("d"), 0755);
    fs.removeDirectory(1, name("d"));

    changeMode(made.inode(), 0711);

    assertEquals(0711, fs.attributes(made.inode()).mode() & 0777);
    assertEquals(0, fs.attributes(made.inode()).linkCount());
  }

  @Test
  void aDirectoryThatARenameReplacedHereLivesOn() {
    FileAttributes replaced = fs.makeDirectory(ROOT, 1, name("a"), 0755);
    fs.makeDirectory(ROOT, 1, name("b"), 0755);

    fs.rename(1, name("b"), 1, name("a"), 0);

    expectLivesOn(replaced);
  }

  @Test
  void theRootIsKnownThoughNoPeerAnswers() {
    FileAttributes before = fs.attributes(1);
    pool.silence = new HoldfastException(ErrorCode.TIMED_OUT, "no peer");

    FileAttributes after = fs.attributes(1);

    assertEquals(before.mode(), after.mode());
    assertEquals(0, after.attributeTimeoutMs(), "and asked for again");
    HoldfastException other = assertThrows(HoldfastException.class, () -> fs.lookup(1, name("x")));
    assertEquals(ErrorCode.TIMED_OUT, other.code());
  }
}
