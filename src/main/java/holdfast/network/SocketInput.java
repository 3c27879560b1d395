package holdfast.network;

import holdfast.util.MonotonicClock;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.util.concurrent.TimeUnit;

/**
 * Reads a socket, buffered, under a patience that changes with the phase: for each message of the
 * handshake, within a budget of bytes, while the other side is a stranger; silence watching
 * afterwards. One thread.
 */
final class SocketInput {
  /** Buffer before authentication: all that a stranger can make us buffer. */
  static final int STRANGER_BYTES_MAX = 8 * 1_024;

  /** Buffer of a session's connection. */
  static final int BUFFER_BYTES = 64 * 1_024;

  /** Largest single read: more brings nothing, and hashing follows at this step. */
  static final int READ_BYTES_MAX = 128 * 1_024;

  /** Decides, while nothing arrives, how long to go on. */
  interface Patience {
    /** How long to wait for more before asking {@link #onSilence}; more than 0. */
    long waitNs() throws IOException;

    /** Nothing came for {@code silentNs}; throws to end the connection. */
    void onSilence(long silentNs) throws IOException;

    /** The wait ended with bytes. */
    default void onReceived() {}
  }

  private final Socket socket;
  private final InputStream in;
  private final MonotonicClock clock;
  private byte[] buffer = new byte[STRANGER_BYTES_MAX];
  private int position;
  private int limit;
  private long budgetBytes = Long.MAX_VALUE;
  private long lastReceivedNs;
  private Patience patience;
  private HandshakePatience handshake;
  private Runnable onStep = () -> {};

  SocketInput(Socket socket, MonotonicClock clock) throws IOException {
    this.socket = socket;
    this.in = socket.getInputStream();
    this.clock = clock;
    this.lastReceivedNs = clock.nowNs();
  }

  /**
   * The stranger phase: each message begins within {@code silenceNs} and is whole within as long
   * again, all of them within {@code budgetBytes}.
   */
  void expectHandshake(long silenceNs, int budgetBytes) {
    expectHandshake(silenceNs, budgetBytes, () -> {});
  }

  /** Likewise; {@code onStep} runs with each {@link #noteStep}. */
  void expectHandshake(long silenceNs, int budgetBytes, Runnable onStep) {
    this.onStep = onStep;
    this.budgetBytes = budgetBytes;
    this.handshake = new HandshakePatience(new Silence(clock, silenceNs));
    this.patience = handshake;
  }

  /** The next message of the handshake is due: all before it was taken, or ours was sent. */
  void expectMessage() {
    handshake.expectMessage();
  }

  /** The other side has worked on the handshake, and said so. */
  void noteStep() {
    onStep.run();
  }

  /** The session phase: a larger buffer, no budget. */
  void expectFrames(Patience frames) {
    byte[] larger = new byte[BUFFER_BYTES];
    System.arraycopy(buffer, position, larger, 0, limit - position);
    limit -= position;
    position = 0;
    buffer = larger;
    budgetBytes = Long.MAX_VALUE;
    patience = frames;
    handshake = null;
  }

  /** The next four bytes, big-endian. */
  int u32() throws IOException {
    byte[] four = new byte[Integer.BYTES];
    readFully(four, 0, four.length);
    return (four[0] & 0xFF) << 24 | (four[1] & 0xFF) << 16 | (four[2] & 0xFF) << 8 | four[3] & 0xFF;
  }

  /** Exactly {@code lengthBytes} bytes; the caller has checked the length. */
  byte[] bytes(int lengthBytes) throws IOException {
    byte[] value = new byte[lengthBytes];
    readFully(value, 0, lengthBytes);
    return value;
  }

  /** Fills a part of an array. */
  void readFully(byte[] into, int offset, int lengthBytes) throws IOException {
    int doneBytes = 0;
    while (doneBytes < lengthBytes) {
      doneBytes += readSome(into, offset + doneBytes, lengthBytes - doneBytes);
    }
  }

  /**
   * Reads at least one byte and at most {@link #READ_BYTES_MAX} of {@code lengthBytes}.
   *
   * @throws EOFException at the end of the stream
   */
  int readSome(byte[] into, int offset, int lengthBytes) throws IOException {
    int wantedBytes = Math.min(lengthBytes, READ_BYTES_MAX);
    int count;
    if (position == limit && wantedBytes >= buffer.length) {
      count = receive(into, offset, wantedBytes);
    } else {
      if (position == limit) {
        position = 0;
        limit = 0;
        limit = receive(buffer, 0, buffer.length);
      }
      count = Math.min(wantedBytes, limit - position);
      System.arraycopy(buffer, position, into, offset, count);
      position += count;
    }
    budgetBytes -= count;
    if (budgetBytes < 0) {
      throw new IOException("handshake: expected=8 KiB at most, was=more");
    }
    return count;
  }

  private int receive(byte[] into, int offset, int lengthBytes) throws IOException {
    while (true) {
      long waitMs = TimeUnit.NANOSECONDS.toMillis(patience.waitNs()) + 1;
      socket.setSoTimeout((int) Math.min(waitMs, Integer.MAX_VALUE));
      try {
        int count = in.read(into, offset, lengthBytes);
        if (count < 0) {
          throw new EOFException("receive: expected=more bytes, was=end of stream");
        }
        lastReceivedNs = clock.nowNs();
        patience.onReceived();
        return count;
      } catch (SocketTimeoutException e) {
        patience.onSilence(clock.nowNs() - lastReceivedNs);
      }
    }
  }
}
