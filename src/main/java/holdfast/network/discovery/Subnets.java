package holdfast.network.discovery;

import java.net.Inet4Address;
import java.net.InetAddress;
import java.net.InterfaceAddress;
import java.net.NetworkInterface;
import java.net.SocketException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/**
 * The IPv4 networks this machine is directly attached to, and their broadcast addresses. A value.
 */
record Subnets(List<Subnet> subnets) {
  /** Interface addresses looked at. */
  private static final int SUBNETS_MAX = 256;

  /** One interface's network. */
  record Subnet(int address, int prefixBits, boolean isLoopback) {
    private int mask() {
      return prefixBits == 0 ? 0 : -1 << Integer.SIZE - prefixBits;
    }

    boolean contains(int other) {
      return ((address ^ other) & mask()) == 0;
    }

    /** The address that reaches every machine of the network. */
    InetAddress broadcast() {
      return addressOf(address | ~mask());
    }
  }

  /** The networks of the interfaces that are up now. Blocks for the system calls it takes. */
  static Subnets ofThisMachine() throws SocketException {
    var found = new ArrayList<Subnet>();
    for (NetworkInterface card : Collections.list(NetworkInterface.getNetworkInterfaces())) {
      if (!card.isUp()) {
        continue;
      }
      for (InterfaceAddress address : card.getInterfaceAddresses()) {
        if (address.getAddress() instanceof Inet4Address v4 && found.size() < SUBNETS_MAX) {
          found.add(new Subnet(bits(v4), address.getNetworkPrefixLength(), card.isLoopback()));
        }
      }
    }
    return new Subnets(List.copyOf(found));
  }

  /** True when the address is on one of these networks. */
  boolean contains(InetAddress address) {
    return address instanceof Inet4Address v4
        && subnets.stream().anyMatch(subnet -> subnet.contains(bits(v4)));
  }

  /** Only the networks that contain this address of ours; all for the wildcard. */
  Subnets reachedFrom(InetAddress bind) {
    if (bind.isAnyLocalAddress()) {
      return this;
    }
    return new Subnets(
        subnets.stream()
            .filter(subnet -> bind instanceof Inet4Address v4 && subnet.contains(bits(v4)))
            .toList());
  }

  private static int bits(Inet4Address address) {
    return ByteBuffer.wrap(address.getAddress()).getInt();
  }

  static InetAddress addressOf(int bits) {
    try {
      return InetAddress.getByAddress(ByteBuffer.allocate(Integer.BYTES).putInt(bits).array());
    } catch (java.net.UnknownHostException e) {
      throw new IllegalStateException("four bytes are an IPv4 address", e);
    }
  }
}
