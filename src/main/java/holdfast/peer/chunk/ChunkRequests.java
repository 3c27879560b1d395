package holdfast.peer.chunk;

import holdfast.model.ChunkId;
import holdfast.model.ChunkLoss;
import holdfast.model.ErrorCode;
import holdfast.model.HoldfastException;
import holdfast.model.NodeId;
import holdfast.model.StorageException;
import holdfast.peer.state.Leadership;
import holdfast.peer.view.Heartbeats;
import holdfast.peer.view.PeerFault;
import holdfast.peer.view.PeerPorts;
import holdfast.peer.view.Replies;
import holdfast.placement.PoolMap;
import holdfast.port.Body;
import holdfast.port.ChunkVault;
import holdfast.port.Periodic;
import holdfast.port.Responder;
import holdfast.protocol.Reply;
import holdfast.protocol.Request;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.function.LongSupplier;

/** Serves requests about chunks: stores them as primary or replica, reads, verifies, lists. */
public final class ChunkRequests {
  /** Most chunks being written through this peer at once, each up to a body; then BUSY. */
  static final int WRITES_MAX = 64;

  private static final long FORCE_EVERY_NS = 1_000_000_000L;

  /** The longest pause of a disk that can't force. */
  private static final long FORCE_REST_MAX_NS = 60_000_000_000L;

  private final PeerPorts ports;
  private final OwnForce own;
  private final Leadership leadership;
  private final Heartbeats heartbeats;
  private final MissingChunks missingChunks;
  private final Set<PeerFault> faults;
  private boolean isForceDue;
  private long forceRestNs = FORCE_EVERY_NS;
  private long forceNotBeforeNs = Long.MIN_VALUE / 2;
  private final Laggards laggards = new Laggards();
  private final Periodic forces;
  private int writing;
  private int reading;
  private long clientsUntilNs = Long.MIN_VALUE / 2;

  public ChunkRequests(
      PeerPorts ports,
      OwnForce own,
      Leadership leadership,
      Heartbeats heartbeats,
      MissingChunks missingChunks,
      Set<PeerFault> faults) {
    this.ports = ports;
    this.own = own;
    this.leadership = leadership;
    this.heartbeats = heartbeats;
    this.missingChunks = missingChunks;
    this.faults = faults;
    forces = new Periodic(ports.loop(), FORCE_EVERY_NS, "force chunks", this::forceIfDue);
  }

  /** What was written is forced every second: fewer than two seconds of it can be lost. */
  public void forceEverySecond() {
    forces.start();
  }

  private void forceIfDue() {
    if (isForceDue && ports.loop().nowNs() - forceNotBeforeNs >= 0) {
      isForceDue = false;
      ports.vault().force(this::onForced);
    }
  }

  /**
   * What couldn't be forced is tried again, though nothing else is written: in a second where the
   * disk was busy; one that fails has some rest, twice as much each time.
   */
  private void onForced(StorageException whyOrNull) {
    if (whyOrNull == null) {
      forceRestNs = FORCE_EVERY_NS;
      return;
    }
    isForceDue = true;
    if (whyOrNull.code() != ErrorCode.BUSY) {
      forceNotBeforeNs = ports.loop().nowNs() + forceRestNs;
      forceRestNs = Math.min(FORCE_REST_MAX_NS, 2 * forceRestNs);
    }
  }

  public void stop() {
    forces.stop();
  }

  /** A chunk was written here, by whomever. */
  public void onStored(ChunkId chunk) {
    isForceDue = true;
    missingChunks.onStored(chunk);
  }

  /** Whether clients read or write here now, or did a moment ago. */
  public boolean isBusy() {
    return writing + reading > 0 || ports.loop().nowNs() < clientsUntilNs;
  }

  /** 0 to 1,000: how much of the room for writes is taken. */
  public int loadPermille() {
    return Math.min(1_000, (writing + reading) * 1_000 / WRITES_MAX);
  }

  private void noteClient() {
    clientsUntilNs = ports.loop().nowNs() + 200_000_000L;
  }

  public void onPut(Request.PutChunk put, Body body, Responder responder) {
    if (body == null) {
      Leadership.fail(responder, ErrorCode.MALFORMED, "store chunk: expected=a body, was=none");
    } else if (writing >= WRITES_MAX) {
      Leadership.fail(responder, ErrorCode.BUSY, "store chunk: expected=room, was=busy");
    } else if (put.replica()) {
      storeReplica(put.chunk(), body, responder);
    } else {
      noteClient();
      responder.working(
          write(
              put.chunk(),
              body,
              holders -> responder.reply(new Reply.Stored(holders, leadership.epoch()), null),
              responder::fail));
    }
  }

  private void storeReplica(ChunkId chunk, Body body, Responder responder) {
    var here = new Reply.Stored(List.of(leadership.self()), leadership.epoch());
    if (faults.contains(PeerFault.REPLICA_ACKNOWLEDGES_UNWRITTEN)) {
      responder.reply(here, null);
      return;
    }
    if (ports.vault().contains(chunk)) {
      responder.reply(here, null);
      return;
    }
    writing++;
    body.whenEnded(
        failure ->
            ports
                .loop()
                .post(
                    () -> {
                      if (failure != null) {
                        writing--;
                        responder.fail(failure);
                        return;
                      }
                      put(
                          chunk,
                          body,
                          why -> {
                            writing--;
                            if (why == null) {
                              responder.reply(here, null);
                            } else {
                              responder.fail(why);
                            }
                          });
                      responder.working(ports.vault().progress());
                    }));
  }

  private void put(ChunkId chunk, Body body, java.util.function.Consumer<StorageException> done) {
    ports
        .vault()
        .put(
            chunk,
            body.array(),
            body.lengthBytes(),
            why -> {
              if (why == null) {
                onStored(chunk);
              }
              done.accept(why);
            });
  }

  /**
   * Stores a chunk at its targets; one of the two is called once.
   *
   * @return rises while it is worked on
   */
  public LongSupplier write(
      ChunkId chunk,
      Body body,
      java.util.function.Consumer<List<NodeId>> onStored,
      java.util.function.Consumer<HoldfastException> onFailure) {
    if (leadership.map().isEmpty()) {
      onFailure.accept(
          Replies.error(ErrorCode.NOT_READY, "store chunk: expected=a pool map, was=none"));
      return () -> 0;
    }
    PoolMap map = leadership.map().get();
    List<NodeId> targets = map.targets(chunk.partition());
    List<NodeId> order = order(targets, map.readers(chunk.partition()), map);
    int behind = (int) targets.stream().filter(laggards::isBehind).count();
    writing++;
    var write =
        new ChunkWrite(
            ports,
            leadership.self(),
            new WriteQuorum(map, leadership.isFresh(), faults),
            chunk,
            leadership.epoch(),
            body,
            order,
            laggards,
            new ChunkWrite.Outcome() {
              @Override
              public void onStored(List<NodeId> holders) {
                onStored.accept(holders);
              }

              @Override
              public void onFailure(HoldfastException why) {
                onFailure.accept(why);
              }

              @Override
              public void onStoredHere() {
                ChunkRequests.this.onStored(chunk);
              }

              @Override
              public void onEnd() {
                writing--;
              }
            });
    write.start(Math.max(1, targets.size() - behind));
    return write::movedCount;
  }

  /** Targets, then other live peers; those that are behind or miss heartbeats come last. */
  private List<NodeId> order(List<NodeId> targets, List<NodeId> readers, PoolMap map) {
    var candidates = new LinkedHashSet<>(targets);
    readers.stream()
        .filter(node -> map.peer(node).map(peer -> peer.state().isLive()).orElse(false))
        .forEach(candidates::add);
    var order = new ArrayList<NodeId>();
    candidates.stream().filter(node -> !isSlow(node)).forEach(order::add);
    candidates.stream().filter(this::isSlow).forEach(order::add);
    return order;
  }

  private boolean isSlow(NodeId node) {
    boolean isSuspect = !node.equals(leadership.self()) && heartbeats.isSuspect(node);
    return isSuspect || laggards.isBehind(node);
  }

  /**
   * @param mayDeny as for {@link #onForce}
   */
  public void onGet(Request.GetChunk get, boolean isClient, boolean mayDeny, Responder responder) {
    if (isClient) {
      noteClient();
    }
    reading++;
    ports
        .vault()
        .read(
            get.chunk(),
            get.offsetBytes(),
            get.lengthBytes(),
            new ChunkVault.ReadHandler() {
              @Override
              public void onBytes(byte[] bytes, int lengthBytes, int chunkLengthBytes) {
                reading--;
                responder.reply(
                    new Reply.Chunk(get.chunk(), get.offsetBytes(), chunkLengthBytes),
                    Body.whole(bytes, lengthBytes));
              }

              @Override
              public void onFailure(StorageException why) {
                reading--;
                noteIfBad(get.chunk(), why);
                responder.fail(
                    mayDeny || why.code() != ErrorCode.CHUNK_MISSING
                        ? why
                        : Replies.error(
                            ErrorCode.NOT_READY,
                            "read chunk: expected=a folder that is whole, was=one that waits"));
              }
            });
    responder.working(ports.vault().progress());
  }

  public void onVerify(Request.VerifyChunk verify, Responder responder) {
    ports
        .vault()
        .verify(
            verify.chunk(),
            why -> {
              noteIfBad(verify.chunk(), why);
              if (why == null) {
                responder.reply(new Reply.Done(), null);
              } else {
                responder.fail(why);
              }
            });
    responder.working(ports.vault().progress());
  }

  private void noteIfBad(ChunkId chunk, StorageException why) {
    if (why == null) {
      return;
    }
    boolean isUnreadable = why.code() == ErrorCode.STORE_FAILED && !ports.vault().contains(chunk);
    if (isUnreadable || why.code() == ErrorCode.CHUNK_CORRUPT) {
      own.onDamage();
      missingChunks.onBad(chunk);
    }
  }

  /**
   * @param mayDeny false while this folder is no good and takes no part: another one may be put
   *     back that has what isn't here. <i>Event: a file's newest content is on one peer only, whose
   *     folder is swapped for an older one, or which a copy of it stands in for: that one said that
   *     nothing is there, and the content was undone for good.</i>
   */
  public void onForce(Request.ForceChunks force, boolean mayDeny, Responder responder) {
    LongSupplier moved =
        own.force(
            force.chunks(),
            new OwnForce.Outcome() {
              @Override
              public void onForced(
                  List<ChunkId> forced, List<ChunkId> indeterminate, ChunkLoss loss) {
                var entries =
                    forced.stream().map(chunk -> new Reply.Chunks.Entry(chunk, 0)).toList();
                var rest = new LinkedHashSet<>(force.chunks());
                forced.forEach(rest::remove);
                var notDenied = mayDeny ? indeterminate : List.copyOf(rest);
                responder.reply(new Reply.Chunks(entries, true, notDenied, loss), null);
              }

              @Override
              public void onFailure(StorageException why) {
                responder.fail(why);
              }
            });
    responder.working(moved);
  }

  public void onSummary(Request.GetSummary get, Responder responder) {
    if (get.partition() < 0 || get.partition() >= ChunkId.PARTITION_COUNT) {
      Leadership.fail(responder, ErrorCode.INVALID, "compare partition: was=" + get.partition());
      return;
    }
    var summary = ports.vault().summary(get.partition());
    responder.reply(
        new Reply.Summary(
            get.partition(), summary.chunkCount(), summary.sizeBytes(), summary.digest()),
        null);
  }

  public void onList(Request.ListChunks list, Responder responder) {
    if (list.partition() < 0
        || list.partition() >= ChunkId.PARTITION_COUNT
        || list.maxCount() < 1) {
      Leadership.fail(responder, ErrorCode.INVALID, "list partition: was=" + list.partition());
      return;
    }
    int count = Math.min(list.maxCount(), Request.LIST_MAX);
    var found = ports.vault().list(list.partition(), list.afterOrNull(), count);
    var entries =
        found.stream()
            .map(listed -> new Reply.Chunks.Entry(listed.chunk(), listed.lengthBytes()))
            .toList();
    responder.reply(new Reply.Chunks(entries, found.size() < count), null);
  }
}
