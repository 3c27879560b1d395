package holdfast.peer.state;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import holdfast.consensus.Endpoint;
import holdfast.consensus.HardState;
import holdfast.consensus.InitialState;
import holdfast.consensus.RaftConfig;
import holdfast.consensus.RaftCore;
import holdfast.consensus.Recovery;
import holdfast.consensus.SnapshotMeta;
import holdfast.model.HoldfastException;
import holdfast.model.HostPort;
import holdfast.model.LogId;
import holdfast.model.NodeId;
import holdfast.port.Body;
import holdfast.port.Loop;
import holdfast.port.Transport;
import holdfast.protocol.Notice;
import holdfast.protocol.Reply;
import holdfast.protocol.Reply.Compared.Relation;
import holdfast.protocol.Request;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;

/** Which answers about a log that may have ended count. */
class LogComparisonTest {
  private static final NodeId SELF = new NodeId(1, 0, 0, 0);
  private static final NodeId OTHER = new NodeId(2, 0, 0, 0);
  private static final LogId FIRST = new LogId(1, 1);
  private static final LogId SECOND = new LogId(2, 2);
  private static final LogId THIRD = new LogId(3, 3);
  private static final Recovery POWER_CUT = new Recovery(7, Recovery.Cause.POWER_CUT, false);
  private static final Recovery OLDER = new Recovery(8, Recovery.Cause.DAMAGE, true);

  private final List<Transport.ReplyHandler> asked = new ArrayList<>();
  private final List<LogComparison.Ended> told = new ArrayList<>();
  private RaftCore own = core(FIRST, POWER_CUT);
  private final LogComparison comparison = new LogComparison(loop(), transport(), owner());

  private static RaftCore core(LogId log, Recovery recovery) {
    var voted = new HardState(4, Optional.of(new Endpoint(OTHER, 1)));
    var initial = new InitialState(voted, SnapshotMeta.NONE, List.of(), recovery);
    return new RaftCore(RaftConfig.DEFAULT, new Endpoint(SELF, 1), log, initial, bound -> 0, 0);
  }

  private LogComparison.Owner owner() {
    return new LogComparison.Owner() {
      @Override
      public Optional<RaftCore> core() {
        return Optional.of(own);
      }

      @Override
      public void onEnded(NodeId from, LogComparison.Ended ended) {
        told.add(ended);
      }
    };
  }

  private void answer(LogId next, Relation relation, boolean isByAsker) {
    asked.removeFirst().onReply(new Reply.Compared(next, relation, isByAsker), null);
  }

  /** The peer that follows the second log is slow, another one leads to the third meanwhile. */
  @Test
  void anAnswerAboutALogThatWasLeftSinceIsDropped() {
    comparison.heard(OTHER, SECOND);
    own = core(THIRD, Recovery.NONE);

    answer(SECOND, Relation.HELD, false);

    assertEquals(List.of(), told, "the second log ended before the third one began");
  }

  @Test
  void aLogHasEndedByOurVoteIfThatWasGivenSinceTheLoss() {
    comparison.heard(OTHER, SECOND);
    answer(SECOND, Relation.HELD, true);
    assertEquals(List.of(new LogComparison.Ended(SECOND, true, true)), told);
  }

  @Test
  void theVoteInAnOlderFolderSaysNothingOfWhatItForgot() {
    own = core(FIRST, OLDER);
    comparison.heard(OTHER, SECOND);
    answer(SECOND, Relation.LACKING, true);
    assertEquals(List.of(new LogComparison.Ended(SECOND, false, false)), told);
  }

  @Test
  void nobodyIsAskedAboutTheLogThatIsFollowedAlready() {
    comparison.heard(OTHER, FIRST);
    comparison.heard(OTHER, LogId.NONE);
    assertTrue(asked.isEmpty());
  }

  private static Loop loop() {
    return new Loop() {
      @Override
      public long nowNs() {
        return 0;
      }

      @Override
      public long awakeSinceNs() {
        return 0;
      }

      @Override
      public void post(Runnable task) {
        task.run();
      }

      @Override
      public Timer at(long deadlineNs, String name, Runnable task) {
        return () -> {};
      }
    };
  }

  private Transport transport() {
    return new Transport() {
      @Override
      public void send(NodeId to, Notice notice) {}

      @Override
      public InFlight request(
          NodeId to, Request request, Body bodyOrNull, long silenceNs, ReplyHandler handler) {
        asked.add(handler);
        return why -> {};
      }

      @Override
      public void learn(NodeId node, List<HostPort> addresses) {}

      @Override
      public void dial(HostPort address, Consumer<HoldfastException> onFailure) {}

      @Override
      public long dialStepCount() {
        return 0;
      }

      @Override
      public boolean isDirect(NodeId node) {
        return false;
      }

      @Override
      public boolean isConnected(NodeId node) {
        return true;
      }
    };
  }
}
