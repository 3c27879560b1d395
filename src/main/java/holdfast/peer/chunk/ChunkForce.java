package holdfast.peer.chunk;

import holdfast.model.ChunkId;
import holdfast.model.ErrorCode;
import holdfast.model.HoldfastException;
import holdfast.model.NodeId;
import holdfast.peer.state.Leadership;
import holdfast.peer.view.PeerFault;
import holdfast.peer.view.PeerPorts;
import holdfast.peer.view.Replies;
import holdfast.placement.PoolMap;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Consumer;
import java.util.function.LongSupplier;

/**
 * Serves an fsync: has chunks forced to disk at as many of their holders as the pool wants copies
 * at least.
 */
public final class ChunkForce {
  /** Who doesn't get on with its part for so long isn't waited for. */
  private static final long SILENCE_NS = 4_000_000_000L;

  private final PeerPorts ports;
  private final OwnForce own;
  private final Leadership leadership;
  private final Set<PeerFault> faults;

  public ChunkForce(PeerPorts ports, OwnForce own, Leadership leadership, Set<PeerFault> faults) {
    this.ports = ports;
    this.own = own;
    this.leadership = leadership;
    this.faults = faults;
  }

  /**
   * A chunk that was just stored, for an fsync: min-copies have it on disk, or it fails. Calls one
   * of the two, once.
   *
   * @return rises while it is worked on
   */
  public LongSupplier force(
      ChunkId chunk, List<NodeId> holders, Runnable then, Consumer<HoldfastException> onFailure) {
    var asked = new LinkedHashSet<>(holders);
    asked.addAll(leadership.map().orElseThrow().targets(chunk.partition()));
    return new Round(Map.of(chunk, asked), true, then, onFailure).start();
  }

  /**
   * Chunks stored at some time, for what must not come before them: min-copies have each on disk,
   * or everybody in reach that holds it, one at least. Calls one of the two, once.
   *
   * @return rises while it is worked on
   */
  public LongSupplier settle(
      Collection<ChunkId> chunks, Runnable then, Consumer<HoldfastException> onFailure) {
    PoolMap map = leadership.map().orElseThrow();
    Map<ChunkId, Collection<NodeId>> asked = new HashMap<>();
    for (ChunkId chunk : chunks) {
      asked.put(
          chunk,
          map.readers(chunk.partition()).stream()
              .filter(node -> map.peer(node).orElseThrow().state().isLive())
              .toList());
    }
    return new Round(asked, false, then, onFailure).start();
  }

  private final class Round {
    private final Map<ChunkId, ? extends Collection<NodeId>> asked;
    private final boolean isStrict;
    private final Runnable then;
    private final Consumer<HoldfastException> onFailure;
    private final WriteQuorum quorum;
    private final ForceRound round;
    private boolean isDone;

    private Round(
        Map<ChunkId, ? extends Collection<NodeId>> asked,
        boolean isStrict,
        Runnable then,
        Consumer<HoldfastException> onFailure) {
      this.asked = asked;
      this.isStrict = isStrict;
      this.then = then;
      this.onFailure = onFailure;
      quorum = new WriteQuorum(leadership.map().orElseThrow(), leadership.isFresh(), faults);
      round = new ForceRound(ports, own, leadership.self(), SILENCE_NS);
    }

    private LongSupplier start() {
      Map<NodeId, List<ChunkId>> byNode = new HashMap<>();
      asked.forEach(
          (chunk, nodes) ->
              nodes.forEach(
                  node -> byNode.computeIfAbsent(node, n -> new ArrayList<>()).add(chunk)));
      round.ask(byNode, this::onAnswer);
      return round::movedCount;
    }

    private void onAnswer() {
      if (isDone) {
        return;
      }
      boolean isEnough = asked.keySet().stream().map(round::forced).allMatch(quorum::isEnough);
      boolean isSomewhere =
          asked.keySet().stream().noneMatch(chunk -> round.forced(chunk).isEmpty());
      if (isEnough || round.isOver() && isSomewhere && !isStrict) {
        isDone = true;
        then.run();
      } else if (round.isOver()) {
        isDone = true;
        int fewest = asked.keySet().stream().mapToInt(c -> round.forced(c).size()).min().orElse(0);
        onFailure.accept(
            Replies.error(
                ErrorCode.TIMED_OUT,
                "force chunk: expected=" + quorum + " on disk, was=" + fewest));
      }
    }
  }
}
