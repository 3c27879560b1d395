package holdfast.network;

import static org.assertj.core.api.Assertions.assertThat;

import java.net.InetAddress;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

class StrangerGateTest {
  private static final long SECOND_NS = TimeUnit.SECONDS.toNanos(1);

  private final StrangerGate gate = new StrangerGate();

  @Test
  void oneAddressHasFewOfTheHalfOpenConnections() throws Exception {
    var one = InetAddress.getByName("127.0.0.1");
    var other = InetAddress.getByName("127.0.0.2");
    for (int i = 0; i < StrangerGate.HALF_OPEN_PER_ADDRESS_MAX; i++) {
      gate.awaitPlace();
      assertThat(gate.enters(one)).isTrue();
    }

    assertThat(gate.enters(one)).isFalse();
    assertThat(gate.enters(other)).isTrue();
    gate.leaves(one);
    assertThat(gate.enters(one)).isTrue();
  }

  @Test
  void placesComeBackWhenConnectionsLeave() throws Exception {
    var address = InetAddress.getByName("127.0.0.1");
    gate.awaitPlace();
    gate.awaitPlace();
    assertThat(gate.enters(address)).isTrue();
    assertThat(gate.halfOpenCount()).isEqualTo(2);

    gate.leaves(address);
    gate.leavePlace();

    assertThat(gate.halfOpenCount()).isZero();
  }

  @Test
  void firstMessagesAreLimitedByAddressAndSecond() throws Exception {
    var address = InetAddress.getByName("127.0.0.1");
    for (int i = 0; i < StrangerGate.HELLOS_PER_SECOND_MAX; i++) {
      assertThat(gate.allowsHello(address, 0)).isTrue();
    }

    assertThat(gate.allowsHello(address, SECOND_NS - 1)).isFalse();
    assertThat(gate.allowsHello(InetAddress.getByName("127.0.0.2"), 0)).isTrue();
    assertThat(gate.allowsHello(address, SECOND_NS)).isTrue();
  }

  @Test
  void aSourceIsLoggedOnceForAWhile() throws Exception {
    var address = InetAddress.getByName("127.0.0.1");

    assertThat(gate.allowsLog(address, 0)).isTrue();
    assertThat(gate.allowsLog(address, StrangerGate.LOG_EVERY_NS - 1)).isFalse();
    assertThat(gate.allowsLog(address, StrangerGate.LOG_EVERY_NS)).isTrue();
  }

  @Test
  void anIpv6NetworkIsOneSource() throws Exception {
    assertThat(StrangerGate.sourceOf(InetAddress.getByName("2001:db8::1")))
        .isEqualTo(StrangerGate.sourceOf(InetAddress.getByName("2001:db8::ffff")));
  }

  @Test
  void pausesBetweenDialsDoubleWithJitterUpToABound() {
    var backoff = new Backoff(100, 1_000, new Random(1));
    assertThat(backoff.isOver(0)).isTrue();

    backoff.failed(0);
    assertThat(backoff.isOver(49)).isFalse();
    assertThat(backoff.isOver(100)).isTrue();
    for (int i = 0; i < 100; i++) {
      backoff.failed(0);
    }
    assertThat(backoff.isOver(499)).isFalse();
    assertThat(backoff.isOver(1_000)).isTrue();
    backoff.reset();
    assertThat(backoff.isOver(0)).isTrue();
  }
}
