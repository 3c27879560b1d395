package holdfast.network;

import java.util.concurrent.TimeUnit;

/**
 * The network's bounds that tests shrink; docs/sessions.md lists them. What never changes is a
 * constant where it is used.
 *
 * @param handshakeSilenceNs longest time in which a handshake, or the attaching of a connection,
 *     makes no progress
 * @param connectNs for one TCP connect
 * @param pingIdleNs silence on a control connection after which a PING asks
 * @param silenceMaxNs silence on a control connection after which it counts as dead
 * @param bodyStallNs longest pause inside a body
 * @param clientBodiesMax bodies of clients' requests buffered at once
 * @param replicaBodiesMax bodies of peers' requests buffered at once
 * @param fetchedBodiesMax bodies of replies arriving at once
 * @param backoffMinNs pause after the first failed dial; doubles from there
 * @param backoffMaxNs longest pause between two dials
 */
public record NetworkLimits(
    long handshakeSilenceNs,
    long connectNs,
    long pingIdleNs,
    long silenceMaxNs,
    long bodyStallNs,
    int clientBodiesMax,
    int replicaBodiesMax,
    int fetchedBodiesMax,
    long backoffMinNs,
    long backoffMaxNs) {

  /** What runs. */
  public static NetworkLimits standard() {
    return new NetworkLimits(
        TimeUnit.SECONDS.toNanos(5),
        TimeUnit.SECONDS.toNanos(2),
        TimeUnit.SECONDS.toNanos(1),
        TimeUnit.SECONDS.toNanos(6),
        TimeUnit.SECONDS.toNanos(5),
        16,
        16,
        16,
        TimeUnit.MILLISECONDS.toNanos(100),
        TimeUnit.SECONDS.toNanos(2));
  }

  /** The same with another patience with handshakes. */
  NetworkLimits withHandshakeSilenceNs(long ns) {
    return new NetworkLimits(
        ns,
        connectNs,
        pingIdleNs,
        silenceMaxNs,
        bodyStallNs,
        clientBodiesMax,
        replicaBodiesMax,
        fetchedBodiesMax,
        backoffMinNs,
        backoffMaxNs);
  }

  /** The same with other patience: ping, silence and body stall. */
  NetworkLimits withPatience(long pingNs, long silenceNs, long stallNs) {
    return new NetworkLimits(
        handshakeSilenceNs,
        connectNs,
        pingNs,
        silenceNs,
        stallNs,
        clientBodiesMax,
        replicaBodiesMax,
        fetchedBodiesMax,
        backoffMinNs,
        backoffMaxNs);
  }

  /** The same with another number of bodies of each kind. */
  NetworkLimits withBodies(int each) {
    return new NetworkLimits(
        handshakeSilenceNs,
        connectNs,
        pingIdleNs,
        silenceMaxNs,
        bodyStallNs,
        each,
        each,
        each,
        backoffMinNs,
        backoffMaxNs);
  }
}
