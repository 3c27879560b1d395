package holdfast.network;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.net.SocketTimeoutException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

class HandshakePatienceTest {
  private static final long MAX_NS = TimeUnit.SECONDS.toNanos(5);

  private final AtomicLong nowNs = new AtomicLong();
  private final HandshakePatience patience = new HandshakePatience(new Silence(nowNs::get, MAX_NS));

  @Test
  void silenceIsCutAfterItsTimeAndNotBefore() throws Exception {
    for (int look = 0; look < Silence.LOOKS; look++) {
      nothingComes();
    }

    assertThatThrownBy(patience::waitNs)
        .isInstanceOf(SocketTimeoutException.class)
        .hasMessage(
            "handshake: expected=the next message within 5000 ms, was=silence;"
                + " is the other process stopped, or the network down?");
  }

  @Test
  void theFirstByteOfAMessageEndsTheSilence() throws Exception {
    nothingCame(Silence.LOOKS - 1);
    comesAfter(patience.waitNs() - 1);

    nothingCame(Silence.LOOKS - 1);
    patience.waitNs();
  }

  @Test
  void aByteNowAndThenIsCut() throws Exception {
    comesAfter(patience.waitNs() - 1);
    for (int i = 0; i < 2 * Silence.LOOKS; i++) {
      assertThat(patience.waitNs()).isPositive();
      comesAfter(MAX_NS / Silence.LOOKS / 2);
    }

    assertThatThrownBy(patience::waitNs)
        .hasMessageContaining("expected=a whole message within 5000 ms, was=a part of one");
  }

  @Test
  void eachMessageHasItsOwnTime() throws Exception {
    for (int message = 0; message < 10; message++) {
      patience.expectMessage();
      nothingCame(Silence.LOOKS - 1);
      comesAfter(1);
      nothingCame(Silence.LOOKS - 1);
      comesAfter(1);
    }
  }

  @Test
  void aProcessThatWasStoppedCountsOneLookOfIt() throws Exception {
    patience.waitNs();
    nowNs.addAndGet(TimeUnit.HOURS.toNanos(1));
    patience.onSilence(TimeUnit.HOURS.toNanos(1));

    nothingCame(Silence.LOOKS - 2);
    comesAfter(patience.waitNs());
  }

  @Test
  void timeBetweenTheWaitsIsNotTheOthersSilence() throws Exception {
    nothingCame(Silence.LOOKS - 1);
    nowNs.addAndGet(TimeUnit.HOURS.toNanos(1));

    comesAfter(patience.waitNs());
  }

  @Test
  void aLookIsAsLongAsIsLeft() {
    var silence = new Silence(nowNs::get, MAX_NS);
    for (int look = 0; look < Silence.LOOKS - 1; look++) {
      nowNs.addAndGet(silence.lookNs());
      silence.looked();
    }
    assertThat(silence.lookNs(100)).isEqualTo(100);
    nowNs.addAndGet(100);
    silence.looked();

    assertThat(silence.lookNs()).isEqualTo(MAX_NS / Silence.LOOKS - 100);
    assertThat(silence.isOver()).isFalse();
  }

  private void nothingCame(int looks) throws Exception {
    for (int look = 0; look < looks; look++) {
      nothingComes();
    }
  }

  private void nothingComes() throws Exception {
    long waitNs = patience.waitNs();
    assertThat(waitNs).isEqualTo(MAX_NS / Silence.LOOKS);
    nowNs.addAndGet(waitNs);
    patience.onSilence(waitNs);
  }

  private void comesAfter(long ns) {
    nowNs.addAndGet(ns);
    patience.onReceived();
  }
}
