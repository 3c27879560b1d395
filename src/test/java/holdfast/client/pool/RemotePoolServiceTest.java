package holdfast.client.pool;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import holdfast.client.ManualLoop;
import holdfast.metadata.Namespace;
import holdfast.metadata.op.Answer;
import holdfast.metadata.op.EntryName;
import holdfast.metadata.op.FileLock;
import holdfast.metadata.op.LockFamily;
import holdfast.metadata.op.LockMode;
import holdfast.metadata.op.Operation;
import holdfast.metadata.op.OperationResult;
import holdfast.metadata.op.Query;
import holdfast.model.ChunkId;
import holdfast.model.ClientId;
import holdfast.model.ErrorCode;
import holdfast.model.HoldfastException;
import holdfast.model.HostPort;
import holdfast.model.InstanceId;
import holdfast.model.LogId;
import holdfast.model.NodeId;
import holdfast.model.SealId;
import holdfast.placement.MapVersion;
import holdfast.placement.PeerEntry;
import holdfast.placement.PeerState;
import holdfast.placement.PoolMap;
import holdfast.placement.PoolSettings;
import holdfast.port.Body;
import holdfast.port.Remote;
import holdfast.port.UnansweredException;
import holdfast.protocol.Reply;
import holdfast.protocol.Request;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.function.BiFunction;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Finding the leader, trying again and failing, on a clock and a network of the test. */
class RemotePoolServiceTest {
  private static final long MS = 1_000_000L;
  private static final long S = 1_000 * MS;
  private static final NodeId A = new NodeId(1, 0, 0, 0);
  private static final NodeId B = new NodeId(2, 0, 0, 0);
  private static final NodeId C = new NodeId(3, 0, 0, 0);
  private static final List<NodeId> ALL = List.of(A, B, C);
  private static final HostPort ADDRESS = new HostPort("127.0.0.1", 8_000);
  private static final ChunkId CHUNK = ChunkId.of(new byte[32]);
  private static final Query QUERY = new Query.GetAttributes(1);
  private static final Operation OPERATION = new Operation.SetAttributes(1, 0, 0, 0, 0, 0, 0, 0);

  private final ManualLoop loop = new ManualLoop();
  private final ScriptedTransport network = new ScriptedTransport(loop);
  private long sessionCount;
  private final RemotePoolService service =
      new RemotePoolService(loop, network, () -> new ClientId(7, ++sessionCount), 9);
  private PoolMap map = PoolMap.empty(new MapVersion(new LogId(1, 1), 1), PoolSettings.DEFAULT);
  private NodeId leader = A;

  @BeforeEach
  void openTheSession() {
    var peers = new ArrayList<PeerEntry>();
    for (NodeId node : ALL) {
      peers.add(
          new PeerEntry(node, ADDRESS, 1L << 40, 0, "host" + peers.size(), "", PeerState.UP, 1));
    }
    map = map.next(new MapVersion(new LogId(1, 1), 2), PoolSettings.DEFAULT, peers);
    network.script = this::answer;
    for (NodeId node : ALL) {
      network.connected.add(node);
      service.onConnected(
          new Remote(node, true, new InstanceId(1, 1), Optional.of(ADDRESS), "127.0.0.1", 0));
    }
    var opened = service.open(in(10 * S));
    loop.advance(100 * MS);
    assertEquals(1, opened.join());
    network.sent.clear();
  }

  private Deadline in(long silenceNs) {
    return Deadline.in(loop::nowNs, silenceNs);
  }

  /** As a pool in order does. */
  private ScriptedTransport.Answer answer(NodeId at, Request request) {
    Reply.Leader hint = leader == null ? null : new Reply.Leader(leader, ADDRESS);
    return ScriptedTransport.Answer.of(
        switch (request) {
          case Request.GetMap ask -> new Reply.Map(map, hint);
          case Request.PutChunk put -> new Reply.Stored(ALL, 1);
          case Request.ForceChunks force ->
              new Reply.Chunks(
                  force.chunks().stream().map(each -> new Reply.Chunks.Entry(each, 1)).toList(),
                  true);
          case Request.Ask ask when ask.allowStale() && leader == null -> answered(true);
          default ->
              at.equals(leader)
                  ? led(request)
                  : new Reply.Failure(
                      leader == null ? ErrorCode.NO_QUORUM : ErrorCode.NOT_LEADER, "no", hint);
        });
  }

  private Reply led(Request request) {
    return switch (request) {
      case Request.OpenSession open -> new Reply.Session(1, 2, 1);
      case Request.Ask ask -> answered(false);
      case Request.Watch watch -> null; // no changes
      case Request.Change change -> new Reply.Changed(result(), 5, 1);
      default -> new Reply.Done();
    };
  }

  private static Reply answered(boolean isStale) {
    return new Reply.Answered(new Answer.Failed(ErrorCode.IS_DIRECTORY, "one"), isStale, 4);
  }

  private static Reply absent(boolean isStale, long index) {
    return new Reply.Answered(new Answer.Failed(ErrorCode.NOT_FOUND, "none"), isStale, index);
  }

  /** What a question for something that isn't there brings, without a leader for 5 s. */
  private CompletableFuture<PoolService.Answered> askWithoutLeader(Query query, long staleIndex) {
    leader = null;
    network.script =
        (at, request) ->
            request instanceof Request.Ask ask && (ask.allowStale() || at.equals(leader))
                ? ScriptedTransport.Answer.of(absent(leader == null, staleIndex))
                : answer(at, request);
    CompletableFuture<PoolService.Answered> asked = service.ask(query, in(10 * S));
    loop.advance(5 * S);
    return asked;
  }

  @Test
  void thatAnInodeIsAbsentIsBelievedOfALeaderOnly() {
    var asked = askWithoutLeader(QUERY, 1_000);
    assertFalse(asked.isDone(), "not answered");

    leader = B;
    loop.advance(S);

    assertFalse(asked.join().stale());
    assertInstanceOf(Answer.Failed.class, asked.join().answer());
  }

  @Test
  void thatANameIsAbsentIsNotBelievedOfAStateThatIsOlderThanWhatWasSeen() {
    var name = new Query.Lookup(1, new EntryName(new byte[48]));
    service.change(OPERATION, null, false, in(10 * S)); // it is answered with index 5
    loop.advance(100 * MS);

    assertTrue(askWithoutLeader(name, 5).join().stale());
    var older = askWithoutLeader(name, 4);
    loop.advance(5 * S);
    assertEquals(ErrorCode.NO_QUORUM, failure(older).code());
  }

  private static OperationResult result() {
    return new OperationResult.Failed(ErrorCode.NOT_FOUND, "none");
  }

  private static HoldfastException failure(CompletableFuture<?> future) {
    assertTrue(future.isDone(), "no end by the deadline");
    var thrown = assertThrows(CompletionException.class, future::join);
    return (HoldfastException) thrown.getCause();
  }

  @Test
  void aChangeFollowsTheHintToTheNewLeaderWithItsOldSequence() {
    leader = C;

    var changed = service.change(OPERATION, null, false, in(10 * S));
    loop.advance(10 * MS);

    assertTrue(changed.isDone());
    var sent = network.sent(Request.Change.class);
    assertEquals(List.of(A, C), sent.stream().map(ScriptedTransport.Sent::to).toList());
    assertEquals(1, sent.stream().map(each -> sequence(each)).distinct().count());
  }

  private static long sequence(ScriptedTransport.Sent sent) {
    return ((Request.Change) sent.request()).sequence();
  }

  @Test
  void peersThatBlameEachOtherCauseNoStormAndNoHang() {
    network.script =
        (at, request) ->
            ScriptedTransport.Answer.of(
                new Reply.Failure(
                    ErrorCode.NOT_LEADER,
                    "not me",
                    new Reply.Leader(at.equals(A) ? B : A, ADDRESS)));

    var changed = service.change(OPERATION, null, false, in(10 * S));
    loop.advance(10 * S + MS);

    assertEquals(ErrorCode.TIMED_OUT, failure(changed).code());
    int count = network.sent(Request.Change.class).size();
    assertTrue(count < 60, "requests in 10 s: " + count);
  }

  @Test
  void aDeadLeaderIsLeftForTheOneThatAnswersWithinASecond() {
    network.connected.remove(A);
    service.onDisconnected(A);
    leader = B;

    var changed = service.change(OPERATION, null, false, in(10 * S));
    loop.advance(S);

    assertTrue(changed.isDone());
  }

  private List<CompletableFuture<?>> callsUntil(Deadline deadline) {
    return List.of(
        service.ask(QUERY, deadline),
        service.change(OPERATION, null, false, deadline),
        service.store(CHUNK, Body.whole(new byte[10]), deadline),
        service.force(Set.of(CHUNK), deadline),
        service.forceLog(deadline));
  }

  /**
   * Another disk, and so another peer, may be at its address; or an older program; or who knows.
   */
  @ParameterizedTest
  @EnumSource(names = {"REFUSED", "UNSUPPORTED", "MALFORMED"})
  void aPeerThatCannotBeConnectedToIsNoAnswerOfThePool(ErrorCode code) {
    network.connected.remove(A);
    network.failures.put(A, code);
    leader = B;
    Deadline deadline = in(10 * S);

    List<CompletableFuture<?>> calls = callsUntil(deadline);
    loop.advance(2 * S);
    calls.forEach(CompletableFuture::join);

    leader = null;
    var answered = service.ask(QUERY, in(10 * S));
    loop.advance(5 * S);
    assertTrue(answered.join().stale());

    network.connected.clear();
    ALL.forEach(node -> network.failures.put(node, code));
    var nowhere = service.ask(QUERY, in(10 * S));
    loop.advance(10 * S + MS);
    assertEquals("reach peer: it is down", failure(nowhere).getMessage(), "the last one's reason");
  }

  @Test
  void aLeaderThatFreezesIsLeftAfterOneAttempt() {
    leader = B;
    network.script = (at, request) -> at.equals(A) ? null : answer(at, request);

    var changed = service.change(OPERATION, null, false, in(10 * S));
    loop.advance(RetryingCall.ATTEMPT_SILENCE_NS + 500 * MS);

    assertTrue(changed.isDone());
  }

  /** A mount of a busy machine didn't start. */
  @Test
  void whoKnowsNoPeerYetWaitsAsLongAsDialsGetOn() {
    var unconnected = new RemotePoolService(loop, network, () -> new ClientId(8, 1), 9);
    var opened = unconnected.open(in(10 * S));

    for (int i = 0; i < 20; i++) {
      network.dialStepCount++;
      loop.advance(3 * S);
      assertFalse(opened.isDone());
    }
    loop.advance(11 * S);

    assertEquals(ErrorCode.UNREACHABLE, failure(opened).code());
  }

  /** It was EIO, which programs take for damage. */
  @Test
  void thatNobodyHasLedInTimeIsATimeout() {
    network.script =
        (at, request) ->
            ScriptedTransport.Answer.of(
                new Reply.Failure(ErrorCode.NOT_LEADER, "ask peer: was=another", null));

    var changed = service.change(OPERATION, null, false, in(10 * S));
    loop.advance(11 * S);

    assertEquals(ErrorCode.TIMED_OUT, failure(changed).code());
  }

  /** A slow pool is no dead one: a call that is worked on lasts as long as that moves. */
  @Test
  void aCallLastsAsLongAsThePeerThatHasItWorksOnIt() {
    network.script = (at, request) -> null;
    network.working.addAll(ALL);
    List<CompletableFuture<?>> calls = new ArrayList<>(callsUntil(in(10 * S)));
    calls.add(service.fetch(CHUNK, 0, -1, Set.of(), in(10 * S)));
    network.sent.clear();

    loop.advance(100 * S);
    int sentMeanwhile = network.sent.size();
    for (CompletableFuture<?> call : calls) {
      assertFalse(call.isDone(), "worked on");
    }
    network.working.clear();
    loop.advance(20 * S);

    for (CompletableFuture<?> call : calls) {
      assertEquals(ErrorCode.TIMED_OUT, failure(call).code());
    }
    long resent =
        network.sent.subList(0, sentMeanwhile).stream()
            .filter(each -> each.request() instanceof Request.PutChunk)
            .count();
    assertTrue(resent <= 1, "a body that is on its way isn't sent again, was=" + resent);
  }

  /** A slow pair of which one is gone: the body got there each time, and nothing came of it. */
  @Test
  void whatMovesInVainAgainAndAgainIsNoProgress() {
    network.script =
        (at, request) -> request instanceof Request.PutChunk ? null : answer(at, request);
    network.failingAfterNs = 7 * S;

    var stored = service.store(CHUNK, Body.whole(new byte[10]), in(10 * S));
    loop.advance(120 * S);

    assertEquals(ErrorCode.TIMED_OUT, failure(stored).code());
  }

  /** The first chunk shows that a peer is slow; no other goes through it. */
  @Test
  void chunksGoThroughTheQuickestTarget() {
    NodeId slow = map.targets(CHUNK.partition()).getFirst();
    network.script =
        (at, request) ->
            request instanceof Request.PutChunk && at.equals(slow) ? null : answer(at, request);
    network.working.add(slow);

    var first = service.store(CHUNK, Body.whole(new byte[10]), in(10 * S));
    loop.advance(S);
    network.sent.clear();
    for (int i = 0; i < 20; i++) {
      var next = service.store(CHUNK, Body.whole(new byte[10]), in(10 * S));
      loop.advance(100 * MS);
      assertTrue(next.isDone(), "the " + i + "th waits for the slow one");
    }

    assertFalse(first.isDone());
    assertTrue(
        network.sent(Request.PutChunk.class).stream().noneMatch(each -> each.to().equals(slow)));
  }

  @Test
  void eachTargetHasItsTurnBeforeOneIsTriedAgain() {
    network.script =
        (at, request) -> request instanceof Request.PutChunk ? null : answer(at, request);

    service.store(CHUNK, Body.whole(new byte[10]), in(60 * S));
    loop.advance(20 * S);

    var tried = network.sent(Request.PutChunk.class).stream().limit(3).map(each -> each.to());
    assertEquals(Set.copyOf(ALL), Set.copyOf(tried.toList()));
  }

  @Test
  void everyCallEndsByItsDeadlineWhenNobodyAnswers() {
    network.script = (at, request) -> null;
    Deadline deadline = in(10 * S);
    List<CompletableFuture<?>> calls = new ArrayList<>(callsUntil(deadline));
    calls.add(service.fetch(CHUNK, 0, -1, Set.of(), deadline));
    calls.add(service.space(deadline));

    loop.advance(10 * S + MS);

    for (CompletableFuture<?> call : calls) {
      assertEquals(ErrorCode.TIMED_OUT, failure(call).code());
    }
  }

  @Test
  void aStaleAnswerIsAcceptedOnlyAfterThreeSecondsWithoutALeader() {
    leader = null;
    long startNs = loop.nowNs();

    var answered = service.ask(QUERY, in(10 * S));
    loop.advance(2_900 * MS);
    assertFalse(answered.isDone(), "too early for a stale answer");
    loop.advance(S);

    assertTrue(answered.join().stale());
    for (ScriptedTransport.Sent ask : network.sent(Request.Ask.class)) {
      boolean mayBeStale = ((Request.Ask) ask.request()).allowStale();
      assertEquals(ask.atNs() - startNs >= LeaderCall.STALE_AFTER_NS, mayBeStale);
    }
  }

  @Test
  void aFollowerThatDiedLongAgoMakesNoAnswerStaleAndNoWriteFail() {
    network.connected.remove(C);
    service.onDisconnected(C);
    loop.advance(60 * S);
    leader = null; // an election begins
    network.sent.clear();

    var changed = service.change(OPERATION, null, false, in(10 * S));
    var answered = service.ask(QUERY, in(10 * S));
    loop.advance(S);
    assertFalse(changed.isDone());
    assertFalse(answered.isDone());
    leader = B;
    loop.advance(S);

    assertTrue(changed.isDone());
    assertFalse(answered.join().stale());
  }

  @Test
  void anIdleMountLearnsOfTheNewLeaderAndAsksItAtOnce() {
    network.connected.remove(A);
    service.onDisconnected(A);
    leader = B;
    loop.advance(60 * S);
    network.sent.clear();

    var answered = service.ask(QUERY, in(10 * S));
    loop.advance(10 * MS);

    assertFalse(answered.join().stale());
    var ask = (Request.Ask) network.sent(Request.Ask.class).getFirst().request();
    assertFalse(ask.allowStale(), "a leader is known");
  }

  @Test
  void aChangeWithoutAMajorityFailsAfterSomeElectionsAndSaysSo() {
    leader = null;

    var changed = service.change(OPERATION, null, false, in(10 * S));
    loop.advance(LeaderCall.QUORUM_WAIT_NS - 500 * MS);
    assertFalse(changed.isDone());
    loop.advance(S);

    assertEquals(ErrorCode.NO_QUORUM, failure(changed).code());
  }

  @Test
  void aBusyLeaderIsAskedAgainAfterPausesAndNotTreatedAsDead() {
    int[] busyCount = {6};
    network.script =
        (at, request) ->
            request instanceof Request.Ask && at.equals(A) && busyCount[0]-- > 0
                ? ScriptedTransport.Answer.of(new Reply.Failure(ErrorCode.BUSY, "busy", null))
                : answer(at, request);

    var answered = service.ask(QUERY, in(10 * S));
    loop.advance(5 * S);

    assertTrue(answered.isDone());
    var asks = network.sent(Request.Ask.class);
    assertTrue(asks.stream().allMatch(ask -> ask.to().equals(A)));
    assertTrue(asks.getLast().atNs() - asks.getFirst().atNs() >= 500 * MS, "no pauses");
  }

  @Test
  void sequencesOfChangesThatTimedOutDoNotBlockLaterOnes() {
    network.script = (at, request) -> null;
    var lost = new ArrayList<CompletableFuture<OperationResult>>();
    for (int i = 0; i < 300; i++) {
      lost.add(service.change(OPERATION, null, false, in(5 * S)));
    }
    loop.advance(6 * S);
    lost.forEach(each -> assertEquals(ErrorCode.TIMED_OUT, failure(each).code()));
    long spread =
        network.sent(Request.Change.class).stream()
            .map(each -> (Request.Change) each.request())
            .mapToLong(each -> each.sequence() - each.answeredBelow())
            .max()
            .orElse(0);
    assertTrue(spread < ChangeWindow.SPAN_MAX, "beyond what the pool remembers: " + spread);
    network.script = this::answer;
    network.sent.clear();

    var changed = service.change(OPERATION, null, false, in(5 * S));
    loop.advance(4 * S);

    assertTrue(changed.isDone());
    assertEquals(1, sentChanges(OPERATION).size(), "what waited until its deadline isn't begun");
    service.change(OPERATION, null, false, in(5 * S));
    loop.advance(S);
    var last = sentChanges(OPERATION).getLast();
    assertEquals(last.sequence(), last.answeredBelow(), "nothing older is waited for");
  }

  private List<Request.Change> sentChanges(Operation operation) {
    return network.sent(Request.Change.class).stream()
        .map(each -> (Request.Change) each.request())
        .filter(each -> each.operation().equals(operation))
        .toList();
  }

  private CompletableFuture<OperationResult> outcomeOfALostChange() {
    network.script = (at, request) -> null;
    var lost = service.change(OPERATION, null, false, in(S));
    loop.advance(2 * S);
    assertEquals(ErrorCode.TIMED_OUT, failure(lost).code());
    var outcome = UnansweredException.outcomeOf(lost);
    assertFalse(outcome.isDone(), "not answered");
    return outcome;
  }

  /** The pool remembers what it answered, and answers whoever asks under the same number. */
  @Test
  void whatBecameOfAChangeWithoutAnAnswerIsAskedForUnderItsOwnNumber() {
    var outcome = outcomeOfALostChange();
    long sequence = sentChanges(OPERATION).getLast().sequence();
    network.script = this::answer;
    var later = service.change(OPERATION, null, false, in(5 * S));
    loop.advance(5 * S);

    assertEquals(result(), outcome.join());
    var asked = sentChanges(UnknownOutcomes.NOTHING);
    assertEquals(sequence, asked.getLast().sequence());
    assertTrue(
        asked.stream().allMatch(each -> each.answeredBelow() == sequence), "its answer is kept");
    assertEquals(result(), later.join());
    assertTrue(sentChanges(OPERATION).getLast().answeredBelow() <= sequence, "still asked for");
    network.sent.clear();
    service.change(OPERATION, null, false, in(5 * S));
    loop.advance(S);
    var last = sentChanges(OPERATION).getLast();
    assertEquals(last.sequence(), last.answeredBelow(), "its answer is kept for ever");
  }

  @Test
  void aChangeThatThePoolDoesNotRememberOfASessionThatIsOverNeverHappens() {
    var outcome = outcomeOfALostChange();
    endSessionOf(service.client());
    loop.advance(5 * S);

    assertEquals(
        ErrorCode.NO_SESSION,
        assertInstanceOf(OperationResult.Failed.class, outcome.join()).code());
    var later = service.change(OPERATION, null, false, in(5 * S));
    loop.advance(S);
    assertEquals(result(), later.join());
  }

  private static OperationResult done() {
    var root =
        (Answer.Inode)
            Namespace.empty(5, new SealId(3, 3), 0755, 0, 0, 0).query(new Query.GetAttributes(1));
    return new OperationResult.Done(root.attributes(), List.of());
  }

  /** It was done again, over what others had written since. */
  @Test
  void whatBecameOfAChangeOfASessionThatIsOverIsAskedForToo() {
    var outcome = outcomeOfALostChange();
    ClientId old = service.client();
    long sequence = sentChanges(OPERATION).getLast().sequence();
    endSessionOf(old);
    var ending = network.script;
    BiFunction<NodeId, Request, ScriptedTransport.Answer> watched =
        (at, request) ->
            request instanceof Request.Watch watch && watch.client().equals(old)
                ? ScriptedTransport.Answer.of(new Reply.Failure(ErrorCode.NO_SESSION, "over", null))
                : ending.apply(at, request);
    network.script =
        (at, request) -> request instanceof Request.Change ? null : watched.apply(at, request);
    loop.advance(5 * S);
    assertNotEquals(old, service.client(), "the session isn't lost");
    assertFalse(outcome.isDone(), "nobody was asked");

    network.script =
        (at, request) ->
            request instanceof Request.Change change
                    && change.author().equals(old)
                    && change.sequence() == sequence
                    && change.answeredBelow() <= sequence
                ? ScriptedTransport.Answer.of(new Reply.Changed(done(), 5, 1))
                : watched.apply(at, request);
    loop.advance(5 * S);

    assertTrue(outcome.isDone());
    assertEquals(done(), outcome.join());
  }

  @Test
  void aServiceThatClosesLeavesNobodyWaitingForWhatBecameOfAChange() {
    var outcome = outcomeOfALostChange();

    service.close();
    loop.advance(MS);

    assertTrue(outcome.isDone());
    assertEquals(
        ErrorCode.NO_SESSION,
        assertInstanceOf(OperationResult.Failed.class, outcome.join()).code());
    network.sent.clear();
    loop.advance(10 * S);
    assertEquals(List.of(), sentChanges(UnknownOutcomes.NOTHING));
  }

  @Test
  void soManyOutcomesAreAskedForAndOneMoreIsReportedAsUnknown() {
    var session = new PoolSession(loop, network, null, () -> new ClientId(1, 1), () -> {});
    var outcomes =
        new UnknownOutcomes(loop, session, (under, of, number) -> new CompletableFuture<>());
    var window = new ChangeWindow();
    var open = new ArrayList<CompletableFuture<OperationResult>>();
    for (int i = 0; i < UnknownOutcomes.OPEN_MAX; i++) {
      open.add(outcomes.add(new ClientId(1, i), window, window.begin()));
    }

    var oneMore = outcomes.add(new ClientId(2, 2), window, window.begin());

    assertTrue(UnknownOutcomes.isOfNoSession(oneMore.getNow(null)));
    assertTrue(open.stream().noneMatch(CompletableFuture::isDone));
    outcomes.close();
    assertTrue(open.stream().allMatch(each -> UnknownOutcomes.isOfNoSession(each.getNow(null))));
  }

  /** More lost ones than may be in flight are no reason to wait longer for a majority. */
  @Test
  void withoutAMajorityAChangeThatFindsNoRoomFailsAsOthersDo() {
    leader = null;
    for (int i = 0; i < ChangeWindow.SPAN_MAX; i++) {
      service.change(OPERATION, null, false, in(30 * S));
    }
    loop.advance(LeaderCall.QUORUM_WAIT_NS + S);
    var changed = service.change(OPERATION, null, false, in(30 * S));
    loop.advance(S);

    assertEquals(ErrorCode.NO_QUORUM, failure(changed).code());
    leader = A;
    loop.advance(10 * S);
    var later = service.change(OPERATION, null, false, in(30 * S));
    loop.advance(S);
    assertEquals(result(), later.join());
    assertEquals(1, sentChanges(OPERATION).stream().filter(e -> e.sequence() > 128).count());
  }

  /** More lost ones than may be in flight: the others wait, and end when they should. */
  @Test
  void aChangeThatWaitsForRoomEndsAtItsDeadlineToo() {
    network.script = (at, request) -> null;
    for (int i = 0; i < ChangeWindow.SPAN_MAX; i++) {
      service.change(OPERATION, null, false, in(S));
    }
    loop.advance(2 * S);
    var waiting = service.change(OPERATION, null, false, in(3 * S));
    loop.advance(4 * S);

    assertEquals(ErrorCode.TIMED_OUT, failure(waiting).code());
    assertInstanceOf(
        OperationResult.Failed.class, UnansweredException.outcomeOf(waiting).join(), "not begun");
  }

  private void endSessionOf(ClientId client) {
    network.script =
        (at, request) ->
            request instanceof Request.Change change && change.author().equals(client)
                ? ScriptedTransport.Answer.of(
                    new Reply.Changed(
                        new OperationResult.Failed(ErrorCode.NO_SESSION, "over"), 5, 1))
                : answer(at, request);
  }

  /** Its author had computed it before it heard of the loss. */
  @Test
  void whatWasMeantForALostSessionIsNotMadeUnderTheNext() {
    ClientId old = service.client();
    endSessionOf(old);
    var renewed = service.change(OPERATION, null, false, in(5 * S));
    loop.advance(S);
    assertEquals(result(), renewed.join());
    assertNotEquals(old, service.client());
    network.sent.clear();

    var lock = FileLock.whole(LockFamily.FLOCK, LockMode.EXCLUSIVE, 1, 1);
    var late = service.change(old, new Operation.SetLock(5, lock, 1), null, false, in(5 * S));
    loop.advance(S);

    assertEquals(ErrorCode.NO_SESSION, ((OperationResult.Failed) late.join()).code());
    assertEquals(List.of(), network.sent(Request.Change.class));
  }

  /** The end of the old session settled what was lost in the new one. */
  @Test
  void aChangeLostInANewSessionIsSettledInThatSession() {
    ClientId old = service.client();
    network.script = (at, request) -> null;
    var first = service.change(OPERATION, null, false, in(100 * MS));
    loop.advance(400 * MS);
    assertEquals(ErrorCode.TIMED_OUT, failure(first).code());
    endSessionOf(old);
    var ending = network.script;
    // What would settle the first one is still in flight when the second is lost.
    network.script =
        (at, request) ->
            request instanceof Request.Change change && !change.operation().equals(OPERATION)
                ? null
                : ending.apply(at, request);
    service.change(OPERATION, null, false, in(5 * S));
    for (int i = 0; i < 1_000 && service.client().equals(old); i++) {
      loop.advance(10 * MS);
    }
    loop.advance(60 * MS);
    network.script = (at, request) -> null;
    network.sent.clear();
    var second = service.change(OPERATION, null, false, in(20 * MS));
    loop.advance(30 * MS);
    assertEquals(ErrorCode.TIMED_OUT, failure(second).code());

    network.script = this::answer;
    loop.advance(5 * S);

    var settling =
        network.sent(Request.Change.class).stream()
            .map(each -> (Request.Change) each.request())
            .filter(each -> !each.operation().equals(OPERATION))
            .filter(each -> each.author().equals(service.client()))
            .toList();
    assertFalse(settling.isEmpty(), "nothing says that the lost change is over");
  }

  /** A session under which another log answers: its epoch, its map's and its own index. */
  private ScriptedTransport.Answer answerOf(NodeId at, Request request, long epoch, long index) {
    return switch (request) {
      case Request.OpenSession open when at.equals(leader) ->
          ScriptedTransport.Answer.of(new Reply.Session(epoch, map.version().index(), 1));
      case Request.Change change when at.equals(leader) ->
          ScriptedTransport.Answer.of(new Reply.Changed(result(), index, epoch));
      default -> answer(at, request);
    };
  }

  private ScriptedTransport.Answer overOr(
      ClientId over, Request request, ScriptedTransport.Answer other) {
    var result = new OperationResult.Failed(ErrorCode.NO_SESSION, "over");
    return switch (request) {
      case Request.Watch watch when watch.client().equals(over) ->
          ScriptedTransport.Answer.of(new Reply.Failure(ErrorCode.NO_SESSION, "over", null));
      case Request.Change change when change.author().equals(over) ->
          ScriptedTransport.Answer.of(new Reply.Changed(result, 1_000, 5));
      default -> other;
    };
  }

  private void changeSomething() {
    service.change(OPERATION, null, false, in(S));
    loop.advance(2 * S);
  }

  /** Its last advance was lost with the end of the log: no commit was accepted for minutes. */
  @Test
  void theUploadEpochIsThatOfTheLogInWhichTheSessionLives() {
    ClientId old = service.client();
    network.script = (at, request) -> answerOf(at, request, 5, 1_000);
    changeSomething();
    assertEquals(5, service.epoch());

    // The old session's answers say 5 still.
    network.script = (at, request) -> overOr(old, request, answerOf(at, request, 4, 10));
    changeSomething();

    assertNotEquals(old, service.client());
    assertEquals(4, service.epoch());
    network.script = (at, request) -> answerOf(at, request, 6, 11);
    changeSomething();
    assertEquals(6, service.epoch());
  }

  private long mapIndexAskedWith() {
    network.sent.clear();
    loop.advance(3 * S);
    return ((Request.GetMap) network.sent(Request.GetMap.class).getLast().request()).knownIndex();
  }

  @Test
  void theMapIsThatOfTheLogInWhichTheSessionLives() {
    ClientId old = service.client();
    PoolMap older = map;
    map = map.next(new MapVersion(new LogId(1, 1), 900), PoolSettings.DEFAULT, map.peers());
    PoolMap newer = map;
    assertEquals(900, mapIndexAskedWith());

    map = older.next(new MapVersion(new LogId(1, 2), 10), PoolSettings.DEFAULT, older.peers());
    network.script = (at, request) -> overOr(old, request, answerOf(at, request, 4, 10));
    assertEquals(10, mapIndexAskedWith());

    // One that doesn't follow the new log yet, while nobody leads.
    leader = null;
    map = newer;
    loop.advance(3 * S);
    assertEquals(10, mapIndexAskedWith());
  }

  @Test
  void anAnswerOfAPeerWithoutAMajorityIsNotMeasuredByALogThatHasEnded() {
    ClientId old = service.client();
    network.script = (at, request) -> answerOf(at, request, 5, 1_000);
    changeSomething();
    network.script = (at, request) -> overOr(old, request, answerOf(at, request, 4, 10));
    changeSomething();
    changeSomething();

    var name = new Query.Lookup(1, new EntryName(new byte[48]));

    var asked = askWithoutLeader(name, 10);
    assertTrue(asked.isDone(), "believed of no state");
    assertTrue(asked.join().stale());
  }

  @Test
  void aStoreGoesToTheNextTargetWhenThePrimaryIsDown() {
    NodeId primary = map.targets(CHUNK.partition()).get(0);
    NodeId second = map.targets(CHUNK.partition()).get(1);
    network.connected.remove(primary);

    var stored = service.store(CHUNK, Body.whole(new byte[10]), in(10 * S));
    loop.advance(10 * MS);

    assertEquals(ALL, stored.join().holders());
    assertEquals(
        List.of(primary, second),
        network.sent(Request.PutChunk.class).stream().map(ScriptedTransport.Sent::to).toList());
  }

  @Test
  void oneFullDiskIsNotAFullPoolButThreeAre() {
    NodeId primary = map.targets(CHUNK.partition()).get(0);
    network.script =
        (at, request) ->
            request instanceof Request.PutChunk && at.equals(primary)
                ? ScriptedTransport.Answer.of(new Reply.Failure(ErrorCode.NO_SPACE, "full", null))
                : answer(at, request);
    var stored = service.store(CHUNK, Body.whole(new byte[10]), in(10 * S));
    loop.advance(10 * MS);
    assertTrue(stored.isDone() && !stored.isCompletedExceptionally());

    network.script =
        (at, request) ->
            request instanceof Request.PutChunk
                ? ScriptedTransport.Answer.of(new Reply.Failure(ErrorCode.NO_SPACE, "full", null))
                : answer(at, request);
    var refused = service.store(CHUNK, Body.whole(new byte[10]), in(10 * S));
    loop.advance(10 * MS);
    assertEquals(ErrorCode.NO_SPACE, failure(refused).code());
  }

  @Test
  void aFetchSkipsPeersToAvoidAndThoseThatAreDown() {
    List<NodeId> readers = map.readers(CHUNK.partition());
    network.connected.remove(readers.get(1));
    network.script = this::chunk;

    var fetched = service.fetch(CHUNK, 0, -1, Set.of(readers.get(0)), in(10 * S));
    loop.advance(10 * MS);

    assertEquals(readers.get(2), fetched.join().from());
    assertEquals(1, network.sent(Request.GetChunk.class).size(), "connected ones come first");
  }

  @Test
  void aHolderThatAnswersNothingCostsAReaderLessThanASecond() {
    NodeId first = map.readers(CHUNK.partition()).get(0);
    network.script = (at, request) -> at.equals(first) ? null : chunk(at, request);

    CompletableFuture<PoolService.Fetched> fetched =
        service.fetch(CHUNK, 0, -1, Set.of(), in(10 * S));
    loop.advance(S);

    assertTrue(fetched.isDone());
  }

  @Test
  void aSlowPoolIsNotAskedForOneChunkEverFaster() {
    network.script =
        (at, request) -> request instanceof Request.GetMap ? answer(at, request) : null;

    service.fetch(CHUNK, 0, -1, Set.of(), in(30 * S));
    loop.advance(30 * S);

    int count = network.sent(Request.GetChunk.class).size();
    assertTrue(count <= 15, "requests in 30 s: " + count);
  }

  /** Who asks for a chunk: nobody has it, this one says something else, or nothing. */
  private void nobodyHasItBut(NodeId node, ErrorCode codeOrNull) {
    network.script =
        (at, request) -> {
          if (!(request instanceof Request.GetChunk)) {
            return answer(at, request);
          }
          ErrorCode code = at.equals(node) ? codeOrNull : ErrorCode.CHUNK_MISSING;
          return code == null
              ? null
              : ScriptedTransport.Answer.of(new Reply.Failure(code, "none", null));
        };
  }

  /** It may be there: unsaved data was dropped, and a read said EIO. */
  @Test
  void aChunkIsNotMissingWhereOneThatMayHaveItIsBusy() {
    for (NodeId holder : ALL) {
      nobodyHasItBut(holder, ErrorCode.BUSY);

      var fetched = service.fetch(CHUNK, 0, -1, Set.of(), in(10 * S));
      var has = service.has(CHUNK, in(10 * S));
      loop.advance(11 * S);

      assertEquals(ErrorCode.BUSY, failure(fetched).code());
      assertEquals(ErrorCode.BUSY, failure(has).code());
    }
  }

  @Test
  void aChunkIsNotMissingWhereOneThatMayHaveItIsSlow() {
    for (NodeId holder : ALL) {
      nobodyHasItBut(holder, null);
      for (int tenth = 1; tenth < 40; tenth++) {
        var fetched = service.fetch(CHUNK, 0, -1, Set.of(), in(tenth * 100 * MS));
        loop.advance(5 * S);
        assertNotEquals(ErrorCode.CHUNK_MISSING, failure(fetched).code(), holder + ", " + tenth);
      }
    }
  }

  /** A peer that never comes back answers nothing. */
  @Test
  void whatAllWhoWroteItDenyIsMissingThoughAnotherPeerIsGone() {
    network.script =
        (at, request) ->
            request instanceof Request.PutChunk
                ? ScriptedTransport.Answer.of(new Reply.Stored(ALL.subList(0, 2), 1))
                : answer(at, request);
    service.store(CHUNK, Body.whole(new byte[10]), in(10 * S));
    loop.advance(S);

    nobodyHasItBut(ALL.get(2), null);
    var denied = service.has(CHUNK, in(10 * S));
    loop.advance(10 * S);
    assertFalse(denied.join());

    nobodyHasItBut(ALL.get(1), null);
    var unknown = service.has(CHUNK, in(10 * S));
    loop.advance(11 * S);
    assertNotEquals(ErrorCode.CHUNK_MISSING, failure(unknown).code());

    network.script =
        (at, request) ->
            request instanceof Request.GetChunk
                ? new ScriptedTransport.Answer(
                    new Reply.Chunk(CHUNK, 0, 10), Body.whole(new byte[1]))
                : answer(at, request);
    var there = service.has(CHUNK, in(10 * S));
    loop.advance(S);
    assertTrue(there.join());
  }

  @Test
  void aChunkThatNobodyHasIsAnErrorOnceEveryPeerSaidSoTwice() {
    network.script =
        (at, request) ->
            request instanceof Request.GetChunk
                ? ScriptedTransport.Answer.of(
                    new Reply.Failure(ErrorCode.CHUNK_MISSING, "none", null))
                : answer(at, request);

    var fetched = service.fetch(CHUNK, 0, -1, Set.of(), in(10 * S));
    loop.advance(S);

    assertEquals(ErrorCode.CHUNK_MISSING, failure(fetched).code());
    assertEquals(6, network.sent(Request.GetChunk.class).size());
  }

  @Test
  void aForceIsDoneWhenEnoughHaveForcedAndDoesNotWaitForTheRest() {
    network.script =
        (at, request) ->
            request instanceof Request.ForceChunks && at.equals(C) ? null : answer(at, request);

    var forced = service.force(Set.of(CHUNK), in(10 * S));
    loop.advance(10 * MS);

    assertTrue(forced.isDone() && !forced.isCompletedExceptionally());
  }

  @Test
  void aForceWaitsInRoundsUntilEnoughStoreTheChunk() {
    var holders = new ArrayList<>(List.of(A));
    network.script =
        (at, request) ->
            request instanceof Request.ForceChunks && !holders.contains(at)
                ? ScriptedTransport.Answer.of(new Reply.Chunks(List.of(), true))
                : answer(at, request);

    var forced = service.force(Set.of(CHUNK), in(10 * S));
    loop.advance(2 * S);
    assertFalse(forced.isDone(), "one copy isn't min-copies");
    holders.add(B);
    loop.advance(S);

    assertTrue(forced.isDone() && !forced.isCompletedExceptionally());
  }

  private ScriptedTransport.Answer chunk(NodeId at, Request request) {
    return request instanceof Request.GetChunk
        ? new ScriptedTransport.Answer(new Reply.Chunk(CHUNK, 0, 10), Body.whole(new byte[10]))
        : answer(at, request);
  }

  @Test
  void whatTheMachineSleptThroughIsAskedAndStoredAllTheSame() {
    network.script = (at, request) -> null;
    var answered = service.ask(QUERY, in(10 * S));
    var stored = service.store(CHUNK, Body.whole(new byte[1]), in(10 * S));
    var forced = service.force(Set.of(CHUNK), in(10 * S));
    loop.advance(8 * S);

    loop.sleep(3_600 * S);
    network.script = this::answer;
    loop.advance(9 * S);

    assertFalse(answered.join().stale());
    assertEquals(ALL, stored.join().holders());
    assertTrue(forced.isDone() && !forced.isCompletedExceptionally());
  }

  @Test
  void butNotForEverIfThereIsNoAnswerAfterTheSleepEither() {
    network.script = (at, request) -> null;
    var answered = service.ask(QUERY, in(10 * S));
    loop.advance(8 * S);

    loop.sleep(3_600 * S);
    loop.advance(11 * S);

    assertEquals(ErrorCode.TIMED_OUT, failure(answered).code());
  }

  /** It may have been made before the sleep, and the pool doesn't remember that for ever. */
  @Test
  void aChangeEndsAtItsDeadlineThoughTheMachineSlept() {
    network.script = (at, request) -> null;
    var changed = service.change(OPERATION, null, false, in(10 * S));
    loop.advance(S);

    loop.sleep(3_600 * S);
    network.script = this::answer;
    loop.advance(100 * MS);

    assertEquals(ErrorCode.TIMED_OUT, failure(changed).code());
    assertEquals(1, sentChanges(OPERATION).size(), "only what became of it is asked for");
  }

  /** It looked for a leader for a second, and then for nobody. */
  @Test
  void afterASleepALeaderIsLookedForBeforeAnOldAnswerWillDo() {
    leader = null;
    loop.advance(S);
    loop.sleep(3_600 * S);
    network.sent.clear();

    var answered = service.ask(QUERY, in(10 * S));
    loop.advance(100 * MS);
    assertFalse(answered.isDone());
    assertTrue(
        network.sent(Request.Ask.class).stream()
            .noneMatch(each -> ((Request.Ask) each.request()).allowStale()));
    var changed = service.change(OPERATION, null, false, in(10 * S));
    loop.advance(4 * S);
    assertTrue(answered.join().stale());
    assertFalse(changed.isDone(), "an election may go on");
    leader = B;
    loop.advance(S);

    assertTrue(changed.isDone() && !changed.isCompletedExceptionally());
  }

  /** As a mount does for each call. */
  private Deadline begin() {
    return new Deadlines(loop::nowNs, 10 * S, () -> service.isOutOfReach(10 * S), service::isAlone)
        .begin();
  }

  /** All peers are gone, and the first calls have found out in their whole time. */
  private ErrorCode loseEverybody() {
    network.script =
        (at, request) ->
            request instanceof Request.Watch && at.equals(leader)
                ? ScriptedTransport.Answer.of(new Reply.Watched(1, 5, 0, false, List.of()))
                : answer(at, request);
    loop.advance(2 * S);
    network.connected.clear();
    var first = service.ask(QUERY, begin());
    loop.advance(9 * S);
    assertFalse(first.isDone(), "the first call waits");
    loop.advance(1_100 * MS);
    return failure(first).code();
  }

  @Test
  void onceThePoolIsOutOfReachForAsLongAsACallWaitsCallsFailAtOnceWithTheSameError() {
    ErrorCode code = loseEverybody();
    network.sent.clear();

    List<CompletableFuture<?>> calls = new ArrayList<>(callsUntil(begin()));
    calls.add(service.fetch(CHUNK, 0, -1, Set.of(), begin()));
    loop.run();

    for (CompletableFuture<?> call : calls.subList(0, 2)) {
      assertEquals(code, failure(call).code());
    }
    loop.advance(300 * MS);
    for (CompletableFuture<?> call : calls) {
      assertTrue(call.isCompletedExceptionally());
    }
    assertTrue(network.sent(Request.Change.class).isEmpty(), "nothing of it may happen later");
    assertTrue(network.sent(Request.Ask.class).isEmpty());
  }

  @Test
  void whatFailedAtOnceDidNotHappenAndIsNotAskedForLater() {
    loseEverybody();

    for (int i = 0; i < 2 * ChangeWindow.SPAN_MAX; i++) {
      var changed = service.change(OPERATION, null, false, begin());
      loop.run();
      assertFalse(thrown(changed) instanceof UnansweredException);
    }
    network.connected.addAll(ALL);
    loop.advance(5 * S);

    assertTrue(network.sent(Request.Change.class).isEmpty());
    assertEquals(result(), madeNow());
  }

  private static Throwable thrown(CompletableFuture<?> future) {
    return assertThrows(CompletionException.class, future::join).getCause();
  }

  private OperationResult madeNow() {
    var changed = service.change(OPERATION, null, false, begin());
    loop.advance(100 * MS);
    return changed.join();
  }

  @Test
  void thePoolIsLookedForMeanwhileAndCallsWaitAgainOnceItIsBack() {
    loseEverybody();
    network.connected.addAll(ALL);
    loop.advance(S);

    assertFalse(service.isOutOfReach(10 * S));
    assertEquals(result(), madeNow());
    network.connected.clear();
    var waiting = service.ask(QUERY, begin());
    loop.advance(5 * S);
    assertFalse(waiting.isDone(), "a new outage has a time of its own");
  }

  @Test
  void whatPeersInReachCanAnswerIsAnsweredAtOnceAndMarkedStale() {
    leader = null;
    loop.advance(11 * S);
    assertTrue(service.isOutOfReach(10 * S));

    var answered = service.ask(QUERY, begin());
    var changed = service.change(OPERATION, null, false, begin());
    loop.run();

    assertTrue(answered.join().stale());
    assertEquals(ErrorCode.NO_QUORUM, failure(changed).code());
  }

  /** Its disk takes a second to begin; nobody leads. */
  @Test
  void aSlowPeerInReachIsReadFromAllTheSame() {
    leader = null;
    loop.advance(11 * S);
    network.script =
        (at, request) -> request instanceof Request.GetChunk ? null : answer(at, request);
    var reading = begin();
    var read = service.fetch(CHUNK, 0, -1, Set.of(), reading);
    loop.advance(1_500 * MS);

    assertFalse(read.isDone(), "the second owner is asked");
    assertTrue(network.sent(Request.GetChunk.class).size() > 1);
    assertTrue(reading.leftNs() > 0);
    loop.advance(2 * S);
    assertTrue(read.isCompletedExceptionally());
  }

  @Test
  void whatTheMachineSleptIsNoTimeOutOfReach() {
    loop.sleep(3_600 * S);
    assertFalse(service.isOutOfReach(10 * S), "before the loop has looked");
    loop.advance(5 * MS);
    network.connected.clear();
    loop.advance(8 * S);
    assertFalse(service.isOutOfReach(10 * S));
    loop.advance(4 * S);
    assertTrue(service.isOutOfReach(10 * S));
  }

  /**
   * Its session ended while it was out of reach; what belongs to it has to be made again at once.
   */
  @Test
  void whoIsToldThatItsSessionIsOverIsInReach() {
    loseEverybody();
    network.connected.addAll(ALL);
    network.script =
        (at, request) ->
            request instanceof Request.Watch && at.equals(leader)
                ? ScriptedTransport.Answer.of(new Reply.Failure(ErrorCode.NO_SESSION, "over", null))
                : answer(at, request);
    var wasOut = new ArrayList<Boolean>();
    service.watch(
        new PoolService.Watcher() {
          @Override
          public void onChanges(
              boolean all, List<holdfast.metadata.op.Invalidation> changes, Runnable confirm) {
            confirm.run();
          }

          @Override
          public void onLease(long reliedUntilNs, long untilNs) {}

          @Override
          public void onLeaseEnding() {}

          @Override
          public void onOutcomeUnknown() {}

          @Override
          public void onSessionLost() {
            wasOut.add(service.isOutOfReach(10 * S));
          }
        });
    loop.advance(2 * S);

    assertFalse(wasOut.isEmpty());
    assertFalse(wasOut.contains(true));
  }
}
