package holdfast.peer.session;

import holdfast.model.ClientId;
import holdfast.model.ErrorCode;
import holdfast.peer.state.Command;
import holdfast.peer.state.Leadership;
import holdfast.peer.state.RaftDriver;
import holdfast.peer.view.PeerPorts;
import holdfast.port.Periodic;
import holdfast.port.Responder;
import holdfast.protocol.Reply;
import holdfast.protocol.Request;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/**
 * Ends the sessions of clients that are silent or say so, and removes the files that nobody can
 * reach any more. Apart from {@link LeaseManager}, whose leases are the leader's own: what is
 * decided here goes through the log and holds for every later leader. Loop thread.
 */
public final class SessionReaper {
  /**
   * A client silent for so long has no session any more: its locks and pins are free within 15 s.
   */
  static final long TIMEOUT_NS = 12_000_000_000L;

  /** A file that lost its last name stays at least so long: who has it open says so by then. */
  static final long ORPHAN_NS = 15_000_000_000L;

  private static final long TICK_NS = 1_000_000_000L;

  private final PeerPorts ports;
  private final Leadership leadership;
  private final LeaseManager leases;
  private final Periodic looks;

  /** Sessions whose end is proposed and not applied yet. */
  private final Set<ClientId> ending = new HashSet<>();

  private Set<Long> seenOrphans = Set.of();
  private long orphansNs;
  private long term = -1;

  public SessionReaper(PeerPorts ports, Leadership leadership, LeaseManager leases) {
    this.ports = ports;
    this.leadership = leadership;
    this.leases = leases;
    looks = new Periodic(ports.loop(), TICK_NS, "sessions", this::look);
  }

  /** Looks for what is over, every second while this peer leads. */
  public void start() {
    looks.start();
  }

  public void stop() {
    looks.stop();
  }

  private void look() {
    sync();
    if (leadership.isCurrent()) {
      endSilent();
      removeOrphans();
    }
  }

  /** Leadership or the term may have changed: what was seen and proposed before counts no more. */
  private void sync() {
    leases.sync();
    if (leases.term() != term) {
      term = leases.term();
      ending.clear();
      seenOrphans = Set.of();
      orphansNs = leases.ledSinceNs();
    }
  }

  /** A client ends its session in good order. */
  public void onClose(Request.CloseSession close, Responder responder) {
    sync();
    if (!leadership.isLeader()) {
      leadership.refuse(responder);
      return;
    }
    end(
        close.client(),
        new RaftDriver.Proposed() {
          @Override
          public void onApplied(long index) {
            responder.reply(new Reply.Done(), null);
          }

          @Override
          public void onFailure(ErrorCode code, String text) {
            Leadership.fail(responder, code, text);
          }
        });
  }

  private void end(ClientId client, RaftDriver.Proposed then) {
    ending.add(client);
    leadership
        .driver()
        .propose(
            new Command.EndSession(client).toBytes(),
            false,
            new RaftDriver.Proposed() {
              @Override
              public void onApplied(long index) {
                ending.remove(client);
                leases.onEnded(index, client);
                then.onApplied(index);
              }

              @Override
              public void onFailure(ErrorCode code, String text) {
                ending.remove(client);
                then.onFailure(code, text);
              }
            });
  }

  private void endSilent() {
    // What a client said while this peer slept, nobody has heard.
    long sinceNs = Math.max(leases.ledSinceNs(), ports.loop().awakeSinceNs());
    long nowNs = ports.loop().nowNs();
    for (ClientId client : leadership.stateMachine().namespace().sessions()) {
      long silentNs = nowNs - Math.max(sinceNs, leases.heardNs(client, sinceNs));
      if (silentNs - leadership.patienceNs() >= TIMEOUT_NS && !ending.contains(client)) {
        end(client, RaftDriver.Proposed.IGNORED);
      }
    }
  }

  /** Files without name and holder go when they were there at the last look, long enough ago. */
  private void removeOrphans() {
    orphansNs = Math.max(orphansNs, ports.loop().awakeSinceNs());
    long nowNs = ports.loop().nowNs();
    if (nowNs - orphansNs < ORPHAN_NS) {
      return;
    }
    orphansNs = nowNs;
    List<Long> orphans =
        leadership.stateMachine().namespace().unpinnedOrphans(Command.RemoveOrphans.INODES_MAX);
    List<Long> old = orphans.stream().filter(seenOrphans::contains).toList();
    seenOrphans = Set.copyOf(orphans);
    if (!old.isEmpty()) {
      leadership
          .driver()
          .propose(new Command.RemoveOrphans(old).toBytes(), false, RaftDriver.Proposed.IGNORED);
    }
  }
}
