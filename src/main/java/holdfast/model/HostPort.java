package holdfast.model;

import holdfast.util.ByteReader;
import holdfast.util.ByteWriter;

/**
 * A TCP or UDP address: a host name or literal address, and a port of 1 to 65,535.
 *
 * @param host a name or a literal address without brackets, 1 to 255 characters
 */
public record HostPort(String host, int port) {
  /** Longest host text, in characters. */
  public static final int HOST_MAX_CHARS = 255;

  /** Checks both parts; throws {@link IllegalArgumentException} with a text for the user. */
  public HostPort {
    if (host.isEmpty() || host.length() > HOST_MAX_CHARS) {
      throw new IllegalArgumentException("read address: expected=HOST:PORT, host was=" + host);
    }
    if (port < 1 || port > 65_535) {
      throw new IllegalArgumentException("read address: expected=port 1 to 65535, was=" + port);
    }
  }

  /** Parses {@code HOST:PORT} or {@code [IPV6]:PORT}. */
  public static HostPort parse(String text) {
    int colon = text.lastIndexOf(':');
    if (colon < 1 || !text.substring(colon + 1).matches("\\d{1,5}")) {
      throw new IllegalArgumentException("read address: expected=HOST:PORT, was=" + text);
    }
    String host = text.substring(0, colon);
    if (host.startsWith("[") && host.endsWith("]")) {
      host = host.substring(1, host.length() - 1);
    }
    return new HostPort(host, Integer.parseInt(text.substring(colon + 1)));
  }

  /** Reads what {@link #write} wrote. */
  public static HostPort read(ByteReader in) {
    String host = in.text(HOST_MAX_CHARS);
    int port = in.u16();
    try {
      return new HostPort(host, port);
    } catch (IllegalArgumentException e) {
      throw new ByteReader.Malformed(e.getMessage());
    }
  }

  /** Appends v(host) and the u16 port. */
  public void write(ByteWriter out) {
    out.text(host).u16(port);
  }

  /** {@code HOST:PORT}, with brackets around an IPv6 literal. */
  @Override
  public String toString() {
    return (host.indexOf(':') >= 0 ? "[" + host + "]" : host) + ":" + port;
  }
}
