package holdfast.architecture;

import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;

/**
 * Which of our packages may import which: the one table of it.
 *
 * <p>{@code util <- model <- metadata, placement, consensus <- protocol <- port <- {peer, storage,
 * network, client} <- status <- app}; {@code crypto} stands beside, on {@code model}. Within a
 * package of several rooms each line below names the rooms that it stands on.
 */
final class Layers {

  private static final String ROOT = "holdfast.";

  private static final Map<String, Set<String>> ALLOWED = new HashMap<>();

  static {
    String[] values = {"util", "model"};
    allow("util");
    allow("model", "util");

    allow("metadata.op", values);
    allow("metadata.tree", "util");
    allow("metadata", join(values, "metadata.op", "metadata.tree"));
    allow("placement", values);
    allow("consensus", values);

    allow("crypto", values);
    allow("crypto.identity", join(values, "crypto"));
    allow("crypto.handshake", join(values, "crypto", "crypto.identity"));
    allow("crypto.seal", join(values, "crypto"));

    String[] messages = join(values, "metadata.op", "placement", "consensus");
    String[] ports = join(messages, "protocol", "port");
    allow("protocol", messages);
    allow("port", join(messages, "protocol"));

    String[] peer = join(ports, "metadata", "peer.view");
    allow("peer.view", ports);
    allow("peer.state", peer);
    allow("peer.chunk", join(peer, "peer.state"));
    allow("peer.member", join(peer, "peer.state"));
    allow("peer.session", join(peer, "peer.state", "peer.chunk"));
    allow("peer", join(peer, "peer.state", "peer.chunk", "peer.member", "peer.session"));

    allow("storage", join(values, "consensus", "port"));
    allow("network", join(ports, "crypto", "crypto.identity", "crypto.handshake"));
    allow("network.discovery", join(values, "port", "crypto", "network"));

    String[] client = join(ports, "client.api", "client.pool");
    allow("client.api", join(values, "metadata.op"));
    allow("client.pool", join(ports, "client.api"));
    allow("client.kernel", client);
    allow("client.file", join(client, "client.kernel", "crypto", "crypto.seal"));
    allow("client.names", join(client, "client.kernel", "client.file"));
    allow("client", join(client, "client.kernel", "client.file", "client.names"));
    allow("client.fuse.binding");
    allow("client.fuse", join(values, "metadata.op", "client.api", "client.fuse.binding"));

    allow("status", join(values, "protocol"));
    String[] edges = join(ports, "peer", "peer.view", "storage", "network", "network.discovery");
    String[] keys = {"crypto", "crypto.identity", "crypto.handshake", "crypto.seal"};
    String[] pool = {"client", "client.api", "client.pool", "client.file", "client.fuse"};
    allow("app", join(join(join(edges, keys), pool), "status"));
  }

  private Layers() {}

  /** Whether a package of ours is in the table. */
  static boolean isKnown(String packageName) {
    return ALLOWED.containsKey(shortName(packageName));
  }

  /** Whether classes of package {@code from} may use those of {@code to}; both must be ours. */
  static boolean mayUse(String from, String to) {
    return from.equals(to)
        || ALLOWED.getOrDefault(shortName(from), Set.of()).contains(shortName(to));
  }

  static String describe(String packageName) {
    Set<String> allowed = ALLOWED.getOrDefault(shortName(packageName), Set.of());
    return packageName + " may use only " + new TreeSet<>(allowed);
  }

  private static String shortName(String packageName) {
    return packageName.startsWith(ROOT) ? packageName.substring(ROOT.length()) : packageName;
  }

  private static void allow(String packageName, String... used) {
    ALLOWED.put(packageName, Set.of(used));
  }

  private static String[] join(String[] first, String... more) {
    String[] joined = Arrays.copyOf(first, first.length + more.length);
    System.arraycopy(more, 0, joined, first.length, more.length);
    return joined;
  }
}
