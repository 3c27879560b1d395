package holdfast.consensus;

import holdfast.model.LogId;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.PriorityQueue;
import java.util.Set;
import java.util.SplittableRandom;

/**
 * A pool of cores on a simulated clock, network and disks, all from one seed. First chaos, then
 * everything heals; the checkers look at every step.
 */
final class Sim {
  static final RaftConfig CONFIG =
      new RaftConfig(
          150, 1_000, 2_000, 800, 1_500, 300, 4, 1_000, 16, 20_000, 4_000, 1 << 20, 40, 4_000, 400,
          50, 20, 4_000, 3_000, 5_000);

  private record Due(long atMs, long order, Runnable action) implements Comparable<Due> {
    @Override
    public int compareTo(Due other) {
      int byTime = Long.compare(atMs, other.atMs);
      return byTime != 0 ? byTime : Long.compare(order, other.order);
    }
  }

  final RaftConfig config = CONFIG;
  final LogId firstLog = new LogId(7, 7);
  final Lineages lineages = new Lineages();
  final Met met = new Met();
  final SimChaos chaos;
  final SimScenes scenes;
  final Set<Fault> faults;
  final SplittableRandom random;
  final List<SimNode> nodes = new ArrayList<>();
  final long seed;
  long nowMs;
  long acknowledgedCount;
  long readCount;
  long installCount;
  long forcedCount;
  long pairCount;
  long asideCount;
  private final PriorityQueue<Due> queue = new PriorityQueue<>();
  final Set<Integer> cutLinks = new HashSet<>();
  private final List<String> trace = new ArrayList<>();
  private final boolean isTracing = Boolean.getBoolean("simTrace");
  private long order;
  private long ids;
  private long traceHash = 1;
  int lossPercent;
  int slowPercent;
  private boolean isHealed;
  boolean isDiskTrouble;

  Sim(long seed, Set<Fault> faults) {
    this(seed, faults, 0);
  }

  /** {@code nodeCount} 0: 2 to 6, by the seed. */
  Sim(long seed, Set<Fault> faults, int nodeCount) {
    this.seed = seed;
    this.faults = faults;
    random = new SplittableRandom(seed * 0x9E37_79B9_7F4A_7C15L + 1);
    lineages.add(firstLog);
    chaos = new SimChaos(this);
    // One run of three is a scene with no other chaos.
    scenes = new SimScenes(this, nodeCount == 0 && seed % 3 == 2 ? (int) (seed / 3 % 1_000) : -1);
    int count = nodeCount > 0 ? nodeCount : 2 + random.nextInt(5);
    count = scenes.nodeCount(count);
    for (int i = 0; i < count; i++) {
      nodes.add(new SimNode(this, i, 0.97 + random.nextDouble() * 0.06));
    }
    nodes.getFirst().disk.found(InitialState.founding(nodes.getFirst().endpoint));
    nodes.forEach(SimNode::start);
  }

  boolean isHealed() {
    return isHealed;
  }

  void cut(SimNode from, SimNode to) {
    cutLinks.add(from.number * 64 + to.number);
  }

  /** What each node is at, for a failure's message. */
  String states() {
    var text = new StringBuilder();
    for (SimNode n : nodes) {
      text.append("\n  n%d log %s ".formatted(n.number, n.logId));
      text.append(
          n.isUp()
              ? "%s term %s last %s commit %s %s %s"
                  .formatted(
                      n.core.role(),
                      n.core.term(),
                      n.core.lastIndex(),
                      n.core.commitIndex(),
                      n.core.recovery(),
                      n.core.configuration())
              : "down " + n.disk.recovery + " " + n.configuration());
      text.append(" paused ").append(n.pausedUntilMs - nowMs);
    }
    return text + "\n  cuts " + cutLinks;
  }

  void at(long delayMs, Runnable action) {
    queue.add(new Due(nowMs + delayMs, order++, action));
  }

  long nextId() {
    return ++ids;
  }

  long traceHash() {
    return traceHash;
  }

  private void mix(long value) {
    traceHash = (traceHash ^ value) * 0x9E37_79B9_7F4A_7C15L;
    traceHash ^= traceHash >>> 31;
  }

  void traced(SimNode node, Event event, List<Effect> effects) {
    mix(nowMs * 64 + node.number);
    mix(effects.size());
    mix(node.core.commitIndex() * 31 + node.core.lastIndex());
    mix(node.core.term() * 8 + node.core.role().ordinal());
    if (isTracing && !(event instanceof Event.Tick && effects.isEmpty())) {
      trace.add(nowMs + " n" + node.number + " " + event + " -> " + effects);
    }
  }

  String trace() {
    return String.join("\n", trace.subList(Math.max(0, trace.size() - 40_000), trace.size()));
  }

  SimNode nodeOf(Endpoint endpoint) {
    return nodes.stream()
        .filter(node -> node.endpoint.node().equals(endpoint.node()))
        .findFirst()
        .orElseThrow();
  }

  void send(SimNode from, RaftMessage message) {
    byte[] bytes = RaftMessageCodec.toBytes(message);
    mix(Arrays.hashCode(bytes));
    SimNode to = nodeOf(message.header().to());
    if (scenes.takes(from, to, message)) {
      return;
    }
    int copies = random.nextInt(100) < lossPercent ? 0 : random.nextInt(100) < 3 ? 2 : 1;
    for (int i = 0; i < copies; i++) {
      long delayMs = 1 + random.nextInt(20);
      if (random.nextInt(100) < slowPercent) {
        delayMs += random.nextInt(4_000);
      }
      at(
          delayMs,
          () -> {
            if (!cutLinks.contains(from.number * 64 + to.number)) {
              to.step(new Event.Receive(RaftMessageCodec.of(bytes)));
            }
          });
    }
  }

  boolean isDiskFailing(SimNode node) {
    boolean isFailing = isDiskTrouble && random.nextInt(node.leads() ? 300 : 1_000) == 0;
    if (isFailing) {
      met.note(Met.Fault.DISK_FAILURE, node.doing());
    }
    return isFailing;
  }

  /** Somebody writes and reads, and whoever leads gives others a vote. */
  void startWork() {
    at(1, this::client);
    at(500, this::admin);
  }

  /** The same in a pool that is left in peace. */
  void startWorkInPeace() {
    startWork();
    heal();
  }

  /** Runs chaos, heals, and checks that everybody gets on again. */
  void run(long chaosMs) {
    startWork();
    if (scenes.isOn()) {
      at(6_000 + random.nextInt(1_000), scenes::play);
    } else {
      at(1_000 + random.nextInt(2_000), chaos::next);
    }
    runUntil(chaosMs);
    heal();
    runUntil(chaosMs + 24_000);
    checkLiveness();
  }

  void runUntil(long untilMs) {
    while (!queue.isEmpty() && queue.peek().atMs() <= untilMs) {
      Due due = queue.poll();
      nowMs = due.atMs();
      due.action().run();
    }
    nowMs = untilMs;
  }

  private void checkLiveness() {
    List<SimNode> leaders = nodes.stream().filter(SimNode::leads).toList();
    Checkers.require(!leaders.isEmpty(), "nobody leads after everything healed: %s", states());
    SimNode leader =
        leaders.stream().max((a, b) -> Long.compare(a.core.term(), b.core.term())).get();
    long before = acknowledgedCount;
    leader.propose(1);
    runUntil(nowMs + 2_000);
    Checkers.require(acknowledgedCount > before, "nothing is committed after everything healed");
    long index = leader.core.commitIndex();
    for (SimNode node : nodes) {
      Checkers.require(
          node.logId.equals(leader.logId), "%s follows another log: %s", node.endpoint, states());
      Checkers.require(
          !node.core.recovery().isNeeded(), "%s still recovers: %s", node.endpoint, states());
      Checkers.require(
          !leader.core.configuration().isMember(node.endpoint) || node.appliedIndex >= index - 200,
          "%s is at %s, the leader at %s",
          node.endpoint,
          node.appliedIndex,
          index);
      Checkers.require(
          leader.core.configuration().isMember(node.endpoint), "%s was left out", node.endpoint);
    }
    int voters = leader.core.configuration().voters().size();
    int hosts = (int) nodes.stream().map(this::host).distinct().count();
    Checkers.require(
        voters == VoterPolicy.wantedVoterCount(hosts > 1 ? hosts : nodes.size()),
        "%s voters of %s nodes on %s hosts",
        voters,
        nodes.size(),
        hosts);
  }

  /** In one run of four two nodes share each. */
  private String host(SimNode node) {
    return "host" + (seed % 4 == 0 ? node.number / 2 : node.number);
  }

  private void client() {
    List<SimNode> leaders = nodes.stream().filter(SimNode::leads).toList();
    SimNode target =
        leaders.isEmpty() || random.nextInt(5) == 0
            ? nodes.get(random.nextInt(nodes.size()))
            : leaders.get(random.nextInt(leaders.size()));
    if (random.nextInt(3) == 0 && !chaos.isQuiet(target) && !scenes.isQuiet()) {
      target.propose(1 + random.nextInt(3));
    } else {
      target.read();
    }
    at(1 + random.nextInt(isHealed ? 200 : 40), this::client);
  }

  private void admin() {
    for (SimNode node : nodes) {
      if (!node.leads() || node.pausedUntilMs > nowMs) {
        continue;
      }
      Optional<MembershipChange> change =
          !isHealed && !scenes.isOn() && random.nextInt(5) == 0
              ? Optional.of(randomChange())
              : policyChange(node);
      if (change.isPresent() && !chaos.isQuiet() && !scenes.isPlaying()) {
        node.step(new Event.ChangeMembership(nextId(), change.get()));
      }
    }
    at(100 + random.nextInt(300), this::admin);
  }

  private MembershipChange randomChange() {
    Endpoint endpoint = nodes.get(random.nextInt(nodes.size())).endpoint;
    return switch (random.nextInt(4)) {
      case 0 -> new MembershipChange.AddFollower(endpoint);
      case 1 -> new MembershipChange.Promote(endpoint);
      case 2 -> new MembershipChange.Demote(endpoint);
      default -> new MembershipChange.Remove(endpoint);
    };
  }

  private Optional<MembershipChange> policyChange(SimNode leader) {
    List<MemberStatus> members = leader.core.members();
    List<VoterPolicy.Candidate> candidates = new ArrayList<>();
    for (SimNode node : nodes) {
      Optional<MemberStatus> status =
          members.stream().filter(m -> m.endpoint().equals(node.endpoint)).findFirst();
      boolean isLive = node.isUp() && (status.isEmpty() || status.get().silentMs() < 900);
      boolean caughtUp = status.map(MemberStatus::caughtUp).orElse(node == leader);
      candidates.add(
          new VoterPolicy.Candidate(
              node.endpoint, host(node), nowMs - node.startedMs, isLive, caughtUp));
    }
    return VoterPolicy.next(leader.core.configuration(), leader.endpoint, candidates);
  }

  /** Whether the other nodes, without this one, hold all that was committed. */
  boolean othersHoldAll(SimNode lost) {
    return nodes.stream()
        .filter(n -> n != lost && n.isUp() && n.logId.equals(lost.logId))
        .anyMatch(
            n ->
                n.core.commitIndex() == lineages.checkers(lost.logId).committedCount()
                    && !n.core.recovery().isNeeded());
  }

  /** Whether one of the other nodes has all that was committed, durably. */
  boolean anotherHasForcedAll(SimNode lost) {
    long committed = lineages.checkers(lost.logId).committedCount();
    return committed > 0
        && nodes.stream()
            .filter(n -> n != lost && n.isUp() && n.logId.equals(lost.logId))
            .filter(n -> n.core.role() != Role.STOPPED && !n.core.recovery().isNeeded())
            .filter(n -> n.configuration().isMember(n.endpoint))
            .anyMatch(
                n ->
                    n.disk.hasForced(
                        committed, lineages.checkers(lost.logId).committedAt(committed).term()));
  }

  /** Everything works again; who was stopped starts anew. */
  private void heal() {
    isHealed = true;
    isDiskTrouble = false;
    scenes.end();
    cutLinks.clear();
    lossPercent = 0;
    slowPercent = 0;
    for (SimNode node : nodes) {
      node.pausedUntilMs = 0;
      node.diskLatencyMs = 3;
      if (node.isUp() && node.core.role() == Role.STOPPED) {
        node.powerCut();
      }
      node.start();
    }
  }
}
