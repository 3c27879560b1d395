package holdfast.network;

import holdfast.model.NodeId;
import holdfast.port.Body;
import holdfast.port.NodeService;
import holdfast.port.Remote;
import holdfast.port.Responder;
import holdfast.protocol.Notice;
import holdfast.protocol.Request;
import holdfast.util.Invariants;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.function.Consumer;

/**
 * Delivers the transport's events to the node's service. The service is made after the transport,
 * on which it sends; what arrives in between waits for it, in order. Loop only.
 */
final class ServiceEvents implements NodeService {
  /** Events that wait for the service to be made: a moment. */
  static final int EARLY_MAX = 4_096;

  private final Deque<Consumer<NodeService>> early = new ArrayDeque<>();

  /** Null until there is one. */
  private NodeService service;

  /** Hands everything to {@code made} from now on: what has waited first. */
  void serve(NodeService made) {
    Invariants.check(service == null, "serve: expected=once, was=again");
    service = made;
    early.forEach(event -> event.accept(made));
    early.clear();
  }

  @Override
  public void onConnected(Remote remote) {
    pass(to -> to.onConnected(remote));
  }

  @Override
  public void onDisconnected(NodeId node) {
    pass(to -> to.onDisconnected(node));
  }

  @Override
  public void onNotice(Remote from, Notice notice) {
    pass(to -> to.onNotice(from, notice));
  }

  @Override
  public void onRequest(Remote from, Request request, Body bodyOrNull, Responder responder) {
    pass(to -> to.onRequest(from, request, bodyOrNull, responder));
  }

  private void pass(Consumer<NodeService> event) {
    if (service != null) {
      event.accept(service);
      return;
    }
    Invariants.check(
        early.size() < EARLY_MAX, "wait for the service: expected=less than %s events", EARLY_MAX);
    early.add(event);
  }
}
