package holdfast.peer;

import holdfast.model.ChunkId;
import holdfast.model.NodeId;
import holdfast.model.StorageException;
import holdfast.protocol.Reply;
import holdfast.protocol.Request;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Consumer;

/**
 * Has peers force chunks to their disks and collects who has which on disk, and who said that it
 * doesn't hold one. Who doesn't answer has said nothing. Loop thread.
 */
final class ForceRound {
  private final PeerPorts ports;
  private final NodeId self;
  private final long answerNs;
  private final Map<ChunkId, Set<NodeId>> forced = new HashMap<>();
  private final Map<ChunkId, Set<NodeId>> absent = new HashMap<>();
  private int waiting;
  private Runnable onAnswer = () -> {};

  /**
   * @param answerNs how long to wait for answers
   */
  ForceRound(PeerPorts ports, NodeId self, long answerNs) {
    this.ports = ports;
    this.self = self;
    this.answerNs = answerNs;
  }

  /** Who has the chunk on its disk, forced. */
  Set<NodeId> forced(ChunkId chunk) {
    return forced.getOrDefault(chunk, Set.of());
  }

  /** Who said that it doesn't hold the chunk. */
  Set<NodeId> absent(ChunkId chunk) {
    return absent.getOrDefault(chunk, Set.of());
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
      forceHere(ports, chunks, held -> answered(node, chunks, held), why -> later());
      return;
    }
    ports
        .transport()
        .request(
            node,
            new Request.ForceChunks(chunks),
            null,
            ports.loop().nowNs() + answerNs,
            Replies.handler(
                (reply, none) -> {
                  if (reply instanceof Reply.Chunks held) {
                    answered(
                        node,
                        chunks,
                        held.entries().stream().map(Reply.Chunks.Entry::chunk).toList());
                  } else {
                    later();
                  }
                },
                why -> later()));
  }

  /**
   * Forces what of these chunks is here and calls {@code then} with it. A chunk that comes while
   * the disk is busy isn't among them: it isn't forced yet.
   */
  static void forceHere(
      PeerPorts ports,
      List<ChunkId> chunks,
      Consumer<List<ChunkId>> then,
      Consumer<StorageException> onFailure) {
    List<ChunkId> held = chunks.stream().filter(ports.vault()::contains).toList();
    ports
        .vault()
        .force(
            why -> {
              if (why == null) {
                // Looked at again: a segment that failed meanwhile holds nothing any more.
                then.accept(held.stream().filter(ports.vault()::contains).toList());
              } else {
                onFailure.accept(why);
              }
            });
  }

  private void answered(NodeId node, List<ChunkId> chunks, List<ChunkId> forcedThere) {
    var there = new HashSet<>(forcedThere);
    for (ChunkId chunk : chunks) {
      (there.contains(chunk) ? forced : absent)
          .computeIfAbsent(chunk, c -> new HashSet<>())
          .add(node);
    }
    later();
  }

  private void later() {
    ports
        .loop()
        .post(
            () -> {
              waiting--;
              onAnswer.run();
            });
  }
}
