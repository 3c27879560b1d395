package holdfast.port;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import holdfast.model.ChunkId;
import holdfast.model.ErrorCode;
import holdfast.model.StorageException;
import holdfast.sim.SimLoop;
import holdfast.sim.SimWorld;
import holdfast.util.Sha256;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.function.Consumer;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What every chunk vault does, the one on a disk and the one in memory. */
public abstract class ChunkVaultContractTest {
  private static final long LONG_NS = 100 * SimWorld.S;

  protected final SimWorld world = new SimWorld(1);

  /** What came back, in order: null for success. */
  private final List<StorageException> outcomes = new ArrayList<>();

  private final Consumer<StorageException> done = outcomes::add;
  private SimLoop loop;
  private ChunkVault vault;

  /** A process opens the disk, which is empty at first. */
  protected abstract ChunkVault open(SimLoop loop);

  /** The process is gone, and its machine lost power. */
  protected abstract void losePower();

  /** The process is gone, its machine lives. */
  protected abstract void kill();

  /** A bit of a chunk's content flips on the disk. */
  protected abstract void rot(ChunkId chunk, byte[] bytes);

  /** The next force fails with STORE_FAILED. */
  protected abstract void failForce();

  /** There is no room any more. */
  protected abstract void fill();

  @BeforeEach
  void openVault() {
    loop = new SimLoop(world, "loop");
    vault = open(loop);
  }

  private void reopen() {
    loop.kill();
    openVault();
  }

  private static byte[] content(int number) {
    byte[] bytes = new byte[3_000 + number];
    new Random(number).nextBytes(bytes);
    return bytes;
  }

  private static ChunkId name(byte[] bytes) {
    return ChunkId.nameOf(bytes, 0, bytes.length);
  }

  /** Of one partition, in the order of their numbers. */
  private static ChunkId named(int number) {
    byte[] bytes = new byte[32];
    bytes[0] = 7;
    bytes[2] = (byte) (number >> 8);
    bytes[3] = (byte) number;
    return ChunkId.of(bytes);
  }

  /** Lets what was asked for be done. */
  private void settle() {
    world.run(LONG_NS);
  }

  /** The code of the only outcome, null for success. */
  private ErrorCode outcome() {
    assertEquals(0, outcomes.size(), "nothing is told within the call");
    settle();
    assertEquals(1, outcomes.size());
    StorageException why = outcomes.removeFirst();
    return why == null ? null : why.code();
  }

  private ChunkId store(byte[] bytes) {
    vault.put(name(bytes), bytes, bytes.length, done);
    assertNull(outcome());
    return name(bytes);
  }

  private record Bytes(byte[] bytes, int lengthBytes, int chunkLengthBytes) {}

  /** What is read; null if {@link #outcome} is to tell. */
  private Bytes read(ChunkId chunk, int offsetBytes, int lengthBytes) {
    var result = new ArrayList<Bytes>();
    vault.read(
        chunk,
        offsetBytes,
        lengthBytes,
        new ChunkVault.ReadHandler() {
          @Override
          public void onBytes(byte[] bytes, int readBytes, int chunkLengthBytes) {
            result.add(new Bytes(bytes, readBytes, chunkLengthBytes));
          }

          @Override
          public void onFailure(StorageException why) {
            done.accept(why);
          }
        });
    assertEquals(List.of(), result, "nothing is told within the call");
    if (outcomes.isEmpty()) {
      world.run(SimWorld.S);
    }
    return result.isEmpty() ? null : result.getFirst();
  }

  private ErrorCode readFailure(ChunkId chunk, int offsetBytes, int lengthBytes) {
    assertNull(read(chunk, offsetBytes, lengthBytes));
    return outcomes.removeFirst().code();
  }

  private void assertReads(byte[] expected, ChunkId chunk, int offsetBytes, int lengthBytes) {
    Bytes read = read(chunk, offsetBytes, lengthBytes);
    assertEquals(expected.length, read.lengthBytes());
    assertArrayEquals(expected, Arrays.copyOf(read.bytes(), read.lengthBytes()));
  }

  @Test
  void aStoredChunkIsReadWholeAndInPartsThatAreCutAtItsEnd() {
    byte[] bytes = content(1);
    ChunkId chunk = store(bytes);

    assertTrue(vault.contains(chunk));
    assertEquals(bytes.length, vault.readableBytes(chunk));
    assertReads(bytes, chunk, 0, -1);
    assertReads(bytes, chunk, 0, bytes.length);
    assertReads(Arrays.copyOfRange(bytes, 100, 300), chunk, 100, 200);
    assertReads(Arrays.copyOfRange(bytes, 2_000, bytes.length), chunk, 2_000, -1);
    assertReads(Arrays.copyOfRange(bytes, 2_000, bytes.length), chunk, 2_000, Integer.MAX_VALUE);
    assertEquals(bytes.length, read(chunk, 100, 200).chunkLengthBytes());
    assertEquals(ErrorCode.INVALID, readFailure(chunk, bytes.length, 1));
    assertEquals(ErrorCode.INVALID, readFailure(chunk, bytes.length, -1));
    assertEquals(ErrorCode.INVALID, readFailure(chunk, -1, 1));
  }

  @Test
  void onlyTheFirstBytesOfTheArrayAreStoredAndWhatIsReadIsTheReceivers() {
    byte[] bytes = content(1);
    ChunkId chunk = name(bytes);
    vault.put(chunk, Arrays.copyOf(bytes, bytes.length + 500), bytes.length, done);
    assertNull(outcome());

    read(chunk, 0, -1).bytes()[5]++;

    assertReads(bytes, chunk, 0, -1);
  }

  @Test
  void ofWhatIsntHereNothingIsKnown() {
    ChunkId chunk = name(content(1));

    assertFalse(vault.contains(chunk));
    assertEquals(-1, vault.place(chunk));
    assertEquals(-1, vault.readableBytes(chunk));
    assertEquals(ErrorCode.CHUNK_MISSING, readFailure(chunk, 0, -1));
    vault.verify(chunk, done);
    assertEquals(ErrorCode.CHUNK_MISSING, outcome());
    vault.rewrite(chunk, done);
    assertEquals(ErrorCode.CHUNK_MISSING, outcome());
  }

  @Test
  void whatIsHereAlreadyIsStoredAgainAndRewrittenWithoutAChange() {
    byte[] bytes = content(1);
    ChunkId chunk = store(bytes);
    long place = vault.place(chunk);
    var space = vault.space();

    store(bytes);
    vault.rewrite(chunk, done);

    assertNull(outcome());
    assertTrue(place >= 0);
    assertEquals(place, vault.place(chunk));
    assertEquals(space, vault.space());
  }

  @Test
  void aChunkThatIsBadIsDroppedAndStoredAnewElsewhere() {
    byte[] bytes = content(1);
    ChunkId chunk = store(bytes);
    ChunkId good = store(content(2));
    long place = vault.place(chunk);
    vault.verify(chunk, done);
    assertNull(outcome());

    rot(chunk, bytes);
    vault.verify(chunk, done);

    assertEquals(ErrorCode.CHUNK_CORRUPT, outcome());
    assertFalse(vault.contains(chunk));
    assertEquals(-1, vault.place(chunk));
    assertTrue(vault.contains(good));
    store(bytes);
    assertTrue(vault.contains(chunk));
    assertNotEquals(place, vault.place(chunk));
    assertReads(bytes, chunk, 0, -1);
  }

  @Test
  void whatWasForcedOutlivesTheMachinesPower() {
    byte[] bytes = content(1);
    ChunkId chunk = store(bytes);
    vault.force(done);
    assertNull(outcome());

    losePower();
    reopen();

    assertTrue(vault.contains(chunk));
    assertReads(bytes, chunk, 0, -1);
  }

  @Test
  void whatWasStoredOutlivesItsProcess() {
    byte[] bytes = content(1);
    ChunkId chunk = store(bytes);

    kill();
    reopen();

    assertTrue(vault.contains(chunk));
    assertReads(bytes, chunk, 0, -1);
  }

  @Test
  void aForceThatFailsIsToldToTheListenerBeforeTheCaller() {
    var heard = new ArrayList<String>();
    vault.whenFailed(() -> heard.add("listener"));
    store(content(1));
    vault.force(why -> heard.add("forced"));
    settle();

    failForce();
    vault.force(why -> heard.add(why.code().name()));
    assertEquals(List.of("forced"), heard);
    settle();

    assertEquals(List.of("forced", "listener", "STORE_FAILED"), heard);
  }

  @Test
  void whatHasNoRoomIsRefusedAndNothingElseIsLost() {
    var heard = new ArrayList<String>();
    vault.whenFailed(() -> heard.add("listener"));
    ChunkId chunk = store(content(1));
    byte[] more = content(2);

    fill();
    vault.put(name(more), more, more.length, done);

    assertEquals(ErrorCode.NO_SPACE, outcome());
    assertFalse(vault.contains(name(more)));
    assertTrue(vault.contains(chunk));
    assertEquals(List.of(), heard);
    store(content(1));
  }

  @Test
  void moreOperationsThanMayWaitAreRefused() {
    ChunkId chunk = store(content(1));
    for (int i = 0; i < 2 * ChunkVault.OPERATIONS_MAX; i++) {
      vault.verify(chunk, done);
    }
    assertEquals(List.of(), outcomes);
    settle();

    assertEquals(2 * ChunkVault.OPERATIONS_MAX, outcomes.size(), "each is told");
    long refused = outcomes.stream().filter(why -> why != null).count();
    assertTrue(refused > 0 && refused <= ChunkVault.OPERATIONS_MAX, "refused " + refused);
    outcomes.removeIf(why -> why == null);
    outcomes.forEach(why -> assertEquals(ErrorCode.BUSY, why.code()));
    outcomes.clear();
    vault.verify(chunk, done);
    assertNull(outcome(), "those that waited are done");
  }

  @Test
  void aPartitionIsListedInTheOrderOfIdsAndItsSummaryIsOfThem() {
    for (int number : new int[] {3, 1, 2}) {
      vault.put(named(number), new byte[number], number, done);
      assertNull(outcome());
    }
    store(content(1));
    byte[] digest = Sha256.of(named(1).toBytes(), named(2).toBytes(), named(3).toBytes());
    int partition = named(1).partition();

    assertEquals(
        List.of(
            new ChunkVault.Listed(named(1), 1),
            new ChunkVault.Listed(named(2), 2),
            new ChunkVault.Listed(named(3), 3)),
        vault.list(partition, null, 10));
    assertEquals(List.of(new ChunkVault.Listed(named(2), 2)), vault.list(partition, named(1), 1));
    assertEquals(List.of(), vault.list(partition, named(3), 10));
    var summary = vault.summary(partition);
    assertEquals(3, summary.chunkCount());
    assertEquals(6, summary.sizeBytes());
    assertArrayEquals(digest, summary.digest());
  }

  @Test
  void aListHasItsBoundWhateverIsAskedFor() {
    int count = ChunkVault.LIST_MAX + 1;
    for (int number = 0; number < count; number++) {
      vault.put(named(number), new byte[1], 1, done);
      if (number % 500 == 0) {
        settle();
      }
    }
    settle();
    assertEquals(count, outcomes.stream().filter(why -> why == null).count());
    int partition = named(1).partition();

    List<ChunkVault.Listed> listed = vault.list(partition, null, Integer.MAX_VALUE);

    assertEquals(ChunkVault.LIST_MAX, listed.size());
    assertEquals(1, vault.list(partition, listed.getLast().chunk(), Integer.MAX_VALUE).size());
    assertEquals(count, vault.summary(partition).chunkCount());
  }

  @Test
  void whatIsStoredTakesSpaceOnce() {
    var before = vault.space();
    byte[] bytes = content(1);
    store(bytes);
    store(bytes);
    var after = vault.space();

    assertEquals(0, before.chunkCount());
    assertEquals(1, after.chunkCount());
    assertTrue(after.usedBytes() - before.usedBytes() >= bytes.length);
    assertTrue(before.freeBytes() - after.freeBytes() >= bytes.length);
    assertEquals(before.capacityBytes(), after.capacityBytes());
    assertTrue(after.freeBytes() <= after.capacityBytes());
  }
}
