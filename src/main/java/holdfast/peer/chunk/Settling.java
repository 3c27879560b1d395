package holdfast.peer.chunk;

import holdfast.metadata.Unsettled;
import holdfast.model.ChunkId;
import holdfast.model.NodeId;
import holdfast.peer.state.Absence;
import holdfast.peer.state.Command;
import holdfast.peer.state.Leadership;
import holdfast.peer.state.RaftDriver;
import holdfast.peer.view.Heartbeats;
import holdfast.peer.view.PeerFault;
import holdfast.peer.view.PeerPorts;
import holdfast.placement.PeerEntry;
import holdfast.placement.PoolMap;
import holdfast.port.Periodic;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.Set;
import java.util.TreeSet;

/**
 * Settles commits, on the leader, so that no power cut leaves a file without content. An entry of
 * the log may be on disk before the chunks it names; until these are, what it replaced is kept. So
 * the leader has the chunks forced and says in the log how far that is done; and where a chunk is
 * nowhere any more, it gives the file its newest content without it. Loop thread.
 */
public final class Settling {
  /** Between the beginnings of two rounds; nothing is asked or proposed when all is settled. */
  static final long EVERY_NS = 1_000_000_000L;

  /** When nothing can be settled, since nobody in reach has a chunk: the longest pause. */
  private static final long PAUSE_MAX_NS = 4 * EVERY_NS;

  /** Commits of one round; there is another one at once where there are more. */
  static final int COMMITS_MAX = 8_192;

  /** Who is asked has so long to answer. */
  private static final long ANSWER_NS = 4_000_000_000L;

  /** How long a new leader lets changes wait for what it found: two rounds of asking. */
  private static final long INDETERMINATE_MAX_NS = 2 * ANSWER_NS + EVERY_NS;

  /** How often a change that waits looks again. */
  private static final long INDETERMINATE_LOOK_NS = 20_000_000L;

  private final PeerPorts ports;
  private final OwnForce own;
  private final OwnLoss loss;
  private final Leadership leadership;
  private final Heartbeats heartbeats;
  private final Set<PeerFault> faults;

  /** The term of which the next two are. */
  private long indeterminateTerm;

  /** The newest operation that this leader found when it began. */
  private long indeterminateTick;

  private long indeterminateUntilNs;
  private boolean isAsking;
  private final Periodic looks;
  private long pauseNs = EVERY_NS;
  private long notBeforeNs = Long.MIN_VALUE / 2;
  private long mapIndex;

  public Settling(
      PeerPorts ports,
      OwnForce own,
      OwnLoss loss,
      Leadership leadership,
      Heartbeats heartbeats,
      Set<PeerFault> faults) {
    this.ports = ports;
    this.own = own;
    this.loss = loss;
    this.leadership = leadership;
    this.heartbeats = heartbeats;
    this.faults = faults;
    looks = new Periodic(ports.loop(), EVERY_NS, "settle", this::lookAgain);
  }

  /** Looks, from now on every second. */
  public void start() {
    loss.start();
    looks.start();
  }

  private void lookAgain() {
    if (leadership.mapIndex() != mapIndex) {
      mapIndex = leadership.mapIndex(); // Somebody may be back who has what was waited for.
      pauseNs = EVERY_NS;
      notBeforeNs = ports.loop().nowNs();
    }
    if (ports.loop().nowNs() - notBeforeNs >= 0) {
      look();
    }
  }

  public void stop() {
    loss.stop();
    looks.stop();
  }

  /**
   * Calls when it is known that the file's content stays as it is: what a new leader finds
   * unsettled may be undone, and what is written on top of it with that. After {@value
   * #INDETERMINATE_MAX_NS} ns of an indeterminate outcome it calls all the same. Also when this
   * peer doesn't lead any more.
   */
  public void whenSure(long inode, Runnable then) {
    if (isIndeterminate(inode)) {
      ports
          .loop()
          .at(ports.loop().nowNs() + INDETERMINATE_LOOK_NS, "settled", () -> whenSure(inode, then));
    } else {
      then.run();
    }
  }

  private boolean isIndeterminate(long inode) {
    if (looks.isStopped() || !leadership.isLeader()) {
      return false;
    }
    if (!isLeading()) {
      return true; // what its predecessors have committed isn't all applied yet
    }
    if (indeterminateTerm != leadership.driver().term()) {
      indeterminateTerm = leadership.driver().term();
      indeterminateTick = leadership.stateMachine().unsettled().lastTick();
      indeterminateUntilNs = ports.loop().nowNs() + INDETERMINATE_MAX_NS;
      look(); // at once; then as ever, with its pauses
    }
    if (ports.loop().nowNs() - indeterminateUntilNs >= 0) {
      return false;
    }
    long tick = leadership.stateMachine().unsettled().oldestTick(inode);
    return tick > 0 && tick <= indeterminateTick;
  }

  private boolean isLeading() {
    return !looks.isStopped() && leadership.isCurrent();
  }

  private void look() {
    if (!isAsking && isLeading() && leadership.stateMachine().unsettled().count() > 0) {
      isAsking = true;
      new Round().askOwners();
    }
  }

  /** One look at the oldest commits that aren't settled. */
  private final class Round {
    private final long term = leadership.driver().term();
    private final PoolMap map = leadership.map().orElseThrow();
    private final List<Unsettled.Commit> commits =
        leadership.stateMachine().unsettled().oldest(COMMITS_MAX);
    private final Set<ChunkId> chunks = new LinkedHashSet<>();
    private final ForceRound round = new ForceRound(ports, own, leadership.self(), ANSWER_NS);

    private Round() {
      commits.forEach(commit -> chunks.addAll(commit.chunks()));
    }

    private void askOwners() {
      Map<NodeId, List<ChunkId>> asked = new HashMap<>();
      for (ChunkId chunk : chunks) {
        var owners = new LinkedHashSet<>(map.targets(chunk.partition()));
        owners.addAll(map.owners(chunk.partition()));
        for (NodeId node : owners) {
          if (isInReach(node)) {
            asked.computeIfAbsent(node, n -> new ArrayList<>()).add(chunk);
          }
        }
      }
      round.ask(asked, () -> whenOver(this::askAll));
    }

    private boolean isInReach(NodeId node) {
      return node.equals(leadership.self()) || !heartbeats.isSuspect(node);
    }

    private void whenOver(Runnable then) {
      if (round.isOver()) {
        if (isLeading() && leadership.driver().term() == term) {
          then.run();
        } else {
          isAsking = false;
        }
      }
    }

    /** What no owner has another peer may have stored in its place. */
    private void askAll() {
      Map<NodeId, List<ChunkId>> asked = new HashMap<>();
      for (ChunkId chunk : chunks) {
        if (round.forced(chunk).isEmpty()) {
          for (PeerEntry peer : map.peers()) {
            if (!round.absent(chunk).contains(peer.node())) {
              asked.computeIfAbsent(peer.node(), n -> new ArrayList<>()).add(chunk);
            }
          }
        }
      }
      round.ask(asked, () -> whenOver(this::end));
    }

    private void end() {
      isAsking = false;
      Unsettled unsettled = leadership.stateMachine().unsettled();
      Map<ChunkId, Long> nowhere = faults.contains(PeerFault.NO_REVERT) ? Map.of() : nowhere();
      Set<ChunkId> hopeless = damaged(nowhere);
      Set<ChunkId> lost = new HashSet<>(nowhere.keySet());
      lost.removeAll(hopeless);
      boolean isReverting = false;
      for (long inode : inodesOf(lost)) {
        OptionalLong from = unsettled.revertPoint(inode, lost);
        if (from.isPresent()) {
          isReverting = true;
          propose(new Command.Revert(inode, unsettled.version(inode), from.getAsLong()));
        } else {
          unsettled.chunksOf(inode).stream()
              .filter(chunk -> lost.contains(chunk))
              .filter(chunk -> unsettled.replacedAt(inode, chunk).isEmpty())
              .forEach(hopeless::add);
        }
      }
      long tick = settledTick(unsettled, hopeless);
      if (tick > 0) {
        propose(new Command.Settled(tick));
      }
      boolean isMore = tick == commits.getLast().tick() && commits.size() == COMMITS_MAX;
      pauseNs = tick > 0 || isReverting ? EVERY_NS : Math.min(PAUSE_MAX_NS, 2 * pauseNs);
      notBeforeNs = ports.loop().nowNs() + pauseNs - EVERY_NS;
      if (isMore) {
        ports.loop().post(Settling.this::look);
      }
    }

    private Set<Long> inodesOf(Set<ChunkId> lost) {
      Set<Long> inodes = new TreeSet<>();
      for (Unsettled.Commit commit : commits) {
        if (commit.chunks().stream().anyMatch(lost::contains)) {
          inodes.add(commit.inode());
        }
      }
      return inodes;
    }

    /**
     * Chunks that nobody has: every peer that may have stored one was asked, and said no. With the
     * first commit that names each.
     */
    private Map<ChunkId, Long> nowhere() {
      Map<ChunkId, Long> nowhere = new HashMap<>();
      if (leadership.mapIndex() != map.version().index()) {
        return nowhere;
      }
      Set<ChunkId> seen = new HashSet<>();
      for (Unsettled.Commit commit : commits) {
        for (ChunkId chunk : commit.chunks()) {
          boolean isFirst = seen.add(chunk);
          if (isFirst && round.forced(chunk).isEmpty() && isDenied(chunk, commit.tick())) {
            nowhere.put(chunk, commit.tick());
          }
        }
      }
      return nowhere;
    }

    /**
     * Of chunks that nobody has those that damage may have taken from one who was asked: they were
     * on disk, perhaps, and what names them isn't undone. <i>Event: a lone peer's process is killed
     * a moment after an fsync, and a byte of what that forced is flipped: the file was as before,
     * and the pool SAFE.</i>
     */
    private Set<ChunkId> damaged(Map<ChunkId, Long> lost) {
      Set<ChunkId> damaged = new HashSet<>();
      lost.forEach(
          (chunk, tick) -> {
            if (round.absent(chunk).stream().anyMatch(node -> round.loss(node).isDamage(tick))) {
              damaged.add(chunk);
            }
          });
      return damaged;
    }

    /**
     * Whether everybody denies to hold the chunk. Who was away or out already when it was uploaded
     * needn't be asked: a peer that never comes back would be waited for in vain.
     *
     * @param tick the first commit that names it
     */
    private boolean isDenied(ChunkId chunk, long tick) {
      Map<NodeId, Absence> absences = leadership.stateMachine().state().absences();
      long epoch = leadership.epoch();
      return map.peers().stream()
          .map(PeerEntry::node)
          .allMatch(
              node ->
                  round.absent(chunk).contains(node)
                      || absences.containsKey(node) && absences.get(node).isBefore(tick, epoch));
    }

    /**
     * The last commit up to which everything is settled; 0 if there is none. Of a file's contents
     * up to there only the newest counts: what it replaced before may be on no disk.
     *
     * @param hopeless nobody has them, and no older content is kept: nothing is waited for
     */
    private long settledTick(Unsettled unsettled, Set<ChunkId> hopeless) {
      long tick = 0;
      long neededTick = 0;
      for (Unsettled.Commit commit : commits) {
        for (ChunkId chunk : commit.chunks()) {
          if (round.forced(chunk).isEmpty() && !hopeless.contains(chunk)) {
            OptionalLong replacedAt = unsettled.replacedAt(commit.inode(), chunk);
            if (replacedAt.isEmpty()) {
              return tick;
            }
            neededTick = Math.max(neededTick, replacedAt.getAsLong());
          }
        }
        tick = neededTick <= commit.tick() ? commit.tick() : tick;
      }
      return tick;
    }
  }

  private void propose(Command command) {
    leadership.driver().propose(command.toBytes(), false, RaftDriver.Proposed.IGNORED);
  }
}
