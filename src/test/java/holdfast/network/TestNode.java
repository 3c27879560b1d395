package holdfast.network;

import holdfast.model.HoldfastException;
import holdfast.model.HostPort;
import holdfast.model.InstanceId;
import holdfast.model.NodeId;
import holdfast.port.Body;
import holdfast.port.NodeService;
import holdfast.port.Remote;
import holdfast.port.Responder;
import holdfast.port.Transport;
import holdfast.protocol.Notice;
import holdfast.protocol.Reply;
import holdfast.protocol.Request;
import holdfast.util.MonotonicClock;
import holdfast.util.NamedThreads;
import holdfast.util.SystemClocks;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.security.SecureRandom;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.BiConsumer;

/** A node with a real transport, whose service records what happens and answers as told. */
public final class TestNode implements NodeService, AutoCloseable {
  private static final SecureRandom RANDOM = new SecureRandom();

  /** Answers one request. */
  interface Answerer {
    void answer(Remote from, Request request, Body bodyOrNull, Responder responder);
  }

  /** A reply with its body. */
  record Answered(Reply reply, Body body) {}

  final LoopThread loop = new LoopThread();
  final BlockingQueue<String> events = new LinkedBlockingQueue<>();
  final AtomicReference<Throwable> uncaught = new AtomicReference<>();
  final NamedThreads threads = new NamedThreads((thread, e) -> uncaught.compareAndSet(null, e));
  final NodeTransport transport;
  final InstanceId instance;
  final NodeId id;
  volatile Answerer answerer = (from, request, body, responder) -> {};
  volatile BiConsumer<Remote, Notice> onNotice = (from, notice) -> events.add("notice " + notice);

  TestNode(NodeIdentity identity, InstanceId instance, NetworkLimits limits) {
    this(identity, instance, limits, SystemClocks.monotonic());
  }

  TestNode(NodeIdentity identity, InstanceId instance, NetworkLimits limits, MonotonicClock clock) {
    this.instance = instance;
    this.id = identity.self().get().key().id();
    this.transport =
        new NodeTransport(
            identity,
            new TransportOptions(
                address("127.0.0.1"),
                limits,
                (node, at) -> events.add("reached " + node.shortForm())),
            loop,
            threads,
            clock,
            SystemClocks.wall(),
            RANDOM);
    transport.serve(this);
  }

  static TestNode peer(TestPool pool, int number, NetworkLimits limits) {
    var instance = newInstance();
    return new TestNode(pool.peer(number, instance), instance, limits);
  }

  static TestNode client(TestPool pool, int number, NetworkLimits limits) {
    var instance = newInstance();
    return new TestNode(pool.client(number, instance, TestPool.DATA_KEY_ID), instance, limits);
  }

  public static InstanceId newInstance() {
    return new InstanceId(RANDOM.nextLong(), RANDOM.nextLong());
  }

  /** Listens and tells the others where. */
  TestNode listening(TestNode... others) {
    HostPort address = transport.listen(0);
    for (TestNode other : others) {
      other.learn(id, address);
    }
    return this;
  }

  void learn(NodeId node, HostPort address) {
    loop.run(() -> transport.learn(node, List.of(address)));
  }

  void send(TestNode to, Notice notice) {
    loop.run(() -> transport.send(to.id, notice));
  }

  CompletableFuture<Answered> ask(TestNode to, Request request, Body bodyOrNull) {
    return ask(to.id, request, bodyOrNull, TimeUnit.SECONDS.toNanos(20));
  }

  CompletableFuture<Answered> ask(NodeId to, Request request, Body bodyOrNull, long patienceNs) {
    var future = new CompletableFuture<Answered>();
    loop.post(
        () ->
            transport.request(
                to,
                request,
                bodyOrNull,
                patienceNs,
                new Transport.ReplyHandler() {
                  @Override
                  public void onReply(Reply reply, Body body) {
                    if (!future.complete(new Answered(reply, body))) {
                      events.add("BUG: a second reply");
                    }
                  }

                  @Override
                  public void onFailure(HoldfastException why) {
                    if (!future.completeExceptionally(why)) {
                      events.add("BUG: a second failure");
                    }
                  }
                }));
    return future;
  }

  /** Waits for an event with this beginning, dropping others. */
  String await(String prefix) throws InterruptedException {
    long deadlineNs = System.nanoTime() + TimeUnit.SECONDS.toNanos(15);
    while (true) {
      String event = events.poll(deadlineNs - System.nanoTime(), TimeUnit.NANOSECONDS);
      if (event == null) {
        throw new AssertionError("no event " + prefix);
      }
      if (event.startsWith(prefix)) {
        return event;
      }
    }
  }

  boolean isConnected(TestNode to) {
    var connected = new AtomicReference<Boolean>();
    loop.run(() -> connected.set(transport.isConnected(to.id)));
    return connected.get();
  }

  boolean isDirect(TestNode to) {
    var direct = new AtomicReference<Boolean>();
    loop.run(() -> direct.set(transport.isDirect(to.id)));
    return direct.get();
  }

  @Override
  public void onConnected(Remote remote) {
    events.add("connected " + remote.node().shortForm());
  }

  @Override
  public void onDisconnected(NodeId node) {
    events.add("disconnected " + node.shortForm());
  }

  @Override
  public void onNotice(Remote from, Notice notice) {
    onNotice.accept(from, notice);
  }

  @Override
  public void onRequest(Remote from, Request request, Body bodyOrNull, Responder responder) {
    answerer.answer(from, request, bodyOrNull, responder);
  }

  /** Closes and checks that nothing went wrong unseen. */
  @Override
  public void close() {
    transport.close();
    loop.run(() -> {});
    loop.close();
    if (loop.failure() != null) {
      throw new AssertionError("task on the loop", loop.failure());
    }
    if (uncaught.get() != null) {
      throw new AssertionError("uncaught", uncaught.get());
    }
    if (events.stream().anyMatch(event -> event.startsWith("BUG"))) {
      throw new AssertionError(events.toString());
    }
  }

  public static InetAddress address(String literal) {
    try {
      return InetAddress.getByName(literal);
    } catch (UnknownHostException e) {
      throw new AssertionError(e);
    }
  }
}
