package holdfast.peer;

import holdfast.consensus.Endpoint;
import holdfast.consensus.MemberStatus;
import holdfast.model.NodeId;
import holdfast.protocol.Notice;
import java.util.Comparator;
import java.util.List;
import java.util.Set;

/** Leaves in good order: leadership handed over, goodbye said, everything forced. Loop thread. */
final class Leaving {
  private static final long HANDOVER_NS = 1_000_000_000L;
  private static final long HANDOVER_POLL_NS = 20_000_000L;
  private static final long FORCE_MAX_NS = 1_000_000_000L;

  private final PeerPorts ports;
  private final Standing standing;
  private final Set<NodeId> connected;
  private final Runnable stopParts;
  private boolean isForcing;
  private boolean isDone;

  Leaving(PeerPorts ports, Standing standing, Set<NodeId> connected, Runnable stopParts) {
    this.ports = ports;
    this.standing = standing;
    this.connected = connected;
    this.stopParts = stopParts;
  }

  void go(Runnable then) {
    if (standing.isLeader()) {
      ConsensusDriver driver = standing.driver();
      Endpoint self = driver.self();
      driver.core().members().stream()
          .filter(member -> member.isVoter() && !member.endpoint().equals(self))
          .max(Comparator.comparingLong(MemberStatus::matchIndex))
          .ifPresent(heir -> driver.transferTo(heir.endpoint()));
    }
    awaitHeir(then, ports.loop().nowNs() + HANDOVER_NS);
  }

  private void awaitHeir(Runnable then, long untilNs) {
    boolean isAlone = !standing.isLeader() || standing.driver().configuration().voters().size() < 2;
    boolean isFollowing = !standing.isLeader() && standing.otherLeader().isPresent();
    if (isAlone || isFollowing || ports.loop().nowNs() >= untilNs) {
      sayGoodbye(then);
    } else {
      long nextNs = ports.loop().nowNs() + HANDOVER_POLL_NS;
      ports.loop().at(nextNs, "hand over", () -> awaitHeir(then, untilNs));
    }
  }

  private void sayGoodbye(Runnable then) {
    for (NodeId node : List.copyOf(connected)) {
      ports.transport().send(node, new Notice.Goodbye());
    }
    stopParts.run();
    isForcing = true;
    ports.loop().at(ports.loop().nowNs() + FORCE_MAX_NS, "force at end", () -> finish(then));
    ports.log().force(why -> ports.vault().force(whyNot -> finish(then)));
  }

  private void finish(Runnable then) {
    if (isForcing && !isDone) {
      isDone = true;
      then.run();
    }
  }
}
