package holdfast.network;

import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import holdfast.model.HostPort;
import holdfast.model.NodeId;
import holdfast.port.NodeService;
import holdfast.port.TransportContractTest;
import holdfast.util.NamedThreads;
import holdfast.util.SystemClocks;
import java.security.SecureRandom;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.AfterEach;

final class NodeTransportContractTest extends TransportContractTest {
  private static final SecureRandom RANDOM = new SecureRandom();

  private final TestPool pool = new TestPool(1);
  private final AtomicReference<Throwable> uncaught = new AtomicReference<>();
  private final NamedThreads threads =
      new NamedThreads((thread, e) -> uncaught.compareAndSet(null, e));
  private final List<NodeTransport> transports = new ArrayList<>();
  private final List<LoopThread> loops = new ArrayList<>();

  @AfterEach
  void close() {
    transports.forEach(NodeTransport::close);
    for (LoopThread loop : loops) {
      loop.run(() -> {});
      loop.close();
      assertNull(loop.failure());
    }
    assertNull(uncaught.get());
  }

  @Override
  protected Node peer(int number, NodeService service) {
    var instance = TestNode.newInstance();
    return node(pool.peer(number, instance), service, true);
  }

  @Override
  protected Node client(int number, NodeService service) {
    var instance = TestNode.newInstance();
    return node(pool.client(number, instance, DATA_KEY_ID), service, false);
  }

  private Node node(NodeIdentity identity, NodeService service, boolean isListening) {
    var loop = new LoopThread();
    loops.add(loop);
    var transport =
        new NodeTransport(
            identity,
            new TransportOptions(
                TestNode.address("127.0.0.1"), NetworkLimits.standard(), (node, at) -> {}),
            loop,
            threads,
            SystemClocks.monotonic(),
            SystemClocks.wall(),
            RANDOM);
    transports.add(transport);
    transport.serve(service);
    if (isListening) {
      transport.listen(0);
    }
    var self = identity.self().get();
    return new Node(
        self.key().id(), self.instance(), loop, transport, loop::isThis, transport::close);
  }

  @Override
  protected HostPort address(Node peer) {
    return ((NodeTransport) peer.transport()).localAddress().orElseThrow();
  }

  @Override
  protected HostPort deadAddress() {
    return new HostPort("127.0.0.1", 1);
  }

  @Override
  protected NodeId stranger() {
    return TestPool.key(5).id();
  }

  @Override
  protected void runUntil(BooleanSupplier condition) {
    long endNs = SystemClocks.monotonic().nowNs() + TimeUnit.SECONDS.toNanos(30);
    while (!condition.getAsBoolean()) {
      assertTrue(SystemClocks.monotonic().nowNs() - endNs < 0, "wait for the nodes");
      LockSupport.parkNanos(200_000);
    }
  }
}
