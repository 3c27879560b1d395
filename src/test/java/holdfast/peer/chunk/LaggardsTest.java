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
  void soManyCopiesAreWaitedForAndNoMore() {
    for (int i = 0; i < Laggards.COPIES_MAX; i++) {
      assertFalse(laggards.isBehind(SLOW));
      assertTrue(laggards.enter(SLOW));
    }

    assertTrue(laggards.isBehind(SLOW));
    assertFalse(laggards.enter(SLOW));
    assertFalse(laggards.isBehind(OTHER), "each peer has its own");
    laggards.leave(SLOW);
    assertTrue(laggards.enter(SLOW));
  }
}
