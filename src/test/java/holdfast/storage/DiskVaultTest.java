package holdfast.storage;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import holdfast.model.ChunkId;
import holdfast.model.ErrorCode;
import holdfast.model.StorageException;
import holdfast.port.ChunkVault;
import holdfast.port.ChunkVaultContractTest;
import holdfast.sim.SimDisk;
import holdfast.sim.SimLoop;
import holdfast.sim.SimWorld;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.OptionalLong;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.logging.Level;
import java.util.logging.Logger;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

final class DiskVaultTest extends ChunkVaultContractTest {
  private static final int SEGMENT_BYTES = 8 << 20;

  /** Held strongly, so that its level lasts: the failures here are meant. */
  private static final Logger LOGGER = Logger.getLogger(DiskFailure.class.getName());

  private final SimDisk disk = new SimDisk("d", 1);
  private final MemoryNotes notes = new MemoryNotes();

  @BeforeAll
  static void logNothing() {
    LOGGER.setLevel(Level.OFF);
  }

  @AfterAll
  static void logAgain() {
    LOGGER.setLevel(null);
  }

  @Override
  protected ChunkVault open(SimLoop loop) {
    var space = StorageSpace.of(disk, OptionalLong.of(1L << 30), OptionalLong.of(0));
    var store = ChunkStore.open(disk, space, SEGMENT_BYTES, notes);
    return new DiskVault(store, space, () -> 0, inOrder(loop), loop);
  }

  /** One thing after the other; as many may wait as the program lets wait. */
  private static Executor inOrder(SimLoop loop) {
    return new Executor() {
      private long busyUntilNs;
      private int waitingCount;

      @Override
      public void execute(Runnable task) {
        if (waitingCount >= ChunkVault.OPERATIONS_MAX) {
          throw new RejectedExecutionException("full");
        }
        waitingCount++;
        busyUntilNs = Math.max(loop.nowNs(), busyUntilNs) + SimWorld.MS;
        loop.postAfter(
            busyUntilNs - loop.nowNs(),
            "disk",
            () -> {
              waitingCount--;
              task.run();
            });
      }
    };
  }

  @Override
  protected void losePower() {
    disk.crash();
  }

  @Override
  protected void kill() {
    disk.restart();
  }

  @Override
  protected void rot(ChunkId chunk, byte[] bytes) {
    for (String name : disk.list()) {
      try (var file = disk.open(name, Disk.Mode.READ)) {
        byte[] content = new byte[(int) file.size()];
        file.read(0, ByteBuffer.wrap(content));
        for (int at = 0; at + bytes.length <= content.length; at++) {
          if (Arrays.equals(content, at, at + bytes.length, bytes, 0, bytes.length)) {
            disk.flipBit(name, 8L * at);
            return;
          }
        }
      }
    }
    throw new AssertionError("find chunk on disk: expected=one, was=none");
  }

  @Override
  protected void failForce() {
    disk.failForceAfter(0);
  }

  @Override
  protected void fill() {
    disk.totalBytes(0);
  }

  /** What was held in a file whose force failed can still be read, and be stored anew. */
  @Test
  void aFailureLosesWhatWasHeldAndIsToldToTheListener() {
    var outcomes = new ArrayList<StorageException>();
    var loop = new SimLoop(world, "loop");
    var vault = open(loop);
    var told = new AtomicInteger();
    vault.whenFailed(told::incrementAndGet);
    byte[] bytes = new byte[5_000];
    bytes[9] = 9;
    ChunkId chunk = ChunkId.nameOf(bytes, 0, bytes.length);
    vault.put(chunk, bytes, bytes.length, outcomes::add);
    world.run(SimWorld.S);
    assertNull(outcomes.removeFirst());

    vault.put(ChunkId.of(new byte[32]), null, 10, outcomes::add);
    world.run(SimWorld.S);
    assertEquals(ErrorCode.STORE_FAILED, outcomes.removeFirst().code());
    assertEquals(1, told.get());

    disk.failForceAfter(0);
    vault.force(outcomes::add);
    world.run(SimWorld.S);
    assertEquals(ErrorCode.STORE_FAILED, outcomes.removeFirst().code());
    assertEquals(2, told.get());
    assertEquals(5_000, vault.readableBytes(chunk));
    assertEquals(-1, vault.place(chunk));

    vault.rewrite(chunk, outcomes::add);
    world.run(SimWorld.S);
    assertNull(outcomes.removeFirst());
    assertTrue(vault.place(chunk) >= 0);
  }
}
