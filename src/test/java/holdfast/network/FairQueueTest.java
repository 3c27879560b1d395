package holdfast.network;

import static org.assertj.core.api.Assertions.assertThat;

import holdfast.crypto.handshake.HandshakeFormat;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

class FairQueueTest {
  private final FairQueue<String> queue = new FairQueue<>(8);

  @Test
  void sourcesTakeTurnsAndWithinOneTheFirstIsFirst() {
    for (String item : List.of("a1", "a2", "a3", "b1", "b2")) {
      assertThat(offer(item)).isNull();
    }
    assertThat(queue.poll()).isEqualTo("a1");
    offer("c1");

    assertThat(rest()).containsExactly("b1", "a2", "c1", "b2", "a3");
  }

  @Test
  void aSourceWithManyDelaysAnotherByOne() {
    for (int i = 1; i <= 7; i++) {
      offer("a" + i);
    }
    offer("b1");

    assertThat(rest()).startsWith("a1", "b1", "a2");
  }

  @Test
  void whenFullTheNewestOfTheSourceWithMostGivesWay() {
    for (int i = 1; i <= 7; i++) {
      offer("a" + i);
    }
    offer("b1");

    assertThat(offer("c1")).isEqualTo("a7");
    assertThat(offer("a8")).isEqualTo("a8");
    assertThat(offer("b2")).isEqualTo("a6");
    assertThat(queue.count()).isEqualTo(8);
    assertThat(rest()).containsExactly("a1", "b1", "c1", "a2", "b2", "a3", "a4", "a5");
  }

  @Test
  void ofEqualSourcesTheOneThatHasJustAddedGivesWay() {
    for (String item : List.of("a1", "b1", "c1", "d1", "a2", "b2", "c2", "d2")) {
      offer(item);
    }

    assertThat(offer("a3")).isEqualTo("a3");
    assertThat(offer("e1")).isNotEqualTo("e1");
  }

  @Test
  void whatIsRemovedIsNotServedAndHasNoPlace() {
    offer("a1");
    offer("a2");

    assertThat(remove("a1")).isTrue();
    assertThat(remove("a1")).isFalse();
    assertThat(place("a1")).isZero();
    assertThat(place("a2")).isEqualTo(1);
    assertThat(rest()).containsExactly("a2");
    assertThat(queue.count()).isZero();
  }

  @Test
  void everyItemServedLowersEveryPlaceAndNothingRaisesOne() {
    long seed = System.nanoTime();
    System.out.println("seed=" + seed);
    var random = new Random(seed);
    var last = new HashMap<String, Integer>();
    for (int step = 0; step < 5_000; step++) {
      boolean isServed = random.nextInt(5) < 2 && queue.count() > 0;
      if (isServed) {
        String served = queue.poll();
        assertThat(last.remove(served)).as("served from its place").isEqualTo(1);
      } else {
        String item = (char) ('a' + random.nextInt(6)) + "" + step;
        last.put(item, HandshakeFormat.PLACE_MAX);
        last.remove(offer(item));
      }
      last.replaceAll(
          (item, before) -> {
            int now = place(item);
            assertThat(now).as(item).isBetween(1, isServed ? before - 1 : before);
            return now;
          });
    }
  }

  @Test
  void noPlaceIsHigherThanAWaitCanTell() {
    var full = new FairQueue<Integer>(RsaQueue.WAITING_MAX);
    for (int i = 0; i < RsaQueue.WAITING_MAX; i++) {
      full.offer(1, i);
    }

    assertThat(full.placeOf(1, RsaQueue.WAITING_MAX - 1))
        .isBetween(1, HandshakeFormat.PLACE_MAX)
        .isEqualTo(1 + (RsaQueue.WAITING_MAX - 1) * RsaQueue.WAITING_MAX);
    assertThat(HandshakeFormat.PLACE_MAX)
        .isEqualTo(RsaQueue.WAITING_MAX * RsaQueue.WAITING_MAX)
        .isLessThan(1 << 16);
  }

  private String offer(String item) {
    return queue.offer(item.charAt(0), item);
  }

  private boolean remove(String item) {
    return queue.remove(item.charAt(0), item);
  }

  private int place(String item) {
    return queue.placeOf(item.charAt(0), item);
  }

  private List<String> rest() {
    var rest = new ArrayList<String>();
    for (String item = queue.poll(); item != null; item = queue.poll()) {
      rest.add(item);
    }
    return rest;
  }
}
