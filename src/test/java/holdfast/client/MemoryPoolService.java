package holdfast.client;

import holdfast.client.pool.Deadline;
import holdfast.client.pool.Deadlines;
import holdfast.client.pool.PoolService;
import holdfast.client.pool.UnknownOutcomes;
import holdfast.metadata.Applied;
import holdfast.metadata.Namespace;
import holdfast.metadata.NamespaceEditor;
import holdfast.metadata.Unsettled;
import holdfast.metadata.op.Answer;
import holdfast.metadata.op.Invalidation;
import holdfast.metadata.op.Operation;
import holdfast.metadata.op.OperationResult;
import holdfast.metadata.op.Query;
import holdfast.metadata.op.RenameMode;
import holdfast.metadata.op.RequestId;
import holdfast.model.ChunkId;
import holdfast.model.ClientId;
import holdfast.model.ErrorCode;
import holdfast.model.HoldfastException;
import holdfast.model.NodeId;
import holdfast.model.SealId;
import holdfast.port.Body;
import holdfast.port.UnansweredException;
import holdfast.protocol.PoolStatus;
import holdfast.protocol.Reply;
import holdfast.protocol.Request;
import java.util.Arrays;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.OptionalLong;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Function;

/** A pool in memory: the real namespace, chunks in a map, and faults where a test wants them. */
public final class MemoryPoolService implements PoolService {
  static final NodeId GOOD = new NodeId(1, 1, 1, 1);
  static final NodeId BAD = new NodeId(2, 2, 2, 2);

  public final ConcurrentHashMap<ChunkId, byte[]> chunks = new ConcurrentHashMap<>();
  public final AtomicInteger askCount = new AtomicInteger();
  public final AtomicInteger changeCount = new AtomicInteger();
  public final AtomicInteger storeCount = new AtomicInteger();
  final AtomicInteger fetchCount = new AtomicInteger();
  final AtomicInteger badReports = new AtomicInteger();
  public final Set<ChunkId> forcedChunks = ConcurrentHashMap.newKeySet();

  /** Bugs to be found. */
  final Set<MemoryFault> faults = ConcurrentHashMap.newKeySet();

  public volatile HoldfastException storeFailure;
  volatile boolean servesBadFirst;

  /** What a store waits for, or fails with, before it happens. */
  public volatile Function<ChunkId, CompletableFuture<Void>> beforeStore =
      chunk -> CompletableFuture.completedFuture(null);

  /** What a change waits for, or fails with, before it happens. */
  public volatile Function<Operation, CompletableFuture<Void>> beforeChange =
      operation -> CompletableFuture.completedFuture(null);

  /** What the answer to a change that has happened waits for, or becomes. */
  public volatile Function<Operation, CompletableFuture<Void>> afterChange =
      operation -> CompletableFuture.completedFuture(null);

  /** Happens when an answer is on its way: what it says may be old by then. */
  public volatile Runnable afterAnswer = () -> {};

  /** What the answer to a store waits for, after it is done. */
  public volatile Function<ChunkId, CompletableFuture<Void>> afterStore =
      chunk -> CompletableFuture.completedFuture(null);

  /** What every question fails with; null: it is answered. */
  public volatile HoldfastException silence;

  /** Happens before the log is forced. */
  public volatile Runnable beforeForce = () -> {};

  /** What it waits for until it comes out what became of a change that had no answer. */
  public volatile CompletableFuture<Void> beforeOutcome = CompletableFuture.completedFuture(null);

  /** Whether that comes out at all. */
  public volatile boolean isOutcomeAnswered = true;

  /** Whether no leader has answered for as long as calls wait. */
  public volatile boolean isOutOfReach;

  @Override
  public boolean isOutOfReach(long forNs) {
    return isOutOfReach;
  }

  /** What a fetch waits for, or fails with. */
  public volatile Function<ChunkId, CompletableFuture<Void>> beforeFetch =
      chunk -> CompletableFuture.completedFuture(null);

  private volatile long epoch = 1;
  private final ReentrantLock lock = new ReentrantLock();

  /** In the order in which they came. */
  private final Set<ChunkId> unforcedChunks = new LinkedHashSet<>();

  /** Those that power cuts lost. */
  private final Set<ChunkId> goneChunks = new HashSet<>();

  private int logForceCount;
  private long inodePrefix = 5;
  private volatile ClientId client = new ClientId(7, 7);
  private final ClientId otherClient = new ClientId(8, 8);
  private Namespace namespace = withSession(Namespace.empty(5, new SealId(3, 3), 0755, 0, 0, 0));
  private volatile Watcher watcher;
  private long otherSequence;
  private long sequence;

  private Namespace withSession(Namespace before) {
    var editor = before.edit();
    editor.beginSession(client);
    return editor.namespace();
  }

  /** Another client begins to work: from now on files that lose their names stay a while. */
  public void beginOther() {
    lock.lock();
    try {
      var editor = namespace.edit();
      editor.beginSession(otherClient);
      namespace = editor.namespace();
    } finally {
      lock.unlock();
    }
  }

  /** Another client changes something, and this one isn't notified: it has no lease. */
  public OperationResult changeUnheard(Operation operation) {
    lock.lock();
    try {
      otherSequence++;
      Applied applied =
          namespace.apply(new RequestId(otherClient, otherSequence, otherSequence), operation);
      namespace = applied.namespace();
      return applied.result();
    } finally {
      lock.unlock();
    }
  }

  /** Another client changes something; this one has heard and confirmed it when this returns. */
  public OperationResult changeByOther(Operation operation) {
    OperationResult result = changeUnheard(operation);
    var confirmed = new CompletableFuture<Void>();
    var changes =
        operation instanceof Operation.SetLock set
            ? List.<Invalidation>of(new Invalidation.OfLocks(set.inode()))
            : Invalidation.of(operation, result.orThrow());
    watcher.onChanges(false, changes, () -> confirmed.complete(null));
    confirmed.orTimeout(10, TimeUnit.SECONDS).join();
    return result;
  }

  /** A power cut lost the file's newest content; this client isn't notified yet. */
  public void revertUnheard(long inode) {
    lock.lock();
    try {
      var editor = namespace.edit();
      long tick =
          namespace.unsettled().oldest(Integer.MAX_VALUE).stream()
              .filter(commit -> commit.inode() == inode)
              .mapToLong(Unsettled.Commit::tick)
              .max()
              .orElseThrow();
      if (!editor.revert(inode, namespace.unsettled().version(inode), tick)) {
        throw new AssertionError("revert inode " + inode + ": nothing happened");
      }
      namespace = editor.namespace();
    } finally {
      lock.unlock();
    }
  }

  /** This client was silent for too long: it hears of that with its next change. */
  public void endSession() {
    lock.lock();
    try {
      var editor = namespace.edit();
      editor.endSession(client);
      namespace = editor.namespace();
    } finally {
      lock.unlock();
    }
  }

  private boolean isSessionOver() {
    return !namespace.hasSession(client);
  }

  private void beginAnother() {
    watcher.onSessionLost();
    client = new ClientId(7, client.low() + 1);
    namespace = withSession(namespace);
  }

  /** This client finds out that its session is over. */
  public void loseSession() {
    lock.lock();
    try {
      beginAnother();
    } finally {
      lock.unlock();
    }
  }

  /** This client finds out that its session is over, and that it may have missed anything. */
  public void hearOfLostSession() {
    loseSession();
    var confirmed = new CompletableFuture<Void>();
    watcher.onChanges(true, List.of(), () -> confirmed.complete(null));
    confirmed.orTimeout(10, TimeUnit.SECONDS).join();
  }

  @Override
  public ClientId client() {
    return client;
  }

  public Watcher watcher() {
    return watcher;
  }

  /** The leader removes what is pinned by no client. */
  public void removeOrphans() {
    lock.lock();
    try {
      var editor = namespace.edit();
      editor.removeOrphans(namespace.unpinnedOrphans(Integer.MAX_VALUE));
      namespace = editor.namespace();
    } finally {
      lock.unlock();
    }
  }

  public Namespace namespace() {
    lock.lock();
    try {
      return namespace;
    } finally {
      lock.unlock();
    }
  }

  @Override
  public void watch(Watcher theWatcher) {
    watcher = theWatcher;
  }

  @Override
  public CompletableFuture<Answered> ask(Query query, Deadline deadline) {
    askCount.incrementAndGet();
    HoldfastException silent = silence;
    if (silent != null) {
      return CompletableFuture.failedFuture(silent);
    }
    Answered answered;
    lock.lock();
    try {
      answered = new Answered(namespace.query(query), false, sequence);
    } finally {
      lock.unlock();
    }
    afterAnswer.run();
    return CompletableFuture.completedFuture(answered);
  }

  @Override
  public CompletableFuture<OperationResult> change(
      ClientId under,
      Operation operation,
      InlineChunk chunkOrNull,
      boolean forced,
      Deadline deadline) {
    changeCount.incrementAndGet();
    return beforeChange
        .apply(operation)
        .thenCompose(go -> apply(under, operation, chunkOrNull, forced))
        .thenCompose(
            made ->
                afterChange
                    .apply(operation)
                    .thenApply(go -> made.result())
                    .exceptionallyCompose(why -> unanswered(why, made.author())));
  }

  private CompletableFuture<OperationResult> unanswered(Throwable why, RequestId requestId) {
    return CompletableFuture.failedFuture(
        new UnansweredException(
            Deadlines.asHoldfast(why), beforeOutcome.thenApply(go -> outcome(requestId))));
  }

  /** What the namespace remembers by now, as it answers whoever asks under the same number. */
  private OperationResult outcome(RequestId requestId) {
    if (!isOutcomeAnswered) {
      return new OperationResult.Failed(ErrorCode.NO_SESSION, "not remembered");
    }
    lock.lock();
    try {
      Applied applied = namespace.apply(requestId, UnknownOutcomes.NOTHING);
      namespace = applied.namespace();
      return applied.result();
    } finally {
      lock.unlock();
    }
  }

  private record Made(RequestId author, OperationResult result) {}

  private CompletableFuture<Made> apply(
      ClientId under, Operation operation, InlineChunk chunkOrNull, boolean forced) {
    lock.lock();
    try {
      if (chunkOrNull != null) {
        if (storeFailure != null) {
          return CompletableFuture.failedFuture(storeFailure);
        }
        written(chunkOrNull.chunk(), chunkOrNull.sealed());
        if (forced) {
          onDisk(Set.of(chunkOrNull.chunk()));
        }
      }
      if (operation instanceof Operation.Rename rename) {
        forceSource(rename);
      }
      if (isSessionOver()) {
        beginAnother();
      }
      if (operation.isOfSession() && !under.equals(client)) {
        return CompletableFuture.completedFuture(
            new Made(
                new RequestId(client, sequence, sequence),
                new OperationResult.Failed(ErrorCode.NO_SESSION, "the session was over")));
      }
      sequence++;
      var requestId = new RequestId(client, sequence, Math.max(0, sequence - RequestId.WINDOW / 2));
      Applied applied = namespace.apply(requestId, Operation.read(reader(operation)));
      namespace = applied.namespace();
      epoch = Math.max(epoch, namespace.epoch()); // each answer brings it
      return CompletableFuture.completedFuture(new Made(requestId, applied.result()));
    } finally {
      lock.unlock();
    }
  }

  /** Epochs go by; this mount hears of that by its next change. */
  public void advanceEpoch(long to) {
    lock.lock();
    try {
      namespace = namespace.advanceEpoch(to);
    } finally {
      lock.unlock();
    }
  }

  private void written(ChunkId chunk, byte[] sealed) {
    lock.lock();
    try {
      chunks.put(chunk, sealed);
      goneChunks.remove(chunk);
      if (!forcedChunks.contains(chunk)) {
        unforcedChunks.add(chunk);
      }
    } finally {
      lock.unlock();
    }
  }

  private void onDisk(Set<ChunkId> wanted) {
    forcedChunks.addAll(wanted);
    unforcedChunks.removeAll(wanted);
  }

  /** What takes another file's place is on disk before that, as the leader has it done. */
  private void forceSource(Operation.Rename rename) {
    boolean isReplacing =
        rename.mode() == RenameMode.REPLACE
            && namespace.query(new Query.Lookup(rename.newParent(), rename.newName()))
                instanceof Answer.Entry;
    if (isReplacing) {
      onDisk(namespace.unsettled().chunksOf(rename.inode()));
    }
  }

  private static holdfast.util.ByteReader reader(Operation operation) {
    return new holdfast.util.ByteReader(operation.toBytes());
  }

  @Override
  public CompletableFuture<Stored> store(ChunkId chunk, Body sealed, Deadline deadline) {
    storeCount.incrementAndGet();
    if (storeFailure != null) {
      return CompletableFuture.failedFuture(storeFailure);
    }
    long begun = epoch;
    return beforeStore
        .apply(chunk)
        .thenApply(
            go -> {
              written(chunk, Arrays.copyOf(sealed.array(), sealed.lengthBytes()));
              return new Stored(List.of(GOOD), begun);
            })
        .thenCompose(stored -> afterStore.apply(chunk).thenApply(go -> stored));
  }

  @Override
  public CompletableFuture<Boolean> has(ChunkId chunk, Deadline deadline) {
    return beforeFetch.apply(chunk).thenApply(go -> chunks.containsKey(chunk));
  }

  @Override
  public CompletableFuture<Fetched> fetch(
      ChunkId chunk, int offsetBytes, int lengthBytes, Set<NodeId> avoid, Deadline deadline) {
    fetchCount.incrementAndGet();
    return beforeFetch
        .apply(chunk)
        .thenCompose(go -> fetched(chunk, offsetBytes, lengthBytes, avoid));
  }

  private CompletableFuture<Fetched> fetched(
      ChunkId chunk, int offsetBytes, int lengthBytes, Set<NodeId> avoid) {
    byte[] all = chunks.get(chunk);
    if (all == null) {
      return CompletableFuture.failedFuture(
          new HoldfastException(ErrorCode.CHUNK_MISSING, "no chunk " + chunk));
    }
    if (offsetBytes < 0 || offsetBytes >= all.length) {
      return CompletableFuture.failedFuture(
          new HoldfastException(ErrorCode.INVALID, "fetch chunk: offset " + offsetBytes));
    }
    int restBytes = all.length - offsetBytes;
    int end = offsetBytes + (lengthBytes < 0 ? restBytes : Math.min(lengthBytes, restBytes));
    byte[] part = Arrays.copyOfRange(all, offsetBytes, end);
    NodeId from = GOOD;
    if (servesBadFirst && !avoid.contains(BAD)) {
      part[part.length / 2] ^= 1;
      from = BAD;
    }
    return CompletableFuture.completedFuture(new Fetched(Body.whole(part), from));
  }

  @Override
  public CompletableFuture<Void> force(Set<ChunkId> wanted, Deadline deadline) {
    lock.lock();
    try {
      if (!chunks.keySet().containsAll(wanted)) {
        return CompletableFuture.failedFuture(
            new HoldfastException(ErrorCode.CHUNK_MISSING, "force: not all there"));
      }
      if (!faults.contains(MemoryFault.FORCE_NO_CHUNKS)) {
        onDisk(wanted);
      }
      return CompletableFuture.completedFuture(null);
    } finally {
      lock.unlock();
    }
  }

  /** Chunks that a power cut may take, in the order in which they came. */
  public List<ChunkId> unforcedChunks() {
    lock.lock();
    try {
      return List.copyOf(unforcedChunks);
    } finally {
      lock.unlock();
    }
  }

  @Override
  public CompletableFuture<Void> forceLog(ClientId under, Deadline deadline) {
    beforeForce.run();
    lock.lock();
    try {
      if (isSessionOver()) {
        beginAnother();
      }
      if (faults.contains(MemoryFault.TELL_WITHOUT_LOSS) && ++logForceCount % 10 == 0) {
        return CompletableFuture.failedFuture(
            new HoldfastException(ErrorCode.STORE_FAILED, "force log: planted"));
      }
      return under.equals(client)
          ? CompletableFuture.completedFuture(null)
          : CompletableFuture.failedFuture(
              new HoldfastException(ErrorCode.NO_SESSION, "the session was over"));
    } finally {
      lock.unlock();
    }
  }

  /** A power cut of all peers: this is what was forced, and every session is over. */
  public void losePower(Namespace forced) {
    losePower(forced, Set.of());
  }

  /**
   * Likewise, and these chunks are gone, none of which was forced: files that name one go back to
   * their newest content without them. A pool does that a little later, and lets nobody write to
   * such a file before.
   */
  void losePower(Namespace forced, Set<ChunkId> gone) {
    lock.lock();
    try {
      if (!unforcedChunks.containsAll(gone)) {
        throw new AssertionError("lose power: expected=chunks that weren't forced, was=" + gone);
      }
      chunks.keySet().removeAll(gone);
      unforcedChunks.removeAll(gone);
      goneChunks.addAll(gone);
      onDisk(Set.copyOf(unforcedChunks)); // what is found after a power cut
      var editor = forced.edit();
      editor.beginLineage(++inodePrefix); // no number of an inode that is lost comes again
      revert(editor);
      namespace = editor.namespace();
    } finally {
      lock.unlock();
    }
  }

  private void revert(NamespaceEditor editor) {
    var inodes = new TreeSet<Long>();
    for (Unsettled.Commit commit : editor.unsettled().oldest(Integer.MAX_VALUE)) {
      if (commit.chunks().stream().anyMatch(goneChunks::contains)) {
        inodes.add(commit.inode());
      }
    }
    for (long inode : inodes) {
      OptionalLong from = editor.unsettled().revertPoint(inode, goneChunks);
      long version = editor.unsettled().version(inode);
      if (from.isPresent() && !editor.revert(inode, version, from.getAsLong())) {
        throw new AssertionError("revert inode " + inode + ": nothing happened");
      }
    }
  }

  @Override
  public void reportBad(ChunkId chunk, NodeId holder) {
    badReports.incrementAndGet();
  }

  @Override
  public CompletableFuture<Reply.Space> space(Deadline deadline) {
    HoldfastException silent = silence;
    if (silent != null) {
      return CompletableFuture.failedFuture(silent);
    }
    lock.lock();
    try {
      long fileCount = namespace.statistics().fileCount();
      return CompletableFuture.completedFuture(new Reply.Space(1L << 40, 1L << 39, fileCount));
    } finally {
      lock.unlock();
    }
  }

  @Override
  public CompletableFuture<PoolStatus> status(Deadline deadline) {
    return CompletableFuture.failedFuture(
        new HoldfastException(ErrorCode.UNSUPPORTED, "a pool in memory has no status"));
  }

  @Override
  public CompletableFuture<Void> setPool(
      List<Request.SetPool.Setting> settings, Deadline deadline) {
    return CompletableFuture.failedFuture(
        new HoldfastException(ErrorCode.UNSUPPORTED, "a pool in memory has no settings"));
  }

  @Override
  public long epoch() {
    return epoch;
  }
}
