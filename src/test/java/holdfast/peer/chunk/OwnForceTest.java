package holdfast.peer.chunk;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;

import holdfast.model.ChunkId;
import holdfast.model.ChunkLoss;
import holdfast.model.ErrorCode;
import holdfast.model.StorageException;
import holdfast.port.ChunkVault;
import holdfast.sim.SimLoop;
import holdfast.sim.SimWorld;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Consumer;
import java.util.function.LongSupplier;
import org.junit.jupiter.api.Test;

/** What a peer says of chunks that it was asked to force. */
class OwnForceTest {
  private static final ChunkId A = new ChunkId(1, 0, 0, 1);
  private static final ChunkId B = new ChunkId(1, 0, 0, 2);
  private static final ChunkId C = new ChunkId(1, 0, 0, 3);

  private final SimWorld world = new SimWorld(1);
  private final SimLoop loop = new SimLoop(world, "peer");
  private final FakeVault vault = new FakeVault();
  private final List<ChunkId> stored = new ArrayList<>();
  private boolean isLossNoted = true;
  private final OwnForce own = new OwnForce(loop, vault, new Loss(), stored::add);

  private Set<ChunkId> forced;
  private Set<ChunkId> indeterminate;
  private ChunkLoss loss;
  private StorageException failure;

  private void force(ChunkId... chunks) {
    forced = null;
    indeterminate = null;
    failure = null;
    own.force(
        List.of(chunks),
        new OwnForce.Outcome() {
          @Override
          public void onForced(
              List<ChunkId> itsForced, List<ChunkId> itsDoubtful, ChunkLoss itsLoss) {
            loss = itsLoss;
            forced = Set.copyOf(itsForced);
            indeterminate = Set.copyOf(itsDoubtful);
          }

          @Override
          public void onFailure(StorageException why) {
            failure = why;
          }
        });
    world.run(SimWorld.MS);
  }

  private final class Loss implements OwnForce.Loss {
    @Override
    public ChunkLoss now() {
      return new ChunkLoss(3, 4);
    }

    @Override
    public boolean isNoted() {
      return isLossNoted;
    }

    @Override
    public void onDamage() {
      throw new UnsupportedOperationException();
    }
  }

  /** Others would take it for lost, and not know how. */
  @Test
  void nothingIsDeniedWhileDamageIsBeingNoted() {
    vault.hold(A);
    isLossNoted = false;
    force(A, B);
    assertEquals(Set.of(A), forced);
    assertEquals(Set.of(B), indeterminate);

    isLossNoted = true;
    force(A, B);

    assertEquals(Set.of(), indeterminate);
    assertEquals(new ChunkLoss(3, 4), loss);
  }

  @Test
  void whatIsHeldIsForcedAndWhatIsNotHereIsNeitherForcedNorDoubtful() {
    vault.hold(A);

    force(A, B);

    assertEquals(Set.of(A), forced);
    assertEquals(Set.of(), indeterminate);
  }

  @Test
  void whatCanBeReadIsWrittenAgainAndForced() {
    vault.lengths.put(A, 100);

    force(A);

    assertEquals(Set.of(A), forced);
    assertEquals(List.of(A), stored);
  }

  @Test
  void moreThanTheBoundIsDoubtfulUntilTheNextTime() {
    List<ChunkId> all = List.of(A, B, C);
    all.forEach(chunk -> vault.lengths.put(chunk, (int) OwnForce.REWRITE_MAX_BYTES * 2 / 3));

    force(A, B, C);

    assertEquals(2, forced.size());
    assertEquals(1, indeterminate.size());
    force(A, B, C);
    assertEquals(Set.copyOf(all), forced);
  }

  @Test
  void whatReadsAsSomethingElseIsNotHere() {
    vault.lengths.put(A, 100);
    vault.failures.put(A, ErrorCode.CHUNK_CORRUPT);

    force(A);

    assertEquals(Set.of(), forced);
    assertEquals(Set.of(), indeterminate);
  }

  @Test
  void whatCanNotBeReadNowIsDoubtfulAndNotInTheWayOfTheOthers() {
    vault.lengths.put(A, 100);
    vault.lengths.put(B, 100);
    vault.lengths.put(C, 100);
    vault.failures.put(B, ErrorCode.STORE_FAILED);

    force(A, B, C);
    assertEquals(Set.of(A), forced);
    assertEquals(Set.of(B, C), indeterminate);
    for (int i = 0; i < 3; i++) {
      world.run(60 * SimWorld.S);
      force(A, B, C);
    }

    assertEquals(Set.of(A, C), forced);
    assertEquals(Set.of(B), indeterminate);
  }

  @Test
  void aDiskThatFailsAgainIsNotFilledWithCopies() {
    int calls = 100;
    vault.lengths.put(A, 100);
    vault.isFailing = true;

    for (int i = 0; i < calls; i++) {
      force(A);
      vault.held.clear();
      world.run(SimWorld.S);
    }

    assertEquals(ErrorCode.STORE_FAILED, failure.code());
    // After 0, 2, 6, 14, 30, 62 s.
    assertEquals(6, vault.rewriteCount);
    vault.isFailing = false;
    world.run(60 * SimWorld.S);
    force(A);
    assertEquals(Set.of(A), forced);
  }

  @Test
  void whatComesWhileTheDiskIsBusyIsDoubtful() {
    vault.duringForce = () -> vault.hold(A);

    force(A);

    assertEquals(Set.of(), forced);
    assertEquals(Set.of(A), indeterminate);
  }

  /** Its segment failed, and somebody else wrote it again: the force may have been before that. */
  @Test
  void whatGotAnotherPlaceMeanwhileIsDoubtful() {
    vault.hold(A);
    vault.duringForce = () -> vault.hold(A);

    force(A);

    assertNull(failure);
    assertEquals(Set.of(), forced);
    assertEquals(Set.of(A), indeterminate);
  }

  private final class FakeVault implements ChunkVault {
    private final Map<ChunkId, Integer> lengths = new HashMap<>();
    private final Map<ChunkId, Long> places = new HashMap<>();
    private final Map<ChunkId, ErrorCode> failures = new HashMap<>();
    private final Set<ChunkId> held = new HashSet<>();
    private Runnable duringForce = () -> {};
    private boolean isFailing;
    private int rewriteCount;
    private long placeCount;

    private void hold(ChunkId chunk) {
      lengths.putIfAbsent(chunk, 100);
      held.add(chunk);
      places.put(chunk, ++placeCount);
    }

    @Override
    public LongSupplier progress() {
      return () -> 0;
    }

    @Override
    public void whenFailed(Runnable listener) {
      throw new UnsupportedOperationException();
    }

    @Override
    public boolean contains(ChunkId chunk) {
      return held.contains(chunk);
    }

    @Override
    public long place(ChunkId chunk) {
      return contains(chunk) ? places.get(chunk) : -1;
    }

    @Override
    public int readableBytes(ChunkId chunk) {
      return lengths.getOrDefault(chunk, -1);
    }

    @Override
    public void rewrite(ChunkId chunk, Consumer<StorageException> done) {
      loop.post(
          () -> {
            rewriteCount++;
            ErrorCode code = failures.get(chunk);
            if (code == null) {
              hold(chunk);
            }
            done.accept(code == null ? null : new StorageException(code, "planted"));
          });
    }

    @Override
    public void force(Consumer<StorageException> done) {
      loop.post(
          () -> {
            duringForce.run();
            done.accept(isFailing ? new StorageException(ErrorCode.STORE_FAILED, "planted") : null);
          });
    }

    @Override
    public void put(ChunkId c, byte[] bytes, int lengthBytes, Consumer<StorageException> done) {
      throw new UnsupportedOperationException();
    }

    @Override
    public void read(ChunkId c, int offsetBytes, int lengthBytes, ReadHandler handler) {
      throw new UnsupportedOperationException();
    }

    @Override
    public void verify(ChunkId chunk, Consumer<StorageException> done) {
      throw new UnsupportedOperationException();
    }

    @Override
    public Summary summary(int partition) {
      throw new UnsupportedOperationException();
    }

    @Override
    public List<Listed> list(int partition, ChunkId afterOrNull, int maxCount) {
      throw new UnsupportedOperationException();
    }

    @Override
    public Space space() {
      throw new UnsupportedOperationException();
    }
  }
}
