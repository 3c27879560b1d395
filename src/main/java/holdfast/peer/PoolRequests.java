package holdfast.peer;

import holdfast.model.ErrorCode;
import holdfast.peer.state.Command;
import holdfast.peer.state.Leadership;
import holdfast.peer.state.RaftDriver;
import holdfast.peer.view.Heartbeats;
import holdfast.placement.PeerEntry;
import holdfast.placement.PoolMap;
import holdfast.placement.PoolSettings;
import holdfast.port.Responder;
import holdfast.protocol.Reply;
import holdfast.protocol.Request;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** Serves requests about the pool as a whole: map, leader, space, settings. */
final class PoolRequests {
  private final Leadership leadership;
  private final Heartbeats heartbeats;
  private final java.util.function.Supplier<holdfast.protocol.Notice.Heartbeat> own;
  private boolean isChanging;

  PoolRequests(
      Leadership leadership,
      Heartbeats heartbeats,
      java.util.function.Supplier<holdfast.protocol.Notice.Heartbeat> own) {
    this.leadership = leadership;
    this.heartbeats = heartbeats;
    this.own = own;
  }

  void onGetMap(Request.GetMap get, Responder responder) {
    PoolMap map = leadership.map().orElse(null);
    boolean isNews = map != null && map.version().index() != get.knownIndex();
    responder.reply(new Reply.Map(isNews ? map : null, leadership.leaderOrNull()), null);
  }

  void onWhoLeads(Responder responder) {
    responder.reply(new Reply.Map(null, leadership.leaderOrNull()), null);
  }

  void onGetSpace(Responder responder) {
    if (!leadership.isReady()) {
      leadership.refuse(responder);
      return;
    }
    PoolMap map = leadership.map().orElseThrow();
    List<PeerEntry> peers = new ArrayList<>();
    map.peers().forEach(peer -> peers.add(peer.withUsedBytes(usedBytes(peer))));
    var now = new PoolMap(map.version(), map.settings(), peers, map.table());
    long total = now.usableBytes();
    long files = leadership.stateMachine().namespace().statistics().fileCount();
    responder.reply(new Reply.Space(total, Math.min(total, now.freeBytes()), files), null);
  }

  private long usedBytes(PeerEntry peer) {
    if (peer.node().equals(leadership.self())) {
      return own.get().usedBytes();
    }
    return heartbeats
        .pulse(peer.node())
        .map(pulse -> pulse.beat().usedBytes())
        .orElse(peer.usedBytes());
  }

  void onSetPool(Request.SetPool set, Responder responder) {
    leadership.whenCurrent(responder, () -> change(set, responder));
  }

  /** One at a time: each begins with the settings that are in force. */
  private void change(Request.SetPool set, Responder responder) {
    if (isChanging) {
      Leadership.fail(responder, ErrorCode.BUSY, "set pool: expected=one change at a time");
      return;
    }
    PoolSettings settings = leadership.map().orElseThrow().settings();
    try {
      settings = changed(settings, set.settings());
    } catch (IllegalArgumentException e) {
      Leadership.fail(responder, ErrorCode.INVALID, e.getMessage());
      return;
    }
    isChanging = true;
    leadership
        .driver()
        .propose(
            new Command.ChangeSettings(settings).toBytes(),
            false,
            new RaftDriver.Proposed() {
              @Override
              public void onApplied(long index) {
                isChanging = false;
                responder.reply(new Reply.Done(), null);
              }

              @Override
              public void onFailure(ErrorCode code, String text) {
                isChanging = false;
                leadership.refuse(code, text, responder);
              }
            });
  }

  /** All together are checked: {@code min-copies} and {@code replicas} may come in any order. */
  static PoolSettings changed(PoolSettings old, List<Request.SetPool.Setting> settings) {
    int replicas = old.replicas();
    int minCopies = old.minCopies();
    long downOutMs = old.downOutMs();
    long awayOutMs = old.awayOutMs();
    boolean forks = old.forksMinority();
    for (Request.SetPool.Setting setting : settings) {
      String value = setting.value();
      switch (setting.name()) {
        case "replicas" -> replicas = count(setting);
        case "min-copies" -> minCopies = count(setting);
        case "down-out" -> downOutMs = durationMs(setting);
        case "away-out" -> awayOutMs = durationMs(setting);
        case "minority" -> {
          if (!value.equals("fork") && !value.equals("read-only")) {
            throw wrong(setting, "fork or read-only");
          }
          forks = value.equals("fork");
        }
        default ->
            throw wrong(setting, "one of replicas, min-copies, down-out, away-out, minority");
      }
    }
    return new PoolSettings(replicas, minCopies, downOutMs, awayOutMs, forks);
  }

  private static int count(Request.SetPool.Setting setting) {
    if (!setting.value().matches("\\d{1,3}")) {
      throw wrong(setting, "a number");
    }
    return Integer.parseInt(setting.value());
  }

  private static long durationMs(Request.SetPool.Setting setting) {
    String text = setting.value().toLowerCase(Locale.ROOT);
    if (!text.matches("\\d{1,9}(ms|s|m|h|d)")) {
      throw wrong(setting, "a time like 30s, 10m, 24h");
    }
    long value = Long.parseLong(text.replaceAll("\\D", ""));
    return switch (text.replaceAll("\\d", "")) {
      case "ms" -> value;
      case "s" -> value * 1_000;
      case "m" -> value * 60_000;
      case "h" -> value * 3_600_000;
      default -> value * 86_400_000;
    };
  }

  private static IllegalArgumentException wrong(Request.SetPool.Setting setting, String expected) {
    return new IllegalArgumentException(
        "set " + setting.name() + ": expected=" + expected + ", was=" + setting.value());
  }
}
