package holdfast.client.pool;

import holdfast.model.ChunkId;
import holdfast.model.ErrorCode;
import holdfast.model.HoldfastException;
import holdfast.model.NodeId;
import holdfast.port.Body;
import holdfast.port.Loop;
import holdfast.port.Transport;
import holdfast.protocol.Reply;
import holdfast.protocol.Request;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;

/**
 * Forces chunks to disk at enough of the peers that store them. Asks who stored them and who should
 * store them by the map; where too few answer, it waits for repair to make a copy and asks again,
 * until the deadline. Loop only.
 */
final class ForceCall {
  private static final long ROUND_PAUSE_NS = 250_000_000L;

  /** Rounds on end that brought nothing; what moves after as many counts no more. */
  private static final int IN_VAIN_MAX = 4;

  /** A disk may take some seconds for one force, and says nothing meanwhile. */
  private static final long HOLDER_SILENCE_NS = 5_000_000_000L;

  private final Loop loop;
  private final Transport transport;
  private final PoolView view;
  private final StoredAt storedAt;
  private final long startNs;
  private final Deadline deadline;
  private final CompletableFuture<Void> result;
  private final Map<ChunkId, Set<NodeId>> forced = new HashMap<>();
  private int waitingCount;
  private int forcedBefore;
  private int roundsInVain;
  private HoldfastException lastFailure;

  ForceCall(
      Loop loop,
      Transport transport,
      PoolView view,
      StoredAt storedAt,
      Set<ChunkId> chunks,
      Deadline deadline,
      CompletableFuture<Void> result) {
    this.loop = loop;
    this.transport = transport;
    this.view = view;
    this.storedAt = storedAt;
    this.startNs = loop.nowNs();
    this.deadline = deadline;
    this.result = result;
    chunks.forEach(chunk -> forced.put(chunk, new HashSet<>()));
  }

  void start() {
    round();
  }

  /** Copies that are known to be on disk. */
  private int forcedCount() {
    return forced.values().stream().mapToInt(Set::size).sum();
  }

  private void round() {
    forcedBefore = forcedCount();
    var asked = new HashMap<NodeId, List<ChunkId>>();
    forced.forEach(
        (chunk, by) -> {
          if (!suffices(by)) {
            for (NodeId holder : holdersOf(chunk)) {
              if (!by.contains(holder)) {
                asked.computeIfAbsent(holder, x -> new ArrayList<>()).add(chunk);
              }
            }
          }
        });
    var requests = new ArrayList<Runnable>();
    asked.forEach(
        (holder, chunks) -> {
          for (int from = 0; from < chunks.size(); from += Request.LIST_MAX) {
            var part = chunks.subList(from, Math.min(chunks.size(), from + Request.LIST_MAX));
            var request = new Request.ForceChunks(List.copyOf(part));
            long silenceNs = Math.min(untilNs() - loop.nowNs(), HOLDER_SILENCE_NS);
            requests.add(
                () -> transport.request(holder, request, null, silenceNs, new Answered(holder)));
          }
        });
    waitingCount = requests.size();
    if (waitingCount == 0) {
      endRound();
    }
    requests.forEach(Runnable::run);
  }

  private Set<NodeId> holdersOf(ChunkId chunk) {
    var holders = new LinkedHashSet<NodeId>();
    if (storedAt.ofOrNull(chunk) != null) {
      holders.addAll(storedAt.ofOrNull(chunk));
    }
    if (view.mapOrNull() != null) {
      holders.addAll(view.mapOrNull().targets(chunk.partition()));
    }
    return holders;
  }

  private void endRound() {
    boolean enough = forced.values().stream().allMatch(this::suffices);
    roundsInVain = forcedCount() > forcedBefore ? 0 : roundsInVain + 1;
    if (enough) {
      result.complete(null);
    } else if (deadline.isHopeless() || untilNs() - loop.nowNs() <= ROUND_PAUSE_NS) {
      result.completeExceptionally(lastFailure != null ? lastFailure : tooFew());
    } else {
      loop.at(loop.nowNs() + ROUND_PAUSE_NS, "force again", this::round);
    }
  }

  private long untilNs() {
    return RetryingCall.untilNs(loop, startNs, deadline);
  }

  private boolean suffices(Set<NodeId> by) {
    return view.mapOrNull() == null ? !by.isEmpty() : view.mapOrNull().suffices(by);
  }

  private HoldfastException tooFew() {
    int fewest = forced.values().stream().mapToInt(Set::size).min().orElse(0);
    return new HoldfastException(
        ErrorCode.TIMED_OUT,
        "force chunks: expected=min-copies on disk, was=" + fewest + " of the worst chunk");
  }

  private final class Answered implements Transport.ReplyHandler {
    private final NodeId holder;

    Answered(NodeId holder) {
      this.holder = holder;
    }

    @Override
    public void onReply(Reply reply, Body bodyOrNull) {
      if (reply instanceof Reply.Chunks stored) {
        for (Reply.Chunks.Entry entry : stored.entries()) {
          Set<NodeId> by = forced.get(entry.chunk());
          if (by != null) {
            by.add(holder);
          }
        }
      } else if (reply instanceof Reply.Failure failure) {
        lastFailure = new HoldfastException(failure.code(), failure.text());
      }
      answered();
    }

    @Override
    public void onProgress() {
      if (roundsInVain < IN_VAIN_MAX) {
        deadline.moved();
      }
    }

    @Override
    public void onFailure(HoldfastException why) {
      lastFailure = why;
      answered();
    }

    private void answered() {
      // Whoever is slow isn't waited for when enough have answered.
      if (--waitingCount == 0 || forced.values().stream().allMatch(ForceCall.this::suffices)) {
        endRound();
      }
    }
  }
}
