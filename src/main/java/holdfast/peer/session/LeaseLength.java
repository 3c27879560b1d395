package holdfast.peer.session;

import holdfast.model.ErrorCode;
import holdfast.peer.state.Command.SetLease;
import holdfast.peer.state.Leadership;
import holdfast.peer.state.RaftDriver;
import holdfast.peer.view.PeerFault;
import holdfast.peer.view.PeerPorts;
import holdfast.util.RecentMax;
import java.util.Set;

/**
 * Decides how long cache leases last: four times the longest round trip that a Watch took lately.
 * On a busy machine a short one runs out before it is renewed, and with it goes all that kernels
 * have cached, which makes the machine busier still. The length is in the log, so that a new leader
 * knows for how long its predecessors' leases may last:
 *
 * <ul>
 *   <li>A longer one is granted once the entry that says so is forced at a majority.
 *   <li>The log names a shorter one when for as long as the longer one lasts none was granted that
 *       is longer than that.
 * </ul>
 *
 * <p>Loop thread.
 */
final class LeaseLength {
  /** Round trips that fit into a lease. */
  static final int ROUND_TRIPS = 4;

  /** Who asks again after so long was away: that says nothing of the next round trip. */
  static final long AWAY_MS = 2_000;

  /** What was measured counts for one to two times as long. */
  private static final long MEASURED_FOR_MS = 30_000;

  private static final long NS_PER_MS = 1_000_000L;

  private final PeerPorts ports;
  private final Leadership leadership;
  private final Set<PeerFault> faults;
  private final RecentMax roundTripMs = new RecentMax(MEASURED_FOR_MS);
  private long term = -1;

  /** The longest that earlier leaders can have granted; 0: not known yet in this term. */
  private int inheritedMs;

  /** No lease is granted that is longer: so much is in the log, and forced at a majority. */
  private int mostMs;

  /** What is granted now, and since when it is no other. */
  private int grantedMs;

  private long grantedSinceNs;

  /** Whether the log is asked to name another length, or to force the one that it names. */
  private boolean isChanging;

  LeaseLength(PeerPorts ports, Leadership leadership, Set<PeerFault> faults) {
    this.faults = faults;
    this.ports = ports;
    this.leadership = leadership;
  }

  /** Leases of another term begin; -1: none, since this peer doesn't lead. */
  void startTerm(long newTerm) {
    term = newTerm;
    inheritedMs = 0;
    mostMs = SetLease.SHORTEST_MS;
    grantedMs = SetLease.SHORTEST_MS;
    grantedSinceNs = ports.loop().nowNs();
    isChanging = false;
  }

  /** So long after an answer its client asked again. */
  void measured(long ms) {
    if (ms < AWAY_MS) {
      roundTripMs.add(nowMs(), ms);
    }
  }

  /**
   * The longest lease that a predecessor can have granted, in ns. Only when this peer leads and has
   * applied what they committed.
   */
  long inheritedNs() {
    if (inheritedMs == 0) {
      inheritedMs = inLogMs();
    }
    return inheritedMs * NS_PER_MS;
  }

  /** How long a lease granted now may last, in ns. Looks what is next, as above. */
  long grantNs() {
    inheritedNs();
    look();
    return grantedMs * NS_PER_MS;
  }

  private void look() {
    int inLogMs = inLogMs();
    int wantedMs = wantedMs();
    if (faults.contains(PeerFault.LEASE_NOT_IN_LOG)) {
      grantedMs = wantedMs;
      return;
    }
    int nextMs = Math.min(wantedMs, mostMs);
    if (nextMs != grantedMs) {
      grantedMs = nextMs;
      grantedSinceNs = ports.loop().nowNs();
    }
    long steadyNs = ports.loop().nowNs() - grantedSinceNs;
    if (isChanging) {
      return;
    }
    if (inLogMs > mostMs) {
      force(inLogMs);
    } else if (wantedMs > inLogMs) {
      propose(wantedMs);
    } else if (wantedMs < inLogMs && steadyNs > inLogMs * NS_PER_MS) {
      mostMs = wantedMs; // from now on, though the log doesn't say so yet
      propose(wantedMs);
    }
  }

  private int inLogMs() {
    return leadership.stateMachine().state().leaseMs();
  }

  /** In steps of two, so that the log has little of it. */
  private int wantedMs() {
    long neededMs = ROUND_TRIPS * roundTripMs.value(nowMs());
    int ms = SetLease.SHORTEST_MS;
    while (ms < neededMs && ms < SetLease.LONGEST_MS) {
      ms *= 2;
    }
    return ms;
  }

  /** What is applied here may be written at a majority only. */
  private void force(int inLogMs) {
    isChanging = true;
    long index = leadership.driver().applied().index();
    leadership.driver().awaitForced(index, new Ended(() -> mostMs = inLogMs));
  }

  private void propose(int ms) {
    isChanging = true;
    leadership.driver().propose(new SetLease(ms).toBytes(), true, new Ended(() -> {}));
  }

  private long nowMs() {
    return ports.loop().nowNs() / NS_PER_MS;
  }

  /** Ends a change, if the term is still the same. */
  private final class Ended implements RaftDriver.Proposed {
    private final long ofTerm = term;
    private final Runnable onDone;

    Ended(Runnable onDone) {
      this.onDone = onDone;
    }

    @Override
    public void onApplied(long index) {
      if (ofTerm == term) {
        isChanging = false;
        onDone.run();
      }
    }

    /** It is tried again at the next look, if it is wanted then. */
    @Override
    public void onFailure(ErrorCode code, String text) {
      if (ofTerm == term) {
        isChanging = false;
      }
    }
  }
}
