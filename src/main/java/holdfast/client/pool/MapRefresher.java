package holdfast.client.pool;

import holdfast.model.HoldfastException;
import holdfast.model.NodeId;
import holdfast.port.Body;
import holdfast.port.Loop;
import holdfast.port.Periodic;
import holdfast.port.Transport;
import holdfast.protocol.Reply;
import holdfast.protocol.Request;

/**
 * Keeps a client's pool map the newest: asks one peer after another for it. Loop only, but for
 * {@link #stop}.
 */
final class MapRefresher {
  /** How often the map is asked for when nothing went wrong. */
  static final long EVERY_NS = 1_000_000_000L;

  /** Pause between two questions when something went wrong. */
  private static final long HURRY_NS = 100_000_000L;

  private final Loop loop;
  private final Transport transport;
  private final PoolView view;
  private final Periodic looks;
  private boolean isStarted;
  private boolean isAsked;
  private long askedNs = Long.MIN_VALUE / 2;
  private int turn;

  MapRefresher(Loop loop, Transport transport, PoolView view) {
    this.loop = loop;
    this.transport = transport;
    this.view = view;
    looks = new Periodic(loop, EVERY_NS, "refresh map", this::refresh);
  }

  /** Begins to ask every second; once. */
  void start() {
    if (!isStarted) {
      isStarted = true;
      looks.start();
    }
  }

  /** Any thread. */
  void stop() {
    looks.stop();
  }

  /** Something hints that the map is old. */
  void refresh() {
    view.look();
    long nowNs = loop.nowNs();
    if (isAsked || nowNs - askedNs < HURRY_NS) {
      return;
    }
    NodeId to = view.candidate(turn);
    if (to == null) {
      return;
    }
    turn++;
    isAsked = true;
    askedNs = nowNs;
    transport.request(
        to,
        new Request.GetMap(view.mapIndex()),
        null,
        EVERY_NS,
        new Transport.ReplyHandler() {
          @Override
          public void onReply(Reply reply, Body bodyOrNull) {
            isAsked = false;
            if (reply instanceof Reply.Map map) {
              if (map.mapOrNull() != null) {
                view.adopt(to, map.mapOrNull());
              }
              if (map.leaderOrNull() != null) {
                view.leaderIs(map.leaderOrNull());
              }
            }
          }

          @Override
          public void onFailure(HoldfastException why) {
            isAsked = false;
            view.notLedBy(to, loop.nowNs());
          }
        });
  }
}
