package holdfast.architecture;

import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;

/**
 * Which of our packages may import which: the one table of it.
 *
 * <p>{@code util <- model <- metadata, placement, consensus <- protocol <- peer.port <- {peer,
 * storage, network, client} <- status <- app}; {@code crypto} stands beside, on {@code model}.
 */
final class Layers {

  private static final String ROOT = "holdfast.";

  private static final Map<String, Set<String>> ALLOWED = new HashMap<>();

  static {
    String[] values = {"util", "model"};
    String[] logic = join(values, "metadata", "placement", "consensus");
    String[] ports = join(logic, "protocol", "peer.port");
    allow("util");
    allow("model", "util");
    allow("metadata", values);
    allow("placement", values);
    allow("consensus", values);
    allow("crypto", values);
    allow("protocol", logic);
    allow("peer.port", join(logic, "protocol"));
    allow("peer", ports);
    allow("storage", ports);
    allow("network", join(ports, "crypto"));
    allow("client", join(ports, "crypto"));
    allow("client.fuse.binding");
    allow("client.fuse", join(values, "client", "client.fuse.binding"));
    String[] edges = join(ports, "peer", "storage", "network", "client");
    allow("status", edges);
    allow("app", join(edges, "crypto", "client.fuse", "status"));
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
