package holdfast.metadata;

import static org.assertj.core.api.Assertions.assertThat;

import holdfast.metadata.op.Answer;
import holdfast.metadata.op.Attributes;
import holdfast.metadata.op.Content;
import holdfast.metadata.op.DirectoryEntry;
import holdfast.metadata.op.EntryName;
import holdfast.metadata.op.Extent;
import holdfast.metadata.op.FileType;
import holdfast.metadata.op.Operation;
import holdfast.metadata.op.OperationResult;
import holdfast.metadata.op.Query;
import holdfast.metadata.op.RenameMode;
import holdfast.metadata.op.Replacement;
import holdfast.metadata.op.RequestId;
import holdfast.metadata.op.Statistics;
import holdfast.metadata.op.XattrMode;
import holdfast.model.ChunkId;
import holdfast.model.ClientId;
import holdfast.model.ErrorCode;
import holdfast.model.HoldfastException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.TreeSet;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import org.junit.jupiter.api.Test;

/** Random operations on the namespace and on a simple model: everything must come out the same. */
final class NamespaceModelTest {
  private static final int UNIT = ModelFileSystem.UNIT_BYTES;
  private static final int STEPS = 400;

  private final Map<ErrorCode, Integer> failures = new HashMap<>();
  private int crowdedCount;

  private static final class Run {
    final Random random;
    final ClientId client;
    Namespace namespace;
    final ModelFileSystem model;
    final List<ChunkId> chunks = new ArrayList<>();
    long sequence;
    long clockNs;

    Run(long seed) {
      random = new Random(seed);
      client = Samples.client(random);
      var empty = Namespace.empty(random.nextInt(1 << 23), Samples.sealId(random), 0755, 0, 0, 0);
      var editor = empty.edit();
      editor.beginSession(client);
      namespace = editor.namespace();
      model = new ModelFileSystem(root());
      for (int i = 0; i < 12; i++) {
        chunks.add(Samples.chunk(random));
      }
    }

    private Attributes root() {
      return ((Answer.Inode) namespace.query(new Query.GetAttributes(1))).attributes();
    }

    /** Mostly an inode that is there; sometimes one of the wrong kind or none at all. */
    long inode(boolean wantsDirectory) {
      var candidates = new TreeSet<Long>();
      boolean anyKind = random.nextInt(12) == 0;
      model.nodes.forEach(
          (number, node) -> {
            if (anyKind || node.isDirectory() == wantsDirectory) {
              candidates.add(number);
            }
          });
      if (candidates.isEmpty() || random.nextInt(60) == 0) {
        return 4_711;
      }
      return List.copyOf(candidates).get(random.nextInt(candidates.size()));
    }

    EntryName name() {
      int number = random.nextInt(9);
      return number < 4 ? Samples.collidingName(number) : Samples.name(number);
    }

    List<Extent> extents(int fromUnit, int toUnit) {
      var extents = new ArrayList<Extent>();
      int longest = List.of(1, 3, 128).get(random.nextInt(3));
      int gaps = longest == 1 ? 40 : 2;
      int unit = fromUnit + random.nextInt(3);
      while (unit < toUnit && random.nextInt(300) != 0) {
        int count = Math.min(1 + random.nextInt(longest), toUnit - unit);
        int room = Extent.CHUNK_PLAIN_MAX_BYTES / UNIT - count;
        extents.add(
            new Extent(
                (long) unit * UNIT,
                count * UNIT,
                chunks.get(random.nextInt(chunks.size())),
                Samples.salt(random),
                random.nextInt(3),
                room == 0 ? 0 : random.nextInt(room) * UNIT));
        unit += count + (random.nextInt(gaps) != 0 ? 0 : random.nextInt(4));
      }
      return extents;
    }

    Operation operation() {
      clockNs += random.nextInt(1_000);
      return switch (random.nextInt(24)) {
        case 0, 1, 2, 3, 4 -> create();
        case 5 -> new Operation.Unlink(inode(true), name(), clockNs);
        case 6 -> new Operation.RemoveDirectory(inode(true), name(), clockNs);
        case 7, 8, 9, 10 ->
            new Operation.Rename(
                inode(true),
                name(),
                inode(true),
                name(),
                Samples.tag(random),
                Samples.tag(random),
                RenameMode.values()[random.nextInt(3)],
                clockNs);
        case 11 ->
            new Operation.SetAttributes(
                inode(random.nextBoolean()),
                random.nextInt(32),
                random.nextInt(010000),
                random.nextInt(9),
                random.nextInt(9),
                random.nextInt(999),
                random.nextInt(999),
                clockNs);
        case 12, 13 ->
            new Operation.Link(inode(true), name(), Samples.tag(random), inode(false), clockNs);
        case 14, 15, 16 ->
            new Operation.SetXattr(
                inode(random.nextBoolean()),
                Samples.xattrName(random.nextInt(8)),
                Samples.xattrValue(random),
                XattrMode.values()[random.nextInt(3)],
                clockNs);
        case 17 ->
            new Operation.RemoveXattr(
                inode(random.nextBoolean()), Samples.xattrName(random.nextInt(8)), clockNs);
        default -> commit();
      };
    }

    private Operation create() {
      var type =
          random.nextInt(3) == 0
              ? FileType.DIRECTORY
              : FileType.values()[random.nextInt(2) * random.nextInt(5)];
      boolean isSymlink = type == FileType.SYMLINK;
      boolean hasContent = type == FileType.FILE && random.nextBoolean();
      int units = random.nextInt(40);
      return new Operation.Create(
          inode(true),
          name(),
          Samples.tag(random),
          Samples.sealId(random),
          type,
          random.nextInt(010000),
          random.nextInt(9),
          random.nextInt(9),
          0,
          isSymlink ? Optional.of(Samples.target(random)) : Optional.empty(),
          random.nextBoolean(),
          clockNs,
          hasContent
              ? Optional.of(
                  new Content(
                      1,
                      (long) units * UNIT,
                      Samples.tag(random),
                      clockNs - 1,
                      uploadEpoch(),
                      extents(0, units)))
              : Optional.empty());
    }

    private long uploadEpoch() {
      return model.epoch - (random.nextInt(10) == 0 ? random.nextInt(4) - 1 : random.nextInt(2));
    }

    private Operation commit() {
      long inode = inode(false);
      var node = model.nodes.get(inode);
      long base = (node == null ? 0 : node.version) - (random.nextInt(20) == 0 ? 1 : 0);
      int oldUnits = node == null ? 0 : (int) (node.sizeBytes / UNIT);
      int size =
          switch (random.nextInt(4)) {
            case 0 -> random.nextInt(ModelFileSystem.UNITS_MAX);
            case 1 -> random.nextInt(oldUnits + 1);
            default -> Math.max(oldUnits, 1);
          };
      var replacements = new ArrayList<Replacement>();
      int from = 0;
      int span = List.of(8, 150, ModelFileSystem.UNITS_MAX).get(random.nextInt(3));
      for (int i = random.nextInt(4); i > 0; i--) {
        from += random.nextInt(span);
        int to = from + 1 + random.nextInt(span);
        if (to > ModelFileSystem.UNITS_MAX) {
          break;
        }
        replacements.add(
            new Replacement(
                (long) from * UNIT, (long) to * UNIT, extents(from, Math.min(to, size))));
        from = to;
      }
      return new Operation.Commit(
          inode,
          Math.max(0, base),
          Math.max(0, base) + 1 + random.nextInt(2),
          (long) size * UNIT,
          Samples.tag(random),
          clockNs - 2,
          clockNs,
          uploadEpoch(),
          replacements);
    }
  }

  @Property(tries = 60)
  void namespaceAndModelAgreeOnEverything(@ForAll long seed) {
    var run = new Run(seed);
    var old = new ArrayList<Namespace>();
    var oldDigests = new ArrayList<byte[]>();

    for (int step = 0; step < STEPS; step++) {
      if (run.random.nextInt(40) == 0) {
        run.model.epoch += run.random.nextInt(3);
        run.namespace = run.namespace.advanceEpoch(run.model.epoch);
      }
      applyOne(run);
      if (step % 50 == 0) {
        old.add(run.namespace);
        oldDigests.add(run.namespace.digest());
        assertSame(run);
      }
    }

    assertSame(run);
    for (int i = 0; i < old.size(); i++) {
      assertThat(old.get(i).digest()).isEqualTo(oldDigests.get(i));
    }
    var loader = new NamespaceLoader();
    run.namespace.snapshot().forEachRemaining(loader::add);
    assertThat(loader.finish().digest()).isEqualTo(run.namespace.digest());
  }

  private void applyOne(Run run) {
    var operation = Operation.of(run.operation().toBytes());
    var requestId = new RequestId(run.client, ++run.sequence, Math.max(0, run.sequence - 5));
    var applied = run.namespace.apply(requestId, operation);

    try {
      long newInode =
          applied.result() instanceof OperationResult.Done done ? done.attributes().inode() : -1;
      var node = run.model.apply(operation, newInode);
      var done = applied.result().orThrow();
      assertThat(done.attributes()).as("%s", operation).isEqualTo(node.attributes());
      for (Attributes other : done.others()) {
        var expected = run.model.nodes.get(other.inode());
        assertThat(expected == null ? 0 : other.linkCount()).isEqualTo(other.linkCount());
        assertThat(expected == null || expected.attributes().equals(other)).isTrue();
      }
    } catch (HoldfastException e) {
      failures.merge(e.code(), 1, Integer::sum);
      assertThat(applied.result()).as("%s", operation).isInstanceOf(OperationResult.Failed.class);
      var failed = (OperationResult.Failed) applied.result();
      assertThat(failed.code()).isEqualTo(e.code());
      crowdedCount += failed.text().contains("window") ? 1 : 0;
    }
    if (run.random.nextInt(10) == 0) {
      var repeated = applied.namespace().apply(requestId, operation);
      assertThat(repeated.result()).isEqualTo(applied.result());
      assertThat(repeated.isRepeat()).isTrue();
      assertThat(repeated.namespace()).isSameAs(applied.namespace());
    }
    run.namespace = applied.namespace();
  }

  private static void assertSame(Run run) {
    // What is replaced is kept until it is settled, and then holds nothing any more.
    var settling = run.namespace.edit();
    settling.settle(Long.MAX_VALUE);
    var namespace = settling.namespace();
    Map<ChunkId, Long> references = new HashMap<>();
    long fileCount = 0;
    long sizeBytes = 0;
    long allocatedBytes = 0;
    for (ModelFileSystem.Node node : run.model.nodes.values()) {
      var attributes = node.attributes();
      assertThat(namespace.query(new Query.GetAttributes(node.number)))
          .isEqualTo(new Answer.Inode(attributes));
      fileCount += node.isDirectory() ? 0 : 1;
      if (node.isDirectory()) {
        assertListing(namespace, node, 1 + run.random.nextInt(5));
      }
      if (node.type == FileType.FILE) {
        sizeBytes += node.sizeBytes;
        allocatedBytes += attributes.allocatedBytes();
        var extents = node.extents();
        extents.forEach(extent -> references.merge(extent.chunk(), 1L, Long::sum));
        assertExtents(run, node, extents);
      }
      assertXattrs(namespace, node, attributes);
      if (node.target != null) {
        assertThat(namespace.query(new Query.ReadLink(node.number)))
            .isEqualTo(new Answer.Target(attributes, node.target));
      }
    }
    assertThat(namespace.statistics())
        .isEqualTo(
            new Statistics(
                fileCount,
                run.model.nodes.size() - fileCount,
                sizeBytes,
                allocatedBytes,
                references.size()));
    for (ChunkId chunk : run.chunks) {
      assertThat(namespace.referenceCount(chunk)).isEqualTo(references.getOrDefault(chunk, 0L));
      var inPartition = new ArrayList<ChunkId>();
      namespace.referencedChunks(chunk.partition()).forEachRemaining(inPartition::add);
      assertThat(inPartition.contains(chunk)).isEqualTo(references.containsKey(chunk));
      assertThat(inPartition).isSorted().doesNotHaveDuplicates();
    }
  }

  private static void assertXattrs(
      Namespace namespace, ModelFileSystem.Node node, Attributes attributes) {
    var listed = (Answer.XattrNames) namespace.query(new Query.ListXattrs(node.number));
    assertThat(listed.attributes()).isEqualTo(attributes);
    assertThat(listed.names()).containsExactlyInAnyOrderElementsOf(node.xattrs.keySet());
    for (int number = 0; number < 8; number++) {
      var name = Samples.xattrName(number);
      assertThat(namespace.query(new Query.GetXattr(node.number, name)))
          .isEqualTo(new Answer.Xattr(attributes, Optional.ofNullable(node.xattrs.get(name))));
    }
  }

  private static void assertListing(
      Namespace namespace, ModelFileSystem.Node directory, int pageSize) {
    var found = new HashMap<EntryName, DirectoryEntry>();
    long cookie = 0;
    boolean atEnd = false;
    while (!atEnd) {
      var listing =
          (Answer.Listing)
              namespace.query(new Query.ReadDirectory(directory.number, cookie, pageSize));
      for (DirectoryEntry entry : listing.entries()) {
        assertThat(entry.cookie()).isGreaterThan(cookie);
        cookie = entry.cookie();
        assertThat(found.put(entry.name(), entry)).isNull();
      }
      atEnd = listing.atEnd();
      assertThat(listing.directory()).isEqualTo(directory.attributes());
    }
    assertThat(found.keySet()).isEqualTo(directory.children.keySet());
    directory.children.forEach(
        (name, child) -> {
          var entry = found.get(name);
          assertThat(entry.attributes()).isEqualTo(child.attributes());
          assertThat(entry.entryTag()).isEqualTo(directory.tags.get(name));
          assertThat(namespace.query(new Query.Lookup(directory.number, name)))
              .isEqualTo(new Answer.Entry(entry));
        });
  }

  private static void assertExtents(Run run, ModelFileSystem.Node node, List<Extent> expected) {
    int max = 1 + run.random.nextInt(60);
    long from = (long) run.random.nextInt(ModelFileSystem.UNITS_MAX) * UNIT;
    for (long start : new long[] {0, from}) {
      var wanted = expected.stream().filter(extent -> extent.fileEnd() > start).toList();
      boolean hasMore = wanted.size() > max;
      assertThat(run.namespace.query(new Query.ReadExtents(node.number, start, max)))
          .isEqualTo(
              new Answer.Extents(
                  node.attributes(), hasMore ? wanted.subList(0, max) : wanted, hasMore));
    }
  }

  /** The random operations must reach every refusal there is, or they prove too little. */
  @Test
  void randomOperationsReachEveryRefusal() {
    for (int seed = 0; seed < 30; seed++) {
      var run = new Run(seed);
      for (int step = 0; step < STEPS; step++) {
        applyOne(run);
        if (step % 60 == 0) {
          run.model.epoch++;
          run.namespace = run.namespace.advanceEpoch(run.model.epoch);
        }
      }
    }
    assertThat(failures.keySet())
        .contains(
            ErrorCode.NOT_FOUND,
            ErrorCode.EXISTS,
            ErrorCode.NOT_DIRECTORY,
            ErrorCode.IS_DIRECTORY,
            ErrorCode.NOT_EMPTY,
            ErrorCode.INVALID,
            ErrorCode.NOT_PERMITTED,
            ErrorCode.NO_DATA,
            ErrorCode.STALE_VERSION,
            ErrorCode.STALE_EPOCH);
    assertThat(crowdedCount).isGreaterThan(20);
    assertThat(Keys.cookieRun(Samples.xattrName(1)))
        .isEqualTo(Keys.cookieRun(Samples.xattrName(2)))
        .isNotEqualTo(Keys.cookieRun(Samples.xattrName(3)));
    assertThat(Keys.cookieRun(Samples.collidingName(1)))
        .isEqualTo(Keys.cookieRun(Samples.collidingName(2)))
        .isNotEqualTo(Keys.cookieRun(Samples.name(1)));
  }
}
