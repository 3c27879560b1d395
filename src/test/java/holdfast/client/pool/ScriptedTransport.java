package holdfast.client.pool;

import holdfast.client.ManualLoop;
import holdfast.model.ErrorCode;
import holdfast.model.HoldfastException;
import holdfast.model.HostPort;
import holdfast.model.NodeId;
import holdfast.port.Body;
import holdfast.port.Transport;
import holdfast.protocol.Notice;
import holdfast.protocol.Reply;
import holdfast.protocol.Request;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.BiFunction;
import java.util.function.Consumer;

/** A network in which each peer answers as a test says: at once, with a failure, or never. */
final class ScriptedTransport implements Transport {
  /** One request as it was sent. */
  record Sent(NodeId to, Request request, long atNs) {}

  /** A reply, and the bytes that belong to it or null. */
  record Answer(Reply reply, Body bodyOrNull) {
    static Answer of(Reply reply) {
      return new Answer(reply, null);
    }
  }

  final ManualLoop loop;
  final List<Sent> sent = new ArrayList<>();
  final Set<NodeId> connected = new HashSet<>();

  private static final long PROGRESS_NS = 500_000_000L;

  /** A Watch is answered after so long. */
  private static final long WATCH_NS = 100_000_000L;

  long dialStepCount;

  /** A request that isn't answered moves for so long, and fails then; 0: it doesn't. */
  long failingAfterNs;

  /** Who reports that it works on what it doesn't answer. */
  final Set<NodeId> working = new HashSet<>();

  /** Why a peer that isn't connected can't be reached; UNREACHABLE where nothing is said. */
  final Map<NodeId, ErrorCode> failures = new HashMap<>();

  /** What a peer answers; null: nothing, so that the request ends at its deadline. */
  BiFunction<NodeId, Request, Answer> script = (to, request) -> null;

  ScriptedTransport(ManualLoop loop) {
    this.loop = loop;
  }

  /** The requests of one kind, in order. */
  <T extends Request> List<Sent> sent(Class<T> kind) {
    return sent.stream().filter(each -> kind.isInstance(each.request())).toList();
  }

  @Override
  public void send(NodeId to, Notice notice) {}

  @Override
  public InFlight request(
      NodeId to, Request request, Body bodyOrNull, long silenceNs, ReplyHandler handler) {
    sent.add(new Sent(to, request, loop.nowNs()));
    if (!connected.contains(to)) {
      loop.post(
          () ->
              handler.onFailure(
                  new HoldfastException(
                      failures.getOrDefault(to, ErrorCode.UNREACHABLE), "reach peer: it is down")));
      return why -> {};
    }
    Answer answer = script.apply(to, request);
    if (answer == null && failingAfterNs > 0) {
      loop.at(loop.nowNs() + PROGRESS_NS, "progress", handler::onProgress);
      loop.at(loop.nowNs() + failingAfterNs - PROGRESS_NS, "progress", handler::onProgress);
      loop.at(
          loop.nowNs() + failingAfterNs,
          "request failed",
          () -> handler.onFailure(new HoldfastException(ErrorCode.TIMED_OUT, "store: too few")));
    } else if (answer == null) {
      silent(loop.nowNs() + silenceNs, silenceNs, to, handler);
    } else if (request instanceof Request.Watch) {
      loop.at(loop.nowNs() + WATCH_NS, "long poll", () -> handler.onReply(answer.reply(), null));
    } else {
      loop.post(() -> handler.onReply(answer.reply(), answer.bodyOrNull()));
    }
    return why -> {};
  }

  /** Until then nothing comes; then, where the peer works on it, as long again. */
  private void silent(long untilNs, long silenceNs, NodeId to, ReplyHandler handler) {
    if (working.contains(to)) {
      long nextNs = Math.min(untilNs, loop.nowNs() + PROGRESS_NS);
      loop.at(
          nextNs,
          "progress",
          () -> {
            handler.onProgress();
            silent(loop.nowNs() + silenceNs, silenceNs, to, handler);
          });
      return;
    }
    loop.at(
        untilNs,
        "request silence",
        () ->
            handler.onFailure(
                new HoldfastException(ErrorCode.TIMED_OUT, "await reply: none came")));
  }

  @Override
  public void learn(NodeId node, List<HostPort> addresses) {}

  @Override
  public void dial(HostPort address, Consumer<HoldfastException> onFailure) {}

  @Override
  public long dialStepCount() {
    return dialStepCount;
  }

  @Override
  public boolean isConnected(NodeId node) {
    return connected.contains(node);
  }

  @Override
  public boolean isDirect(NodeId node) {
    return connected.contains(node);
  }
}
