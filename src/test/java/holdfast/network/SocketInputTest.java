package holdfast.network;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class SocketInputTest {
  private static final long SILENCE_NS = TimeUnit.MILLISECONDS.toNanos(50);
  private static final long HOUR_NS = TimeUnit.HOURS.toNanos(1);

  private final AtomicLong nowNs = new AtomicLong();
  private Socket other;
  private Socket own;
  private SocketInput input;

  @BeforeEach
  void connect() throws IOException {
    try (var server = new ServerSocket(0, 1, TestNode.address("127.0.0.1"))) {
      other = new Socket("127.0.0.1", server.getLocalPort());
      own = server.accept();
    }
    // Each reading of the clock is an hour later: this process is stopped all the time.
    input = new SocketInput(own, () -> nowNs.addAndGet(HOUR_NS));
    input.expectHandshake(SILENCE_NS, SocketInput.STRANGER_BYTES_MAX);
  }

  @AfterEach
  void close() throws IOException {
    other.close();
    own.close();
  }

  @Test
  void whatIsThereIsReadHoweverLateThisProcessIs() throws IOException {
    for (int message = 0; message < 3; message++) {
      input.expectMessage();
      other.getOutputStream().write(new byte[] {1, 2, 3, 4});
      assertThat(input.bytes(4)).containsExactly(1, 2, 3, 4);
    }
  }

  @Test
  void silenceIsCut() {
    assertThatThrownBy(() -> input.bytes(4))
        .isInstanceOf(SocketTimeoutException.class)
        .hasMessageContaining("expected=the next message within 50 ms, was=silence");
  }

  @Test
  void aPartOfAMessageIsCut() throws IOException {
    other.getOutputStream().write(new byte[] {1, 2, 3});

    assertThatThrownBy(() -> input.bytes(4))
        .isInstanceOf(SocketTimeoutException.class)
        .hasMessageContaining("expected=a whole message within 50 ms, was=a part of one");
  }

  @Test
  void moreThanAStrangerMaySendIsRefused() throws IOException {
    input.expectHandshake(SILENCE_NS, 100);
    other.getOutputStream().write(new byte[101]);

    assertThat(input.bytes(100)).hasSize(100);
    assertThatThrownBy(() -> input.bytes(1)).hasMessageContaining("expected=8 KiB at most");
  }
}
