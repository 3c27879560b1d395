package holdfast.port;

import holdfast.model.HoldfastException;
import holdfast.model.HostPort;
import holdfast.model.NodeId;
import holdfast.protocol.Notice;
import holdfast.protocol.Reply;
import holdfast.protocol.Request;
import java.util.List;

/**
 * The port to other nodes: messages over authenticated sessions, which it opens, keeps and reopens
 * itself.
 *
 * <p>Called on the loop, calls back on the loop; nothing here blocks or throws for a network
 * failure. Messages to one node that need no body keep their order while its session lasts; bodies
 * travel on connections of their own so that bulk never delays a heartbeat.
 */
public interface Transport {
  /** Most requests waiting for a reply at once from one node; beyond it they fail with BUSY. */
  int REQUESTS_MAX = 1_024;

  /** Sends a message without an answer; it may be lost silently, also when no session exists. */
  void send(NodeId to, Notice notice);

  /**
   * Sends a request, with the bytes that belong to it or null; {@code handler} gets exactly one end
   * of it. A failure says nothing about whether the other side carried the request out.
   *
   * @param silenceNs it fails with TIMED_OUT when nothing of it has moved for so long, however long
   *     it takes in all: its bytes and those before them, those of its reply, and what the other
   *     side reports of its work ({@link Responder#working})
   */
  InFlight request(
      NodeId to, Request request, Body bodyOrNull, long silenceNs, ReplyHandler handler);

  /** Remembers where a node may be reached; sessions are opened when first needed. */
  void learn(NodeId node, List<HostPort> addresses);

  /**
   * Dials an address of which the node isn't known; ends in {@link NodeService#onConnected} or, for
   * a failure, in {@code onFailure} with a text for the user.
   */
  void dial(HostPort address, java.util.function.Consumer<HoldfastException> onFailure);

  /**
   * Rises as dials get on, of whatever address: with each peer that is busy and says that our turn
   * comes nearer; never with a dial that is refused or tried again. Who knows no peer yet waits for
   * as long as it does.
   */
  long dialStepCount();

  /** True while an authenticated session with the node is open. */
  boolean isConnected(NodeId node);

  /**
   * True while one is open that doesn't go through another peer, as far as this node knows: who was
   * dialled through one isn't told.
   */
  boolean isDirect(NodeId node);

  /** A request until its end. */
  interface InFlight {
    /** Ends it with this failure, unless it has ended: no more of its body is sent. */
    void giveUp(HoldfastException why);
  }

  /** What becomes of one request. */
  interface ReplyHandler {
    /** Something of it has moved since the last call, or the request. Never after its end. */
    default void onProgress() {}

    /**
     * The reply, with the bytes that belong to it (complete) or null. It may be a {@link
     * Reply.Failure}: that is the other side's answer, with its hint who leads.
     */
    void onReply(Reply reply, Body bodyOrNull);

    /** No reply came: UNREACHABLE, TIMED_OUT, BUSY, REFUSED or CHUNK_CORRUPT (its body). */
    void onFailure(HoldfastException why);
  }
}
