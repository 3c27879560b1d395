package holdfast.network.discovery;

import static org.assertj.core.api.Assertions.assertThat;

import holdfast.crypto.Fernet;
import holdfast.model.InstanceId;
import holdfast.model.NodeId;
import holdfast.network.RateLimiter;
import java.net.InetAddress;
import java.security.SecureRandom;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

class HintFilterTest {
  private static final long SECOND_NS = TimeUnit.SECONDS.toNanos(1);
  private static final InstanceId SELF = new InstanceId(1, 1);
  private static final InstanceId OTHER = new InstanceId(2, 2);
  private static final Subnets LOOPBACK =
      new Subnets(List.of(new Subnets.Subnet(0x7F000001, 8, true)));

  private final SecureRandom random = new SecureRandom();
  private final byte[] newKey = key(1);
  private final byte[] oldKey = key(2);
  private final HintFilter filter = new HintFilter(() -> List.of(newKey, oldKey), SELF);
  private long nextNonce;

  @Test
  void aDatagramOpensUnderTheKeyOfAnyLiveEpochAndOnce() {
    byte[] fresh = seal(newKey, announce(OTHER));
    byte[] old = seal(oldKey, announce(OTHER));

    assertThat(filter.open(fresh, fresh.length, 0)).isPresent();
    assertThat(filter.open(old, old.length, 0)).isPresent();
    assertThat(filter.open(fresh, fresh.length, SECOND_NS)).isEmpty();
    assertThat(filter.strangerCount()).isZero();
  }

  @Test
  void anotherPoolsDatagramIsCountedAndOwnOnesAreIgnored() {
    byte[] stranger = seal(key(3), announce(OTHER));
    byte[] own = seal(newKey, announce(SELF));

    assertThat(filter.open(stranger, stranger.length, 0)).isEmpty();
    assertThat(filter.open(own, own.length, 0)).isEmpty();
    assertThat(filter.strangerCount()).isEqualTo(1);
  }

  @Test
  void randomDatagramsAreIgnored() {
    long seed = System.nanoTime();
    System.out.println("seed=" + seed);
    var noise = new Random(seed);
    for (int i = 0; i < 5_000; i++) {
      byte[] bytes = new byte[noise.nextInt(Datagram.MAX_BYTES + 100)];
      noise.nextBytes(bytes);
      assertThat(filter.open(bytes, bytes.length, i)).isEmpty();
    }
  }

  @Test
  void aRequestThatWasNotPaddedIsIgnored() {
    byte[] small = announceAsRequest();

    assertThat(filter.open(small, small.length, 0)).isEmpty();
  }

  @Test
  void answersGoToAttachedNetworksWithRoomAndWithinTheRate() throws Exception {
    var near = InetAddress.getByName("127.0.0.9");
    var far = InetAddress.getByName("192.0.2.1");
    var request = new Datagram.Request(header(OTHER), 100);

    assertThat(filter.deservesAnswer(request, far, LOOPBACK, 100, 0)).isFalse();
    assertThat(filter.deservesAnswer(request, near, LOOPBACK, 99, 0)).isFalse();
    for (int i = 0; i < HintFilter.ANSWERS_PER_SECOND_MAX; i++) {
      assertThat(filter.deservesAnswer(request, near, LOOPBACK, 100, 0)).isTrue();
    }
    assertThat(filter.deservesAnswer(request, near, LOOPBACK, 100, 0)).isFalse();
    assertThat(filter.deservesAnswer(request, near, LOOPBACK, 100, SECOND_NS)).isTrue();
  }

  @Test
  void anAnswerCountsOnlyForAnOwnRequestOfTheLastSeconds() {
    var asked = new Nonce(77, 78);
    filter.requested(asked, 0);
    var answer = answerTo(asked);
    var unasked = answerTo(new Nonce(1, 1));

    assertThat(filter.isWanted(answer, HintFilter.ANSWER_FRESH_NS)).isTrue();
    assertThat(filter.isWanted(answer, HintFilter.ANSWER_FRESH_NS + 1)).isFalse();
    assertThat(filter.isWanted(unasked, 0)).isFalse();
  }

  @Test
  void hintsAreFewASecond() {
    for (int i = 0; i < HintFilter.HINTS_PER_SECOND_MAX; i++) {
      assertThat(filter.allowsHint(0)).isTrue();
    }
    assertThat(filter.allowsHint(SECOND_NS - 1)).isFalse();
    assertThat(filter.allowsHint(SECOND_NS)).isTrue();
  }

  @Test
  void theReplayWindowIsBoundedInSizeAndTime() {
    var window = new ReplayWindow();
    for (int i = 0; i <= ReplayWindow.NONCES_MAX; i++) {
      assertThat(window.isFresh(new Nonce(0, i), 0)).isTrue();
    }

    assertThat(window.size()).isEqualTo(ReplayWindow.NONCES_MAX);
    assertThat(window.isFresh(new Nonce(0, 1), 0)).isFalse();
    assertThat(window.isFresh(new Nonce(0, 0), 0)).isTrue();
    assertThat(window.isFresh(new Nonce(0, 9), ReplayWindow.REMEMBERED_NS)).isTrue();
    assertThat(window.size()).isEqualTo(1);
  }

  @Test
  void theRateLimiterRemembersABoundedNumberOfSources() {
    var limiter = new RateLimiter<Integer>(1, SECOND_NS);
    for (int i = 0; i < RateLimiter.SOURCES_MAX; i++) {
      assertThat(limiter.allows(i, 0)).isTrue();
    }

    assertThat(limiter.allows(-1, 0)).isFalse();
    assertThat(limiter.sourceCount()).isEqualTo(RateLimiter.SOURCES_MAX);
    assertThat(limiter.allows(-1, SECOND_NS)).isTrue();
    assertThat(limiter.sourceCount()).isEqualTo(1);
  }

  @Test
  void subnetsKnowTheirBroadcastAddress() throws Exception {
    var subnet = new Subnets.Subnet(0x0A010203, 16, false);

    assertThat(subnet.broadcast()).isEqualTo(InetAddress.getByName("10.1.255.255"));
    assertThat(new Subnets(List.of(subnet)).contains(InetAddress.getByName("10.1.9.9"))).isTrue();
    assertThat(new Subnets(List.of(subnet)).contains(InetAddress.getByName("10.2.9.9"))).isFalse();
  }

  private Datagram.Header header(InstanceId instance) {
    return new Datagram.Header(new Nonce(9, nextNonce++), instance, 0, 1, 1);
  }

  private Datagram announce(InstanceId instance) {
    return new Datagram.Announce(header(instance), new NodeId(1, 2, 3, 4), 8_000, 1);
  }

  private Datagram.Answer answerTo(Nonce request) {
    return new Datagram.Answer(
        header(OTHER), request, 8_000, 1, new Datagram.PublicKey(new byte[1]));
  }

  private byte[] announceAsRequest() {
    byte[] plain = announce(OTHER).encode();
    plain[0] = Datagram.TYPE_REQUEST;
    return Fernet.encrypt(newKey, plain, random, 0);
  }

  private byte[] seal(byte[] key, Datagram datagram) {
    return Fernet.encrypt(key, datagram.encode(), random, 0);
  }

  private static byte[] key(int fill) {
    byte[] key = new byte[Fernet.KEY_BYTES];
    key[0] = (byte) fill;
    return key;
  }
}
