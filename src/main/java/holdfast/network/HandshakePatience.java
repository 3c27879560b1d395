package holdfast.network;

import java.net.SocketTimeoutException;

/**
 * How long a side of a handshake waits for the other's next message: for its first byte one
 * silence, for the rest of it another. Bytes alone are no progress, or one byte now and then would
 * hold a place for hours; a message is sent in one piece, so a slow sender's is whole at once.
 */
final class HandshakePatience implements SocketInput.Patience {
  private final Silence silence;
  private boolean hasBegun;

  HandshakePatience(Silence silence) {
    this.silence = silence;
  }

  /** The message before it is dealt with. */
  void expectMessage() {
    hasBegun = false;
    silence.broken();
  }

  @Override
  public long waitNs() throws SocketTimeoutException {
    if (silence.isOver()) {
      throw new SocketTimeoutException(
          "handshake: expected="
              + (hasBegun ? "a whole message within " : "the next message within ")
              + silence.max()
              + ", was="
              + (hasBegun ? "a part of one" : "silence")
              + "; is the other process stopped, or the network down?");
    }
    return silence.lookNs();
  }

  @Override
  public void onSilence(long silentNs) {
    silence.looked();
  }

  @Override
  public void onReceived() {
    silence.looked();
    if (!hasBegun) {
      hasBegun = true;
      silence.broken();
    }
  }
}
