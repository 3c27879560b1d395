package holdfast.peer;

import holdfast.model.ChunkId;
import holdfast.model.ErrorCode;
import holdfast.model.HoldfastException;
import holdfast.model.NodeId;
import holdfast.placement.PoolMap;
import holdfast.protocol.Reply;
import holdfast.protocol.Request;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.function.Consumer;

/** Has a chunk forced to disk at as many of its holders as the pool wants copies at least. */
final class ChunkForce {
  private static final long DEADLINE_NS = 4_000_000_000L;

  private final PeerPorts ports;
  private final Standing standing;
  private final Set<PeerFault> faults;

  ChunkForce(PeerPorts ports, Standing standing, Set<PeerFault> faults) {
    this.ports = ports;
    this.standing = standing;
    this.faults = faults;
  }

  /** Calls one of the two, once. */
  void force(
      ChunkId chunk, List<NodeId> holders, Runnable then, Consumer<HoldfastException> onFailure) {
    PoolMap map = standing.map().orElseThrow();
    var asked = new LinkedHashSet<>(holders);
    asked.addAll(map.targets(chunk.partition()));
    var rule = new CopyRule(map, standing.isFresh(), faults);
    var round = new Round(rule, asked.size(), then, onFailure);
    for (NodeId holder : asked) {
      if (holder.equals(standing.self())) {
        boolean isHeld = ports.vault().contains(chunk);
        ports.vault().force(why -> round.onAnswer(holder, isHeld && why == null));
      } else {
        ports
            .transport()
            .request(
                holder,
                new Request.ForceChunks(List.of(chunk)),
                null,
                ports.loop().nowNs() + DEADLINE_NS,
                Replies.handler(
                    (reply, none) ->
                        round.onAnswer(
                            holder,
                            reply instanceof Reply.Chunks held && !held.entries().isEmpty()),
                    why -> round.onAnswer(holder, false)));
      }
    }
  }

  private static final class Round {
    private final CopyRule rule;
    private final Runnable then;
    private final Consumer<HoldfastException> onFailure;
    private final Set<NodeId> forced = new HashSet<>();
    private int waiting;
    private boolean isDone;

    private Round(
        CopyRule rule, int waiting, Runnable then, Consumer<HoldfastException> onFailure) {
      this.rule = rule;
      this.waiting = waiting;
      this.then = then;
      this.onFailure = onFailure;
    }

    private void onAnswer(NodeId holder, boolean isForced) {
      waiting--;
      if (isForced) {
        forced.add(holder);
      }
      if (isDone) {
        return;
      }
      if (rule.isEnough(forced)) {
        isDone = true;
        then.run();
      } else if (waiting == 0) {
        isDone = true;
        onFailure.accept(
            Replies.error(
                ErrorCode.TIMED_OUT,
                "force chunk: expected=" + rule + " on disk, was=" + forced.size()));
      }
    }
  }
}
