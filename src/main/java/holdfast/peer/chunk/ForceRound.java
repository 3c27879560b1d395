package holdfast.peer.chunk;

import holdfast.model.ChunkId;
import holdfast.model.ChunkLoss;
import holdfast.model.NodeId;
import holdfast.model.StorageException;
import holdfast.peer.view.PeerPorts;
import holdfast.peer.view.Replies;
import holdfast.protocol.Reply;
import holdfast.protocol.Request;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.LongSupplier;

/**
 * One round of forcing chunks at several peers: collects who has which on disk, and who said that
 * it doesn't hold one. Who doesn't answer has said nothing. Loop thread.
 */
final class ForceRound {
  private final PeerPorts ports;
  private final OwnForce own;
  private final NodeId self;
  private final long silenceNs;
  private final Map<ChunkId, Set<NodeId>> forced = new HashMap<>();
  private final Map<ChunkId, Set<NodeId>> absent = new HashMap<>();
  private final Map<NodeId, ChunkLoss> losses = new HashMap<>();
  private int waiting;

  /** Rises with each answer, and while one is worked on elsewhere. */
  private long movedCount;

  private LongSupplier ownProgress = () -> 0;
  private Runnable onAnswer = () -> {};

  /**
   * @param silenceNs how long nothing of an answer may move
   */
  ForceRound(PeerPorts ports, OwnForce own, NodeId self, long silenceNs) {
    this.ports = ports;
    this.own = own;
    this.self = self;
    this.silenceNs = silenceNs;
  }

  /** Who has the chunk on its disk, forced. */
  Set<NodeId> forced(ChunkId chunk) {
    return forced.getOrDefault(chunk, Set.of());
  }

  /** Who said that nothing of the chunk is there. */
  Set<NodeId> absent(ChunkId chunk) {
    return absent.getOrDefault(chunk, Set.of());
  }

  /** What a peer that answered may have lost of its chunks. */
  ChunkLoss loss(NodeId node) {
    return losses.getOrDefault(node, ChunkLoss.NONE);
  }

  /** Rises while any peer gets on with its part. */
  long movedCount() {
    return movedCount + ownProgress.getAsLong();
  }

  /** Whether every answer is there, or its time is over. */
  boolean isOver() {
    return waiting == 0;
  }

  /**
   * Asks; may be called again when the round {@link #isOver}.
   *
   * @param then called after each answer and each failure, at least once, never from within
   */
  void ask(Map<NodeId, ? extends Collection<ChunkId>> asked, Runnable then) {
    onAnswer = then;
    List<Runnable> requests = new ArrayList<>();
    asked.forEach(
        (node, chunks) -> {
          List<ChunkId> all = List.copyOf(chunks);
          for (int from = 0; from < all.size(); from += Request.LIST_MAX) {
            List<ChunkId> part = all.subList(from, Math.min(all.size(), from + Request.LIST_MAX));
            requests.add(() -> ask(node, part));
          }
        });
    waiting = requests.size();
    requests.forEach(Runnable::run);
    if (requests.isEmpty()) {
      ports.loop().post(then);
    }
  }

  private void ask(NodeId node, List<ChunkId> chunks) {
    if (node.equals(self)) {
      LongSupplier before = ownProgress;
      LongSupplier one = own.force(chunks, here(chunks));
      ownProgress = () -> before.getAsLong() + one.getAsLong();
      return;
    }
    ports
        .transport()
        .request(
            node,
            new Request.ForceChunks(chunks),
            null,
            silenceNs,
            Replies.handler(
                (reply, none) -> {
                  if (reply instanceof Reply.Chunks held) {
                    answered(
                        node,
                        chunks,
                        held.entries().stream().map(Reply.Chunks.Entry::chunk).toList(),
                        held.indeterminate(),
                        held.loss());
                  } else {
                    later();
                  }
                },
                why -> later(),
                () -> movedCount++));
  }

  private OwnForce.Outcome here(List<ChunkId> chunks) {
    return new OwnForce.Outcome() {
      @Override
      public void onForced(List<ChunkId> forcedHere, List<ChunkId> indeterminate, ChunkLoss loss) {
        answered(self, chunks, forcedHere, indeterminate, loss);
      }

      @Override
      public void onFailure(StorageException why) {
        later();
      }
    };
  }

  /** A chunk that is neither forced there nor absent is as one of which nothing was said. */
  private void answered(
      NodeId node,
      List<ChunkId> chunks,
      List<ChunkId> forcedThere,
      List<ChunkId> indeterminateThere,
      ChunkLoss loss) {
    losses.put(node, loss);
    var there = new HashSet<>(forcedThere);
    var indeterminate = new HashSet<>(indeterminateThere);
    for (ChunkId chunk : chunks) {
      if (there.contains(chunk)) {
        forced.computeIfAbsent(chunk, c -> new HashSet<>()).add(node);
      } else if (!indeterminate.contains(chunk)) {
        absent.computeIfAbsent(chunk, c -> new HashSet<>()).add(node);
      }
    }
    later();
  }

  private void later() {
    ports
        .loop()
        .post(
            () -> {
              waiting--;
              movedCount++;
              onAnswer.run();
            });
  }
}
