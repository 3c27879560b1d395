package holdfast.network;

import java.io.IOException;
import java.lang.System.Logger.Level;
import java.net.InetAddress;
import java.net.Socket;
import java.net.StandardSocketOptions;

/** Sets the options that all TCP sockets have in common. */
final class Sockets {
  /** Receive buffer, in bytes; the system may give less. */
  static final int RECEIVE_BUFFER_BYTES = 1 << 20;

  /**
   * Send buffer, in bytes: a piece of a body; the system gives twice as much. What is in it nobody
   * hears of until it gets through: with more a slow link is silent for longer than a slow peer.
   */
  static final int SEND_BUFFER_BYTES = 256 << 10;

  private static final System.Logger LOG = System.getLogger("holdfast.network");

  private Sockets() {}

  /** Sets the options of a socket, before it is connected where that is possible. */
  static void tune(Socket socket) throws IOException {
    socket.setOption(StandardSocketOptions.SO_SNDBUF, SEND_BUFFER_BYTES);
    socket.setOption(StandardSocketOptions.SO_RCVBUF, RECEIVE_BUFFER_BYTES);
    socket.setTcpNoDelay(true);
  }

  /** Closes a socket of which nobody expects anything any more. */
  static void closeQuietly(Socket socket) {
    try {
      socket.close();
    } catch (IOException e) {
      LOG.log(Level.DEBUG, "close connection: " + e.getMessage());
    }
  }

  /** True when traffic to or from this address stays on this machine. */
  static boolean isConfined(InetAddress address) {
    return address.isLoopbackAddress();
  }
}
