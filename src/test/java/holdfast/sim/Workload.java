package holdfast.sim;

import holdfast.client.pool.PoolService;
import holdfast.metadata.op.Answer;
import holdfast.metadata.op.Extent;
import holdfast.metadata.op.OperationResult;
import holdfast.model.ChunkId;
import holdfast.model.ErrorCode;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.CompletableFuture;

/** A client that does one random thing after another and writes down what it was told. */
final class Workload {
  private static final int NAMES = 12;
  private static final int KEPT_LOOKUPS = 3;
  private static final int CONTENT_MAX_BYTES = 2_000;

  private final SimWorld world;
  private final SimClient client;
  private final History history;
  private final Map<Long, ChunkId> contents;
  private final SplittableRandom random;
  private final NameCache cache;
  private int keptCount;
  private boolean isStopped;
  private boolean isPaused;
  private boolean isUnchecked;
  private int pending;

  /** Inodes that had no content when they were read; each was created with some. */
  private final Set<Long> emptied = new TreeSet<>();

  /** Calls under way that the history will judge. */
  private int checked;

  private final List<String> wrong = new ArrayList<>();

  /**
   * @param contents which chunk each inode was created with, shared by all clients
   */
  Workload(SimWorld world, SimClient client, History history, Map<Long, ChunkId> contents) {
    this.world = world;
    this.client = client;
    this.history = history;
    this.contents = contents;
    this.random = world.split();
    this.cache = new NameCache(client, world.split());
    client.service().watch(cache);
  }

  /** Lookups that were answered from what the client knew. */
  int keptCount() {
    return keptCount;
  }

  static Map<Long, ChunkId> contents() {
    return new TreeMap<>();
  }

  void start() {
    client.loop().post(this::next);
  }

  void stop() {
    isStopped = true;
  }

  void pause() {
    isPaused = true;
  }

  void goOn() {
    isPaused = false;
    isUnchecked = false;
  }

  /** From now on only what the history doesn't judge: it may be forgotten. */
  void goOnUnchecked() {
    isUnchecked = true;
  }

  /** Whether nothing is under way that the history will judge. */
  boolean isUncheckedOnly() {
    return isUnchecked && checked == 0;
  }

  boolean isIdle() {
    return isStopped && pending == 0;
  }

  /** What was told and can't be true at any time. */
  List<String> wrong() {
    return wrong;
  }

  private void next() {
    if (isStopped) {
      return;
    }
    if (isPaused) {
      client.loop().postAfter(200 * SimWorld.MS, "paused", this::next);
      return;
    }
    if (isUnchecked) {
      pending++;
      await(rename(), false);
      return;
    }
    for (int i = 0; i < KEPT_LOOKUPS; i++) {
      lookUpKept("n" + random.nextInt(NAMES));
    }
    pending++;
    checked++;
    String name = "n" + random.nextInt(NAMES);
    CompletableFuture<?> call =
        switch (random.nextInt(10)) {
          case 0, 1, 2 -> put(name, false);
          case 3, 4 -> put(name, true);
          case 5, 6 -> unlink(name);
          case 7 -> rename();
          case 8 -> read(name);
          default -> lookup(name);
        };
    await(call, true);
  }

  private void await(CompletableFuture<?> call, boolean isChecked) {
    call.whenComplete(
        (value, failure) -> {
          pending--;
          checked -= isChecked ? 1 : 0;
          client
              .loop()
              .postAfter(random.nextLong(SimWorld.MS, 80 * SimWorld.MS), "next", this::next);
        });
  }

  private CompletableFuture<?> put(String name, boolean inline) {
    byte[] content = new byte[random.nextInt(1, CONTENT_MAX_BYTES)];
    random.nextBytes(content);
    if (inline) {
      var call = begin(name, History.Kind.CREATE);
      return client
          .putInline(name, content)
          .whenComplete((r, f) -> created(name, call, content, r, f));
    }
    ChunkId chunk = SimClient.nameOf(content);
    return client
        .service()
        .store(chunk, holdfast.port.Body.whole(content), client.deadline())
        .thenCompose(
            stored -> {
              var call = begin(name, History.Kind.CREATE);
              return client
                  .service()
                  .change(client.create(name, content, chunk), null, false, client.deadline())
                  .whenComplete((r, f) -> created(name, call, content, r, f));
            });
  }

  private void created(
      String name, History.Call call, byte[] content, OperationResult result, Throwable failure) {
    if (failure == null && result instanceof OperationResult.Done done) {
      contents.put(done.attributes().inode(), SimClient.nameOf(content));
    }
    changed(name, call, ErrorCode.EXISTS, result, failure);
  }

  private void changed(
      String name, History.Call call, ErrorCode no, OperationResult result, Throwable failure) {
    cache.change(name);
    if (failure != null) {
      return;
    }
    switch (result) {
      case OperationResult.Done done ->
          call.end(History.Told.YES, done.attributes().inode(), world.nowNs());
      case OperationResult.Failed failed -> {
        if (failed.code() == no) {
          call.end(History.Told.NO, 0, world.nowNs());
        } else {
          wrong.add(call + " was told " + failed);
        }
      }
    }
  }

  private CompletableFuture<?> unlink(String name) {
    var call = begin(name, History.Kind.UNLINK);
    return client
        .unlink(name)
        .whenComplete((result, f) -> changed(name, call, ErrorCode.NOT_FOUND, result, f));
  }

  /** Names of their own: the checker looks at one name at a time. */
  private CompletableFuture<?> rename() {
    String from = "r" + random.nextInt(NAMES);
    String to = "r" + random.nextInt(NAMES);
    return random.nextBoolean() ? client.makeDirectory(from) : client.rename(from, to);
  }

  /** A program's stat(2) that costs no question, if the answer is known. */
  private void lookUpKept(String name) {
    NameCache.Known known = cache.orNull(name);
    if (known != null) {
      keptCount++;
      var told = known.inode() == 0 ? History.Told.NO : History.Told.YES;
      begin(name, History.Kind.KEPT).end(told, known.inode(), world.nowNs());
    }
  }

  private CompletableFuture<PoolService.Answered> lookup(String name) {
    var call = begin(name, History.Kind.LOOKUP);
    long ticket = cache.ticket();
    return client
        .lookup(name)
        .whenComplete((answered, failure) -> lookedUp(name, ticket, call, answered, failure));
  }

  private void lookedUp(
      String name,
      long ticket,
      History.Call call,
      PoolService.Answered answered,
      Throwable failure) {
    if (failure != null || answered.stale()) {
      return;
    }
    if (answered.answer() instanceof Answer.Entry found) {
      long inode = found.entry().attributes().inode();
      cache.keep(ticket, name, inode);
      call.end(History.Told.YES, inode, world.nowNs());
    } else if (answered.answer() instanceof Answer.Failed failed
        && failed.code() == ErrorCode.NOT_FOUND) {
      cache.keep(ticket, name, 0);
      call.end(History.Told.NO, 0, world.nowNs());
    } else {
      wrong.add(call + " was told " + answered.answer());
    }
  }

  private CompletableFuture<?> read(String name) {
    return lookup(name)
        .thenCompose(
            answered -> {
              if (answered.answer() instanceof Answer.Entry found) {
                return readContent(found.entry().attributes().inode());
              }
              return CompletableFuture.completedFuture(null);
            });
  }

  private CompletableFuture<?> readContent(long inode) {
    return client
        .extents(inode)
        .thenCompose(
            answered -> {
              if (!(answered.answer() instanceof Answer.Extents extents)) {
                return CompletableFuture.completedFuture(null);
              }
              if (extents.extents().isEmpty()) {
                emptied.add(inode);
                return CompletableFuture.completedFuture(null);
              }
              Extent extent = extents.extents().get(0);
              ChunkId expected = contents.get(inode);
              if (expected != null && !expected.equals(extent.chunk())) {
                wrong.add("inode " + inode + " has another's chunk");
              }
              return client
                  .fetch(extent.chunk())
                  .thenAccept(
                      bytes -> {
                        if (!SimClient.nameOf(bytes).equals(extent.chunk())) {
                          wrong.add("chunk " + extent.chunk() + " came with wrong bytes");
                        }
                      });
            });
  }

  private History.Call begin(String name, History.Kind kind) {
    if (kind == History.Kind.CREATE || kind == History.Kind.UNLINK) {
      cache.change(name);
    }
    return history.begin(name, kind, client.toString(), world.nowNs());
  }

  /** Looks at every name, when all is well again: nothing may be missing then. */
  void lookAtAll(SimCluster cluster) {
    for (int i = 0; i < NAMES; i++) {
      String name = "n" + i;
      PoolService.Answered answered = cluster.get(lookup(name));
      if (answered.answer() instanceof Answer.Entry found) {
        cluster.get(readContent(found.entry().attributes().inode()));
      }
    }
  }

  /** What was without content when it was read must have lost it by a power cut. */
  void lookAtEmptied(SimCluster cluster) {
    var unsettled = cluster.leader().orElseThrow().access().namespace().unsettled();
    List<Long> reverted = unsettled.reverted(Integer.MAX_VALUE);
    for (long inode : emptied) {
      if (cluster.get(client.extents(inode)).answer() instanceof Answer.Extents
          && !reverted.contains(inode)) {
        wrong.add("inode " + inode + " has no content, and no power cut took it");
      }
    }
  }
}
