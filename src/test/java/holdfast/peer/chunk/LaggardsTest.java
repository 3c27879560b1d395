package holdfast.peer.chunk;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import holdfast.model.NodeId;
import org.junit.jupiter.api.Test;

class LaggardsTest {
  private static final NodeId SLOW = new NodeId(1, 1, 1, 1);
  private static final NodeId OTHER = new NodeId(2, 2, 2, 2);

  private final Laggards laggards = new Laggards();

  @Test
  void soManyCopiesMayLagAndNoMore() {
    for (int i = 0; i < Laggards.COPIES_MAX; i++) {
      laggards.begin(SLOW);
      assertTrue(laggards.lag(SLOW));
    }
    laggards.begin(SLOW);

    assertTrue(laggards.isBehind(SLOW));
    assertFalse(laggards.lag(SLOW));
    assertFalse(laggards.isBehind(OTHER), "each peer has its own");
    laggards.end(SLOW, true);
    assertTrue(laggards.lag(SLOW));
  }

  @Test
  void whoHasManyCopiesOnTheirWayIsNotBehind() {
    for (int i = 0; i < 10 * Laggards.COPIES_MAX; i++) {
      laggards.begin(SLOW);
    }

    assertFalse(laggards.isBehind(SLOW));
  }

  @Test
  void withOneThatLagsAFewAreBegunAndNoMore() {
    laggards.begin(SLOW);
    laggards.lag(SLOW);
    assertFalse(laggards.isBehind(SLOW));

    for (int i = 1; i < Laggards.COPIES_MAX; i++) {
      laggards.begin(SLOW);
    }
    assertTrue(laggards.isBehind(SLOW));
    for (int i = 1; i < Laggards.COPIES_MAX; i++) {
      laggards.end(SLOW, false);
    }
    laggards.end(SLOW, true);
    assertFalse(laggards.isBehind(SLOW));
  }
}
