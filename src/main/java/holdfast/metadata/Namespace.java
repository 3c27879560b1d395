package holdfast.metadata;

import holdfast.metadata.op.Answer;
import holdfast.metadata.op.Attributes;
import holdfast.metadata.op.FileType;
import holdfast.metadata.op.Operation;
import holdfast.metadata.op.Query;
import holdfast.metadata.op.RequestId;
import holdfast.metadata.op.Statistics;
import holdfast.metadata.tree.PackedTree;
import holdfast.model.ChunkId;
import holdfast.model.ClientId;
import holdfast.model.SealId;
import holdfast.util.Invariants;
import holdfast.util.Sha256;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.NoSuchElementException;

/**
 * The whole namespace of a pool as a value: immutable, safe on every thread, cheap to keep. {@code
 * apply} is a pure function: the same operations in the same order make the same namespace and the
 * same results on every peer, bit for bit.
 */
public final class Namespace {
  /** Inode numbers carry a prefix of this many bits, random for each lineage; the sign stays 0. */
  public static final int INODE_PREFIX_BITS = 23;

  private final PackedTree tree;
  private final Counters counters;

  Namespace(PackedTree tree, Counters counters) {
    this.tree = tree;
    this.counters = counters;
  }

  /**
   * A namespace with nothing but a root directory, at epoch 1.
   *
   * @param inodePrefix random, 0 to 2<sup>23</sup>-1: the upper bits of all inode numbers this
   *     lineage makes
   * @param rootSealId random, for life
   */
  public static Namespace empty(
      long inodePrefix, SealId rootSealId, int rootMode, int uid, int gid, long timeNs) {
    Invariants.check(
        inodePrefix >= 0 && inodePrefix < 1L << INODE_PREFIX_BITS,
        "inode prefix: was=%s",
        inodePrefix);
    var counters = new Counters();
    counters.inodePrefix = inodePrefix;
    counters.nextInodeCounter = Attributes.ROOT_INODE + 1;
    counters.epoch = 1;
    var draft = new Draft(PackedTree.EMPTY, counters);
    var root = new Inode(Attributes.ROOT_INODE, FileType.DIRECTORY, rootSealId);
    root.mode = rootMode & Attributes.MODE_MASK;
    root.uid = uid;
    root.gid = gid;
    root.linkCount = 2;
    root.mtimeNs = timeNs;
    root.ctimeNs = timeNs;
    root.atimeNs = timeNs;
    root.parent = Attributes.ROOT_INODE;
    draft.addInode(root);
    return new Namespace(draft.tree().tree(), draft.counters);
  }

  /** Applies one operation, exactly once for each author and sequence. */
  public Applied apply(RequestId requestId, Operation operation) {
    var editor = edit();
    var result = editor.apply(requestId, operation);
    return new Applied(editor.wasRepeat() ? this : editor.namespace(), result, editor.wasRepeat());
  }

  /** Begins an epoch, by the leader's command; one that is not newer changes nothing. */
  public Namespace advanceEpoch(long epoch) {
    var editor = edit();
    editor.advanceEpoch(epoch);
    return editor.namespace();
  }

  /** An editor that starts from this namespace and leaves it as it is. */
  public NamespaceEditor edit() {
    return new NamespaceEditor(new Draft(tree, counters));
  }

  /** Answers a query; a failure is an answer too. */
  public Answer query(Query query) {
    return new Queries(new Records(tree), counters).answer(query);
  }

  /** The upload epoch: content uploaded in it or the one before may be committed. At least 1. */
  public long epoch() {
    return counters.epoch;
  }

  /** How many files, directories, bytes and chunks there are. */
  public Statistics statistics() {
    return counters.statistics();
  }

  /** Whether any extent refers to the chunk. */
  public boolean references(ChunkId chunk) {
    return new Records(tree).references(chunk) > 0;
  }

  /** How many extents refer to the chunk; one file may count several times. */
  public long referenceCount(ChunkId chunk) {
    return new Records(tree).references(chunk);
  }

  /** The commits whose chunks may not be on disk, and what can be undone. */
  public Unsettled unsettled() {
    return new Unsettled(tree, counters);
  }

  /** Files without a name that no session pins, in order, at most {@code maxCount}. */
  public List<Long> unpinnedOrphans(int maxCount) {
    var found = new ArrayList<Long>();
    var cursor = tree.seek(new byte[] {Keys.ORPHAN});
    while (cursor.isValid() && cursor.key()[0] == Keys.ORPHAN && found.size() < maxCount) {
      long inode = Keys.u64(cursor.key(), 1);
      if (!Orphans.isPinned(tree, inode)) {
        found.add(inode);
      }
      cursor.next();
    }
    return found;
  }

  /** Whether the client's session lives. */
  public boolean hasSession(ClientId client) {
    byte[] record = tree.get(Keys.client(client));
    return record != null && ClientWindow.Client.unpack(record).isLive();
  }

  /** The clients whose sessions live. */
  public List<ClientId> sessions() {
    var found = new ArrayList<ClientId>();
    var cursor = tree.seek(new byte[] {Keys.CLIENT});
    while (cursor.isValid() && cursor.key()[0] == Keys.CLIENT) {
      if (ClientWindow.Client.unpack(cursor.value()).isLive()) {
        found.add(new ClientId(Keys.u64(cursor.key(), 1), Keys.u64(cursor.key(), 9)));
      }
      cursor.next();
    }
    return found;
  }

  /** How many sessions live. */
  public long sessionCount() {
    return counters.sessionCount;
  }

  /**
   * All chunks of a partition that are referenced, ascending, each once. The iterator reads as it
   * goes and belongs to one thread.
   *
   * @param partition 0 to {@value ChunkId#PARTITION_COUNT} - 1
   */
  public Iterator<ChunkId> referencedChunks(int partition) {
    Invariants.check(
        partition >= 0 && partition < ChunkId.PARTITION_COUNT, "partition: was=%s", partition);
    var cursor = tree.seek(Keys.chunk(new ChunkId((long) partition << 54, 0, 0, 0)));
    return new Iterator<>() {
      @Override
      public boolean hasNext() {
        return cursor.isValid()
            && cursor.key()[0] == Keys.CHUNK
            && Keys.chunkOf(cursor.key()).partition() == partition;
      }

      @Override
      public ChunkId next() {
        if (!hasNext()) {
          throw new NoSuchElementException();
        }
        var chunk = Keys.chunkOf(cursor.key());
        cursor.next();
        return chunk;
      }
    };
  }

  /**
   * SHA-256 over everything in it, remembered results included: equal exactly if the namespaces
   * answer alike for ever. Reads all of it: a fifth of a second for a million files.
   */
  public byte[] digest() {
    var digest = new Sha256();
    var cursor = snapshot();
    while (cursor.hasNext()) {
      digest.update(cursor.next());
    }
    return digest.digest();
  }

  /** The namespace in pieces, for a snapshot; {@link NamespaceLoader} puts them together again. */
  public SnapshotCursor snapshot() {
    return new SnapshotCursor(tree, counters);
  }

  PackedTree tree() {
    return tree;
  }

  Counters counters() {
    return counters;
  }
}
