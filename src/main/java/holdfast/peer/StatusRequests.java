package holdfast.peer;

import holdfast.model.ErrorCode;
import holdfast.model.LogId;
import holdfast.peer.state.Leadership;
import holdfast.peer.state.RaftDriver;
import holdfast.peer.state.StateMachine;
import holdfast.peer.view.Heartbeats;
import holdfast.peer.view.PeerPorts;
import holdfast.port.Responder;
import holdfast.protocol.Reply;
import java.util.ArrayList;
import java.util.List;

/**
 * Serves status requests, as of the moment of the question: what the peers said before may be about
 * less than was committed by then, and a pool that is written to always commits more; so an answer
 * waits for the next heartbeats, and no longer. Loop thread.
 */
final class StatusRequests {
  /** A peer that says nothing for so long isn't waited for: the answer is that it wasn't heard. */
  static final long WAIT_MAX_NS = 2 * Heartbeats.EVERY_NS;

  /** Questions that wait; more are answered with what is known. */
  static final int WAITING_MAX = 64;

  private final PeerPorts ports;
  private final Leadership leadership;
  private final StatusBuilder builder;
  private final List<Question> waiting = new ArrayList<>();

  /** A question that is answered as of the index {@code asOf} of {@code log}. */
  private record Question(Responder responder, LogId log, long asOf) {}

  StatusRequests(PeerPorts ports, Leadership leadership, StatusBuilder builder) {
    this.ports = ports;
    this.leadership = leadership;
    this.builder = builder;
  }

  void onGetStatus(Responder responder) {
    if (!leadership.isLeader()) {
      answerStale(responder);
      return;
    }
    leadership
        .driver()
        .read(
            new RaftDriver.Proposed() {
              @Override
              public void onApplied(long index) {
                StateMachine stateMachine = leadership.stateMachine();
                onLeading(
                    new Question(
                        responder, stateMachine.state().log(), stateMachine.chunkChangeIndex()));
              }

              @Override
              public void onFailure(ErrorCode code, String text) {
                answerStale(responder);
              }
            });
  }

  private void onLeading(Question question) {
    if (waiting.size() < WAITING_MAX && builder.isAwaited(question.asOf())) {
      waiting.add(question);
      ports.loop().at(ports.loop().nowNs() + WAIT_MAX_NS, "status", () -> onLate(question));
    } else {
      answer(question);
    }
  }

  private void onLate(Question question) {
    if (waiting.remove(question)) {
      answer(question);
    }
  }

  /** A peer said how it is. */
  void onHeartbeat() {
    if (waiting.isEmpty()) {
      return;
    }
    List<Question> asked = List.copyOf(waiting);
    waiting.clear();
    for (Question question : asked) {
      if (isOfNow(question) && builder.isAwaited(question.asOf())) {
        waiting.add(question);
      } else {
        answer(question);
      }
    }
  }

  private boolean isOfNow(Question question) {
    return leadership.isLeader() && leadership.stateMachine().state().log().equals(question.log());
  }

  private void answer(Question question) {
    if (isOfNow(question)) {
      question.responder().reply(new Reply.Status(builder.build(false, question.asOf())), null);
    } else {
      answerStale(question.responder());
    }
  }

  private void answerStale(Responder responder) {
    if (leadership.isReady() && leadership.isWithoutQuorum()) {
      long asOf = leadership.stateMachine().chunkChangeIndex();
      responder.reply(new Reply.Status(builder.build(true, asOf)), null);
    } else {
      leadership.refuse(responder);
    }
  }
}
