package holdfast.network.discovery;

import holdfast.model.HostPort;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.ArrayList;
import java.util.List;

/**
 * Where discovery sends and listens: {@code --discovery ADDR[:PORT],…|off} and {@code --bind}.
 *
 * @param isOff nothing is sent and nothing is heard
 * @param bind address sent from; the wildcard for every interface. A loopback address confines
 *     discovery to this machine
 * @param targets broadcast addresses sent to; empty for those of every interface
 * @param port UDP port listened on, and sent to where a target has none
 */
public record DiscoveryOptions(boolean isOff, InetAddress bind, List<HostPort> targets, int port) {
  /** Port where none is given. */
  public static final int DEFAULT_PORT = 4_444;

  /** Addresses given at most. */
  public static final int TARGETS_MAX = 16;

  /** Address that reaches every process on this machine that listens. */
  static final String LOOPBACK_BROADCAST = "127.255.255.255";

  /** What is used where the command line says nothing. */
  public static DiscoveryOptions standard(InetAddress bind) {
    return parse("", bind);
  }

  /**
   * Reads the command line's form; an empty text is the standard.
   *
   * @throws IllegalArgumentException with a text for the user
   */
  public static DiscoveryOptions parse(String text, InetAddress bind) {
    if (text.equals("off")) {
      return new DiscoveryOptions(true, bind, List.of(), DEFAULT_PORT);
    }
    var targets = new ArrayList<HostPort>();
    for (String part : text.isEmpty() ? new String[0] : text.split(",", -1)) {
      targets.add(target(part, text));
    }
    if (targets.size() > TARGETS_MAX) {
      throw new IllegalArgumentException(
          "read --discovery: expected=at most " + TARGETS_MAX + " addresses, was=" + text);
    }
    if (targets.isEmpty() && bind.isLoopbackAddress()) {
      targets.add(new HostPort(LOOPBACK_BROADCAST, DEFAULT_PORT));
    }
    for (HostPort target : targets) {
      check(target, bind, text);
    }
    int port = targets.isEmpty() ? DEFAULT_PORT : targets.get(0).port();
    return new DiscoveryOptions(false, bind, List.copyOf(targets), port);
  }

  private static HostPort target(String part, String text) {
    try {
      boolean hasPort = part.indexOf(':') >= 0;
      return hasPort ? HostPort.parse(part) : new HostPort(part, DEFAULT_PORT);
    } catch (IllegalArgumentException e) {
      throw new IllegalArgumentException(
          "read --discovery: expected=ADDR[:PORT],… or off, was=" + text, e);
    }
  }

  private static void check(HostPort target, InetAddress bind, String text) {
    try {
      InetAddress address = InetAddress.getByName(target.host());
      if (bind.isLoopbackAddress() && !address.isLoopbackAddress()) {
        throw new IllegalArgumentException(
            "read --discovery: expected=addresses of this machine, as it is bound to "
                + bind.getHostAddress()
                + ", was="
                + text);
      }
    } catch (UnknownHostException e) {
      throw new IllegalArgumentException(
          "read --discovery: expected=ADDR[:PORT],… or off, was=" + text, e);
    }
  }

  /** True when nothing leaves this machine. */
  boolean isConfined() {
    return bind.isLoopbackAddress();
  }
}
