package holdfast.network;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import holdfast.model.NodeId;
import holdfast.port.Body;
import holdfast.port.NodeService;
import holdfast.port.Remote;
import holdfast.port.Responder;
import holdfast.protocol.Notice;
import holdfast.protocol.Request;
import holdfast.util.Invariants;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class ServiceEventsTest {

  /** Notes who went. */
  private static final class Service implements NodeService {
    final List<Long> gone = new ArrayList<>();

    @Override
    public void onConnected(Remote remote) {
      throw new AssertionError("nobody came");
    }

    @Override
    public void onDisconnected(NodeId node) {
      gone.add(node.a());
    }

    @Override
    public void onNotice(Remote from, Notice notice) {
      throw new AssertionError("nothing was told");
    }

    @Override
    public void onRequest(Remote from, Request request, Body bodyOrNull, Responder responder) {
      throw new AssertionError("nothing was asked");
    }
  }

  private static NodeId node(long number) {
    return new NodeId(number, 0, 0, 0);
  }

  @Test
  void whatComesBeforeTheServiceWaitsForItInOrder() {
    var events = new ServiceEvents();
    var service = new Service();

    events.onDisconnected(node(1));
    events.onDisconnected(node(2));
    events.serve(service);
    events.onDisconnected(node(3));

    assertEquals(List.of(1L, 2L, 3L), service.gone);
    assertThrows(Invariants.Violation.class, () -> events.serve(service));
  }

  @Test
  void whatWaitsIsBounded() {
    var events = new ServiceEvents();

    for (int i = 0; i < ServiceEvents.EARLY_MAX; i++) {
      events.onDisconnected(node(i));
    }

    assertThrows(Invariants.Violation.class, () -> events.onDisconnected(node(0)));
  }
}
