package holdfast.app;

import holdfast.crypto.identity.HoldfastHome;
import holdfast.model.HostPort;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import picocli.CommandLine.Option;

/** The options of every command that talks to a pool. */
final class CommonOptions {
  @Option(
      names = "--bind",
      paramLabel = "ADDR",
      description = "Local address to use; 127.0.0.1 confines everything to this machine.")
  String bind = "0.0.0.0";

  @Option(
      names = "--discovery",
      paramLabel = "ADDR[:PORT],…|off",
      description = "Where to broadcast for peers, or off (default: every LAN interface, 4444).")
  String discovery = "";

  @Option(
      names = "--peer",
      paramLabel = "HOST:PORT",
      split = ",",
      description = "A peer's address, where broadcast doesn't reach it. May be repeated.")
  List<String> peers = new ArrayList<>();

  @Option(names = "--verbose", description = "Log more, and stack traces.")
  boolean isVerbose;

  /** The home: $HOLDFAST_HOME, or ~/.holdfast. */
  static Path home() {
    return HoldfastHome.directory(System.getenv(), Path.of(System.getProperty("user.home")));
  }

  /** The address to bind to; wrong usage if it is none of this machine's. */
  InetAddress bindAddress() {
    // The system knows best which are its own: a loopback network has more than are listed.
    try (var socket = new Socket()) {
      InetAddress address = InetAddress.getByName(bind);
      socket.bind(new InetSocketAddress(address, 0));
      return address;
    } catch (IOException e) {
      throw new UsageException(
          "read --bind: expected=an address of this machine such as 0.0.0.0 or 127.0.0.1, was="
              + bind);
    }
  }

  /** The peers given by address. */
  List<HostPort> peerAddresses() {
    var addresses = new ArrayList<HostPort>();
    for (String peer : peers) {
      try {
        addresses.add(HostPort.parse(peer));
      } catch (IllegalArgumentException e) {
        throw new UsageException("read --peer: expected=HOST:PORT, was=" + peer);
      }
    }
    return addresses;
  }
}
