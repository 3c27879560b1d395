package holdfast.network;

import static org.assertj.core.api.Assertions.assertThat;

import java.net.InetAddress;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

class StrangerGateTest {
  private static final long SECOND_NS = TimeUnit.SECONDS.toNanos(1);

  private final StrangerGate gate = new StrangerGate();
  private final List<Connected> entered = new ArrayList<>();

  /** A connection that remembers whether it had to go. */
  private static final class Connected implements StrangerGate.Holder {
    private StrangerGate.Place place;
    private boolean hasUnread;
    private boolean isClosed;

    @Override
    public boolean hasUnread() {
      return hasUnread;
    }

    @Override
    public void close() {
      isClosed = true;
    }
  }

  private static InetAddress address(int number) {
    return TestNode.address("127.0.0." + number);
  }

  private Connected enters(int number) {
    var connected = new Connected();
    connected.place = gate.enters(address(number), connected);
    assertThat(connected.place).isNotNull();
    entered.add(connected);
    return connected;
  }

  private Connected proves(int number) {
    var connected = enters(number);
    assertThat(gate.proves(connected.place)).isTrue();
    return connected;
  }

  @Test
  void theOldestStrangerOfAnAddressMakesRoomForItsNext() throws Exception {
    var first = enters(1);
    for (int i = 1; i < StrangerGate.STRANGERS_PER_ADDRESS_MAX; i++) {
      enters(1);
    }
    assertThat(first.isClosed).isFalse();

    var other = enters(2);
    var next = enters(1);

    assertThat(first.isClosed).isTrue();
    assertThat(entered).filteredOn(each -> each.isClosed).containsExactly(first);
    assertThat(gate.proves(first.place)).isFalse();
    assertThat(gate.proves(next.place)).isTrue();
    assertThat(gate.proves(other.place)).isTrue();
  }

  @Test
  void whenAllPlacesAreTakenTheAddressWithMostMakesRoom() throws Exception {
    var lonely = enters(1);
    for (int i = 0; i < StrangerGate.STRANGERS_MAX - 1; i++) {
      enters(2 + i / StrangerGate.STRANGERS_PER_ADDRESS_MAX);
    }
    assertThat(gate.strangerCount()).isEqualTo(StrangerGate.STRANGERS_MAX);

    for (int i = 0; i < StrangerGate.STRANGERS_MAX / 2; i++) {
      enters(100 + i);
    }

    assertThat(gate.strangerCount()).isEqualTo(StrangerGate.STRANGERS_MAX);
    assertThat(lonely.isClosed).isFalse();
    assertThat(entered)
        .filteredOn(each -> each.isClosed)
        .hasSize(StrangerGate.STRANGERS_MAX / 2)
        .contains(entered.get(1));
  }

  @Test
  void whoHasSentWhatIsNotReadYetMakesNoRoom() throws Exception {
    var late = enters(1);
    late.hasUnread = true;
    var silent = enters(1);
    for (int i = 2; i < StrangerGate.STRANGERS_PER_ADDRESS_MAX; i++) {
      enters(1).hasUnread = true;
    }

    enters(1).hasUnread = true;
    assertThat(silent.isClosed).isTrue();
    assertThat(late.isClosed).isFalse();
    assertThat(gate.enters(address(1), new Connected())).isNull();

    assertThat(gate.proves(late.place)).isTrue();
    assertThat(gate.enters(address(1), new Connected())).isNotNull();
  }

  @Test
  void strangersNeverTakeThePlaceOfWhoProvedTheSecret() throws Exception {
    var proved = enters(1);
    assertThat(gate.proves(proved.place)).isTrue();

    for (int i = 0; i < 3 * StrangerGate.STRANGERS_MAX; i++) {
      enters(1 + i % 20);
    }

    assertThat(proved.isClosed).isFalse();
    assertThat(gate.provesFresh(proved.place)).isTrue();
  }

  @Test
  void aRecordingMakesRoomAndWhoProvedThatItIsNoneDoesNot() throws Exception {
    var fresh = proves(1);
    assertThat(gate.provesFresh(fresh.place)).isTrue();
    var recorded = proves(1);
    for (int i = 2; i < StrangerGate.PROVED_PER_ADDRESS_MAX; i++) {
      proves(1);
    }

    proves(1);

    assertThat(fresh.isClosed).isFalse();
    assertThat(entered).filteredOn(each -> each.isClosed).containsExactly(recorded);
    assertThat(gate.provesFresh(recorded.place)).isFalse();
    assertThat(gate.hellosBefore(recorded.place)).isNegative();
  }

  @Test
  void whereNoneIsARecordingTheNewOneIsRefused() throws Exception {
    for (int i = 0; i < StrangerGate.PROVED_PER_ADDRESS_MAX; i++) {
      assertThat(gate.provesFresh(proves(1).place)).isTrue();
    }
    var tooMany = enters(1);

    assertThat(gate.proves(tooMany.place)).isFalse();
    assertThat(gate.proves(enters(2).place)).isTrue();
    gate.leaves(entered.get(0).place);
    assertThat(gate.proves(enters(1).place)).isTrue();
  }

  @Test
  void recordingsFromEverywhereKeepNobodyOut() throws Exception {
    for (int i = 0; i < StrangerGate.PROVED_MAX; i++) {
      var recorded = proves(2 + i % 5);
      recorded.hasUnread = i % 2 == 0; // sent along, unasked
    }

    var honest = proves(1);
    for (int i = 0; i < StrangerGate.PROVED_MAX; i++) {
      proves(2 + i % 5);
    }

    assertThat(honest.isClosed).isFalse();
    assertThat(gate.provesFresh(honest.place)).isTrue();
  }

  @Test
  void placesComeBackWhenConnectionsLeave() throws Exception {
    for (int i = 0; i < 2 * StrangerGate.CONNECTIONS_MAX; i++) {
      gate.awaitConnection();
      var place = gate.enters(address(1), new Connected());
      if (i % 2 == 0) {
        gate.proves(place);
      }
      gate.leaves(place);
      gate.awaitConnection();
      gate.unused();
    }

    assertThat(gate.strangerCount()).isZero();
  }

  @Test
  void firstMessagesAreLimitedByAddressAndSecondAndAnsweredInTurn() throws Exception {
    var early = new ArrayList<Connected>();
    for (int i = 0; i < StrangerGate.HELLOS_PER_SECOND_MAX; i++) {
      early.add(proves(1));
    }
    var late = proves(1);
    var later = proves(1);
    assertThat(gate.hellosBefore(later.place)).isEqualTo(StrangerGate.HELLOS_PER_SECOND_MAX + 1);
    assertThat(gate.allowsHello(later.place, 0)).isFalse();
    for (Connected each : early) {
      assertThat(gate.allowsHello(each.place, 0)).isTrue();
    }

    assertThat(gate.hellosBefore(later.place)).isEqualTo(1);
    assertThat(gate.allowsHello(late.place, SECOND_NS - 1)).isFalse();
    assertThat(gate.allowsHello(proves(2).place, 0)).isTrue();
    assertThat(gate.allowsHello(later.place, SECOND_NS)).isFalse();
    assertThat(gate.allowsHello(late.place, SECOND_NS)).isTrue();
    assertThat(gate.allowsHello(later.place, SECOND_NS)).isTrue();
  }

  @Test
  void theTurnOfAllOfAnAddressComesWithinTheOthersSilence() {
    int secondsAtMost = StrangerGate.PROVED_PER_ADDRESS_MAX / StrangerGate.HELLOS_PER_SECOND_MAX;

    assertThat(secondsAtMost * SECOND_NS)
        .isLessThan(NetworkLimits.standard().handshakeSilenceNs() - SECOND_NS);
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
