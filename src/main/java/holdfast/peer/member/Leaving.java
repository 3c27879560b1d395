package holdfast.peer.member;

import holdfast.consensus.Endpoint;
import holdfast.consensus.MemberStatus;
import holdfast.model.ErrorCode;
import holdfast.model.NodeId;
import holdfast.peer.state.Leadership;
import holdfast.peer.state.RaftDriver;
import holdfast.peer.view.PeerPorts;
import holdfast.protocol.Notice;
import java.util.Comparator;
import java.util.List;
import java.util.Set;

/**
 * The sequence by which a peer leaves in good order: leadership handed over, goodbye said,
 * everything forced. Loop thread.
 */
public final class Leaving {
  private static final long HANDOVER_NS = 1_000_000_000L;
  private static final long HANDOVER_POLL_NS = 20_000_000L;

  private final PeerPorts ports;
  private final Leadership leadership;
  private final Set<NodeId> connected;
  private final Runnable stopParts;
  private boolean isForcing;
  private boolean isGoodbyeSaid;
  private boolean isDone;

  public Leaving(
      PeerPorts ports, Leadership leadership, Set<NodeId> connected, Runnable stopParts) {
    this.ports = ports;
    this.leadership = leadership;
    this.connected = connected;
    this.stopParts = stopParts;
  }

  public void go(Runnable then) {
    if (leadership.isLeader()) {
      RaftDriver driver = leadership.driver();
      Endpoint self = driver.self();
      driver.core().members().stream()
          .filter(member -> member.isVoter() && !member.endpoint().equals(self))
          .max(Comparator.comparingLong(MemberStatus::matchIndex))
          .ifPresent(heir -> driver.transferTo(heir.endpoint()));
    }
    awaitHeir(then, ports.loop().nowNs() + HANDOVER_NS);
  }

  private void awaitHeir(Runnable then, long untilNs) {
    boolean isAlone =
        !leadership.isLeader() || leadership.driver().configuration().voters().size() < 2;
    boolean isFollowing = !leadership.isLeader() && leadership.otherLeader().isPresent();
    if (isAlone && leadership.isLeader()) {
      forceBefore(then);
    } else if (isAlone || isFollowing || ports.loop().nowNs() >= untilNs) {
      sayGoodbye(then);
    } else {
      long nextNs = ports.loop().nowNs() + HANDOVER_POLL_NS;
      ports.loop().at(nextNs, "hand over", () -> awaitHeir(then, untilNs));
    }
  }

  /**
   * Nobody else knows how far this peer is: its machine is to know of all of it. <i>Event: a lone
   * peer ends in good order, and its folder is put back to half a second before: the machine
   * remembered what was forced a second ago.</i>
   */
  private void forceBefore(Runnable then) {
    ports
        .loop()
        .at(ports.loop().nowNs() + leadership.forcesNs(), "force before", () -> goodbyeOnce(then));
    RaftDriver driver = leadership.driver();
    driver.awaitForced(
        driver.applied().index(),
        new RaftDriver.Proposed() {
          @Override
          public void onApplied(long index) {
            goodbyeOnce(then);
          }

          @Override
          public void onFailure(ErrorCode code, String text) {
            goodbyeOnce(then);
          }
        });
  }

  private void goodbyeOnce(Runnable then) {
    if (!isGoodbyeSaid) {
      sayGoodbye(then);
    }
  }

  private void sayGoodbye(Runnable then) {
    isGoodbyeSaid = true; // what waits for a force fails when the parts stop
    for (NodeId node : List.copyOf(connected)) {
      ports.transport().send(node, new Notice.Goodbye());
    }
    stopParts.run();
    isForcing = true;
    ports
        .loop()
        .at(ports.loop().nowNs() + leadership.forcesNs(), "force at end", () -> finish(then));
    ports.log().force(why -> ports.vault().force(whyNot -> finish(then)));
  }

  private void finish(Runnable then) {
    if (isForcing && !isDone) {
      isDone = true;
      then.run();
    }
  }
}
