package holdfast.model;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;

class ChunkLossTest {
  private static String damage(ChunkLoss loss) {
    var text = new StringBuilder();
    LongStream.rangeClosed(1, 9).forEach(tick -> text.append(loss.isDamage(tick) ? 'd' : '.'));
    return text.toString();
  }

  @Test
  void nothingLostIsNoDamage() {
    assertTrue(ChunkLoss.NONE.isNone());
    assertFalse(ChunkLoss.NONE.isOpen());
    assertEquals(".........", damage(ChunkLoss.NONE));
    assertEquals(ChunkLoss.NONE, ChunkLoss.NONE.withDamage().upTo(0));
    assertEquals(ChunkLoss.NONE, ChunkLoss.NONE.upTo(5));
  }

  @Test
  void anEventConcernsAllCommitsUntilTheLastOneIsKnown() {
    assertEquals("ddddddddd", damage(ChunkLoss.NONE.withDamage()));
    assertEquals(".........", damage(ChunkLoss.NONE.withPowerCut()));
    assertEquals("ddd......", damage(ChunkLoss.NONE.withDamage().upTo(3)));
    assertEquals(".........", damage(ChunkLoss.NONE.withPowerCut().upTo(3)));
    assertEquals(3, ChunkLoss.NONE.withPowerCut().upTo(3).lastTick());
  }

  @Test
  void theFirstEventThatCoversACommitCounts() {
    assertEquals("...dddddd", damage(ChunkLoss.NONE.withPowerCut().upTo(3).withDamage()));
    assertEquals("...ddd...", damage(ChunkLoss.NONE.withPowerCut().upTo(3).withDamage().upTo(6)));
    assertEquals("ddd......", damage(ChunkLoss.NONE.withDamage().upTo(3).withPowerCut()));
    assertEquals("ddd......", damage(ChunkLoss.NONE.withDamage().upTo(3).withPowerCut().upTo(6)));
  }

  @Test
  void anEventBeforeTheLastOneIsBoundedChangesNothing() {
    assertEquals(".........", damage(ChunkLoss.NONE.withPowerCut().withDamage()));
    assertEquals("ddddddddd", damage(ChunkLoss.NONE.withDamage().withPowerCut()));
  }

  @Test
  void anEventAfterWhichNothingWasCommittedIsNone() {
    var cut = ChunkLoss.NONE.withPowerCut().upTo(3);
    var damage = ChunkLoss.NONE.withDamage().upTo(3);

    assertEquals(cut, cut.withDamage().upTo(3));
    assertEquals(damage, damage.withPowerCut().upTo(3));
  }

  @Test
  void whatNoPowerCutDoesIsDamageAlsoAfterOne() {
    assertEquals("ddddddddd", damage(ChunkLoss.NONE.withPowerCut().withSureDamage()));
    assertEquals("...dddddd", damage(ChunkLoss.NONE.withPowerCut().upTo(3).withSureDamage()));
    assertEquals("ddddddddd", damage(ChunkLoss.NONE.withSureDamage()));
  }

  @Test
  void inAnotherLogItEndsWithThatLogsCommits() {
    assertEquals(ChunkLoss.NONE, ChunkLoss.NONE.inAnotherLog());
    var cut = ChunkLoss.NONE.withPowerCut().upTo(3);
    assertEquals(ChunkLoss.NONE.withPowerCut(), cut.inAnotherLog());
    assertEquals(ChunkLoss.NONE.withDamage(), cut.withDamage().upTo(5).inAnotherLog());
  }

  /** Whatever can't be told apart any more is called damage: missing, and told. */
  @Test
  void aThirdEventIsOnTheSafeSide() {
    var damageAndCut = ChunkLoss.NONE.withDamage().upTo(2).withPowerCut().upTo(4);
    var cutAndDamage = ChunkLoss.NONE.withPowerCut().upTo(2).withDamage().upTo(4);

    assertEquals("dddddd...", damage(damageAndCut.withDamage().upTo(6)));
    assertEquals("dddd.....", damage(cutAndDamage.withPowerCut().upTo(6)));
  }
}
