package holdfast.sim;

import holdfast.client.pool.Deadline;
import holdfast.metadata.Namespace;
import holdfast.model.ChunkId;
import holdfast.placement.PoolMap;
import holdfast.protocol.PoolStatus;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SplittableRandom;

/**
 * One run from a seed. Phase 1: clients work while peers die, links break and disks fail, and what
 * must always hold is checked. Phase 2: everything is mended, and the pool must become whole, say
 * so, and have everything it acknowledged.
 */
public final class ChaosRun {
  private static final long CHAOS_NS = 12 * SimWorld.S;
  private static final long HEAL_MAX_NS = 180 * SimWorld.S;
  private static final long CHECK_EVERY_NS = 100 * SimWorld.MS;

  /** What a run may lose besides processes; never two of these in one run. */
  private enum Loss {
    PROCESSES,
    POWER,
    /** Of all peers at once, or of all but a few; what is under way then may be forgotten. */
    ALL_POWER,
    DISK
  }

  /** Longer than anything that was written stays unforced. */
  private static final long FORCED_NS = 2_500 * SimWorld.MS;

  private final SimCluster cluster;
  private final SplittableRandom random;
  private final Checks checks;
  private final History history = new History();

  private static final long SLEEP_MIN_NS = 50 * SimWorld.MS;

  /** Longer than an election takes, and than a lease lasts. */
  private static final long SLEEP_MAX_NS = 8 * SimWorld.S;

  /** Longer than a silent peer takes to be marked down, and an answer its way. */
  private static final long LOSS_UNNOTICED_NS = 4 * SimWorld.S;

  private final Map<Long, ChunkId> contents = Workload.contents();
  private final List<Workload> workloads = new ArrayList<>();
  private final List<VersionWorkload> versions = new ArrayList<>();
  private final Loss loss;
  private boolean isStatusAsked;

  private ChaosRun(SimCluster cluster) {
    this.cluster = cluster;
    this.random = cluster.world().split();
    this.checks = new Checks(cluster);
    this.loss = Loss.values()[random.nextInt(Loss.values().length)];
  }

  /**
   * What a run tells about itself.
   *
   * @param keptCount of the calls, lookups that clients answered from what they knew
   */
  public record Result(long traceHash, long eventCount, int callCount, int keptCount) {}

  /** Runs a seed; throws {@link CheckFailure} with what is wrong and how to replay it. */
  public static Result run(long seed, String faultOrNull) {
    return run(seed, faultOrNull, SimStore::inMemory);
  }

  /** As above, on these disks. */
  public static Result run(long seed, String faultOrNull, SimStore.Maker store) {
    var choose = new SplittableRandom(~seed);
    var cluster =
        SimCluster.of(choose.nextInt(3, 6))
            .seed(seed)
            .settings(choose.nextInt(2, 4), 2, 4_000)
            .fault(faultOrNull)
            .store(store)
            .start();
    return new ChaosRun(cluster).run();
  }

  private Result run() {
    try {
      for (int i = 0; i < 3; i++) {
        SimClient client = cluster.client();
        cluster.get(client.open());
        workloads.add(new Workload(cluster.world(), client, history, contents));
      }
      // What is given to their files goes on while all peers lose power.
      for (int i = 0; loss == Loss.ALL_POWER && i < 2; i++) {
        SimClient client = cluster.client();
        cluster.get(client.open());
        versions.add(new VersionWorkload(cluster.world(), client));
      }
      workloads.forEach(Workload::start);
      versions.forEach(VersionWorkload::start);
      chaos();
      heal();
      judge();
    } catch (CheckFailure e) {
      if (String.valueOf(e.getMessage()).contains("-Dseed")) {
        throw e;
      }
      var failure = checks.fail(String.valueOf(e.getMessage()));
      failure.initCause(e);
      throw failure;
    } catch (AssertionError | RuntimeException e) {
      throw new AssertionError(checks.replay("the simulator failed: " + e), e);
    }
    var trace = cluster.world().trace();
    return new Result(
        trace.hash(),
        trace.count(),
        history.callCount(),
        workloads.stream().mapToInt(Workload::keptCount).sum());
  }

  private void note(String text) {
    cluster.world().trace().note(cluster.world().nowNs(), text);
  }

  private void chaos() {
    note("chaos: " + cluster.peers().size() + " peers, losing " + loss);
    if (random.nextInt(3) > 0) {
      cluster.network().weather(SimNetwork.Weather.FOUL);
    }
    long untilNs = cluster.world().nowNs() + CHAOS_NS;
    long nextNs = cluster.world().nowNs();
    long step = 0;
    while (cluster.world().nowNs() < untilNs) {
      cluster.run(CHECK_EVERY_NS);
      checks.always();
      if (++step % 5 == 0) {
        checks.sameStates();
        askStatus();
      }
      if (cluster.world().nowNs() >= nextNs) {
        act();
        nextNs = cluster.world().nowNs() + random.nextLong(300 * SimWorld.MS, 2 * SimWorld.S);
      }
    }
    if (loss == Loss.DISK) {
      loseDisk();
    } else if (loss == Loss.ALL_POWER) {
      loseAllPower();
    }
  }

  /**
   * All peers lose power, at once or nearly so, several times over: what was acknowledged and
   * forced is there afterwards. What is under way meanwhile isn't judged.
   */
  private void loseAllPower() {
    int rounds = random.nextInt(1, 4);
    for (int round = 0; round < rounds; round++) {
      mendAll();
      cluster.await("the pool is whole before a loss", HEAL_MAX_NS, cluster::isWhole);
      workloads.forEach(Workload::goOnUnchecked);
      cluster.await(
          "what is judged has ended",
          40 * SimWorld.S,
          () -> workloads.stream().allMatch(Workload::isUncheckedOnly));
      cluster.run(FORCED_NS);
      cutAllPower();
      cluster.run(random.nextLong(4 * SimWorld.S));
      workloads.forEach(Workload::goOn);
      cluster.run(random.nextLong(4 * SimWorld.S));
      checks.always();
    }
  }

  private void cutAllPower() {
    boolean isSpread = random.nextBoolean();
    int spared = random.nextInt(3) == 0 ? random.nextInt(cluster.peers().size()) : -1;
    for (SimPeer peer : cluster.peers()) {
      if (peer.isUp() && peer.number() != spared) {
        peer.losePower();
      }
      cluster.run(isSpread ? random.nextLong(300 * SimWorld.MS) : 1);
    }
    for (SimPeer peer : cluster.peers()) {
      cluster.run(isSpread ? random.nextLong(SimWorld.S) : 1);
      if (!peer.isUp()) {
        peer.start();
      }
      if (random.nextInt(8) == 0) {
        cluster.run(random.nextLong(SimWorld.S));
        peer.losePower(); // in the middle of its recovery
        peer.start();
      }
    }
  }

  private void act() {
    SimPeer peer = cluster.peers().get(random.nextInt(cluster.peers().size()));
    switch (random.nextInt(13)) {
      case 11, 12 -> sleep(peer);
      case 10 -> cluster.leader().ifPresent(this::leaveWithOneClient);
      case 0, 1 -> kill(peer);
      case 2, 3 -> cluster.peers().stream().filter(p -> !p.isUp()).forEach(SimPeer::start);
      case 4 -> isolate(peer, true);
      case 5 -> isolate(cluster.leader().orElse(peer), false);
      case 6 -> cutOneWay(peer);
      case 7 -> {
        note("links mended");
        cluster.network().mend();
      }
      case 8 -> cluster.leader().ifPresent(this::kill);
      default -> {
        if (peer.isAwake() && random.nextBoolean()) {
          peer.stopCleanly();
        } else if (!peer.isUp()) {
          peer.start();
        }
      }
    }
  }

  private void kill(SimPeer peer) {
    if (!peer.isAwake()) {
      return;
    }
    if (loss == Loss.POWER && cluster.isWhole()) {
      peer.losePower();
    } else {
      peer.kill();
    }
  }

  /** A machine with a client on it sleeps, and the leader, or a peer, or none. */
  private void sleep(SimPeer peer) {
    SimClient client = cluster.clients().get(random.nextInt(cluster.clients().size()));
    List<SimPeer> peers =
        switch (random.nextInt(4)) {
          case 0 -> List.<SimPeer>of();
          case 1 -> List.of(peer);
          default -> List.of(cluster.leader().orElse(peer));
        };
    long longestNs = random.nextBoolean() ? SimWorld.S : SLEEP_MAX_NS;
    long durationNs = random.nextLong(SLEEP_MIN_NS, longestNs);
    note(client + " and " + peers + " sleep for " + durationNs / SimWorld.MS + " ms");
    cluster.sleep(durationNs, peers.stream().filter(SimPeer::isAwake).toList(), List.of(client));
  }

  /** From the other peers, and perhaps from the clients too. */
  private void isolate(SimPeer peer, boolean fromClients) {
    note(peer + " isolated" + (fromClients ? "" : " from peers"));
    cluster.peers().stream()
        .filter(other -> other != peer)
        .forEach(other -> cluster.network().cutBoth(peer.id(), other.id()));
    if (fromClients) {
      cluster.clients().forEach(c -> cluster.network().cutBoth(peer.id(), c.id()));
    }
  }

  /** A leader that only one client reaches: it must find out before it answers. */
  private void leaveWithOneClient(SimPeer leader) {
    isolate(leader, true);
    SimClient client = cluster.clients().get(random.nextInt(cluster.clients().size()));
    cluster.network().mendBoth(leader.id(), client.id());
  }

  private void cutOneWay(SimPeer peer) {
    SimPeer other = cluster.peers().get(random.nextInt(cluster.peers().size()));
    if (other != peer) {
      note("cut " + peer + " -> " + other);
      cluster.network().cut(peer.id(), other.id());
    }
  }

  /**
   * One machine is lost for good, in the middle of the clients' work, while the others are there
   * and were whole; an empty one takes its place.
   */
  private void loseDisk() {
    mendAll();
    workloads.forEach(Workload::pause);
    cluster.await("the pool is whole before a loss", HEAL_MAX_NS, cluster::isWhole);
    cluster.await("and safe", HEAL_MAX_NS, this::isSafe);
    workloads.forEach(Workload::goOn);
    SimPeer lost = cluster.peers().get(random.nextInt(cluster.peers().size()));
    cluster.run(random.nextLong(SimWorld.S));
    if (random.nextBoolean()) {
      isolate(lost, false);
    }
    cluster.run(random.nextLong(100 * SimWorld.MS, 2_500 * SimWorld.MS));
    lost.kill();
    lost.replaceDisk();
    cluster.run(random.nextLong(2 * SimWorld.S));
  }

  private void mendAll() {
    cluster.network().mend();
    cluster.network().weather(SimNetwork.Weather.FAIR);
    cluster.peers().stream().filter(p -> !p.isUp()).forEach(SimPeer::start);
    cluster.run(2 * SimWorld.S); // who was asked to stop has stopped by now
    cluster.peers().stream().filter(p -> !p.isUp()).forEach(SimPeer::start);
  }

  private void askStatus() {
    var leader = cluster.leader();
    if (leader.isEmpty() || isStatusAsked) {
      return;
    }
    Namespace before = leader.get().access().namespace();
    PoolMap map = leader.get().access().map().orElseThrow();
    SimClient client = cluster.clients().get(0);
    isStatusAsked = true;
    client
        .service()
        .status(Deadline.in(client.loop()::nowNs, 2 * SimWorld.S))
        .whenComplete(
            (PoolStatus status, Throwable failure) -> {
              isStatusAsked = false;
              if (failure == null) {
                // Outside the client's callbacks, where a failure would be swallowed.
                cluster.world().after(0, "check", () -> check(status, before, map));
              }
            });
  }

  /** Until a silent peer counts as down, nobody knows what its disk has lost. */
  private void check(PoolStatus status, Namespace before, PoolMap map) {
    long nowNs = cluster.world().nowNs();
    boolean isUnnoticed =
        cluster.peers().stream().anyMatch(peer -> nowNs - peer.lastLossNs() < LOSS_UNNOTICED_NS);
    if (!isUnnoticed) {
      checks.checkStatus(status, before, map);
    }
  }

  private void heal() {
    note("heal");
    workloads.forEach(Workload::stop);
    versions.forEach(VersionWorkload::stop);
    mendAll();
    cluster.await(
        "the clients' calls end",
        40 * SimWorld.S,
        () ->
            workloads.stream().allMatch(Workload::isIdle)
                && versions.stream().allMatch(VersionWorkload::isIdle));
    cluster.await("the pool is whole", HEAL_MAX_NS, cluster::isWhole);
    cluster.await("the status says what is so", HEAL_MAX_NS, this::isToldRight);
    checks.always();
  }

  private boolean isSafe() {
    return status().map(PoolStatus::safe).orElse(false);
  }

  /**
   * Safe; but where a peer that wasn't there when a log ended keeps more of it than went on, the
   * status is not, and says so. Then it says nothing of whether what it counts is all: that each
   * peer has applied all there is, is looked up.
   */
  private boolean isToldRight() {
    boolean isKept = cluster.peers().stream().anyMatch(peer -> peer.access().asideCount() > 0);
    Optional<PoolStatus> told = status();
    return isKept
        ? hasAllApplied()
            && told.map(
                    status ->
                        !status.safe()
                            && status.summary().contains("aside")
                            && status.copies().missing() == 0)
                .orElse(false)
        : told.map(PoolStatus::safe).orElse(false);
  }

  private boolean hasAllApplied() {
    return cluster.peers().stream()
            .mapToLong(peer -> peer.access().appliedIndex())
            .distinct()
            .count()
        == 1;
  }

  private Optional<PoolStatus> status() {
    SimClient client = cluster.clients().get(0);
    var asked = client.service().status(client.deadline());
    cluster.await("a status", 12 * SimWorld.S, asked::isDone);
    return asked.isCompletedExceptionally() ? Optional.empty() : Optional.of(asked.join());
  }

  private void judge() {
    for (VersionWorkload each : versions) {
      List<String> wrong = each.judge(cluster);
      if (!wrong.isEmpty()) {
        throw checks.fail(String.join("; ", wrong));
      }
    }
    checks.everyChunkIsWhole();
    cluster.run(SimWorld.S);
    checks.sameStates();
    workloads.get(0).lookAtAll(cluster);
    workloads.forEach(workload -> workload.lookAtEmptied(cluster));
    workloads.forEach(
        workload -> {
          if (!workload.wrong().isEmpty()) {
            throw checks.fail(String.join("; ", workload.wrong()));
          }
        });
    history.check();
    cluster
        .peers()
        .forEach(
            peer -> {
              if (peer.stoppedBy() != null) {
                throw checks.fail(peer + " stopped by itself: " + peer.stoppedBy().getMessage());
              }
            });
  }
}
