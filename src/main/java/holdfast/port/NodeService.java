package holdfast.port;

import holdfast.model.NodeId;
import holdfast.protocol.Notice;
import holdfast.protocol.Request;

/**
 * The port by which the transport hands a node what arrives. All methods are called on the node's
 * loop.
 */
public interface NodeService {
  /** An authenticated session with this node is open (again); {@code remote.instance} tells. */
  void onConnected(Remote remote);

  /** The last connection of the session with this node is gone. */
  void onDisconnected(NodeId node);

  /** A message without an answer. */
  void onNotice(Remote from, Notice notice);

  /**
   * A request; {@code responder} must be used exactly once, now or later. {@code bodyOrNull} may
   * still be arriving; its completion means that its hash was its name.
   */
  void onRequest(Remote from, Request request, Body bodyOrNull, Responder responder);
}
