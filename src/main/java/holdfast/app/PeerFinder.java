package holdfast.app;

import holdfast.model.HoldfastException;
import holdfast.model.HostPort;
import holdfast.model.NodeId;
import holdfast.network.NodeTransport;
import holdfast.network.discovery.Beacon;
import holdfast.port.Periodic;
import java.lang.System.Logger.Level;
import java.net.SocketException;
import java.net.SocketTimeoutException;
import java.net.UnknownHostException;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/**
 * Looks for peers while none is connected: dials what is known and asks by broadcast. Everything on
 * the loop, but {@link #failures}.
 */
final class PeerFinder {
  private static final System.Logger LOG = System.getLogger("holdfast.app");
  private static final long LOOK_EVERY_NS = TimeUnit.SECONDS.toNanos(1);

  /** Most addresses whose failure is remembered for messages. */
  private static final int FAILURES_MAX = 64;

  private final NodeBase base;
  private final NodeTransport transport;
  private final Map<HostPort, String> failures = new LinkedHashMap<>();
  private Beacon.Search search;
  private final Periodic looks;

  PeerFinder(NodeBase base, NodeTransport transport) {
    this.base = base;
    this.transport = transport;
    looks = new Periodic(base.loop, LOOK_EVERY_NS, "look for peers", this::look);
  }

  /** Begins; goes on until {@link #stop}. */
  void start() {
    base.loop.post(looks::start);
  }

  void stop() {
    base.loop.post(
        () -> {
          looks.stop();
          endSearch();
        });
  }

  /** What became of the addresses that were dialled in vain, in words; on the loop. */
  Map<HostPort, String> failures() {
    return Map.copyOf(failures);
  }

  private void look() {
    if (transport.isPeerConnected()) {
      endSearch();
    } else {
      base.knownAddresses().forEach(this::dial);
      if (search == null) {
        search = base.beacon.findPeers(0, this::hinted);
      }
    }
  }

  private void hinted(Beacon.Hint hint) {
    NodeId expected = hint.expected().orElse(null);
    if (expected == null || !transport.isConnected(expected)) {
      dial(hint.address());
    }
  }

  private void dial(HostPort address) {
    transport.dial(address, why -> failed(address, why));
  }

  private void failed(HostPort address, HoldfastException why) {
    if (failures.size() < FAILURES_MAX || failures.containsKey(address)) {
      String words = words(why);
      boolean isNews = !words.equals(failures.put(address, words));
      if (isNews && why.getCause() instanceof UnknownHostException) {
        LOG.log(Level.INFO, "look for peers: {0}: {1}", address, words);
      }
    }
  }

  /** What the system says where it has refused; else what the other side's answer was. */
  static String words(HoldfastException why) {
    return switch (why.getCause()) {
      case UnknownHostException e -> "unknown host";
      case SocketTimeoutException e -> "no answer";
      case SocketException e when e.getMessage() != null -> e.getMessage().toLowerCase(Locale.ROOT);
      case null, default -> why.getMessage();
    };
  }

  private void endSearch() {
    if (search != null) {
      search.stop();
      search = null;
    }
  }
}
