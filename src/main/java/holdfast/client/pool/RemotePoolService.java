package holdfast.client.pool;

import holdfast.metadata.op.Operation;
import holdfast.metadata.op.OperationResult;
import holdfast.metadata.op.Query;
import holdfast.model.ChunkId;
import holdfast.model.ClientId;
import holdfast.model.ErrorCode;
import holdfast.model.HoldfastException;
import holdfast.model.NodeId;
import holdfast.port.Body;
import holdfast.port.Loop;
import holdfast.port.NodeService;
import holdfast.port.Remote;
import holdfast.port.Responder;
import holdfast.port.Transport;
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
 * The {@link PoolService} over the network: finds the leader and the owners of chunks, tries again
 * elsewhere, and makes each change exactly once however often it is sent.
 *
 * <p>Event-driven: everything happens on the node's loop, so the simulator runs it as it is.
 */
public final class RemotePoolService implements PoolService, NodeService {
  /** How long one try to open a lost session again may take. */
  private static final long OPEN_AGAIN_NS = 5_000_000_000L;

  /** Pause before the next try. */
  private static final long OPEN_PAUSE_NS = 1_000_000_000L;

  private static final System.Logger LOG = System.getLogger(RemotePoolService.class.getName());

  private final Loop loop;
  private final Transport transport;
  private final long dataKeyId;
  private final Reach reach;
  private final PoolView view;
  private final MapRefresher maps;
  private final PoolSession session;
  private final Changes changes;
  private final StoredAt storedAt = new StoredAt();
  private final StoreTimes storeTimes = new StoreTimes();
  private final StaleAnswers stale = new StaleAnswers();
  private volatile long epoch;
  private volatile boolean closed;

  /**
   * A service without a peer yet: peers come by {@link #onConnected}.
   *
   * @param newId makes random ids, never used by another process: one for each session
   * @param dataKeyId the key this client seals with, not 0
   */
  public RemotePoolService(
      Loop loop, Transport transport, Supplier<ClientId> newId, long dataKeyId) {
    this.loop = loop;
    this.transport = transport;
    this.dataKeyId = dataKeyId;
    this.reach = new Reach(loop);
    this.view = new PoolView(transport, reach);
    this.maps = new MapRefresher(loop, transport, view);
    this.session = new PoolSession(loop, transport, view, newId, this::openAgain);
    this.changes = new Changes(loop, transport, view, session, this::learn);
  }

  /**
   * Opens the session with the pool: finds a leader, agrees on the data key, learns the map. After
   * a failure it may be called again; stale reads work without.
   *
   * @return completes with the pool's sealing suite number, or fails by the deadline
   */
  public CompletableFuture<Integer> open(Deadline deadline) {
    var opened = new CompletableFuture<Integer>();
    loop.post(
        () -> {
          maps.start();
          openSession(opened, deadline);
        });
    return opened;
  }

  private void openSession(CompletableFuture<Integer> opened, Deadline deadline) {
    leaderCall(
        opened,
        deadline,
        () -> new Request.OpenSession(session.client(), dataKeyId),
        null,
        (from, reply) -> {
          if (!(reply instanceof Reply.Session begun)) {
            return null;
          }
          view.ledBy(from);
          view.sessionBegun();
          stale.sessionBegun();
          epoch = begun.epoch(); // another log's may be lower
          maps.refresh();
          session.opened();
          return begun.sealingSuite();
        });
  }

  /** The session was lost: another is opened, for as long as it takes. */
  private void openAgain() {
    if (closed) {
      return;
    }
    var opened = new CompletableFuture<Integer>();
    openSession(opened, Deadline.in(loop::nowNs, OPEN_AGAIN_NS));
    opened.whenComplete(
        (suite, failure) -> {
          if (failure != null) {
            LOG.log(Level.WARNING, "open session again: {0}", failure.getMessage());
            loop.at(loop.nowNs() + OPEN_PAUSE_NS, "open session", this::openAgain);
          }
        });
  }

  /** Ends the session in good order: its pins and locks are released now, not after its timeout. */
  public CompletableFuture<Void> endSession(Deadline deadline) {
    var ended = new CompletableFuture<Void>();
    loop.post(
        () -> {
          if (!session.isOpen()) {
            ended.complete(null);
            return;
          }
          session.close();
          leaderDoes(new Request.CloseSession(session.client()), deadline)
              .whenComplete(
                  (done, failure) -> {
                    if (failure == null) {
                      ended.complete(null);
                    } else {
                      ended.completeExceptionally(failure);
                    }
                  });
        });
    return ended;
  }

  @Override
  public void watch(Watcher watcher) {
    loop.post(() -> session.watch(watcher));
  }

  @Override
  public CompletableFuture<Answered> ask(Query query, Deadline deadline) {
    var answered = new CompletableFuture<Answered>();
    loop.post(
        () ->
            leaderCall(
                answered,
                deadline,
                () -> new Request.Ask(query, LeaderCall.staleWillDo(view, loop)),
                null,
                (from, reply) -> {
                  if (!(reply instanceof Reply.Answered answer)) {
                    return null;
                  }
                  if (answer.stale()) {
                    stale.check(query, answer.answer(), answer.index());
                  } else {
                    view.ledBy(from);
                    stale.seen(answer.index());
                  }
                  return new Answered(answer.answer(), answer.stale(), answer.index());
                }));
    return answered;
  }

  @Override
  public CompletableFuture<OperationResult> change(
      ClientId under,
      Operation operation,
      InlineChunk chunkOrNull,
      boolean forced,
      Deadline deadline) {
    return changes.make(under, operation, chunkOrNull, forced, deadline, operation.isOfSession());
  }

  @Override
  public CompletableFuture<Stored> store(ChunkId chunk, Body sealed, Deadline deadline) {
    var stored = new CompletableFuture<Stored>();
    // Before the call begins, so that it runs on the loop.
    var remembered =
        stored.whenComplete(
            (value, failure) -> {
              if (value != null) {
                storedAt.stored(chunk, value.holders());
              }
            });
    loop.post(
        () ->
            new StoreCall(
                    loop,
                    transport,
                    view,
                    deadline,
                    stored,
                    chunk,
                    sealed,
                    epoch,
                    storeTimes,
                    maps::refresh)
                .start());
    return remembered;
  }

  @Override
  public CompletableFuture<Fetched> fetch(
      ChunkId chunk, int offsetBytes, int lengthBytes, Set<NodeId> avoid, Deadline deadline) {
    var fetched = new CompletableFuture<Fetched>();
    loop.post(
        () -> fetch(fetched, chunk, offsetBytes, lengthBytes, avoid, Set.of(), deadline).start());
    return fetched;
  }

  private FetchCall fetch(
      CompletableFuture<Fetched> fetched,
      ChunkId chunk,
      int offsetBytes,
      int lengthBytes,
      Set<NodeId> avoid,
      Set<NodeId> witnesses,
      Deadline deadline) {
    return new FetchCall(
        loop,
        transport,
        view,
        deadline,
        fetched,
        chunk,
        offsetBytes,
        lengthBytes,
        avoid,
        witnesses,
        maps::refresh);
  }

  @Override
  public CompletableFuture<Boolean> has(ChunkId chunk, Deadline deadline) {
    var fetched = new CompletableFuture<Fetched>();
    loop.post(
        () -> {
          List<NodeId> by = storedAt.ofOrNull(chunk);
          Set<NodeId> witnesses = by == null ? Set.of() : Set.copyOf(by);
          fetch(fetched, chunk, 0, 1, Set.of(), witnesses, deadline).start();
        });
    return fetched.handle(
        (found, failure) -> {
          if (failure == null) {
            return true;
          }
          HoldfastException why = Deadlines.asHoldfast(failure);
          if (why.code() != ErrorCode.CHUNK_MISSING) {
            throw why;
          }
          return false;
        });
  }

  @Override
  public CompletableFuture<Void> force(Set<ChunkId> chunks, Deadline deadline) {
    var forced = new CompletableFuture<Void>();
    loop.post(
        () -> new ForceCall(loop, transport, view, storedAt, chunks, deadline, forced).start());
    return forced;
  }

  /** Once forced, the session is asked for: it lives in the log that has what was changed in it. */
  @Override
  public CompletableFuture<Void> forceLog(ClientId under, Deadline deadline) {
    return leaderDoes(new Request.ForceLog(), deadline)
        .thenCompose(
            forced -> changes.make(under, UnknownOutcomes.NOTHING, null, false, deadline, true))
        .thenAccept(UnknownOutcomes::requireSession);
  }

  @Override
  public CompletableFuture<Void> setPool(
      List<Request.SetPool.Setting> settings, Deadline deadline) {
    return leaderDoes(new Request.SetPool(settings), deadline);
  }

  @Override
  public CompletableFuture<Reply.Space> space(Deadline deadline) {
    return leaderTells(
        new Request.GetSpace(),
        deadline,
        reply -> reply instanceof Reply.Space space ? space : null);
  }

  @Override
  public CompletableFuture<PoolStatus> status(Deadline deadline) {
    return leaderTells(
        new Request.GetStatus(),
        deadline,
        reply -> reply instanceof Reply.Status status ? status.status() : null);
  }

  @Override
  public void reportBad(ChunkId chunk, NodeId holder) {
    loop.post(
        () ->
            transport.request(
                holder,
                new Request.VerifyChunk(chunk),
                null,
                RetryingCall.ATTEMPT_SILENCE_NS,
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
  public boolean isOutOfReach(long forNs) {
    return reach.isLostFor(forNs);
  }

  @Override
  public boolean isAlone() {
    return reach.isAlone();
  }

  @Override
  public ClientId client() {
    return session.client();
  }

  @Override
  public long epoch() {
    return epoch;
  }

  @Override
  public void onConnected(Remote remote) {
    if (remote.isPeer()) {
      view.saw(remote.node());
      maps.refresh();
    }
  }

  @Override
  public void onDisconnected(NodeId node) {
    view.notLedBy(node, loop.nowNs());
    maps.refresh();
  }

  @Override
  public void onNotice(Remote from, Notice notice) {
    // Clients are sent nothing yet.
  }

  @Override
  public void onRequest(Remote from, Request request, Body bodyOrNull, Responder responder) {
    responder.fail(
        new HoldfastException(
            ErrorCode.UNSUPPORTED, "answer request: expected=a peer, was=a client"));
  }

  /**
   * Stops asking for the map, and for what became of changes. Calls in flight go on until their
   * deadlines.
   */
  public void close() {
    closed = true;
    maps.stop();
    loop.post(changes::close);
  }

  /** What an earlier session was answered may be of a log that has ended. */
  private void learn(ClientId under, Reply.Changed answer) {
    if (under.equals(session.client())) {
      epoch = Math.max(epoch, answer.epoch());
      stale.seen(answer.index());
    }
  }

  private CompletableFuture<Void> leaderDoes(Request request, Deadline deadline) {
    return leaderTells(request, deadline, reply -> reply instanceof Reply.Done done ? done : null)
        .thenApply(done -> null);
  }

  private <T> CompletableFuture<T> leaderTells(
      Request request, Deadline deadline, Function<Reply, T> reader) {
    var answered = new CompletableFuture<T>();
    loop.post(
        () ->
            leaderCall(
                answered, deadline, () -> request, null, (from, reply) -> reader.apply(reply)));
    return answered;
  }

  private <T> LeaderCall<T> leaderCall(
      CompletableFuture<T> result,
      Deadline deadline,
      Supplier<Request> request,
      Body bodyOrNull,
      BiFunction<NodeId, Reply, T> reader) {
    var call =
        new LeaderCall<>(loop, transport, view, deadline, result, request, bodyOrNull, reader);
    loop.post(call::start);
    return call;
  }
}
