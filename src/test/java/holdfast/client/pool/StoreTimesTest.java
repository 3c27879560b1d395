package holdfast.client.pool;

import static org.junit.jupiter.api.Assertions.assertEquals;

import holdfast.model.NodeId;
import java.util.List;
import org.junit.jupiter.api.Test;

class StoreTimesTest {
  private static final NodeId A = new NodeId(1, 1, 1, 1);
  private static final NodeId B = new NodeId(2, 2, 2, 2);
  private static final List<NodeId> BOTH = List.of(A, B);
  private static final long MS = 1_000_000L;
  private static final int BYTES = 1 << 20;

  private final StoreTimes times = new StoreTimes();
  private long nowNs = 7;

  private void store(NodeId node, long tookNs, boolean isStored) {
    var store = times.begin(node, BYTES, nowNs);
    nowNs += tookNs;
    times.end(store, isStored, nowNs);
  }

  private NodeId quickest() {
    return times.quickest(BOTH, BYTES, nowNs);
  }

  @Test
  void theFirstIsTakenWhereNothingIsKnown() {
    assertEquals(A, quickest());
  }

  @Test
  void whoIsUnknownGetsOneChunkAndNoSecondBeforeThat() {
    times.begin(A, BYTES, nowNs);

    assertEquals(B, quickest());
  }

  @Test
  void whoTookLessLatelyIsTaken() {
    store(A, 50 * MS, true);
    store(B, 20 * MS, true);

    assertEquals(B, quickest());
  }

  @Test
  void whoIsBusyIsTakenOnlyIfItWouldBeDoneFirstAllTheSame() {
    store(A, 50 * MS, true);
    store(B, 20 * MS, true);
    times.begin(B, BYTES, nowNs);
    assertEquals(B, quickest());

    times.begin(B, BYTES, nowNs);
    assertEquals(A, quickest());
  }

  @Test
  void whatLastsLongerThanEverShowsThatAPeerHasBecomeSlow() {
    store(A, 50 * MS, true);
    store(B, 20 * MS, true);
    times.begin(B, BYTES, nowNs);

    nowNs += 10_000 * MS;

    assertEquals(A, quickest());
  }

  @Test
  void whoFailsAtOnceIsNotQuick() {
    store(A, 1, false);
    store(B, 50 * MS, true);

    assertEquals(B, quickest());
  }

  @Test
  void whatWasLongAgoIsForgotten() {
    store(A, 10_000 * MS, true);
    store(B, 20 * MS, true);
    assertEquals(B, quickest());

    nowNs += StoreTimes.FORGOTTEN_NS;

    assertEquals(A, quickest());
  }
}
