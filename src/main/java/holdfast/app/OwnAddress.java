package holdfast.app;

import holdfast.model.ErrorCode;
import holdfast.model.NetworkException;
import java.io.IOException;
import java.net.Inet4Address;
import java.net.InetAddress;
import java.net.NetworkInterface;
import java.net.SocketException;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * Chooses the address and the host name that this node advertises to others: the address it is
 * bound to, or else one of its network interfaces that is up.
 */
final class OwnAddress {
  private static final Path HOST_NAME = Path.of("/proc/sys/kernel/hostname");
  private static final int HOST_MAX_CHARS = 64;

  private OwnAddress() {}

  /** The bound address, or for the wildcard the first address of an interface that is up. */
  static String of(InetAddress bind) {
    if (!bind.isAnyLocalAddress()) {
      return bind.getHostAddress();
    }
    try {
      return NetworkInterface.networkInterfaces()
          .filter(OwnAddress::isUp)
          .flatMap(NetworkInterface::inetAddresses)
          .filter(Inet4Address.class::isInstance)
          .filter(address -> !address.isLoopbackAddress() && !address.isLinkLocalAddress())
          .map(InetAddress::getHostAddress)
          .findFirst()
          .orElse("127.0.0.1");
    } catch (SocketException e) {
      throw new NetworkException(
          ErrorCode.UNREACHABLE, "list network interfaces: " + e.getMessage(), e);
    }
  }

  private static boolean isUp(NetworkInterface network) {
    try {
      return network.isUp() && !network.isLoopback();
    } catch (SocketException e) {
      return false; // it went while we looked
    }
  }

  /** The machine's name: peers with the same one fail together. */
  static String hostName() {
    try {
      String name = Files.readString(HOST_NAME).strip();
      return name.length() <= HOST_MAX_CHARS ? name : name.substring(0, HOST_MAX_CHARS);
    } catch (IOException e) {
      return "localhost";
    }
  }
}
