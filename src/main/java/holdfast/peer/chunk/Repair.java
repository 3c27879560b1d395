package holdfast.peer.chunk;

import holdfast.model.ChunkId;
import holdfast.model.NodeId;
import holdfast.peer.view.PeerPorts;
import holdfast.peer.view.Replies;
import holdfast.port.Body;
import holdfast.port.Periodic;
import holdfast.protocol.Reply;
import holdfast.protocol.Request;
import java.util.Comparator;
import java.util.HashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.PriorityQueue;
import java.util.TreeSet;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.ToIntFunction;

/**
 * Pulls chunks that {@link MissingChunks} found from whoever has them: those with the fewest copies
 * left first, a few at a time, fewer while clients work. Loop thread.
 */
public final class Repair {
  /** Chunks pulled at once when no client works. */
  static final int PULLS_MAX = 4;

  /** And when one does. */
  private static final int PULLS_BUSY_MAX = 1;

  /** A source of which nothing comes for so long is asked no more; a slow one has its time. */
  private static final long PULL_SILENCE_NS = 5_000_000_000L;

  private static final long AGAIN_MIN_NS = 1_000_000_000L;
  private static final long AGAIN_MAX_NS = 30_000_000_000L;
  private static final long LOOK_AGAIN_NS = 250_000_000L;

  private record Wanted(ChunkId chunk, int liveCopies) {}

  private record Later(long notBeforeNs, ChunkId chunk) {}

  /** What the repair needs to know of the pool. */
  public record Pool(
      Function<ChunkId, List<NodeId>> sources,
      ToIntFunction<ChunkId> liveCopies,
      BooleanSupplier isBusy,
      Consumer<ChunkId> onStored) {}

  private final PeerPorts ports;
  private final Pool pool;
  private final MissingChunks missingChunks;
  private final TreeSet<Wanted> ready =
      new TreeSet<>(Comparator.comparingInt(Wanted::liveCopies).thenComparing(Wanted::chunk));
  private final PriorityQueue<Later> later =
      new PriorityQueue<>(Comparator.comparingLong(Later::notBeforeNs).thenComparing(Later::chunk));
  private final Map<ChunkId, Long> pausesNs = new HashMap<>();
  private int pulling;
  private final Periodic looks;

  public Repair(PeerPorts ports, Pool pool, MissingChunks missingChunks) {
    this.ports = ports;
    this.pool = pool;
    this.missingChunks = missingChunks;
    looks = new Periodic(ports.loop(), LOOK_AGAIN_NS, "repair", this::pump);
  }

  public void start() {
    looks.start();
  }

  public void stop() {
    looks.stop();
  }

  public void onMissing(ChunkId chunk, long notBeforeNs) {
    later.add(new Later(notBeforeNs, chunk));
  }

  /** Who is up changed: what failed may work now, and what was safe may have few copies left. */
  public void onMap() {
    pausesNs.clear();
    var all = List.copyOf(ready);
    ready.clear();
    all.forEach(wanted -> want(wanted.chunk()));
    long nowNs = ports.loop().nowNs();
    var waiting = List.copyOf(later);
    later.clear();
    for (Later one : waiting) {
      later.add(
          new Later(Math.min(one.notBeforeNs(), nowNs + MissingChunks.GRACE_NS), one.chunk()));
    }
  }

  private void want(ChunkId chunk) {
    ready.add(new Wanted(chunk, pool.liveCopies().applyAsInt(chunk)));
  }

  private void pump() {
    long nowNs = ports.loop().nowNs();
    while (!later.isEmpty() && later.peek().notBeforeNs() - nowNs <= 0) {
      want(later.poll().chunk());
    }
    int limit = pool.isBusy().getAsBoolean() ? PULLS_BUSY_MAX : PULLS_MAX;
    while (pulling < limit && !ready.isEmpty()) {
      ChunkId chunk = ready.pollFirst().chunk();
      if (missingChunks.isMissing(chunk)) {
        pulling++;
        pull(chunk, pool.sources().apply(chunk).iterator());
      } else {
        pausesNs.remove(chunk);
      }
    }
  }

  private void pull(ChunkId chunk, Iterator<NodeId> sources) {
    if (looks.isStopped()) {
      return;
    }
    if (!sources.hasNext()) {
      end(chunk, false);
      return;
    }
    ports
        .transport()
        .request(
            sources.next(),
            new Request.GetChunk(chunk, 0, -1),
            null,
            PULL_SILENCE_NS,
            Replies.handler(
                (reply, body) -> {
                  if (reply instanceof Reply.Chunk && body != null && isNamed(chunk, body)) {
                    store(chunk, body);
                  } else {
                    pull(chunk, sources);
                  }
                },
                why -> pull(chunk, sources)));
  }

  private void store(ChunkId chunk, Body body) {
    ports
        .vault()
        .put(
            chunk,
            body.array(),
            body.lengthBytes(),
            why -> {
              if (why == null) {
                pool.onStored().accept(chunk);
              }
              end(chunk, why == null);
            });
  }

  private void end(ChunkId chunk, boolean isHere) {
    pulling--;
    if (isHere) {
      pausesNs.remove(chunk);
    } else {
      long pauseNs =
          pausesNs.merge(chunk, AGAIN_MIN_NS, (old, first) -> Math.min(AGAIN_MAX_NS, old * 2));
      later.add(new Later(ports.loop().nowNs() + pauseNs, chunk));
    }
    ports.loop().post(this::pump);
  }

  private static boolean isNamed(ChunkId chunk, Body body) {
    return ChunkId.nameOf(body.array(), 0, body.lengthBytes()).equals(chunk);
  }
}
