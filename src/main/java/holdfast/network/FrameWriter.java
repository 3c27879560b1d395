package holdfast.network;

import holdfast.crypto.handshake.FrameSealer;
import holdfast.port.Body;
import java.io.IOException;
import java.io.OutputStream;

/**
 * Seals frames and writes them, with the raw bytes of bodies between them, in as few writes as it
 * can. One thread.
 */
final class FrameWriter {
  /** What is gathered before it is written. */
  private static final int BUFFER_BYTES = 64 * 1_024;

  private static final byte[] EMPTY = {};

  private final OutputStream out;
  private final FrameSealer sealer;
  private final byte[] buffer = new byte[BUFFER_BYTES];
  private int bufferedBytes;

  FrameWriter(OutputStream out, FrameSealer sealer) {
    this.out = out;
    this.sealer = sealer;
  }

  /** Writes one step, to the last byte; afterwards nothing is left in the buffer. */
  void write(Outbox.Step step) throws IOException {
    switch (step) {
      case Outbox.Step.Frames frames -> {
        for (Outgoing.Frame frame : frames.frames()) {
          frame(frame.type(), frame.request(), frame.payload());
        }
      }
      case Outbox.Step.Piece piece -> {
        try {
          piece(piece);
        } finally {
          if (piece.isLast()) {
            piece.outgoing().onEnded().run();
          }
        }
      }
      case Outbox.Step.Abort abort ->
          frame(
              SessionFrames.BODY,
              abort.outgoing().message().request(),
              abort.outgoing().abort(abort.offsetBytes(), abort.why()).encode());
      case Outbox.Step.End end -> frame(SessionFrames.CLOSE, 0, EMPTY);
    }
    flush();
  }

  private void piece(Outbox.Step.Piece piece) throws IOException {
    var outgoing = piece.outgoing();
    Outgoing.Frame message = outgoing.message();
    if (piece.offsetBytes() == 0) {
      frame(message.type(), message.request(), message.payload());
    }
    frame(
        SessionFrames.BODY,
        message.request(),
        outgoing.header(piece.offsetBytes(), piece.countBytes()).encode());
    Body body = outgoing.body();
    append(body.array(), piece.offsetBytes(), piece.countBytes());
  }

  private void frame(int type, int request, byte[] payload) throws IOException {
    byte[] sealed = sealer.seal(type, request, payload);
    append(sealed, 0, sealed.length);
  }

  private void append(byte[] bytes, int offset, int lengthBytes) throws IOException {
    if (lengthBytes > BUFFER_BYTES - bufferedBytes) {
      flush();
    }
    if (lengthBytes > BUFFER_BYTES) {
      out.write(bytes, offset, lengthBytes);
    } else {
      System.arraycopy(bytes, offset, buffer, bufferedBytes, lengthBytes);
      bufferedBytes += lengthBytes;
    }
  }

  private void flush() throws IOException {
    if (bufferedBytes > 0) {
      out.write(buffer, 0, bufferedBytes);
      bufferedBytes = 0;
    }
  }
}
