package holdfast.peer;

import holdfast.consensus.Configuration;
import holdfast.metadata.Namespace;
import holdfast.metadata.Unsettled;
import holdfast.model.ChunkId;
import holdfast.model.LogId;
import holdfast.model.NodeId;
import holdfast.peer.state.Leadership;
import holdfast.peer.view.Heartbeats;
import holdfast.peer.view.PeerFault;
import holdfast.peer.view.PeerPorts;
import holdfast.placement.PeerEntry;
import holdfast.placement.PeerState;
import holdfast.placement.PoolMap;
import holdfast.port.ChunkVault;
import holdfast.protocol.Notice;
import holdfast.protocol.PoolStatus;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.Iterator;
import java.util.List;
import java.util.Set;
import java.util.function.Supplier;
import java.util.function.ToIntFunction;

/**
 * Computes whether the pool's data is safe: exactly, or not at all. Every peer counts what it
 * should hold and doesn't; the leader adds the copies that nobody owns who is up, and believes only
 * what was said about the present map and everything committed up to the index asked for. Loop
 * thread.
 */
final class StatusBuilder {
  /** Reverted files that are named. */
  static final int REVERTED_TOLD_MAX = 20;

  private static final long RATE_WINDOW_NS = 10_000_000_000L;

  private final PeerPorts ports;
  private final Leadership leadership;
  private final Heartbeats heartbeats;
  private final Supplier<Notice.Heartbeat> own;
  private final ToIntFunction<NodeId> asideBefore;
  private final Set<PeerFault> faults;
  private final int[] chunkCounts = new int[ChunkId.PARTITION_COUNT];
  private long countedIndex = -1;
  private long sampleNs = Long.MIN_VALUE / 2;
  private long sampleBytes;
  private double bytesPerNs;

  /**
   * Computes the pool's status.
   *
   * @param own what this peer says of itself
   * @param asideBefore how many logs a peer kept aside when it was heard last
   */
  StatusBuilder(
      PeerPorts ports,
      Leadership leadership,
      Heartbeats heartbeats,
      Supplier<Notice.Heartbeat> own,
      ToIntFunction<NodeId> asideBefore,
      Set<PeerFault> faults) {
    this.ports = ports;
    this.leadership = leadership;
    this.heartbeats = heartbeats;
    this.own = own;
    this.asideBefore = asideBefore;
    this.faults = faults;
  }

  /** What the peers said, added up. */
  private static final class Sum {
    private long missing;
    private long missingBytes;
    private long unreadable;
    private int unconfirmed;
    private final List<String> keepers = new ArrayList<>();
  }

  /**
   * The status as seen here.
   *
   * @param isStale whether this peer doesn't lead
   * @param asOf the index that the status is about: what was committed later counts as far as it is
   *     known
   */
  PoolStatus build(boolean isStale, long asOf) {
    PoolMap map = leadership.map().orElseThrow();
    Namespace namespace = leadership.stateMachine().namespace();
    int up = (int) map.peers().stream().filter(peer -> peer.state().isLive()).count();
    int wanted = Math.min(map.settings().replicas(), up);
    var sum = new Sum();
    map.peers().stream().filter(p -> p.state().isLive()).forEach(p -> addUp(sum, map, p, asOf));
    map.peers().stream().filter(this::isKeeper).forEach(p -> sum.keepers.add(keeperText(p)));
    long unowned = countUnowned(map, namespace, wanted);
    long missing = sum.missing + unowned;
    long averageBytes = averageBytes();
    long bytesLeft = sum.missingBytes + unowned * averageBytes;
    boolean isSafe =
        !isStale && up > 0 && missing == 0 && sum.unreadable == 0 && sum.unconfirmed == 0;
    isSafe &= sum.keepers.isEmpty();
    Configuration configuration = leadership.driver().configuration();
    var peers = new ArrayList<PoolStatus.Peer>();
    map.peers().forEach(peer -> peers.add(describe(peer, configuration)));
    LogId log = leadership.stateMachine().state().log();
    return new PoolStatus(
        leadership.config().pool(),
        isSafe,
        summary(isStale, isSafe, missing, up, wanted, map, sum),
        isStale,
        map.settings().replicas(),
        map.settings().minCopies(),
        map.settings().downOutMs(),
        peers,
        new PoolStatus.Copies(namespace.statistics().chunkCount(), missing, sum.unreadable),
        new PoolStatus.Repair(sum.missing > 0, bytesLeft, secondsLeft(bytesLeft)),
        new PoolStatus.Log(leaderText(), leadership.driver().applied().index(), false, log),
        0);
  }

  private String leaderText() {
    return leadership.driver().leader().map(leader -> leader.node().toString()).orElse("");
  }

  /** Whether a heartbeat is still to come that covers {@code asOf}, from whoever will send one. */
  boolean isAwaited(long asOf) {
    PoolMap map = leadership.map().orElseThrow();
    return map.peers().stream()
        .filter(peer -> peer.state().isLive() && isRecent(peer.node()))
        .map(peer -> beatOrNull(peer.node()))
        .anyMatch(beat -> beat != null && beat.checked() && !isUpTo(beat, map, asOf));
  }

  private static boolean isUpTo(Notice.Heartbeat beat, PoolMap map, long asOf) {
    return beat.mapIndex() == map.version().index() && beat.appliedIndex() >= asOf;
  }

  private boolean isRecent(NodeId node) {
    return node.equals(leadership.self()) || !heartbeats.isSuspect(node);
  }

  private Notice.Heartbeat beatOrNull(NodeId node) {
    return node.equals(leadership.self())
        ? own.get()
        : heartbeats.pulse(node).map(Heartbeats.Pulse::beat).orElse(null);
  }

  private void addUp(Sum sum, PoolMap map, PeerEntry peer, long asOf) {
    Notice.Heartbeat beat = beatOrNull(peer.node());
    if (faults.contains(PeerFault.STATUS_TRUSTS_BLINDLY)) {
      return;
    }
    if (beat == null || !isRecent(peer.node())) {
      sum.unconfirmed++;
      return;
    }
    sum.missing += beat.missingChunks();
    sum.missingBytes += beat.missingBytes();
    sum.unreadable += beat.unreadableChunks();
    boolean isExact =
        beat.checked() && beat.incarnation() == peer.incarnation() && isUpTo(beat, map, asOf);
    sum.unconfirmed += isExact ? 0 : 1;
  }

  /**
   * What a peer keeps aside is nowhere else, so it isn't known to be safe while the peer is away.
   */
  private boolean isKeeper(PeerEntry peer) {
    return !faults.contains(PeerFault.STATUS_TRUSTS_BLINDLY) && asideLogs(peer.node()) > 0;
  }

  private int asideLogs(NodeId node) {
    Notice.Heartbeat beat = beatOrNull(node);
    if (beat == null) {
      return asideBefore.applyAsInt(node);
    }
    // A run that promised nothing takes nothing back of what an earlier one said.
    int before = beat.mark().run() == 0 ? asideBefore.applyAsInt(node) : 0;
    return Math.max(before, beat.asideLogs());
  }

  private static String keeperText(PeerEntry peer) {
    String node = peer.node().shortForm();
    return peer.state().isLive() ? node : node + " (" + peer.state().text() + ")";
  }

  /** Copies that are wanted and that no peer which is up is to store, until the map changes. */
  private long countUnowned(PoolMap map, Namespace namespace, int wanted) {
    var up = new HashSet<NodeId>();
    map.peers().stream().filter(p -> p.state().isLive()).forEach(p -> up.add(p.node()));
    forgetOldCounts();
    long unowned = 0;
    for (int partition = 0; partition < ChunkId.PARTITION_COUNT; partition++) {
      long owners = map.owners(partition).stream().filter(up::contains).count();
      if (owners < wanted) {
        unowned += (wanted - owners) * count(namespace, partition);
      }
    }
    return unowned;
  }

  private void forgetOldCounts() {
    long index = leadership.driver().applied().index();
    if (index != countedIndex) {
      countedIndex = index;
      Arrays.fill(chunkCounts, -1);
    }
  }

  /** Chunks of a partition; counted only where copies lack an owner, for it takes a while. */
  private int count(Namespace namespace, int partition) {
    if (chunkCounts[partition] < 0) {
      int count = 0;
      for (Iterator<ChunkId> i = namespace.referencedChunks(partition); i.hasNext(); i.next()) {
        count++;
      }
      chunkCounts[partition] = count;
    }
    return chunkCounts[partition];
  }

  private long averageBytes() {
    ChunkVault.Space space = ports.vault().space();
    return space.chunkCount() == 0 ? 0 : space.usedBytes() / space.chunkCount();
  }

  private long secondsLeft(long bytesLeft) {
    long nowNs = ports.loop().nowNs();
    if (bytesLeft == 0) {
      sampleNs = nowNs;
      sampleBytes = 0;
      return 0;
    }
    if (nowNs - sampleNs > RATE_WINDOW_NS / 10) {
      double rate = Math.max(0, (sampleBytes - bytesLeft) / (double) (nowNs - sampleNs));
      boolean isFirst = nowNs - sampleNs > RATE_WINDOW_NS || bytesPerNs == 0;
      bytesPerNs = isFirst ? rate : bytesPerNs * 0.7 + rate * 0.3;
      sampleNs = nowNs;
      sampleBytes = bytesLeft;
    }
    return bytesPerNs <= 0 ? -1 : (long) Math.ceil(bytesLeft / bytesPerNs / 1e9);
  }

  private PoolStatus.Peer describe(PeerEntry peer, Configuration configuration) {
    Notice.Heartbeat beat = beatOrNull(peer.node());
    boolean isSuspect = !isRecent(peer.node());
    PeerState state = peer.state() == PeerState.UP && isSuspect ? PeerState.SUSPECT : peer.state();
    boolean isVoter =
        configuration.voters().stream().anyMatch(voter -> voter.node().equals(peer.node()));
    return new PoolStatus.Peer(
        peer.node(),
        peer.address().toString(),
        state.text(),
        beat == null ? peer.capacityBytes() : beat.capacityBytes(),
        beat == null ? peer.usedBytes() : beat.usedBytes(),
        beat == null ? 0 : beat.chunkCount(),
        isVoter,
        beat != null && beat.recovering(),
        asideLogs(peer.node()));
  }

  /** Files whose newest content a power cut took, in the summary by number as in ls -i. */
  private List<String> revertedText() {
    Unsettled unsettled = leadership.stateMachine().unsettled();
    if (unsettled.revertedCount() == 0) {
      return List.of();
    }
    List<Long> told = unsettled.reverted(REVERTED_TOLD_MAX);
    return List.of(
        "%s older content since a power cut: inode %s%s"
            .formatted(
                unsettled.revertedCount() == 1
                    ? "1 file has"
                    : unsettled.revertedCount() + " files have",
                String.join(", ", told.stream().map(String::valueOf).toList()),
                unsettled.revertedCount() > told.size() ? ", …" : ""));
  }

  private String summary(
      boolean isStale, boolean isSafe, long missing, int up, int wanted, PoolMap map, Sum sum) {
    List<String> text = new ArrayList<>();
    if (!sum.keepers.isEmpty()) {
      text.add(
          "peers "
              + String.join(", ", sum.keepers)
              + " keep changes aside, or have given up some, that are not in the pool: its log had"
              + " ended without them, or their folder was damaged or older. It stands in their"
              + " folders (aside-*, damaged-*): remove what you don't need, and the text"
              + " damaged-*-given-up.txt, and start the peer again");
    }
    if (isStale) {
      text.add("not known: " + leadership.waitingText());
    } else if (isSafe && wanted < map.settings().replicas()) {
      text.add("as far as possible: every chunk has a copy on each of the " + up + " peers up");
    } else if (isSafe) {
      text.add("every chunk has " + wanted + " copies");
    } else if (missing > 0) {
      text.add(missing + " copies are missing");
    }
    if (sum.unreadable > 0) {
      text.add(sum.unreadable + " chunks were found bad");
    }
    if (!isStale && !isSafe && sum.unconfirmed > 0) {
      text.add("still checking " + sum.unconfirmed + " of " + up + " peers");
    }
    text.addAll(revertedText());
    if (isSafe && up == 1) {
      text.add("with one peer up there is one copy");
    }
    return String.join("; ", text);
  }
}
