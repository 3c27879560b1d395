package holdfast.network;

import holdfast.crypto.handshake.FrameFormat;
import holdfast.crypto.handshake.FrameOpener;
import holdfast.model.ErrorCode;
import holdfast.model.HoldfastException;
import holdfast.model.NetworkException;
import holdfast.model.ProtocolException;
import holdfast.protocol.Message;
import holdfast.protocol.MessageCodec;
import holdfast.util.ByteReader;
import holdfast.util.MonotonicClock;
import holdfast.util.NamedThreads;
import java.io.EOFException;
import java.io.IOException;
import java.net.Socket;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Function;

/**
 * One authenticated TCP connection of a session: its socket, its two ciphers, the thread that reads
 * and the thread that writes. Offers are accepted on any thread and never block; events come on the
 * reader's thread, the end on whichever thread saw it first, exactly once.
 */
final class Connection {
  /** What happens on a connection. */
  interface Events extends BodyIntake.Sink {
    /** A message without a body. May block to slow the sender down. */
    void onMessage(Connection from, int request, Message message);

    /** A request of a type that this version doesn't know. */
    void onUnknownRequest(Connection from, int request, String text);

    /** The other side works on a request of ours. */
    void onProgress(int request, long count);

    /** The other side asks for a bulk connection. */
    void onBulkWanted(Connection from);

    /** Nothing has come for a while, though it was asked for. */
    void onSilent(Connection connection);

    /** The connection is closed; nothing more comes from it. */
    void onClosed(Connection connection, HoldfastException why);
  }

  /** Pings in vain after which another way is looked for. */
  private static final int SILENT_PINGS = 2;

  private final String name;
  private final Socket socket;
  private final SocketInput input;
  private final FrameOpener opener;
  private final boolean isBulk;
  private final NetworkLimits limits;
  private final Outbox outbox;
  private final FrameWriter writer;
  private final AtomicBoolean isClosed = new AtomicBoolean();
  private Events events;
  private BodyIntake intake;
  private boolean isMidFrame;
  private volatile boolean isSilent;

  /** A connection whose handshake is done; nothing moves before {@link #start}. */
  Connection(
      String name,
      Authenticated authenticated,
      boolean isBulk,
      NetworkLimits limits,
      MonotonicClock clock)
      throws IOException {
    this.name = name;
    this.socket = authenticated.socket();
    this.input = authenticated.input();
    this.opener = authenticated.opener();
    this.isBulk = isBulk;
    this.limits = limits;
    this.outbox = new Outbox(clock, limits.bodyStallNs());
    this.writer = new FrameWriter(socket.getOutputStream(), authenticated.sealer());
  }

  /** Starts the two threads. {@code permits} waits for a place for the body of a message. */
  void start(NamedThreads threads, Events sink, Function<Message, Runnable> permits) {
    events = sink;
    intake = new BodyIntake(permits, sink);
    input.expectFrames(new FramePatience());
    threads.startVirtual(name + " reader", this::readAll);
    threads.startVirtual(name + " writer", this::writeAll);
  }

  /** Name for logs and threads. */
  String name() {
    return name;
  }

  /** True for an attached connection, which carries bodies. */
  boolean isBulk() {
    return isBulk;
  }

  boolean isOpen() {
    return !isClosed.get();
  }

  /** Nothing comes, though it was asked for: the way may be broken. */
  boolean isSilent() {
    return isSilent;
  }

  /** Queues a frame; false when it can't be taken. */
  boolean offer(Outgoing.Frame frame) {
    return outbox.offer(frame);
  }

  /** Queues a message with its body; false when it can't be taken. */
  boolean offer(Outgoing.WithBody outgoing) {
    return outbox.offer(outgoing);
  }

  /** Sends no more of a body. */
  void cancel(Outgoing.WithBody outgoing, HoldfastException why) {
    outbox.cancel(outgoing, why);
  }

  /**
   * How much of what this body waits for was sent: rises with its own bytes and with those of
   * bodies before it.
   */
  long sentFor(Outgoing.WithBody outgoing) {
    return outbox.sentFor(outgoing);
  }

  /** Bytes of the reply to this request that have come, while it is what comes; else 0. */
  long replyBytes(int request) {
    return intake == null ? 0 : intake.replyBytes(request);
  }

  /** Bodies waiting or in flight from here. */
  int bodyCount() {
    return outbox.bodyCount();
  }

  /** Writes what is queued and CLOSE, then closes. */
  void end() {
    outbox.end();
  }

  /** Closes at once. */
  void close(HoldfastException why) {
    if (!isClosed.compareAndSet(false, true)) {
      return;
    }
    outbox.close();
    Sockets.closeQuietly(socket);
    if (events != null) {
      events.onClosed(this, why);
    }
  }

  private void readAll() {
    HoldfastException why =
        new NetworkException(ErrorCode.INTERNAL, "read " + name + ": expected=no bug, was=one");
    try {
      while (readFrame()) {
        yieldIfBulk();
      }
      why = unreachable("closed by the other side", null);
    } catch (EOFException e) {
      why = unreachable("end of stream", e);
    } catch (IOException e) {
      why = unreachable(e.getMessage(), e);
    } catch (ByteReader.Malformed e) {
      why = new ProtocolException(ErrorCode.MALFORMED, "read " + name + ": " + e.getMessage(), e);
    } catch (HoldfastException e) {
      why = e;
    } finally {
      close(why);
      intake.fail(why);
    }
  }

  private HoldfastException unreachable(String was, Throwable causeOrNull) {
    return new NetworkException(
        ErrorCode.UNREACHABLE, "read " + name + ": expected=a frame, was=" + was, causeOrNull);
  }

  /** Reads one frame and what belongs to it; false for CLOSE. */
  private boolean readFrame() throws IOException {
    isMidFrame = false;
    int lengthBytes = FrameFormat.checkTokenBytes(input.u32());
    isMidFrame = true;
    var frame = opener.open(input.bytes(lengthBytes));
    if (frame.isRekey()) {
      return true;
    }
    if (intake.isExpectingFirst() && frame.type() != SessionFrames.BODY) {
      throw new ByteReader.Malformed("read frame: expected=a body, was=type " + frame.type());
    }
    switch (frame.type()) {
      case SessionFrames.CLOSE -> {
        return false;
      }
      case SessionFrames.BODY -> readPiece(frame.request(), frame.payload());
      case SessionFrames.PING ->
          offer(new Outgoing.Frame(SessionFrames.PONG, frame.request(), new byte[0]));
      case SessionFrames.PONG -> {}
      case SessionFrames.PROGRESS ->
          events.onProgress(frame.request(), readProgress(frame.payload()));
      case SessionFrames.BULK_WANTED -> events.onBulkWanted(this);
      default -> readMessage(frame.type(), frame.request(), frame.payload());
    }
    return true;
  }

  private static long readProgress(byte[] payload) {
    var in = new ByteReader(payload);
    long count = in.u64();
    in.end();
    return count;
  }

  private void readPiece(int request, byte[] payload) throws IOException {
    if (!isBulk) {
      throw new ByteReader.Malformed("read body: expected=a bulk connection, was=control");
    }
    intake.piece(request, BodyHeader.decode(payload), input);
  }

  private void readMessage(int type, int request, byte[] payload) {
    Message message;
    try {
      message = MessageCodec.decode(type, payload);
    } catch (MessageCodec.UnknownType e) {
      if (MessageCodec.isRequest(type)) {
        events.onUnknownRequest(this, request, e.getMessage());
      }
      return;
    }
    if (BodyIntake.chunkOf(message) == null) {
      events.onMessage(this, request, message);
    } else {
      intake.expect(request, message);
    }
  }

  private void writeAll() {
    HoldfastException why =
        new NetworkException(ErrorCode.INTERNAL, "write " + name + ": expected=no bug, was=one");
    try {
      for (Outbox.Step step = outbox.take(); step != null; step = outbox.take()) {
        writer.write(step);
        yieldIfBulk();
        if (step instanceof Outbox.Step.End) {
          break;
        }
      }
      why = new NetworkException(ErrorCode.UNREACHABLE, "write " + name + ": closed by this side");
    } catch (IOException e) {
      why =
          new NetworkException(
              ErrorCode.UNREACHABLE, "write " + name + ": was=" + e.getMessage(), e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      why = new NetworkException(ErrorCode.SHUTTING_DOWN, "write " + name + ": interrupted", e);
    } finally {
      close(why);
    }
  }

  /** Bulk with always more to do must not keep a carrier thread from heartbeats. */
  private void yieldIfBulk() {
    if (isBulk) {
      Thread.yield();
    }
  }

  /** How long a session's connection may be silent: docs/sessions.md. */
  private final class FramePatience implements SocketInput.Patience {
    @Override
    public long waitNs() {
      return isBulk ? limits.bodyStallNs() : limits.pingIdleNs();
    }

    @Override
    public void onSilence(long silentNs) throws IOException {
      if (!isBulk) {
        offer(new Outgoing.Frame(SessionFrames.PING, 0, new byte[0]));
        suspectAfter(SILENT_PINGS * limits.pingIdleNs(), silentNs);
        abandonAfter(limits.silenceMaxNs(), silentNs);
      } else if (isMidFrame) {
        abandonAfter(limits.bodyStallNs(), silentNs);
      } else if (intake.isOpen()) {
        abandonAfter(2 * limits.bodyStallNs(), silentNs);
      }
    }

    @Override
    public void onReceived() {
      if (isSilent) {
        isSilent = false;
      }
    }

    private void suspectAfter(long patienceNs, long silentNs) {
      if (silentNs >= patienceNs && !isSilent) {
        isSilent = true;
        events.onSilent(Connection.this);
      }
    }

    private void abandonAfter(long patienceNs, long silentNs) throws IOException {
      if (silentNs >= patienceNs) {
        throw new IOException("silence for " + silentNs / 1_000_000 + " ms");
      }
    }
  }
}
