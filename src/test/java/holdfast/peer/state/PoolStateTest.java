package holdfast.peer.state;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import holdfast.model.HostPort;
import holdfast.model.LogId;
import holdfast.model.NodeId;
import holdfast.placement.PeerEntry;
import holdfast.placement.PeerState;
import holdfast.placement.PoolSettings;
import org.junit.jupiter.api.Test;

/** Who can't have stored what was committed when. */
class PoolStateTest {
  private static final NodeId NODE = new NodeId(1, 2, 3, 4);
  private static final long LEFT_TICK = 100;
  private static final long LEFT_EPOCH = 7;

  private long index;
  private PoolState state =
      PoolState.initial(new LogId(1, 2))
          .created(++index, PoolSettings.DEFAULT)
          .withPeer(
              ++index,
              new PeerEntry(NODE, new HostPort("h", 1), 1 << 20, 0, "h", "", PeerState.UP, 1));

  private void become(PeerState next, long tick, long epoch) {
    state =
        state.withPeerState(
            ++index, new Command.SetPeerState(NODE, next), Absence.since(tick, epoch));
  }

  private boolean isBefore(long tick, long epoch) {
    return state.absences().get(NODE).isBefore(tick, epoch);
  }

  @Test
  void aPeerMayHaveWhatIsCommittedWithinTwoEpochsAfterItLeft() {
    become(PeerState.AWAY, LEFT_TICK, LEFT_EPOCH);
    assertFalse(isBefore(150, LEFT_EPOCH));

    state = state.withEpoch(LEFT_EPOCH + 1, 200);
    assertFalse(isBefore(250, LEFT_EPOCH + 1));
    state = state.withEpoch(LEFT_EPOCH + 2, 300);

    assertTrue(isBefore(301, LEFT_EPOCH + 2));
    assertFalse(isBefore(300, LEFT_EPOCH + 2));
    assertFalse(isBefore(150, LEFT_EPOCH + 2));
  }

  @Test
  void itIsNotWaitedForLongerThanAWeekOfThePool() {
    become(PeerState.AWAY, LEFT_TICK, LEFT_EPOCH);
    state = state.withEpoch(LEFT_EPOCH + 2, 300);
    long before = LEFT_EPOCH + Absence.WAIT_EPOCHS_MAX - 1;

    assertFalse(isBefore(150, before));
    assertTrue(isBefore(150, before + 1));
    assertFalse(isBefore(LEFT_TICK, before + 1));
  }

  @Test
  void theFirstTimeCountsUntilItIsBack() {
    become(PeerState.AWAY, LEFT_TICK, LEFT_EPOCH);
    become(PeerState.OUT, 200, LEFT_EPOCH + 1);
    assertEquals(Absence.since(LEFT_TICK, LEFT_EPOCH), state.absences().get(NODE));

    become(PeerState.UP, 300, LEFT_EPOCH + 2);

    assertTrue(state.absences().isEmpty());
  }

  @Test
  void aSnapshotHoldsIt() {
    become(PeerState.AWAY, LEFT_TICK, LEFT_EPOCH);
    state = state.withEpoch(LEFT_EPOCH + 2, 300);

    assertEquals(state.absences(), PoolState.of(state.toBytes()).absences());
  }
}
