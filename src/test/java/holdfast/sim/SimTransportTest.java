package holdfast.sim;

import static org.junit.jupiter.api.Assertions.assertTrue;

import holdfast.model.HostPort;
import holdfast.model.InstanceId;
import holdfast.model.NodeId;
import holdfast.port.NodeService;
import holdfast.port.TransportContractTest;
import java.util.function.BooleanSupplier;

final class SimTransportTest extends TransportContractTest {
  private final SimWorld world = new SimWorld(1);
  private final SimNetwork network = new SimNetwork(world);

  @Override
  protected Node peer(int number, NodeService service) {
    return node(number, address(number), 0, service);
  }

  @Override
  protected Node client(int number, NodeService service) {
    return node(number, null, DATA_KEY_ID, service);
  }

  private Node node(int number, HostPort listenOrNull, long dataKeyId, NodeService service) {
    var loop = new SimLoop(world, "node " + number);
    var id = new NodeId(number, 0, 0, 1);
    var instance = new InstanceId(number, 7);
    var transport = network.open(loop, id, listenOrNull != null, instance, listenOrNull, dataKeyId);
    transport.start(service);
    Runnable kill =
        () -> {
          loop.kill();
          transport.kill(true);
        };
    return new Node(id, instance, loop, transport, () -> world.current() == loop, kill);
  }

  private static HostPort address(int number) {
    return new HostPort("10.0.0." + number, 8_000);
  }

  @Override
  protected HostPort address(Node peer) {
    return address((int) peer.id().a());
  }

  @Override
  protected HostPort deadAddress() {
    return address(99);
  }

  @Override
  protected NodeId stranger() {
    return new NodeId(99, 0, 0, 1);
  }

  @Override
  protected void runUntil(BooleanSupplier condition) {
    for (int ms = 0; ms < 60_000 && !condition.getAsBoolean(); ms++) {
      world.run(SimWorld.MS);
    }
    assertTrue(condition.getAsBoolean());
  }
}
