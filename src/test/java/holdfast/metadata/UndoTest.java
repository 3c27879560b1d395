package holdfast.metadata;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import holdfast.metadata.op.Answer;
import holdfast.metadata.op.Attributes;
import holdfast.metadata.op.Content;
import holdfast.metadata.op.Extent;
import holdfast.metadata.op.ExtentMap;
import holdfast.metadata.op.FileType;
import holdfast.metadata.op.Operation;
import holdfast.metadata.op.OperationResult;
import holdfast.metadata.op.Query;
import holdfast.metadata.op.Replacement;
import holdfast.metadata.op.Tag;
import holdfast.model.ChunkId;
import holdfast.model.ChunkSalt;
import holdfast.model.ClientId;
import holdfast.model.ErrorCode;
import holdfast.util.ByteReader;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Random;
import java.util.Set;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import org.junit.jupiter.api.Test;

/** What commits replace stays until they are settled, and can be had back. */
class UndoTest {
  private final SharedNamespace shared = new SharedNamespace(21);
  private final NamespaceEditor editor = shared.editor;
  private final ClientId author = shared.begin();

  private static Extent extent(long offset, int lengthBytes, ChunkId chunk) {
    return new Extent(offset, lengthBytes, chunk, new ChunkSalt(1, 2), 0, 0);
  }

  private ChunkId chunk() {
    return Samples.chunk(shared.random);
  }

  private long make(int name, ChunkId chunk) {
    var content = new Content(1, 100, new Tag(1, 1), 11, 1, List.of(extent(0, 100, chunk)));
    return shared.make(author, name, FileType.FILE, Optional.of(content));
  }

  private Attributes attributes(long inode) {
    return ((Answer.Inode) editor.query(new Query.GetAttributes(inode))).attributes();
  }

  private List<Extent> extents(long inode) {
    var answer = (Answer.Extents) editor.query(new Query.ReadExtents(inode, 0, 1_500));
    return answer.extents();
  }

  /** Replaces all of the file. */
  private Attributes replace(long inode, long sizeBytes, List<Extent> extents) {
    return shared.apply(author, commit(inode, sizeBytes, extents)).orThrow().attributes();
  }

  private Operation.Commit commit(long inode, long sizeBytes, List<Extent> extents) {
    Attributes before = attributes(inode);
    return new Operation.Commit(
        inode,
        before.version(),
        before.version() + 1,
        sizeBytes,
        new Tag(before.version() + 1, 1),
        before.mtimeNs() + 10,
        99,
        1,
        List.of(new Replacement(0, Math.max(1, sizeBytes), extents)));
  }

  private List<Unsettled.Commit> unsettled() {
    return editor.namespace().unsettled().oldest(1_000);
  }

  private boolean isReferenced(ChunkId chunk) {
    return editor.namespace().references(chunk);
  }

  @Test
  void replacedContentStaysUntilTheCommitIsSettled() {
    ChunkId old = chunk();
    ChunkId now = chunk();
    long inode = make(1, old);
    replace(inode, 50, List.of(extent(0, 50, now)));

    assertThat(isReferenced(old)).isTrue();
    assertThat(unsettled()).extracting(Unsettled.Commit::inode).containsExactly(inode, inode);
    assertThat(unsettled().get(0).chunks()).containsExactly(old);
    assertThat(unsettled().get(1).chunks()).containsExactly(now);

    editor.settle(unsettled().get(0).tick());
    assertThat(isReferenced(old)).isTrue();
    assertThat(unsettled()).hasSize(1);

    editor.settle(unsettled().get(0).tick());
    assertThat(isReferenced(old)).isFalse();
    assertThat(isReferenced(now)).isTrue();
    assertThat(editor.namespace().unsettled().count()).isZero();
  }

  @Test
  void aRememberedAnswerIsWorthNothingOnceItsContentWasUndone() {
    long inode = make(1, chunk());
    var first = commit(inode, 50, List.of(extent(0, 50, chunk())));
    var firstResult = shared.apply(author, first);
    var second = commit(inode, 60, List.of(extent(0, 60, chunk())));
    var secondResult = shared.apply(author, second);
    var cut = commit(inode, 0, List.of());
    var cutResult = shared.apply(author, cut);
    assertThat(asOfNow(second, secondResult)).isEqualTo(secondResult);

    assertThat(editor.revert(inode, attributes(inode).version(), unsettled().get(2).tick()))
        .isTrue();

    assertThat(asOfNow(first, firstResult)).isEqualTo(firstResult);
    for (var undone : Map.of(second, secondResult, cut, cutResult).entrySet()) {
      assertThat(asOfNow(undone.getKey(), undone.getValue()))
          .isInstanceOfSatisfying(
              OperationResult.Failed.class,
              failed -> assertThat(failed.code()).isEqualTo(ErrorCode.STALE_VERSION));
    }
    var again = commit(inode, 70, List.of(extent(0, 70, chunk())));
    var againResult = shared.apply(author, again);
    assertThat(asOfNow(again, againResult)).isEqualTo(againResult);
    assertThat(asOfNow(second, secondResult)).isNotEqualTo(secondResult);
  }

  private OperationResult asOfNow(Operation operation, OperationResult result) {
    return Remembered.asOfNow(editor.namespace(), operation, result);
  }

  @Test
  void aRevertedFileHasItsOldContentUnderAVersionItNeverHad() {
    ChunkId old = chunk();
    ChunkId lost = chunk();
    long inode = make(1, old);
    Attributes before = attributes(inode);
    Attributes after = replace(inode, 50, List.of(extent(0, 50, lost)));

    OptionalLong from = editor.namespace().unsettled().revertPoint(inode, Set.of(lost));
    assertThat(editor.revert(inode, after.version(), from.orElseThrow())).isTrue();

    Attributes now = attributes(inode);
    assertThat(extents(inode)).containsExactly(extent(0, 100, old));
    assertThat(now.sizeBytes()).isEqualTo(100);
    assertThat(now.allocatedBytes()).isEqualTo(100);
    assertThat(now.mtimeNs()).isEqualTo(before.mtimeNs());
    assertThat(now.fileTag()).isEqualTo(before.fileTag());
    assertThat(now.version()).isGreaterThan(after.version());
    assertThat(Attributes.contentVersion(now.version())).isEqualTo(before.version());
    assertThat(isReferenced(lost)).isFalse();
    assertThat(editor.namespace().unsettled().reverted(9)).containsExactly(inode);
    Attributes next = replace(inode, 10, List.of(extent(0, 10, chunk())));
    assertThat(next.version()).isGreaterThan(now.version()).isNotEqualTo(after.version());
    assertThat(editor.namespace().unsettled().revertedCount()).isZero();
  }

  @Test
  void aFileGoesBackToItsNewestContentThatNamesNoLostChunk() {
    ChunkId first = chunk();
    ChunkId second = chunk();
    ChunkId third = chunk();
    long inode = make(1, first);
    replace(inode, 60, List.of(extent(0, 60, second)));
    long version = replace(inode, 70, List.of(extent(0, 70, third))).version();
    Unsettled unsettled = editor.namespace().unsettled();
    List<Unsettled.Commit> commits = unsettled();

    assertThat(unsettled.revertPoint(inode, Set.of())).isEmpty();
    assertThat(unsettled.revertPoint(inode, Set.of(second))).isEmpty();
    assertThat(unsettled.revertPoint(inode, Set.of(third))).hasValue(commits.get(2).tick());
    assertThat(unsettled.revertPoint(inode, Set.of(second, third))).hasValue(commits.get(1).tick());
    editor.revert(inode, version, commits.get(2).tick());
    assertThat(extents(inode)).containsExactly(extent(0, 60, second));
    assertThat(unsettled()).hasSize(2);
    assertThat(isReferenced(first)).isTrue();
  }

  @Test
  void aChunkThatAFileNamesNoMoreIsSettledWithTheCommitThatReplacedIt() {
    ChunkId first = chunk();
    ChunkId second = chunk();
    long inode = make(1, first);
    replace(inode, 60, List.of(extent(0, 60, second)));
    replace(inode, 70, List.of(extent(0, 60, second), extent(60, 10, chunk())));
    Unsettled unsettled = editor.namespace().unsettled();

    assertThat(unsettled.replacedAt(inode, first)).hasValue(unsettled().get(1).tick());
    assertThat(unsettled.replacedAt(inode, second)).isEmpty();
    assertThat(unsettled.replacedAt(inode, chunk())).isEmpty();
    assertThat(unsettled.replacedAt(inode + 1, first)).isEmpty();
  }

  @Test
  void aNewFileGoesBackToNothing() {
    ChunkId lost = chunk();
    long inode = make(1, lost);
    OptionalLong from = editor.namespace().unsettled().revertPoint(inode, Set.of(lost));

    assertThat(editor.revert(inode, 1, from.orElseThrow())).isTrue();

    assertThat(extents(inode)).isEmpty();
    assertThat(attributes(inode).sizeBytes()).isZero();
    assertThat(attributes(inode).fileTag()).isEqualTo(Tag.ZERO);
    assertThat(editor.namespace().statistics().chunkCount()).isZero();
    assertThat(editor.namespace().statistics().sizeBytes()).isZero();
    assertThat(unsettled()).isEmpty();
  }

  @Test
  void whatChangedMeanwhileOrIsSettledIsNotReverted() {
    long inode = make(1, chunk());
    long version = replace(inode, 60, List.of(extent(0, 60, chunk()))).version();
    long tick = unsettled().get(1).tick();
    byte[] before = editor.namespace().digest();

    assertThat(editor.revert(inode, version - 1, tick)).isFalse();
    assertThat(editor.revert(inode, version, tick + 1)).isFalse();
    assertThat(editor.revert(inode + 1, 1, tick)).isFalse();
    assertThat(editor.namespace().digest()).isEqualTo(before);
    editor.settle(tick);
    assertThat(editor.revert(inode, version, tick)).isFalse();
  }

  @Test
  void aDeletedFileKeepsNothing() {
    long inode = make(1, chunk());
    replace(inode, 60, List.of(extent(0, 60, chunk())));
    long version = attributes(inode).version();
    editor.revert(inode, version, unsettled().get(1).tick());

    shared.apply(author, new Operation.Unlink(1, Samples.name(1), 6)).orThrow();

    assertThat(unsettled()).isEmpty();
    assertThat(editor.namespace().statistics().chunkCount()).isZero();
    assertThat(editor.namespace().unsettled().revertedCount()).isZero();
  }

  @Test
  void aCutNamesNoChunkAndIsUndoneWithWhatFollowsIt() {
    ChunkId old = chunk();
    ChunkId lost = chunk();
    long inode = make(1, old);
    replace(inode, 0, List.of());
    long version = replace(inode, 30, List.of(extent(0, 30, lost))).version();

    assertThat(unsettled().get(1).chunks()).isEmpty();
    assertThat(editor.namespace().unsettled().chunksOf(inode)).containsExactly(old, lost);
    editor.revert(inode, version, unsettled().get(1).tick());
    assertThat(extents(inode)).containsExactly(extent(0, 100, old));
  }

  private static Namespace reload(Namespace namespace) {
    var loader = new NamespaceLoader();
    namespace.snapshot().forEachRemaining(loader::add);
    return loader.finish();
  }

  /** A file of so many extents of 100 bytes, each in a chunk of its own, 64 in a window. */
  private List<Extent> many(int count) {
    var extents = new ArrayList<Extent>();
    for (int i = 0; i < count; i++) {
      long window = (long) (i / 60) * ExtentMap.WINDOW_BYTES;
      extents.add(extent(window + i % 60 * 100L, 100, chunk()));
    }
    return extents;
  }

  @Test
  void aSnapshotHasWhatIsKeptHoweverLarge() {
    long inode = make(1, chunk());
    long sizeBytes = 20L * ExtentMap.WINDOW_BYTES;
    List<Extent> large = many(1_000);
    replace(inode, sizeBytes, large);
    replace(inode, sizeBytes, many(1_000));
    editor.revert(make(2, chunk()), 1, editor.namespace().unsettled().oldest(9).get(3).tick());

    Namespace loaded = reload(editor.namespace());

    assertThat(loaded.digest()).isEqualTo(editor.namespace().digest());
    var edit = loaded.edit();
    assertThat(edit.revert(inode, 3, loaded.unsettled().oldest(9).get(2).tick())).isTrue();
    var back = (Answer.Extents) edit.query(new Query.ReadExtents(inode, 0, 1_500));
    assertThat(back.extents()).isEqualTo(large);
    assertThat(reload(edit.namespace()).digest()).isEqualTo(edit.namespace().digest());
  }

  @Test
  void aSnapshotWhoseKeptContentIsDamagedIsRefused() {
    long inode = make(1, chunk());
    Namespace namespace = editor.namespace();
    byte[] key = Keys.kept(inode, unsettled().get(0).tick(), 0);
    byte[] packed = namespace.tree().get(key);
    byte[] at = Keys.keptAt(unsettled().get(0).tick());
    List<byte[]> values =
        List.of(
            Arrays.copyOf(packed, packed.length - 1),
            Arrays.copyOf(packed, packed.length + 1),
            new byte[] {2});

    for (byte[] value : values) {
      var tree = namespace.tree().edit();
      tree.put(key, value);
      var damaged = new Namespace(tree.tree(), namespace.counters());
      assertThatThrownBy(() -> reload(damaged)).isInstanceOf(ByteReader.Malformed.class);
    }
    var tree = namespace.tree().edit();
    tree.remove(at);
    var unplaced = new Namespace(tree.tree(), namespace.counters());
    assertThatThrownBy(() -> reload(unplaced)).isInstanceOf(ByteReader.Malformed.class);
  }

  @Test
  void beyondTheBoundTheOldestCountsAsSettled() {
    long inode = make(1, chunk());
    long sizeBytes = 20L * ExtentMap.WINDOW_BYTES;
    int rounds = (int) (2 * Undo.KEPT_MAX_BYTES / (1_000 * 60));
    for (int i = 0; i < rounds / 10; i++) {
      replace(inode, sizeBytes, many(1_000));
    }
    long few = editor.namespace().unsettled().count();
    for (int i = 0; i < rounds; i++) {
      replace(inode, sizeBytes, many(1_000));
    }

    assertThat(few).isEqualTo(rounds / 10 + 1L);
    Counters counters = editor.namespace().counters();
    assertThat(counters.keptBytes).isLessThanOrEqualTo(Undo.KEPT_MAX_BYTES);
    assertThat(counters.keptCount).isLessThan(rounds);
    assertThat(counters.chunkCount).isLessThan(1_000L * rounds);
    assertThat(reload(editor.namespace()).digest()).isEqualTo(editor.namespace().digest());
  }

  /** The file after one commit. */
  private record Version(long tick, long sizeBytes, List<Extent> extents) {}

  @Property(tries = 200)
  void anyCommitCanBeUndoneExactly(@ForAll long seed) {
    var random = new Random(seed);
    var space = new SharedNamespace(seed);
    ClientId client = space.begin();
    long inode = space.make(client, 1, FileType.FILE, Optional.empty());
    var versions = new ArrayList<Version>();
    int unit = 1_000;
    for (int i = 0; i < 12; i++) {
      Attributes now = inodeOf(space.editor, inode);
      List<Extent> before = extentsOf(space.editor, inode);
      long newSize = (1L + random.nextInt(12)) * unit;
      long from = random.nextInt(12) * (long) unit / 2;
      long to = Math.max(from + 1, Math.min(newSize, from + (1L + random.nextInt(6)) * unit / 2));
      var chunk = Samples.chunk(random);
      var extents =
          random.nextInt(4) == 0 || to > newSize
              ? List.<Extent>of()
              : List.of(extent(from, (int) (to - from), chunk));
      var commit =
          new Operation.Commit(
              inode,
              now.version(),
              now.version() + 1,
              newSize,
              Samples.tag(random),
              i,
              i,
              1,
              List.of(new Replacement(from, to, extents)));
      versions.add(
          new Version(space.editor.namespace().counters().tick + 1, now.sizeBytes(), before));
      space.apply(client, commit).orThrow();
    }
    Version wanted = versions.get(random.nextInt(versions.size()));
    long version = inodeOf(space.editor, inode).version();

    assertThat(space.editor.revert(inode, version, wanted.tick())).isTrue();

    assertThat(extentsOf(space.editor, inode)).isEqualTo(wanted.extents());
    assertThat(inodeOf(space.editor, inode).sizeBytes()).isEqualTo(wanted.sizeBytes());
    space.editor.settle(Long.MAX_VALUE);
    Map<ChunkId, Long> references = new HashMap<>();
    wanted.extents().forEach(e -> references.merge(e.chunk(), 1L, Long::sum));
    Namespace namespace = space.editor.namespace();
    assertThat(namespace.statistics().chunkCount()).isEqualTo(references.size());
    references.forEach((c, n) -> assertThat(namespace.referenceCount(c)).isEqualTo(n));
    assertThat(reload(namespace).digest()).isEqualTo(namespace.digest());
  }

  private static Attributes inodeOf(NamespaceEditor editor, long inode) {
    return ((Answer.Inode) editor.query(new Query.GetAttributes(inode))).attributes();
  }

  private static List<Extent> extentsOf(NamespaceEditor editor, long inode) {
    return ((Answer.Extents) editor.query(new Query.ReadExtents(inode, 0, 1_500))).extents();
  }
}
