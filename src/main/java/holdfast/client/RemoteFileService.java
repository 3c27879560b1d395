package holdfast.client;

import holdfast.metadata.Operation;
import holdfast.metadata.OperationResult;
import holdfast.metadata.Query;
import holdfast.model.ChunkId;
import holdfast.model.ClientId;
import holdfast.model.ErrorCode;
import holdfast.model.HoldfastException;
import holdfast.model.NodeId;
import holdfast.peer.port.Body;
import holdfast.peer.port.FileService;
import holdfast.peer.port.Loop;
import holdfast.peer.port.NodeService;
import holdfast.peer.port.Remote;
import holdfast.peer.port.Responder;
import holdfast.peer.port.Transport;
import holdfast.placement.PoolMap;
import holdfast.protocol.Notice;
import holdfast.protocol.PoolStatus;
import holdfast.protocol.Reply;
import holdfast.protocol.Request;
import java.lang.System.Logger.Level;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.function.BiFunction;
import java.util.function.Function;
import java.util.function.Supplier;

/**
 * The pool as a client reaches it over sessions: finds the leader and the owners of chunks, tries
 * again elsewhere, and makes each change exactly once however often it is sent.
 *
 * <p>Event-driven: everything happens on the node's loop, so the simulator runs it as it is.
 */
public final class RemoteFileService implements FileService, NodeService {
  /** How often the pool map is asked for when nothing went wrong. */
  static final long MAP_REFRESH_NS = 1_000_000_000L;

  /** Pause between two questions for the map when something went wrong. */
  private static final long MAP_HURRY_NS = 100_000_000L;

  private static final System.Logger LOG = System.getLogger(RemoteFileService.class.getName());

  private final Loop loop;
  private final Transport transport;
  private final ClientId client;
  private final long dataKeyId;
  private final PoolView view;
  private final ChangeWindow changes = new ChangeWindow();
  private final HolderMemory holders = new HolderMemory();
  private volatile long epoch;
  private volatile boolean closed;
  private boolean isAskingForMaps;
  private boolean mapAsked;
  private long mapAskedNs = Long.MIN_VALUE / 2;
  private int mapTurn;

  /**
   * A service that knows nobody yet: peers come by {@link #onConnected}.
   *
   * @param client random, never used by another process
   * @param dataKeyId the key this client seals with, not 0
   */
  public RemoteFileService(Loop loop, Transport transport, ClientId client, long dataKeyId) {
    this.loop = loop;
    this.transport = transport;
    this.client = client;
    this.dataKeyId = dataKeyId;
    this.view = new PoolView(transport);
  }

  /**
   * Opens the session with the pool: finds a leader, agrees on the data key, learns the map. After
   * a failure it may be called again; stale reads work without.
   *
   * @return completes with the pool's sealing suite number, or fails by the deadline
   */
  public CompletableFuture<Integer> open(long deadlineNs) {
    var opened = new CompletableFuture<Integer>();
    loop.post(
        () -> {
          if (!isAskingForMaps) {
            isAskingForMaps = true;
            everySecond();
          }
          leaderCall(
              opened,
              deadlineNs,
              () -> new Request.OpenSession(client, dataKeyId),
              null,
              (from, reply) -> {
                if (!(reply instanceof Reply.Session session)) {
                  return null;
                }
                view.ledBy(from);
                learnEpoch(session.epoch());
                refreshMap();
                return session.sealingSuite();
              });
        });
    return opened;
  }

  @Override
  public CompletableFuture<Told> ask(Query query, long deadlineNs) {
    var told = new CompletableFuture<Told>();
    loop.post(
        () ->
            leaderCall(
                told,
                deadlineNs,
                () -> new Request.Ask(query, LeaderCall.staleWillDo(view, loop.nowNs())),
                null,
                (from, reply) -> {
                  if (!(reply instanceof Reply.Told answer)) {
                    return null;
                  }
                  if (!answer.stale()) {
                    view.ledBy(from);
                  }
                  return new Told(answer.answer(), answer.stale());
                }));
    return told;
  }

  @Override
  public CompletableFuture<OperationResult> change(
      Operation operation, InlineChunk chunkOrNull, boolean forced, long deadlineNs) {
    var changed = new CompletableFuture<OperationResult>();
    loop.post(
        () -> {
          try {
            changes.whenRoom(
                () -> startChange(operation, chunkOrNull, forced, deadlineNs, changed));
          } catch (HoldfastException e) {
            changed.completeExceptionally(e);
          }
        });
    return changed;
  }

  private void startChange(
      Operation operation,
      InlineChunk chunkOrNull,
      boolean forced,
      long deadlineNs,
      CompletableFuture<OperationResult> changed) {
    long sequence = changes.begin();
    leaderCall(
            changed,
            deadlineNs,
            () ->
                new Request.Change(
                    client,
                    sequence,
                    changes.answeredBelow(),
                    operation,
                    chunkOrNull == null ? null : chunkOrNull.chunk(),
                    forced),
            chunkOrNull == null ? null : Body.whole(chunkOrNull.sealed()),
            (from, reply) -> {
              if (!(reply instanceof Reply.Changed answer)) {
                return null;
              }
              view.ledBy(from);
              learnEpoch(answer.epoch());
              return answer.result();
            })
        .onEnd(() -> changes.end(sequence));
  }

  @Override
  public CompletableFuture<Stored> store(ChunkId chunk, Body sealed, long deadlineNs) {
    var stored = new CompletableFuture<Stored>();
    // Before the call begins, so that it runs on the loop.
    var remembered =
        stored.whenComplete(
            (value, failure) -> {
              if (value != null) {
                holders.stored(chunk, value.holders());
              }
            });
    loop.post(
        () ->
            new StoreCall(
                    loop,
                    transport,
                    view,
                    deadlineNs,
                    stored,
                    chunk,
                    sealed,
                    epoch,
                    this::refreshMap)
                .start());
    return remembered;
  }

  @Override
  public CompletableFuture<Fetched> fetch(
      ChunkId chunk, int offsetBytes, int lengthBytes, Set<NodeId> avoid, long deadlineNs) {
    var fetched = new CompletableFuture<Fetched>();
    loop.post(
        () ->
            new FetchCall(
                    loop,
                    transport,
                    view,
                    deadlineNs,
                    fetched,
                    chunk,
                    offsetBytes,
                    lengthBytes,
                    avoid,
                    this::refreshMap)
                .start());
    return fetched;
  }

  @Override
  public CompletableFuture<Void> force(Set<ChunkId> chunks, long deadlineNs) {
    var forced = new CompletableFuture<Void>();
    loop.post(
        () -> new ForceCall(loop, transport, view, holders, chunks, deadlineNs, forced).start());
    return forced;
  }

  @Override
  public CompletableFuture<Void> forceLog(long deadlineNs) {
    return leaderDoes(new Request.ForceLog(), deadlineNs);
  }

  @Override
  public CompletableFuture<Void> setPool(List<Request.SetPool.Setting> settings, long deadlineNs) {
    return leaderDoes(new Request.SetPool(settings), deadlineNs);
  }

  @Override
  public CompletableFuture<Reply.Space> space(long deadlineNs) {
    return leaderTells(
        new Request.GetSpace(),
        deadlineNs,
        reply -> reply instanceof Reply.Space space ? space : null);
  }

  @Override
  public CompletableFuture<PoolStatus> status(long deadlineNs) {
    return leaderTells(
        new Request.GetStatus(),
        deadlineNs,
        reply -> reply instanceof Reply.Status status ? status.status() : null);
  }

  /** The newest map, once one is known; asked for until the deadline. */
  public CompletableFuture<PoolMap> map(long deadlineNs) {
    return this.<Reply.Map>leaderTells(
            new Request.GetMap(-1),
            deadlineNs,
            reply -> reply instanceof Reply.Map map && map.mapOrNull() != null ? map : null)
        .thenApply(
            reply -> {
              view.adopt(reply.mapOrNull());
              return reply.mapOrNull();
            });
  }

  @Override
  public void reportBad(ChunkId chunk, NodeId holder) {
    loop.post(
        () ->
            transport.request(
                holder,
                new Request.VerifyChunk(chunk),
                null,
                loop.nowNs() + Attempts.ATTEMPT_MAX_NS,
                new Transport.ReplyHandler() {
                  @Override
                  public void onReply(Reply reply, Body bodyOrNull) {
                    LOG.log(Level.INFO, "{0} re-read chunk {1}", holder.shortForm(), chunk);
                  }

                  @Override
                  public void onFailure(HoldfastException why) {
                    LOG.log(Level.INFO, "report bad chunk {0}: {1}", chunk, why.getMessage());
                  }
                }));
  }

  @Override
  public long epoch() {
    return epoch;
  }

  @Override
  public void onConnected(Remote remote) {
    if (remote.isPeer()) {
      view.saw(remote.node());
      refreshMap();
    }
  }

  @Override
  public void onDisconnected(NodeId node) {
    view.notLedBy(node, loop.nowNs());
    refreshMap();
  }

  @Override
  public void onNotice(Remote from, Notice notice) {
    // Clients are told nothing yet.
  }

  @Override
  public void onRequest(Remote from, Request request, Body bodyOrNull, Responder responder) {
    responder.fail(
        new HoldfastException(
            ErrorCode.UNSUPPORTED, "answer request: expected=a peer, was=a client"));
  }

  /** Stops asking for the map. Calls under way go on until their deadlines. */
  public void close() {
    closed = true;
  }

  private void learnEpoch(long newEpoch) {
    epoch = Math.max(epoch, newEpoch);
  }

  private void everySecond() {
    if (!closed) {
      refreshMap();
      loop.at(loop.nowNs() + MAP_REFRESH_NS, "refresh map", this::everySecond);
    }
  }

  private void refreshMap() {
    long nowNs = loop.nowNs();
    if (mapAsked || nowNs - mapAskedNs < MAP_HURRY_NS) {
      return;
    }
    NodeId to = view.candidate(mapTurn);
    if (to == null) {
      return;
    }
    mapTurn++;
    mapAsked = true;
    mapAskedNs = nowNs;
    transport.request(
        to,
        new Request.GetMap(view.mapIndex()),
        null,
        nowNs + MAP_REFRESH_NS,
        new Transport.ReplyHandler() {
          @Override
          public void onReply(Reply reply, Body bodyOrNull) {
            mapAsked = false;
            if (reply instanceof Reply.Map map) {
              if (map.mapOrNull() != null) {
                view.adopt(map.mapOrNull());
              }
              if (map.leaderOrNull() != null) {
                view.leaderIs(map.leaderOrNull());
              }
            }
          }

          @Override
          public void onFailure(HoldfastException why) {
            mapAsked = false;
            view.notLedBy(to, loop.nowNs());
          }
        });
  }

  private CompletableFuture<Void> leaderDoes(Request request, long deadlineNs) {
    return leaderTells(request, deadlineNs, reply -> reply instanceof Reply.Done done ? done : null)
        .thenApply(done -> null);
  }

  private <T> CompletableFuture<T> leaderTells(
      Request request, long deadlineNs, Function<Reply, T> reader) {
    var told = new CompletableFuture<T>();
    loop.post(
        () ->
            leaderCall(
                told, deadlineNs, () -> request, null, (from, reply) -> reader.apply(reply)));
    return told;
  }

  private <T> LeaderCall<T> leaderCall(
      CompletableFuture<T> result,
      long deadlineNs,
      Supplier<Request> request,
      Body bodyOrNull,
      BiFunction<NodeId, Reply, T> reader) {
    var call =
        new LeaderCall<>(loop, transport, view, deadlineNs, result, request, bodyOrNull, reader);
    loop.post(call::start);
    return call;
  }
}
