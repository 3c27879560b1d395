package holdfast.network.discovery;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import holdfast.model.HostPort;
import holdfast.model.NodeId;
import holdfast.network.LoopThread;
import holdfast.network.TestNode;
import holdfast.network.TestPool;
import holdfast.util.NamedThreads;
import holdfast.util.SystemClocks;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.security.SecureRandom;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class BeaconTest {
  private static final InetAddress LOOPBACK = TestNode.address("127.0.0.1");
  private static final long ROOM = 1_000_000;

  private final SecureRandom random = new SecureRandom();
  private final LoopThread loop = new LoopThread();
  private final AtomicReference<Throwable> uncaught = new AtomicReference<>();
  private final List<Beacon> beacons = new ArrayList<>();
  private int udpPort;

  @BeforeEach
  void findPort() throws Exception {
    try (var socket = new DatagramSocket(new InetSocketAddress(LOOPBACK, 0))) {
      udpPort = socket.getLocalPort();
    }
  }

  @AfterEach
  void closeAll() {
    beacons.forEach(Beacon::close);
    loop.close();
    assertThat(uncaught.get()).isNull();
    assertThat(loop.failure()).isNull();
  }

  @Test
  void aClientFindsEveryPeerOfItsPoolOnThisMachine() throws Exception {
    serve(beacon(1), 0, 8_001, ROOM);
    serve(beacon(1), 1, 8_002, ROOM);
    var hints = new LinkedBlockingQueue<Beacon.Hint>();

    var search = beacon(1).findPeers(ROOM, hints::add);

    Set<HostPort> found = new HashSet<>();
    Set<NodeId> nodes = new HashSet<>();
    while (found.size() < 2) {
      Beacon.Hint hint = take(hints);
      found.add(hint.address());
      nodes.add(hint.expected().orElseThrow());
      assertThat(hint.freeBytes()).isEqualTo(ROOM);
    }
    search.stop();
    assertThat(found)
        .containsExactlyInAnyOrder(
            new HostPort("127.0.0.1", 8_001), new HostPort("127.0.0.1", 8_002));
    assertThat(nodes).containsExactlyInAnyOrder(TestPool.key(0).id(), TestPool.key(1).id());
  }

  @Test
  void aPeerWithoutTheRoomIsSilent() throws Exception {
    serve(beacon(1), 0, 8_001, ROOM - 1);
    serve(beacon(1), 1, 8_002, ROOM);
    var hints = new LinkedBlockingQueue<Beacon.Hint>();

    var search = beacon(1).findPeers(ROOM, hints::add);

    for (int i = 0; i < 3; i++) {
      assertThat(take(hints).address().port()).isEqualTo(8_002);
    }
    search.stop();
  }

  @Test
  void strangersGetSilenceAndAreCounted() throws Exception {
    var served = beacon(1);
    serve(served, 0, 8_001, ROOM);
    var foreign = new LinkedBlockingQueue<Beacon.Hint>();
    var own = new LinkedBlockingQueue<Beacon.Hint>();

    var foreignSearch = beacon(2).findPeers(0, foreign::add);
    var ownSearch = beacon(1).findPeers(0, own::add);

    take(own);
    take(own);
    assertThat(foreign).isEmpty();
    assertThat(served.strangerCount()).isPositive();
    foreignSearch.stop();
    ownSearch.stop();
  }

  @Test
  void peersHearEachOthersAnnouncements() throws Exception {
    var heard = new LinkedBlockingQueue<Beacon.Hint>();
    var first = beacon(1);
    first.serve(offer(0, 8_001, ROOM), heard::add);

    serve(beacon(1), 1, 8_002, ROOM);

    Beacon.Hint hint = take(heard);
    assertThat(hint.address()).isEqualTo(new HostPort("127.0.0.1", 8_002));
    assertThat(hint.expected()).contains(TestPool.key(1).id());
  }

  @Test
  void randomDatagramsAndARepeatedRequestGetNoAnswer() throws Exception {
    serve(beacon(1), 0, 8_001, ROOM);
    var target = InetAddress.getByName("127.255.255.255");
    var noise = new Random(7);
    try (var socket = new DatagramSocket(new InetSocketAddress(LOOPBACK, 0))) {
      for (int i = 0; i < 500; i++) {
        byte[] bytes = new byte[noise.nextInt(1_600)];
        noise.nextBytes(bytes);
        socket.send(new DatagramPacket(bytes, bytes.length, target, udpPort));
      }
      var answer = new DatagramPacket(new byte[2_000], 2_000);
      byte[] request = answeredRequest(socket, target, answer);
      assertThat(answer.getLength()).isLessThanOrEqualTo(request.length);
      for (int i = 0; i < 5; i++) {
        socket.send(new DatagramPacket(request, request.length, target, udpPort));
      }
      socket.setSoTimeout(400);
      assertThatThrownBy(() -> socket.receive(answer))
          .isInstanceOf(java.net.SocketTimeoutException.class);
    }
  }

  @Test
  void optionsAreReadAsTheCommandLineGivesThem() {
    var wildcard = TestNode.address("0.0.0.0");

    assertThat(DiscoveryOptions.parse("off", LOOPBACK).isOff()).isTrue();
    assertThat(DiscoveryOptions.standard(LOOPBACK).targets())
        .containsExactly(new HostPort("127.255.255.255", 4_444));
    assertThat(DiscoveryOptions.standard(wildcard).targets()).isEmpty();
    assertThat(DiscoveryOptions.parse("127.255.255.255:5555,127.1.255.255", LOOPBACK).targets())
        .containsExactly(
            new HostPort("127.255.255.255", 5_555), new HostPort("127.1.255.255", 4_444));
    assertThatThrownBy(() -> DiscoveryOptions.parse("192.0.2.255", LOOPBACK))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("expected=addresses of this machine");
    assertThatThrownBy(() -> DiscoveryOptions.parse("127.255.255.255:x", LOOPBACK))
        .isInstanceOf(IllegalArgumentException.class);
  }

  /** The noise before may have filled the peer's socket: asks until a request got through. */
  private byte[] answeredRequest(DatagramSocket socket, InetAddress to, DatagramPacket answer)
      throws Exception {
    socket.setSoTimeout(1_000);
    for (int i = 0; i < 15; i++) {
      byte[] request = sealedRequest();
      socket.send(new DatagramPacket(request, request.length, to, udpPort));
      try {
        socket.receive(answer);
        return request;
      } catch (java.net.SocketTimeoutException e) {
        // Lost: the next one.
      }
    }
    throw new AssertionError("no request was answered");
  }

  private byte[] sealedRequest() {
    var header =
        new Datagram.Header(new Nonce(random.nextLong(), 1), TestNode.newInstance(), 0, 1, 1);
    return holdfast.crypto.Fernet.encrypt(
        new TestPool(1).secret().discoveryKey(),
        new Datagram.Request(header, 0).encode(),
        random,
        0);
  }

  private Beacon beacon(int fill) {
    var key = new TestPool(fill).secret().discoveryKey();
    var beacon =
        new Beacon(
            DiscoveryOptions.parse("127.255.255.255:" + udpPort, LOOPBACK),
            () -> List.of(key),
            TestNode.newInstance(),
            loop,
            new NamedThreads((thread, e) -> uncaught.compareAndSet(null, e)),
            SystemClocks.monotonic(),
            SystemClocks.wall(),
            random);
    beacons.add(beacon);
    return beacon;
  }

  private static void serve(Beacon beacon, int key, int port, long freeBytes) {
    beacon.serve(offer(key, port, freeBytes), hint -> {});
  }

  private static Beacon.Offer offer(int key, int port, long freeBytes) {
    var publicKey = TestPool.key(key).publicKey();
    return new Beacon.Offer(publicKey.id(), publicKey.encoded(), port, () -> freeBytes);
  }

  private static Beacon.Hint take(BlockingQueue<Beacon.Hint> hints) throws InterruptedException {
    Beacon.Hint hint = hints.poll(15, TimeUnit.SECONDS);
    assertThat(hint).isNotNull();
    return hint;
  }
}
