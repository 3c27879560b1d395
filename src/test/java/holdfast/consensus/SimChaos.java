package holdfast.consensus;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/** What is done to a pool of cores, at random. */
final class SimChaos {
  private final Sim sim;
  private final Map<Integer, SimNode.Backup> backups = new HashMap<>();

  /** The node whose folder was put back or emptied; one a run, so that others know better. */
  private SimNode restored;

  private boolean cutNextLeader;

  /** No other fault for the moment. */
  private boolean isQuiet;

  private SimNode quietLeader;
  private long quietUntilMs;

  SimChaos(Sim sim) {
    this.sim = sim;
  }

  boolean isQuiet() {
    return isQuiet;
  }

  /** Whether nothing is to be written through this node now. */
  boolean isQuiet(SimNode node) {
    return node == quietLeader && sim.nowMs <= quietUntilMs;
  }

  void next() {
    if (sim.isHealed()) {
      return;
    }
    if (isQuiet) {
      sim.at(300, this::next);
      return;
    }
    SimNode node = sim.nodes.get(sim.random.nextInt(sim.nodes.size()));
    SimNode leader = sim.nodes.stream().filter(SimNode::leads).findFirst().orElse(node);
    SimNode victim = sim.random.nextInt(3) == 0 ? leader : node;
    switch (sim.random.nextInt(30)) {
      case 0, 1, 2 -> crash(victim, Met.Fault.KILL);
      case 3, 4 -> powerCuts(victim);
      case 5 -> isolate(victim);
      case 6 -> split();
      case 7 -> sim.cut(victim, sim.nodes.get(sim.random.nextInt(sim.nodes.size())));
      case 8, 9 -> sim.cutLinks.clear();
      case 10 -> pause(victim, 4_000);
      case 11 -> sim.lossPercent = sim.random.nextInt(3) == 0 ? 20 : sim.random.nextInt(5);
      case 12 -> sim.slowPercent = sim.random.nextInt(2) == 0 ? 0 : sim.random.nextInt(8);
      case 13 -> everybodyDies();
      case 14 -> leader.step(new Event.TransferLeadership(node.endpoint));
      case 15, 16 -> bridge(leader, node, false);
      case 17, 18 -> bridge(leader, node, true);
      case 19 -> deafSuccession(leader, node);
      case 20, 21 -> cutNextLeader = true;
      case 22 -> wakeReading(leader);
      case 23 -> dieWhileDemoting(leader, node);
      case 24 -> olderCopy(victim);
      case 25, 26 -> olderCopy(electing().orElse(victim));
      case 27 -> emptiedFolder(node);
      case 28 -> sim.isDiskTrouble = true;
      default -> {
        victim.diskLatencyMs = sim.random.nextInt(3) == 0 ? 300 : 3;
        sim.isDiskTrouble = sim.random.nextInt(3) == 0;
      }
    }
    sim.at(100 + sim.random.nextInt(1_500), this::next);
  }

  private void quietNetwork() {
    sim.cutLinks.clear();
    sim.slowPercent = 0;
    sim.lossPercent = 0;
  }

  private void met(Met.Fault fault, SimNode node) {
    sim.met.note(fault, node.doing());
  }

  private void pause(SimNode node, int maxMs) {
    met(Met.Fault.PAUSE, node);
    node.pausedUntilMs = sim.nowMs + sim.random.nextInt(maxMs);
  }

  /** All processes at once, while all disks are behind. */
  private void everybodyDies() {
    sim.nodes.forEach(node -> node.diskLatencyMs = 300);
    sim.at(
        200,
        () -> {
          if (!sim.isHealed()) {
            sim.nodes.forEach(node -> crash(node, Met.Fault.KILL));
            sim.nodes.forEach(node -> node.diskLatencyMs = 3);
          }
        });
  }

  private void powerCuts(SimNode victim) {
    switch (sim.random.nextInt(4)) {
      case 0 -> sim.nodes.forEach(node -> crash(node, Met.Fault.WHOLE_POOL_POWER_CUT));
      case 1 ->
          sim.nodes.stream()
              .filter(node -> sim.random.nextInt(3) > 0)
              .forEach(node -> crash(node, Met.Fault.POWER_CUT));
      default -> crash(victim, Met.Fault.POWER_CUT);
    }
  }

  void crash(SimNode node, Met.Fault fault) {
    if (!node.isUp() || isQuiet) {
      return;
    }
    met(fault, node);
    if (fault == Met.Fault.KILL && node.core.role() != Role.STOPPED) {
      node.kill();
    } else {
      node.powerCut();
    }
    sim.at(sim.random.nextInt(sim.random.nextBoolean() ? 300 : 5_000), node::start);
  }

  /** A snapshot arrives at this node: it may die or lose power in the middle. */
  void whileReceiving(SimNode node) {
    if (!sim.isHealed() && !sim.scenes.isOn()) {
      crash(node, sim.random.nextBoolean() ? Met.Fault.KILL : Met.Fault.POWER_CUT);
    }
  }

  /** A node has just ended its log, and the next one isn't on its disk yet. */
  void ends(SimNode node) {
    if (sim.isHealed() || sim.scenes.isOn() || sim.random.nextInt(3) > 0) {
      return;
    }
    sim.at(
        0,
        () -> {
          switch (sim.random.nextInt(5)) {
            case 0 -> crash(node, Met.Fault.KILL);
            case 1 -> crash(node, Met.Fault.POWER_CUT);
            case 2 -> sim.nodes.forEach(n -> crash(n, Met.Fault.WHOLE_POOL_POWER_CUT));
            case 3 -> isolate(node);
            default -> pause(node, 4_000);
          }
        });
  }

  /**
   * A folder is put back to what it was some time ago. Only one node's in a run, and where at least
   * three are there: with more, what was forced may be nowhere.
   */
  private void olderCopy(SimNode node) {
    boolean isSpread =
        sim.nodes.stream().anyMatch(n -> n.leads() && n.core.configuration().voters().size() >= 3);
    if (!isSpread || restored != null && restored != node) {
      return;
    }
    SimNode.Backup backup = backups.get(node.number);
    if (backup == null) {
      backups.put(node.number, node.backup());
    } else if (node.isUp() && sim.othersHoldAll(node)) {
      restored = node;
      met(Met.Fault.OLDER_COPY, node);
      node.restore(backup);
      int startsAfterMs = sim.random.nextInt(2_000);
      sim.at(startsAfterMs, node::start);
      // And once more while it starts, or recovers.
      sim.at(startsAfterMs + sim.random.nextInt(1_500), () -> olderCopyAgain(node));
    }
  }

  private void olderCopyAgain(SimNode node) {
    if (!sim.isHealed() && !isQuiet) {
      olderCopy(node);
    }
  }

  private Optional<SimNode> electing() {
    return sim.nodes.stream()
        .filter(SimNode::isUp)
        .filter(n -> n.core.role() == Role.PRE_CANDIDATE || n.core.role() == Role.CANDIDATE)
        .findFirst();
  }

  /**
   * Nothing in a folder can be read any more, so that all was set aside: its peer knows of its log
   * and that it lost it. Only where members hold all that was committed, forced (one that was
   * removed, and is taken in again by an entry that it lacks, speaks for nobody), where everybody
   * knows who votes (else it takes who doesn't for the only voter, and the log ends without those
   * that are cut off), and once in a run: a log that loses its only voter's vote twice may end
   * twice.
   */
  private void emptiedFolder(SimNode node) {
    boolean isKnown =
        sim.nodes.stream()
            .allMatch(
                n ->
                    n.logId.equals(node.logId)
                        && n.configuration().voters().equals(node.configuration().voters()));
    if (restored == null && isKnown && node.isUp() && sim.anotherHasForcedAll(node)) {
      restored = node;
      met(Met.Fault.EMPTIED_FOLDER, node);
      node.restore(new SimNode.Backup(node.logId, new SimDisk()));
      sim.at(sim.random.nextInt(2_000), node::start);
    }
  }

  private void isolate(SimNode node) {
    met(Met.Fault.ISOLATION, node);
    for (SimNode other : sim.nodes) {
      sim.cut(node, other);
      sim.cut(other, node);
    }
  }

  private void split() {
    sim.cutLinks.clear();
    int side = sim.random.nextInt(1 << sim.nodes.size());
    for (SimNode a : sim.nodes) {
      for (SimNode b : sim.nodes) {
        if ((side >> a.number & 1) != (side >> b.number & 1)) {
          sim.cut(a, b);
        }
      }
    }
  }

  /**
   * The leader and one other lose each other, not the rest; then perhaps the rest restarts fast.
   */
  private void bridge(SimNode leader, SimNode other, boolean isRestarting) {
    if (leader == other) {
      return;
    }
    quietNetwork();
    // Nothing is written through the old leader meanwhile, so that the other's log is as good.
    quietLeader = leader;
    quietUntilMs = sim.nowMs + 4_000;
    sim.at(
        200,
        () -> {
          if (!sim.isHealed()) {
            sim.cut(leader, other);
            sim.cut(other, leader);
          }
        });
    isQuiet = true;
    sim.at(3_500, () -> isQuiet = false);
    List<SimNode> rest = new ArrayList<>(sim.nodes);
    rest.removeAll(Set.of(leader, other));
    for (SimNode third : isRestarting ? rest : List.<SimNode>of()) {
      sim.at(1_000 + sim.random.nextInt(1_200), () -> restartQuickly(third));
    }
  }

  private void restartQuickly(SimNode node) {
    if (!sim.isHealed() && node.isUp() && node.core.role() != Role.STOPPED) {
      met(Met.Fault.KILL, node);
      node.kill();
      sim.at(10 + sim.random.nextInt(120), node::start);
    }
  }

  /** Succession is asked for, and from then on the old leader hears nothing. */
  private void deafSuccession(SimNode leader, SimNode other) {
    if (leader == other || !leader.leads()) {
      return;
    }
    quietNetwork();
    sim.at(
        30,
        () -> {
          leader.step(new Event.TransferLeadership(other.endpoint));
          sim.at(
              1 + sim.random.nextInt(25),
              () -> {
                if (!sim.isHealed()) {
                  sim.nodes.forEach(from -> sim.cut(from, leader));
                }
              });
        });
  }

  /** A node has become leader: it may be cut off in the step, and killed soon after. */
  void leads(SimNode node) {
    if (!cutNextLeader || sim.isHealed()) {
      return;
    }
    cutNextLeader = sim.random.nextInt(3) > 0;
    sim.cutLinks.clear();
    boolean slow = sim.random.nextBoolean();
    for (SimNode to : sim.nodes) {
      if (!slow || sim.random.nextInt(3) > 0) {
        sim.cut(node, to);
      }
    }
    long ofLife = node.life;
    sim.at(
        40 + sim.random.nextInt(300),
        () -> {
          if (!sim.isHealed()
              && node.life == ofLife
              && node.isUp()
              && node.core.role() != Role.STOPPED) {
            met(Met.Fault.KILL, node);
            node.kill();
            sim.cutLinks.clear();
            sim.at(100 + sim.random.nextInt(2_500), node::start);
          }
        });
  }

  /** A leader stands still; what reads it gets come before its own tick when it wakes. */
  private void wakeReading(SimNode leader) {
    if (leader.leads()) {
      met(Met.Fault.PAUSE, leader);
      long ms = 1_200 + sim.random.nextInt(2_500);
      leader.pausedUntilMs = sim.nowMs + ms;
      sim.at(ms, leader::read);
    }
  }

  /** The leader dies for long before it has written that somebody loses its vote. */
  private void dieWhileDemoting(SimNode leader, SimNode other) {
    boolean fits =
        leader.leads()
            && leader != other
            && leader.core.configuration().voters().size() >= 3
            && leader.core.configuration().isVoter(other.endpoint)
            && sim.nodes.stream().allMatch(n -> n.isUp() && n.core.role() != Role.STOPPED);
    if (!fits) {
      return;
    }
    quietNetwork();
    sim.isDiskTrouble = false;
    leader.diskLatencyMs = 2_000;
    leader.propose(1);
    leader.step(
        new Event.ChangeMembership(sim.nextId(), new MembershipChange.Demote(other.endpoint)));
    isQuiet = true;
    sim.at(60, () -> dieBeforeWriting(leader));
    sim.at(9_000, () -> goOnWithout(leader));
  }

  private void dieBeforeWriting(SimNode leader) {
    if (leader.isUp()) {
      met(Met.Fault.KILL, leader);
      leader.kill(0);
    }
    leader.diskLatencyMs = 3;
    for (SimNode node : sim.nodes) {
      node.pausedUntilMs = 0;
      node.diskLatencyMs = 3;
    }
  }

  private boolean hasMajorityBut(SimNode node, SimNode dead) {
    Configuration configuration = node.core.configuration();
    long left = configuration.voters().stream().filter(v -> !v.equals(dead.endpoint)).count();
    return !configuration.voters().isEmpty() && left >= configuration.quorum();
  }

  private void goOnWithout(SimNode dead) {
    isQuiet = false;
    long upCount =
        sim.nodes.stream()
            .filter(n -> n.isUp() && n.core.role() != Role.STOPPED)
            .filter(n -> sim.nowMs - n.startedMs > 6_000)
            .count();
    // Neither who recovers nor who waits for a new log's beginning can do without anybody.
    boolean isWhole =
        sim.nodes.stream()
            .filter(SimNode::isUp)
            .noneMatch(n -> n.core.recovery().isNeeded() || !hasMajorityBut(n, dead));
    if (upCount == sim.nodes.size() - 1 && !dead.isUp() && isWhole && !sim.isHealed()) {
      Checkers.require(
          sim.nodes.stream().anyMatch(SimNode::leads),
          "nobody leads 9 s after one of %s died: %s",
          sim.nodes.size(),
          sim.states());
    }
    dead.start();
  }
}
