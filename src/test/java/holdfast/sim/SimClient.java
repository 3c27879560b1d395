package holdfast.sim;

import holdfast.client.pool.Deadline;
import holdfast.client.pool.PoolService;
import holdfast.client.pool.RemotePoolService;
import holdfast.metadata.op.Answer;
import holdfast.metadata.op.Attributes;
import holdfast.metadata.op.Content;
import holdfast.metadata.op.EntryName;
import holdfast.metadata.op.Extent;
import holdfast.metadata.op.FileType;
import holdfast.metadata.op.Operation;
import holdfast.metadata.op.OperationResult;
import holdfast.metadata.op.Query;
import holdfast.metadata.op.RenameMode;
import holdfast.metadata.op.Replacement;
import holdfast.metadata.op.Tag;
import holdfast.model.ChunkId;
import holdfast.model.ChunkSalt;
import holdfast.model.ClientId;
import holdfast.model.HostPort;
import holdfast.model.InstanceId;
import holdfast.model.NodeId;
import holdfast.model.SealId;
import holdfast.port.Body;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.concurrent.CompletableFuture;

/** A client process: the real client-side service on a simulated loop and network. */
public final class SimClient {
  public static final long ROOT = 1;
  public static final long DATA_KEY = 0x5EA1L;
  static final long CALL_NS = 10 * SimWorld.S;

  private final SimWorld world;
  private final SimLoop loop;
  private final SimTransport transport;
  private final RemotePoolService service;
  private final SplittableRandom random;
  private final String name;

  SimClient(SimWorld world, SimNetwork network, String name, List<HostPort> peers) {
    this.world = world;
    this.name = name;
    random = world.split();
    loop = new SimLoop(world, name);
    var id = new NodeId(random.nextLong(), random.nextLong(), random.nextLong(), random.nextLong());
    var instance = new InstanceId(random.nextLong(), random.nextLong());
    transport = network.open(loop, id, false, instance, null, DATA_KEY);
    service =
        new RemotePoolService(
            loop, transport, () -> new ClientId(random.nextLong(), random.nextLong()), DATA_KEY);
    transport.start(service);
    dial(peers);
  }

  private void dial(List<HostPort> peers) {
    loop.post(() -> peers.forEach(address -> transport.dial(address, why -> {})));
    loop.postAfter(2 * SimWorld.S, "dial peers", () -> dial(peers));
  }

  public PoolService service() {
    return service;
  }

  public SimLoop loop() {
    return loop;
  }

  public NodeId id() {
    return transport.self();
  }

  boolean isConnected(NodeId peer) {
    return transport.isConnected(peer);
  }

  public CompletableFuture<Integer> open() {
    return service.open(deadline());
  }

  public Deadline deadline() {
    return Deadline.in(loop::nowNs, CALL_NS);
  }

  /** A file that is created whole: its chunk stored first, then its name. */
  public CompletableFuture<OperationResult> put(String file, byte[] content) {
    return put(file, content, false);
  }

  /** As {@link #put}; forced, it is on disk when it is answered. */
  public CompletableFuture<OperationResult> put(String file, byte[] content, boolean forced) {
    ChunkId chunk = nameOf(content);
    return stored(chunk, content, forced)
        .thenCompose(
            ready -> service.change(create(file, content, chunk), null, forced, deadline()));
  }

  private CompletableFuture<Void> stored(ChunkId chunk, byte[] content, boolean forced) {
    return service
        .store(chunk, Body.whole(content), deadline())
        .thenCompose(
            stored ->
                forced
                    ? service.force(Set.of(chunk), deadline())
                    : CompletableFuture.completedFuture(null));
  }

  /** As {@link #put}, but the chunk travels with the operation. */
  public CompletableFuture<OperationResult> putInline(String file, byte[] content) {
    ChunkId chunk = nameOf(content);
    return service.change(
        create(file, content, chunk),
        new PoolService.InlineChunk(chunk, content),
        false,
        deadline());
  }

  public Operation create(String file, byte[] content, ChunkId chunk) {
    var extent = new Extent(0, content.length, chunk, new ChunkSalt(random.nextLong(), 0), 0, 0);
    return new Operation.Create(
        ROOT,
        entry(file),
        Tag.ZERO,
        new SealId(random.nextLong(), random.nextLong()),
        FileType.FILE,
        0644,
        0,
        0,
        0,
        Optional.empty(),
        true,
        world.nowNs(),
        Optional.of(
            new Content(
                1, content.length, Tag.ZERO, world.nowNs(), service.epoch(), List.of(extent))));
  }

  public CompletableFuture<OperationResult> makeDirectory(String directory) {
    return makeDirectory(directory, deadline());
  }

  public CompletableFuture<OperationResult> makeDirectory(String directory, Deadline deadline) {
    return service.change(
        new Operation.Create(
            ROOT,
            entry(directory),
            Tag.ZERO,
            new SealId(random.nextLong(), random.nextLong()),
            FileType.DIRECTORY,
            0755,
            0,
            0,
            0,
            Optional.empty(),
            true,
            world.nowNs(),
            Optional.empty()),
        null,
        false,
        deadline);
  }

  public CompletableFuture<OperationResult> unlink(String file) {
    return service.change(
        new Operation.Unlink(ROOT, entry(file), world.nowNs()), null, false, deadline());
  }

  public CompletableFuture<OperationResult> rename(String from, String to) {
    return service.change(renaming(from, to), null, false, deadline());
  }

  public Operation renaming(String from, String to) {
    return new Operation.Rename(
        ROOT, entry(from), ROOT, entry(to), Tag.ZERO, Tag.ZERO, RenameMode.REPLACE, world.nowNs());
  }

  public CompletableFuture<PoolService.Answered> lookup(String file) {
    return service.ask(new Query.Lookup(ROOT, entry(file)), deadline());
  }

  public CompletableFuture<PoolService.Answered> extents(long inode) {
    return service.ask(new Query.ReadExtents(inode, 0, 100), deadline());
  }

  /** The chunk's bytes, whole. */
  public CompletableFuture<byte[]> fetch(ChunkId chunk) {
    return service
        .fetch(chunk, 0, -1, Set.of(), deadline())
        .thenApply(
            fetched ->
                java.util.Arrays.copyOf(fetched.sealed().array(), fetched.sealed().lengthBytes()));
  }

  /** The whole file: lookup, extents, chunks. Null if there is none of this name. */
  public CompletableFuture<byte[]> get(String file) {
    return lookup(file)
        .thenCompose(
            told -> {
              if (!(told.answer() instanceof Answer.Entry found)) {
                return CompletableFuture.completedFuture(null);
              }
              return content(found.entry().attributes().inode());
            });
  }

  /** A file's content, and the attributes it had then. */
  record Whole(Attributes attributes, byte[] bytes) {}

  /** The whole file. */
  public CompletableFuture<byte[]> content(long inode) {
    return whole(inode).thenApply(Whole::bytes);
  }

  /** The whole file, as of one version. */
  CompletableFuture<Whole> whole(long inode) {
    return extents(inode)
        .thenCompose(
            told -> {
              var found = (Answer.Extents) told.answer();
              byte[] bytes = new byte[(int) found.attributes().sizeBytes()];
              CompletableFuture<Void> all = CompletableFuture.completedFuture(null);
              for (Extent extent : found.extents()) {
                all = all.thenCompose(before -> fill(bytes, extent));
              }
              return all.thenApply(done -> new Whole(found.attributes(), bytes));
            });
  }

  private CompletableFuture<Void> fill(byte[] bytes, Extent extent) {
    return fetch(extent.chunk())
        .thenAccept(
            chunk ->
                System.arraycopy(
                    chunk,
                    extent.chunkOffset(),
                    bytes,
                    (int) extent.fileOffset(),
                    extent.lengthBytes()));
  }

  /** The number of the file of this name, which is there. */
  public CompletableFuture<Long> inode(String file) {
    return lookup(file)
        .thenApply(told -> ((Answer.Entry) told.answer()).entry().attributes().inode());
  }

  /** New content of a file that is there, in place of all it has. */
  public CompletableFuture<OperationResult> replace(String file, byte[] content, boolean forced) {
    ChunkId chunk = nameOf(content);
    return stored(chunk, content, forced)
        .thenCompose(ready -> replaceByStored(file, content, forced));
  }

  /** As {@link #replace}, by content that somebody has stored already. */
  public CompletableFuture<OperationResult> replaceByStored(
      String file, byte[] content, boolean forced) {
    ChunkId chunk = nameOf(content);
    return lookup(file)
        .thenCompose(
            told -> {
              Attributes now = ((Answer.Entry) told.answer()).entry().attributes();
              var commit = commit(now, 0, content, chunk, content.length);
              return service.change(commit, null, forced, deadline());
            });
  }

  /** Writes into a file as it was then; STALE_VERSION if it has changed since. */
  public CompletableFuture<OperationResult> patch(
      Attributes base, int offset, byte[] part, boolean forced) {
    ChunkId chunk = nameOf(part);
    long sizeBytes = Math.max(base.sizeBytes(), offset + part.length);
    return stored(chunk, part, forced)
        .thenCompose(
            ready ->
                service.change(
                    commit(base, offset, part, chunk, sizeBytes), null, forced, deadline()));
  }

  private Operation commit(
      Attributes now, int offset, byte[] content, ChunkId chunk, long sizeBytes) {
    var extent =
        new Extent(offset, content.length, chunk, new ChunkSalt(random.nextLong(), 0), 0, 0);
    return new Operation.Commit(
        now.inode(),
        now.version(),
        now.version() + 1,
        sizeBytes,
        Tag.ZERO,
        world.nowNs(),
        world.nowNs(),
        service.epoch(),
        List.of(new Replacement(offset, offset + content.length, List.of(extent))));
  }

  /** Any name as a sealed one: what is in it doesn't matter to the pool. */
  public static EntryName entry(String name) {
    byte[] sealed = new byte[48];
    byte[] text = name.getBytes(StandardCharsets.UTF_8);
    System.arraycopy(text, 0, sealed, 0, Math.min(48, text.length));
    return new EntryName(sealed);
  }

  public static ChunkId nameOf(byte[] bytes) {
    return ChunkId.of(MemoryVault.sha256().digest(bytes));
  }

  @Override
  public String toString() {
    return name;
  }
}
