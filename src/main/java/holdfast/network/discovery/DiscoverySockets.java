package holdfast.network.discovery;

import holdfast.model.HostPort;
import holdfast.util.NamedThreads;
import java.io.IOException;
import java.lang.System.Logger.Level;
import java.net.BindException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.StandardProtocolFamily;
import java.net.StandardSocketOptions;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.DatagramChannel;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;

/**
 * Opens and reads the UDP sockets of discovery. Safe on every thread; sending may block for a
 * moment.
 */
final class DiscoverySockets implements AutoCloseable {
  /** Pause after a receive failed: it must not spin. */
  private static final long PAUSE_MS = 100;

  private static final System.Logger LOG = System.getLogger("holdfast.network");

  /** Receives each datagram, on the socket's thread. */
  interface Receiver {
    void onDatagram(byte[] data, int lengthBytes, InetSocketAddress from);
  }

  private final DiscoveryOptions options;
  private final NamedThreads threads;
  private final ReentrantLock lock = new ReentrantLock();
  private final List<Port> ports = new ArrayList<>();
  private final CountDownLatch closed = new CountDownLatch(1);
  private Port sender;

  DiscoverySockets(DiscoveryOptions options, NamedThreads threads) {
    this.options = options;
    this.threads = threads;
  }

  /** One socket. */
  final class Port implements AutoCloseable {
    private final DatagramChannel channel;

    private Port(DatagramChannel channel) {
      this.channel = channel;
    }

    /** Sends one datagram; a failure is logged: it may be lost anyway. */
    void send(byte[] datagram, InetSocketAddress to) {
      try {
        channel.send(ByteBuffer.wrap(datagram), to);
      } catch (IOException e) {
        LOG.log(Level.DEBUG, () -> "send datagram: to=" + to + ", was=" + e.getMessage());
      }
    }

    @Override
    public void close() {
      try {
        channel.close();
      } catch (IOException e) {
        LOG.log(Level.DEBUG, "close UDP socket: " + e.getMessage());
      }
      lock.lock();
      try {
        ports.remove(this);
      } finally {
        lock.unlock();
      }
    }

    private void receiveAll(Receiver receiver) {
      var buffer = ByteBuffer.allocate(Datagram.MAX_BYTES + 1);
      while (channel.isOpen()) {
        try {
          buffer.clear();
          var from = (InetSocketAddress) channel.receive(buffer);
          if (from != null) {
            receiver.onDatagram(buffer.array(), buffer.position(), from);
          }
        } catch (ClosedChannelException e) {
          return;
        } catch (IOException e) {
          LOG.log(Level.DEBUG, "receive datagram: " + e.getMessage());
          if (pauseEnds()) {
            return;
          }
        }
      }
    }
  }

  /**
   * Listens on the discovery port, which every process of the machine may share. Confined to the
   * machine it is bound to the broadcast address itself: a socket bound to a plain loopback address
   * hears no broadcast, one bound to the wildcard hears the LAN.
   */
  void listen(Receiver receiver) throws IOException {
    Set<InetSocketAddress> addresses = new LinkedHashSet<>();
    for (HostPort target : options.targets()) {
      InetAddress address = InetAddress.getByName(target.host());
      addresses.add(
          address.isLoopbackAddress()
              ? new InetSocketAddress(address, target.port())
              : new InetSocketAddress(target.port()));
    }
    if (addresses.isEmpty()) {
      addresses.add(new InetSocketAddress(options.port()));
    }
    for (InetSocketAddress address : addresses) {
      start(newShared(address), confined(receiver));
    }
  }

  /** Confined to this machine, what comes from elsewhere is not heard, however it got here. */
  private Receiver confined(Receiver receiver) {
    if (!options.isConfined()) {
      return receiver;
    }
    return (data, lengthBytes, from) -> {
      if (from.getAddress().isLoopbackAddress()) {
        receiver.onDatagram(data, lengthBytes, from);
      }
    };
  }

  /**
   * Java refuses to bind a plain IPv4 socket to a loopback broadcast address, which the system
   * allows: so it is done through a socket of both families, and where there is no IPv6, the
   * wildcard takes its place.
   */
  private Port newShared(InetSocketAddress address) throws IOException {
    if (address.getAddress().isAnyLocalAddress()) {
      return newPort(DatagramChannel.open(StandardProtocolFamily.INET), address, true);
    }
    try {
      return newPort(DatagramChannel.open(), address, true);
    } catch (BindException e) {
      LOG.log(Level.DEBUG, () -> "listen for discovery: at=" + address + ", was=" + e.getMessage());
      var wildcard = new InetSocketAddress(address.getPort());
      return newPort(DatagramChannel.open(StandardProtocolFamily.INET), wildcard, true);
    }
  }

  /** Opens a socket on a port of its own, which hears what is sent to it. */
  Port open(Receiver receiver) throws IOException {
    return start(newOwn(), receiver);
  }

  /** The socket for announcements and answers. */
  Port sender() {
    lock.lock();
    try {
      if (sender == null) {
        sender = newOwn();
      }
      return sender;
    } catch (IOException e) {
      throw new java.io.UncheckedIOException("open UDP socket: " + e.getMessage(), e);
    } finally {
      lock.unlock();
    }
  }

  /** Where a broadcast goes. */
  List<InetSocketAddress> targets(Subnets attached) {
    var targets = new LinkedHashSet<InetSocketAddress>();
    for (HostPort target : options.targets()) {
      targets.add(new InetSocketAddress(target.host(), target.port()));
    }
    if (targets.isEmpty()) {
      for (Subnets.Subnet subnet : attached.subnets()) {
        targets.add(new InetSocketAddress(subnet.broadcast(), options.port()));
      }
      targets.add(new InetSocketAddress(Subnets.addressOf(-1), options.port()));
    }
    return List.copyOf(targets);
  }

  @Override
  public void close() {
    closed.countDown();
    List<Port> open;
    lock.lock();
    try {
      open = List.copyOf(ports);
    } finally {
      lock.unlock();
    }
    open.forEach(Port::close);
  }

  private Port newOwn() throws IOException {
    return newPort(
        DatagramChannel.open(StandardProtocolFamily.INET),
        new InetSocketAddress(options.bind(), 0),
        false);
  }

  private Port newPort(DatagramChannel channel, InetSocketAddress address, boolean isShared)
      throws IOException {
    boolean isDone = false;
    try {
      channel.setOption(StandardSocketOptions.SO_BROADCAST, true);
      if (isShared) {
        channel.setOption(StandardSocketOptions.SO_REUSEADDR, true);
      }
      channel.bind(address);
      var port = new Port(channel);
      lock.lock();
      try {
        ports.add(port);
      } finally {
        lock.unlock();
      }
      isDone = true;
      return port;
    } finally {
      if (!isDone) {
        channel.close();
      }
    }
  }

  private Port start(Port port, Receiver receiver) {
    threads.startVirtual("discovery receiver", () -> port.receiveAll(receiver));
    return port;
  }

  private boolean pauseEnds() {
    try {
      return closed.await(PAUSE_MS, TimeUnit.MILLISECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return true;
    }
  }
}
