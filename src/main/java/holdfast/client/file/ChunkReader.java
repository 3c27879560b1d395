package holdfast.client.file;

import holdfast.client.pool.Deadline;
import holdfast.client.pool.Deadlines;
import holdfast.client.pool.PoolService;
import holdfast.metadata.op.Extent;
import holdfast.model.ChunkId;
import holdfast.model.ChunkSalt;
import holdfast.model.ErrorCode;
import holdfast.model.HoldfastException;
import holdfast.model.NodeId;
import holdfast.port.Body;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Reads plaintext by extent: from the cache, or fetched in runs of blocks, opened in parallel and
 * kept. A block that doesn't open is fetched from another holder, and the bad copy reported to its
 * peer. Any thread.
 */
final class ChunkReader {
  /** Most blocks of one fetch: 1 MiB. More of a chunk are fetched side by side. */
  static final int RUN_MAX_BLOCKS = 16;

  /** Most fetches in flight, of all readers together, with which reading ahead goes on. */
  static final int AHEAD_RUNS_MAX = 48;

  /** Holders tried for a block that doesn't open. */
  private static final int HOLDERS_TRIED_MAX = 5;

  private final PoolService service;
  private final Sealing sealing;
  private final BlockCache cache;
  private final Executor sealers;
  private final AtomicInteger runsInFlight = new AtomicInteger();

  ChunkReader(PoolService service, Sealing sealing, BlockCache cache, Executor sealers) {
    this.service = service;
    this.sealing = sealing;
    this.cache = cache;
    this.sealers = sealers;
  }

  /** A run of blocks of one chunk, wanted together. */
  private record Run(
      ChunkId chunk,
      ChunkSalt salt,
      int keyReference,
      int firstBlock,
      List<CompletableFuture<byte[]>> blocks) {}

  /**
   * Makes sure that the extent's blocks are there or on their way.
   *
   * @return one future for each block that the extent touches, in order
   */
  List<CompletableFuture<byte[]>> blocks(Extent extent, Deadline deadline) {
    int first = extent.chunkOffset() / Sealing.BLOCK_BYTES;
    int last = (extent.chunkOffset() + extent.lengthBytes() - 1) / Sealing.BLOCK_BYTES;
    var wanted = new ArrayList<CompletableFuture<byte[]>>(last - first + 1);
    var run = new ArrayList<CompletableFuture<byte[]>>();
    for (int block = first; block <= last; block++) {
      var mine = new CompletableFuture<byte[]>();
      var there = cache.claim(new BlockCache.Key(extent.chunk(), block), mine);
      wanted.add(there == null ? mine : there);
      if (there != null || run.size() == RUN_MAX_BLOCKS) {
        fetch(extent, block - run.size(), run, deadline);
        run = new ArrayList<>();
      }
      if (there == null) {
        run.add(mine);
      }
    }
    fetch(extent, last + 1 - run.size(), run, deadline);
    return wanted;
  }

  private void fetch(
      Extent extent, int firstBlock, List<CompletableFuture<byte[]>> blocks, Deadline deadline) {
    if (!blocks.isEmpty()) {
      runsInFlight.incrementAndGet();
      blocks.getLast().whenComplete((block, failure) -> runsInFlight.decrementAndGet());
      fetch(
          new Run(extent.chunk(), extent.salt(), extent.keyReference(), firstBlock, blocks),
          Set.of(),
          deadline);
    }
  }

  private void fetch(Run run, Set<NodeId> avoid, Deadline deadline) {
    int offsetBytes = sealing.sealedStart(run.firstBlock());
    int lengthBytes = run.blocks().size() * sealing.sealedBlockBytes();
    try {
      service
          .fetch(run.chunk(), offsetBytes, lengthBytes, avoid, deadline)
          .whenComplete(
              (fetched, failure) -> {
                if (failure != null) {
                  fail(run, Deadlines.asHoldfast(failure));
                } else {
                  onSealers(run, () -> open(run, fetched, avoid, deadline));
                }
              });
    } catch (RuntimeException e) {
      fail(run, Deadlines.asHoldfast(e));
    }
  }

  /** Whether there is memory for more than what is waited for. */
  boolean mayReadAhead() {
    return runsInFlight.get() < AHEAD_RUNS_MAX;
  }

  /** Whatever happens, the run's blocks end: readers wait for them, and the cache keeps them. */
  private void onSealers(Run run, Runnable work) {
    try {
      sealers.execute(
          () -> {
            try {
              work.run();
            } catch (RuntimeException | Error e) {
              fail(run, Deadlines.asHoldfast(e));
              throw e;
            }
          });
    } catch (RejectedExecutionException e) {
      fail(
          run,
          new HoldfastException(
              ErrorCode.SHUTTING_DOWN, "open block: the file system is closed or overloaded", e));
    }
  }

  private void open(Run run, PoolService.Fetched fetched, Set<NodeId> avoid, Deadline deadline) {
    Body body = fetched.sealed();
    Sealing.Opener opener = sealing.opener(run.salt(), run.keyReference());
    var broken = new ArrayList<CompletableFuture<byte[]>>();
    int firstBroken = 0;
    for (int i = 0; i < run.blocks().size(); i++) {
      int from = i * sealing.sealedBlockBytes();
      int lengthBytes = Math.clamp(body.lengthBytes() - from, 0, sealing.sealedBlockBytes());
      try {
        run.blocks()
            .get(i)
            .complete(opener.open(run.firstBlock() + i, body.array(), from, lengthBytes));
      } catch (HoldfastException e) {
        if (broken.isEmpty()) {
          firstBroken = i;
        }
        // From the first broken one on all are fetched again: they stay one run.
        broken.clear();
        broken.addAll(run.blocks().subList(firstBroken, run.blocks().size()));
        break;
      }
    }
    if (!broken.isEmpty()) {
      elsewhere(run, firstBroken, broken, fetched.from(), avoid, deadline);
    }
  }

  private void elsewhere(
      Run run,
      int firstBroken,
      List<CompletableFuture<byte[]>> broken,
      NodeId holder,
      Set<NodeId> avoid,
      Deadline deadline) {
    var rest =
        new Run(
            run.chunk(), run.salt(), run.keyReference(), run.firstBlock() + firstBroken, broken);
    service.reportBad(run.chunk(), holder);
    var nowAvoid = new HashSet<>(avoid);
    nowAvoid.add(holder);
    if (avoid.contains(holder) || nowAvoid.size() > HOLDERS_TRIED_MAX) {
      fail(
          rest,
          new HoldfastException(
              ErrorCode.SEAL_BROKEN,
              "open block: expected=a copy that opens, was=none of "
                  + nowAvoid.size()
                  + ", chunk="
                  + run.chunk()));
    } else {
      fetch(rest, nowAvoid, deadline);
    }
  }

  private void fail(Run run, HoldfastException why) {
    for (int i = 0; i < run.blocks().size(); i++) {
      CompletableFuture<byte[]> block = run.blocks().get(i);
      cache.drop(new BlockCache.Key(run.chunk(), run.firstBlock() + i), block);
      block.completeExceptionally(why);
    }
  }

  /**
   * Copies the extent's bytes to the target. Blocks until they are there.
   *
   * @throws HoldfastException what the fetch failed with
   */
  void read(
      Extent extent, byte[] target, int targetOffset, Deadlines deadlines, Deadline deadline) {
    List<CompletableFuture<byte[]>> blocks = blocks(extent, deadline);
    int at = extent.chunkOffset();
    int end = at + extent.lengthBytes();
    int firstBlock = at / Sealing.BLOCK_BYTES;
    while (at < end) {
      int block = at / Sealing.BLOCK_BYTES;
      int inBlock = at % Sealing.BLOCK_BYTES;
      int count = Math.min(end - at, Sealing.BLOCK_BYTES - inBlock);
      byte[] plain = deadlines.await(blocks.get(block - firstBlock), deadline);
      if (plain.length < inBlock + count) {
        throw new HoldfastException(
            ErrorCode.SEAL_BROKEN,
            "read block: expected="
                + (inBlock + count)
                + " bytes, was="
                + plain.length
                + ", chunk="
                + extent.chunk());
      }
      System.arraycopy(plain, inBlock, target, targetOffset + at - extent.chunkOffset(), count);
      at += count;
    }
  }
}
