package holdfast.network;

import holdfast.crypto.handshake.HandshakeFormat;
import holdfast.model.HostPort;
import java.io.DataInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Stands between a node that dials and the one it dials, knows where frames begin, and does to them
 * what an attacker or a bad cable would.
 */
final class TcpProxy implements AutoCloseable {
  /** What becomes of the dialler's frames. */
  enum Trick {
    NONE,
    DROP_ONE,
    REPEAT_ONE,
    FLIP_ONE,
    SWALLOW_ALL
  }

  final AtomicInteger frameCount = new AtomicInteger();
  private final ServerSocket server;
  private final HostPort target;
  private final List<Socket> sockets = new CopyOnWriteArrayList<>();
  private volatile Trick trick = Trick.NONE;

  TcpProxy(HostPort target) throws IOException {
    this.target = target;
    this.server = new ServerSocket(0, 50, InetAddress.getByName("127.0.0.1"));
    Thread.ofVirtual().start(this::acceptAll);
  }

  HostPort address() {
    return new HostPort("127.0.0.1", server.getLocalPort());
  }

  /** From the next frame on. */
  void play(Trick next) {
    trick = next;
  }

  /** Cuts every connection with a reset, as a killed process's kernel may. */
  void cut() throws IOException {
    for (Socket socket : sockets) {
      if (!socket.isClosed()) {
        socket.setSoLinger(true, 0);
        socket.close();
      }
    }
  }

  @Override
  public void close() throws IOException {
    server.close();
    cut();
  }

  private void acceptAll() {
    try {
      while (true) {
        Socket dialler = server.accept();
        Socket dialled = new Socket();
        dialled.connect(new InetSocketAddress(target.host(), target.port()));
        sockets.add(dialler);
        sockets.add(dialled);
        Thread.ofVirtual().start(() -> framesOf(dialler, dialled));
        Thread.ofVirtual().start(() -> bytesOf(dialled, dialler));
      }
    } catch (IOException e) {
      // The test is over.
    }
  }

  private void framesOf(Socket from, Socket to) {
    try (from;
        to) {
      var in = new DataInputStream(from.getInputStream());
      OutputStream out = to.getOutputStream();
      out.write(in.readNBytes(HandshakeFormat.M1_BYTES));
      out.write(in.readNBytes(HandshakeFormat.M3_BYTES));
      while (true) {
        byte[] frame = new byte[in.readInt()];
        in.readFully(frame);
        frameCount.incrementAndGet();
        Trick now = trick;
        if (now != Trick.SWALLOW_ALL) {
          trick = Trick.NONE;
        }
        switch (now) {
          case NONE -> write(out, frame);
          case REPEAT_ONE -> {
            write(out, frame);
            write(out, frame);
          }
          case FLIP_ONE -> {
            frame[30] ^= 1;
            write(out, frame);
          }
          case DROP_ONE, SWALLOW_ALL -> {}
        }
      }
    } catch (IOException e) {
      // One side is gone: so is the other.
    }
  }

  private static void write(OutputStream out, byte[] frame) throws IOException {
    byte[] all = new byte[Integer.BYTES + frame.length];
    java.nio.ByteBuffer.wrap(all).putInt(frame.length).put(frame);
    out.write(all);
  }

  private void bytesOf(Socket from, Socket to) {
    try (from;
        to) {
      InputStream in = from.getInputStream();
      byte[] buffer = new byte[8_192];
      for (int count = in.read(buffer); count >= 0; count = in.read(buffer)) {
        if (trick != Trick.SWALLOW_ALL) {
          to.getOutputStream().write(buffer, 0, count);
        }
      }
    } catch (IOException e) {
      // One side is gone: so is the other.
    }
  }
}
