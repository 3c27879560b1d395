package holdfast.peer.chunk;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import holdfast.metadata.Namespace;
import holdfast.metadata.NamespaceEditor;
import holdfast.metadata.op.Content;
import holdfast.metadata.op.EntryName;
import holdfast.metadata.op.Extent;
import holdfast.metadata.op.FileType;
import holdfast.metadata.op.Operation;
import holdfast.metadata.op.OperationResult;
import holdfast.metadata.op.RequestId;
import holdfast.metadata.op.Tag;
import holdfast.model.ChunkId;
import holdfast.model.ChunkSalt;
import holdfast.model.ClientId;
import holdfast.model.SealId;
import holdfast.sim.MemoryVault;
import holdfast.sim.SimLoop;
import holdfast.sim.SimWorld;
import java.nio.ByteBuffer;
import java.util.BitSet;
import java.util.List;
import java.util.Optional;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

/** What a peer counts is exact, or not said to be. */
class MissingChunksTest {
  private static final long MAP_INDEX = 5;
  private static final ClientId CLIENT = new ClientId(1, 2);

  private final SimWorld world = new SimWorld(1);
  private final SimLoop loop = new SimLoop(world, "peer");
  private final MemoryVault.Platter platter = new MemoryVault.Platter();
  private final MemoryVault vault = new MemoryVault(world, loop, platter);
  private final SplittableRandom random = new SplittableRandom(3);
  private final NamespaceEditor editor = Namespace.empty(1, new SealId(1, 2), 0755, 0, 0, 0).edit();
  private Namespace namespace;
  private final MissingChunks missingChunks =
      new MissingChunks(loop, vault, () -> namespace, (chunk, ns) -> {});
  private final BitSet all = new BitSet();
  private long files;

  MissingChunksTest() {
    all.set(0, ChunkId.PARTITION_COUNT);
    editor.beginSession(CLIENT);
    namespace = editor.namespace();
  }

  private ChunkId createFile() {
    var chunk =
        new ChunkId(random.nextLong(), random.nextLong(), random.nextLong(), random.nextLong());
    var extent = new Extent(0, 1, chunk, new ChunkSalt(files, 0), 0, 0);
    byte[] name = ByteBuffer.allocate(48).putLong(++files).array();
    OperationResult result =
        editor.apply(
            new RequestId(CLIENT, files, files),
            new Operation.Create(
                1,
                new EntryName(name),
                Tag.ZERO,
                new SealId(files, 0),
                FileType.FILE,
                0644,
                0,
                0,
                0,
                Optional.empty(),
                true,
                0,
                Optional.of(new Content(1, 1, Tag.ZERO, 0, 0, List.of(extent)))));
    assertTrue(result instanceof OperationResult.Done, result::toString);
    return chunk;
  }

  private ChunkId create() {
    ChunkId chunk = createFile();
    namespace = editor.namespace();
    return chunk;
  }

  /** The first scan is nearly over when a snapshot takes the place of all that it looked at. */
  @Test
  void aScanOfWhatWasReplacedIsNotOfWhatIsThereNow() {
    missingChunks.onMap(MAP_INDEX, all);

    create();
    missingChunks.forgetScan();
    loop.post(() -> missingChunks.onMap(MAP_INDEX, all));
    loop.post(
        () -> assertFalse(missingChunks.isExactUnder(MAP_INDEX), "the new scan has just begun"));

    world.run(SimWorld.S);
    assertTrue(missingChunks.isExactUnder(MAP_INDEX));
    assertEquals(1, missingChunks.missingCount());
  }

  /** It stopped counting; when all that it had counted is here, it begins again. */
  @Test
  void aCountThatWasGivenUpIsNotExactBeforeTheNextOneIsDone() {
    for (int i = 0; i <= MissingChunks.MISSING_MAX; i++) {
      createFile();
    }
    namespace = editor.namespace();
    missingChunks.onMap(MAP_INDEX, all);
    world.run(SimWorld.S);
    assertEquals(MissingChunks.MISSING_MAX, missingChunks.missingCount());
    assertFalse(missingChunks.isExactUnder(MAP_INDEX));

    for (int partition = 0; partition < ChunkId.PARTITION_COUNT; partition++) {
      for (var i = namespace.referencedChunks(partition); i.hasNext(); ) {
        ChunkId chunk = i.next();
        if (missingChunks.isMissing(chunk)) {
          platter.keep(chunk, new byte[0]);
          missingChunks.onStored(chunk);
        }
      }
    }

    assertEquals(0, missingChunks.missingCount());
    assertFalse(missingChunks.isExactUnder(MAP_INDEX), "one is missing");
    world.run(SimWorld.S);
    assertTrue(missingChunks.isExactUnder(MAP_INDEX));
    assertEquals(1, missingChunks.missingCount());
  }
}
