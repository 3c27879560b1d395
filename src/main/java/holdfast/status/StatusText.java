package holdfast.status;

import holdfast.protocol.PoolStatus;
import holdfast.util.ByteSize;
import java.util.Locale;

/** The status for people: first whether their data is safe, then why. */
public final class StatusText {
  private static final double PERCENT = 100.0;

  private StatusText() {}

  /** The whole text, lines ended by line feeds. */
  public static String of(PoolStatus status) {
    var out = new StringBuilder();
    out.append(status.safe() ? "SAFE: " : "NOT SAFE: ").append(status.summary()).append('\n');
    if (status.stale()) {
      out.append("(no leader answers: this is what one peer last knew)\n");
    }
    out.append("pool ").append(status.pool()).append('\n');
    line(
        out,
        "copies: %d wanted, %d before a write is acknowledged; %d chunks, %d copies missing%s",
        status.replicas(),
        status.minCopies(),
        status.copies().chunks(),
        status.copies().missing(),
        status.copies().unreadable() > 0
            ? ", " + status.copies().unreadable() + " unreadable"
            : "");
    repair(out, status.repair());
    line(
        out,
        "log: leader %s, index %d%s",
        status.log().leader().isEmpty() ? "none" : status.log().leader(),
        status.log().index(),
        status.log().forked() ? ", forked" : "");
    if (status.conflicts() > 0) {
      line(out, "conflicts: %d", status.conflicts());
    }
    out.append('\n');
    line(
        out,
        "%-9s %-22s %-9s %6s %10s %10s %8s",
        "PEER",
        "ADDRESS",
        "STATE",
        "FILL",
        "USED",
        "CAPACITY",
        "CHUNKS");
    for (PoolStatus.Peer peer : status.peers()) {
      peer(out, peer);
    }
    return out.toString();
  }

  private static void repair(StringBuilder out, PoolStatus.Repair repair) {
    if (!repair.active()) {
      return;
    }
    String left = repair.secondsLeft() < 0 ? "" : ", about " + repair.secondsLeft() + " s left";
    line(out, "repair: copying, %s to go%s", ByteSize.format(repair.bytesLeft()), left);
  }

  private static void peer(StringBuilder out, PoolStatus.Peer peer) {
    double fill = peer.capacityBytes() == 0 ? 0 : PERCENT * peer.usedBytes() / peer.capacityBytes();
    line(
        out,
        "%-9s %-22s %-9s %5.1f%% %10s %10s %8d%s%s%s",
        peer.node().shortForm(),
        peer.address(),
        peer.state(),
        fill,
        ByteSize.format(peer.usedBytes()),
        ByteSize.format(peer.capacityBytes()),
        peer.chunks(),
        peer.voter() ? "  votes" : "",
        peer.recovering() ? "  recovers" : "",
        peer.logsAside() > 0 ? "  keeps " + peer.logsAside() + " logs aside" : "");
  }

  private static void line(StringBuilder out, String format, Object... arguments) {
    out.append(String.format(Locale.ROOT, format, arguments).stripTrailing()).append('\n');
  }
}
