package holdfast.peer.session;

import holdfast.metadata.Remembered;
import holdfast.metadata.op.Answer;
import holdfast.metadata.op.EntryName;
import holdfast.metadata.op.Operation;
import holdfast.metadata.op.OperationResult;
import holdfast.metadata.op.Query;
import holdfast.metadata.op.RenameMode;
import holdfast.metadata.op.RequestId;
import holdfast.model.ChunkId;
import holdfast.model.ClientId;
import holdfast.model.ErrorCode;
import holdfast.model.HoldfastException;
import holdfast.model.NodeId;
import holdfast.peer.chunk.ChunkForce;
import holdfast.peer.chunk.ChunkRequests;
import holdfast.peer.chunk.Settling;
import holdfast.peer.state.Command;
import holdfast.peer.state.Leadership;
import holdfast.peer.state.RaftDriver;
import holdfast.peer.view.PeerFault;
import holdfast.port.Body;
import holdfast.port.Responder;
import holdfast.protocol.Reply;
import holdfast.protocol.Request;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.LongSupplier;

/** Serves queries and changes of the namespace, as leader; stale reads as anybody. */
public final class NamespaceRequests {
  /** Most changes in flight at once, those whose chunk is still being stored included. */
  static final int CHANGES_MAX = 2_048;

  private final Leadership leadership;
  private final ChunkRequests chunks;
  private final ChunkForce chunkForce;
  private final Settling settling;
  private final LeaseManager leases;
  private final Set<PeerFault> faults;
  private int changing;
  private long faultySequence;

  public NamespaceRequests(
      Leadership leadership,
      ChunkRequests chunks,
      ChunkForce chunkForce,
      Settling settling,
      LeaseManager leases,
      Set<PeerFault> faults) {
    this.settling = settling;
    this.leases = leases;
    this.leadership = leadership;
    this.chunks = chunks;
    this.chunkForce = chunkForce;
    this.faults = faults;
  }

  public void onAsk(Request.Ask ask, Responder responder) {
    if (leadership.isLeader() && faults.contains(PeerFault.READ_WITHOUT_QUORUM)) {
      answer(ask, false, responder);
    } else if (leadership.isLeader()) {
      leadership
          .driver()
          .read(
              new RaftDriver.Proposed() {
                @Override
                public void onApplied(long index) {
                  answer(ask, false, responder);
                }

                @Override
                public void onFailure(ErrorCode code, String text) {
                  refuseAsk(ask, responder);
                }
              });
    } else {
      refuseAsk(ask, responder);
    }
  }

  private void refuseAsk(Request.Ask ask, Responder responder) {
    // A slow election is no reason to answer with what may be old.
    if (ask.allowStale() && leadership.isReady() && !leadership.isElecting()) {
      answer(ask, true, responder);
    } else {
      leadership.refuse(responder);
    }
  }

  private void answer(Request.Ask ask, boolean isStale, Responder responder) {
    Answer answer = leadership.stateMachine().query(ask.query());
    long index = leadership.driver().applied().index();
    responder.reply(new Reply.Answered(answer, isStale, index), null);
  }

  public void onChange(Request.Change change, Body bodyOrNull, Responder responder) {
    if (!leadership.isLeader()) {
      leadership.refuse(responder);
      return;
    }
    if (changing >= CHANGES_MAX) {
      Leadership.fail(responder, ErrorCode.BUSY, "change pool: expected=room, was=busy");
      return;
    }
    if ((change.inlineChunk() == null) != (bodyOrNull == null)) {
      Leadership.fail(
          responder, ErrorCode.MALFORMED, "change pool: expected=a body with an inline chunk only");
      return;
    }
    byte[] payload;
    try {
      payload = payload(change);
    } catch (HoldfastException e) {
      responder.fail(e);
      return;
    }
    Responder counted = counted(responder);
    leadership.whenCurrent(counted, () -> prepare(change, payload, bodyOrNull, counted));
  }

  private void prepare(
      Request.Change change, byte[] payload, Body bodyOrNull, Responder responder) {
    if (change.operation() instanceof Operation.Rename rename) {
      settleSource(rename, () -> propose(change, payload, List.of(), responder), responder);
    } else if (bodyOrNull == null) {
      proposeWhenSure(change, payload, List.of(), responder);
    } else {
      responder.working(
          chunks.write(
              change.inlineChunk(),
              bodyOrNull,
              holders -> proposeWhenSure(change, payload, holders, responder),
              responder::fail));
    }
  }

  /**
   * A file that is to take another's place gets its chunks on disk first: a power cut leaves the
   * old one's content or the new one's, as programs expect that write a file anew. Which chunks
   * these are is decided by what is applied here, so this peer must be current. <i>Event: a leader
   * acknowledges the source's content and dies; to the next one, which hasn't applied that yet,
   * there was nothing to force.</i>
   */
  private void settleSource(Operation.Rename rename, Runnable then, Responder responder) {
    boolean isReplacing =
        rename.mode() == RenameMode.REPLACE
            && inode(rename.newParent(), rename.newName()).isPresent();
    Set<ChunkId> chunks =
        isReplacing && leadership.stateMachine().unsettled().count() > 0
            ? inode(rename.oldParent(), rename.oldName())
                .map(inode -> leadership.stateMachine().unsettled().chunksOf(inode))
                .orElse(Set.of())
            : Set.of();
    if (chunks.isEmpty()) {
      then.run();
    } else {
      responder.working(chunkForce.settle(chunks, then, responder::fail));
    }
  }

  private Optional<Long> inode(long parent, EntryName name) {
    return leadership.stateMachine().query(new Query.Lookup(parent, name))
            instanceof Answer.Entry found
        ? Optional.of(found.entry().attributes().inode())
        : Optional.empty();
  }

  private byte[] payload(Request.Change change) {
    var requestId = new RequestId(change.author(), change.sequence(), change.answeredBelow());
    if (faults.contains(PeerFault.FORGET_ANSWERS)) {
      requestId = new RequestId(new ClientId(~change.author().high(), ++faultySequence), 1, 1);
    }
    return new Command.ChangeNamespace(requestId, change.operation()).toBytes();
  }

  /** Content isn't written on top of content that may be undone. */
  private void proposeWhenSure(
      Request.Change change, byte[] payload, List<NodeId> holders, Responder responder) {
    if (change.operation() instanceof Operation.Commit commit) {
      settling.whenSure(commit.inode(), () -> propose(change, payload, holders, responder));
    } else {
      propose(change, payload, holders, responder);
    }
  }

  private void propose(
      Request.Change change, byte[] payload, List<NodeId> holders, Responder responder) {
    if (faults.contains(PeerFault.REPLY_BEFORE_COMMIT)) {
      replyBeforeCommit(change, payload, responder);
      return;
    }
    responder.working(leadership.driver().core()::movedCount);
    leadership
        .driver()
        .propose(
            payload,
            change.forced(),
            new RaftDriver.Proposed() {
              @Override
              public void onApplied(long index) {
                var machine = leadership.stateMachine();
                var result =
                    Remembered.asOfNow(
                        machine.namespace(), change.operation(), machine.lastResult());
                var changed = new Reply.Changed(result, index, leadership.epoch());
                leases.whenSeen(
                    index,
                    change.author(),
                    responder,
                    () -> {
                      if (change.forced() && result instanceof OperationResult.Done) {
                        force(change.inlineChunk(), holders, index, changed, responder);
                      } else {
                        responder.reply(changed, null);
                      }
                    });
              }

              @Override
              public void onFailure(ErrorCode code, String text) {
                leadership.refuse(code, text, responder);
              }
            });
  }

  /** A change counts as in flight from now on until it is answered. */
  private Responder counted(Responder responder) {
    changing++;
    var isAnswered = new AtomicBoolean();
    return new Responder() {
      @Override
      public void working(LongSupplier count) {
        responder.working(count);
      }

      @Override
      public void reply(Reply reply, Body bodyOrNull) {
        changing -= isAnswered.compareAndSet(false, true) ? 1 : 0;
        responder.reply(reply, bodyOrNull);
      }
    };
  }

  private void replyBeforeCommit(Request.Change change, byte[] payload, Responder responder) {
    var applied =
        leadership
            .stateMachine()
            .namespace()
            .apply(
                new RequestId(change.author(), change.sequence(), change.answeredBelow()),
                change.operation());
    responder.reply(new Reply.Changed(applied.result(), 0, leadership.epoch()), null);
    leadership.driver().propose(payload, false, RaftDriver.Proposed.IGNORED);
  }

  private void force(
      ChunkId chunkOrNull,
      List<NodeId> holders,
      long index,
      Reply.Changed changed,
      Responder responder) {
    Runnable forceLog = () -> awaitForced(index, () -> responder.reply(changed, null), responder);
    if (chunkOrNull == null) {
      forceLog.run();
    } else {
      responder.working(chunkForce.force(chunkOrNull, holders, forceLog, responder::fail));
    }
  }

  private void awaitForced(long index, Runnable then, Responder responder) {
    responder.working(leadership.driver().core()::movedCount);
    leadership
        .driver()
        .awaitForced(
            index,
            new RaftDriver.Proposed() {
              @Override
              public void onApplied(long forcedIndex) {
                leadership.noteForced();
                then.run();
              }

              @Override
              public void onFailure(ErrorCode code, String text) {
                leadership.refuse(code, text, responder);
              }
            });
  }

  public void onForceLog(Responder responder) {
    if (leadership.isLeader()) {
      long index = leadership.driver().applied().index();
      awaitForced(index, () -> responder.reply(new Reply.Done(), null), responder);
    } else {
      leadership.refuse(responder);
    }
  }

  public void onOpenSession(Request.OpenSession open, Responder responder) {
    if (!leadership.isLeader()) {
      leadership.refuse(responder);
      return;
    }
    if (open.dataKeyId() == 0) {
      Leadership.fail(responder, ErrorCode.INVALID, "open session: expected=a data key id, was=0");
      return;
    }
    var opened =
        new RaftDriver.Proposed() {
          @Override
          public void onApplied(long index) {
            answerOpen(open, responder);
          }

          @Override
          public void onFailure(ErrorCode code, String text) {
            leadership.refuse(code, text, responder);
          }
        };
    if (leadership.stateMachine().state().dataKeyId() == 0) {
      leadership
          .driver()
          .propose(new Command.SetDataKey(open.dataKeyId()).toBytes(), false, opened);
    } else {
      leadership.driver().read(opened);
    }
  }

  private void answerOpen(Request.OpenSession open, Responder responder) {
    long poolKeyId = leadership.stateMachine().state().dataKeyId();
    if (poolKeyId == open.dataKeyId()) {
      beginSession(open, responder);
    } else {
      Leadership.fail(
          responder,
          ErrorCode.DATA_KEY_DIFFERS,
          String.format(
              "open session: expected=data key %016x, was=%016x; import the pool's key into this"
                  + " home",
              poolKeyId, open.dataKeyId()));
    }
  }

  private void beginSession(Request.OpenSession open, Responder responder) {
    leadership
        .driver()
        .propose(
            new Command.BeginSession(open.client()).toBytes(),
            false,
            new RaftDriver.Proposed() {
              @Override
              public void onApplied(long index) {
                if (leadership.stateMachine().namespace().hasSession(open.client())) {
                  leases.heard(open.client());
                  responder.reply(
                      new Reply.Session(
                          leadership.epoch(),
                          leadership.mapIndex(),
                          leadership.config().sealingSuite()),
                      null);
                } else {
                  Leadership.fail(
                      responder,
                      ErrorCode.NO_SESSION,
                      "open session: expected=a new client id and room for its session, was="
                          + open.client());
                }
              }

              @Override
              public void onFailure(ErrorCode code, String text) {
                leadership.refuse(code, text, responder);
              }
            });
  }
}
