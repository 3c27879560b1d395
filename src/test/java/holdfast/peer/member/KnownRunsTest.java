package holdfast.peer.member;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertTrue;

import holdfast.consensus.InitialState;
import holdfast.metadata.op.OperationResult;
import holdfast.model.InstanceId;
import holdfast.model.LogId;
import holdfast.model.NodeId;
import holdfast.peer.view.Heartbeats;
import holdfast.peer.view.PeerConfig;
import holdfast.peer.view.PeerPorts;
import holdfast.port.MachineMemory;
import holdfast.port.OperationLog;
import holdfast.port.Remote;
import holdfast.protocol.Notice;
import holdfast.protocol.RunMark;
import holdfast.sim.MemoryLog;
import holdfast.sim.SimClient;
import holdfast.sim.SimCluster;
import holdfast.sim.SimPeer;
import holdfast.sim.SimWorld;
import java.lang.reflect.Proxy;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.BiFunction;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Who comes back with less than it had is found out; who runs twice ends. */
class KnownRunsTest {
  private static final NodeId SELF = new NodeId(1, 0, 0, 0);
  private static final NodeId OTHER = new NodeId(2, 0, 0, 0);
  private static final InstanceId OWN = new InstanceId(1, 1);
  private static final InstanceId FIRST = new InstanceId(2, 1);
  private static final InstanceId SECOND = new InstanceId(2, 2);
  private static final LogId LOG = new LogId(3, 3);
  private static final byte[] CONTENT = new byte[] {1, 2, 3};

  private final KnownRuns runs = new KnownRuns(SELF, OWN);
  private long nowNs = SimWorld.S;
  private long awakeSinceNs;

  private static Notice.Heartbeat beat(RunMark mark, boolean isRecovering) {
    return new Notice.Heartbeat(
        1, 0, 0, 0, 0, 0, 0, 0, true, 0, 0, 0, mark.log(), isRecovering, 0, mark, List.of());
  }

  private static Remote remote(InstanceId instance) {
    return new Remote(OTHER, true, instance, Optional.empty(), "10.0.0.2", 0);
  }

  private static RunMark mark(long run, InstanceId instance, long settledIndex) {
    return new RunMark(run, instance, LOG, 4, settledIndex);
  }

  private boolean hear(RunMark mark, boolean isRecovering) {
    Notice.Heartbeat beat = beat(mark, isRecovering);
    return runs.onHeartbeat(remote(mark.instance()), beat, nowNs, awakeSinceNs)
        && runs.mayTakePart(
            remote(mark.instance()), new Heartbeats.Pulse(beat, mark.instance(), 0, 0));
  }

  private void restart(InstanceId instance) {
    runs.onDisconnected(OTHER, nowNs);
    nowNs += SimWorld.S / 2;
    runs.onConnected(remote(instance), nowNs, awakeSinceNs);
  }

  @Test
  void aRunThatWasKnownBeforeTakesNoPartUntilItRecovers() {
    assertTrue(hear(mark(7, FIRST, 10), false));
    restart(SECOND);
    assertFalse(hear(mark(7, SECOND, 5), false), "the same number by another process");
    assertFalse(hear(mark(6, SECOND, 5), false));
    assertTrue(hear(mark(6, SECOND, 5), true));
    assertTrue(hear(mark(8, SECOND, 5), false), "it has a number of its own now");
  }

  @Test
  void whatWasHeardLastIsSavedAtAnEndInGoodOrder() {
    var saved = new ArrayList<byte[]>();
    Runs ofPeer = runsSavedTo(saved);
    var known = new Notice.KnownRun(OTHER, mark(5, FIRST, 100), 0);
    ofPeer.onReport(new Notice.KnownRuns(List.of(known)));
    assertEquals(0, saved.size());

    ofPeer.stop();

    assertEquals(1, saved.size());
    runs.load(saved.getFirst());
    assertEquals(List.of(known), runs.toReport(OTHER).known());
  }

  /** Of a peer that hasn't begun anything. */
  private static Runs runsSavedTo(List<byte[]> saved) {
    var found =
        new OperationLog.Recovered(
            Optional.of(LOG),
            1,
            InitialState.empty(),
            0,
            List.of(),
            1,
            0,
            OperationLog.Lacking.NONE,
            new byte[0]);
    var log =
        stub(
            OperationLog.class,
            (method, arguments) -> {
              if (method.equals("saveKnownRuns")) {
                saved.add((byte[]) arguments[0]);
              }
              return method.equals("atStart") ? found : null;
            });
    var memory =
        stub(
            MachineMemory.class,
            (method, arguments) -> method.equals("atStart") ? new byte[0] : null);
    var owner =
        stub(Runs.Owner.class, (method, arguments) -> method.startsWith("is") ? true : null);
    var config =
        new PeerConfig(
            SELF, OWN, null, null, "", "", 1, Optional.empty(), List.of(), null, 0, 0, 0, null);
    return new Runs(config, new PeerPorts(null, null, null, log, memory, null), null, null, owner);
  }

  private static <T> T stub(Class<T> type, BiFunction<String, Object[], Object> answers) {
    Object stub =
        Proxy.newProxyInstance(
            type.getClassLoader(),
            new Class<?>[] {type},
            (proxy, method, arguments) -> answers.apply(method.getName(), arguments));
    return type.cast(stub);
  }

  @Test
  void nobodyTakesPartWhoHasNotSaidWhichRunItIs() {
    assertTrue(hear(mark(7, FIRST, 10), false));

    assertFalse(runs.mayTakePart(remote(SECOND), null));
    assertFalse(
        runs.mayTakePart(
            remote(SECOND), new Heartbeats.Pulse(beat(mark(7, FIRST, 10), false), FIRST, 0, 0)));
  }

  @Test
  void aFolderIsOlderByItsNumberOrByWhatItHolds() {
    var known = new Notice.KnownRun(SELF, mark(5, FIRST, 100), 0);
    runs.onReport(new Notice.KnownRuns(List.of(known)));

    assertTrue(runs.beyond(mark(5, OWN, 200)).isPresent(), "somebody else was run 5");
    assertTrue(runs.beyond(mark(6, OWN, 99)).isPresent(), "it ends before what was settled");
    assertTrue(runs.beyond(new RunMark(6, OWN, LOG, 3, 100)).isPresent(), "an older term");
    assertFalse(runs.beyond(mark(6, OWN, 100)).isPresent());
    assertFalse(runs.beyond(new RunMark(6, OWN, new LogId(9, 9), 1, 1)).isPresent());
  }

  @Test
  void aFolderFromBeforeAChangeOfLogsIsOlderHoweverOftenItStarts() {
    var inNextLog = new RunMark(RunMark.inNextLog(5), FIRST, new LogId(9, 9), 1, 0);
    runs.onReport(new Notice.KnownRuns(List.of(new Notice.KnownRun(SELF, inNextLog, 0))));

    assertTrue(runs.beyond(mark(6, OWN, 100)).isPresent());
    assertTrue(runs.beyond(mark(1_000, OWN, 100)).isPresent());
    assertTrue(runs.beyond(mark(RunMark.inNextLog(1_000), OWN, 100)).isPresent(), "it followed");
  }

  /** Its number is higher when it has followed another log, but it is the same process. */
  @Test
  void aPeerThatFollowsAnotherLogIsNoTwin() {
    assertTrue(hear(mark(7, FIRST, 10), false));
    for (int i = 0; i < 5; i++) {
      assertTrue(hear(mark(RunMark.inNextLog(7), FIRST, 10), false));
      assertFalse(runs.isSecond(remote(FIRST)));
    }
    restart(SECOND);
    assertTrue(hear(mark(RunMark.inNextLog(7) + 1, SECOND, 10), false));
  }

  private boolean retract(InstanceId instance) {
    return hear(new RunMark(0, instance, LogId.NONE, 0, 0), true);
  }

  private List<Notice.KnownRun> told() {
    return runs.toReport(OTHER).known();
  }

  @Test
  void whatAnOlderFolderSaidOfItselfBeforeItKnewIsTakenBack() {
    var newest = mark(7, FIRST, 10);
    hear(newest, false);
    restart(SECOND);
    hear(mark(8, SECOND, 5), false);
    hear(mark(9, SECOND, 6), false);
    runs.changes();

    assertTrue(retract(SECOND), "it is heard");

    assertEquals(List.of(new Notice.KnownRun(OTHER, newest, 0)), told());
    assertTrue(runs.changes().isPresent());
    assertTrue(retract(SECOND));
    assertEquals(List.of(new Notice.KnownRun(OTHER, newest, 0)), told());
    var promised = new Notice.KnownRun(OTHER, mark(9, SECOND, 6), 0);
    hear(promised.mark(), true);
    var further = new Notice.KnownRun(OTHER, newest, 0);
    assertEquals(List.of(further, promised), told(), "it has promised something");
  }

  @Test
  void whatWasToldOfAnOlderFolderIsTakenBackToo() {
    var third = new InstanceId(2, 3);
    hear(mark(7, FIRST, 10), false);
    runs.onReport(new Notice.KnownRuns(List.of(new Notice.KnownRun(OTHER, mark(8, third, 5), 0))));
    restart(third);
    nowNs += 6 * SimWorld.S;

    assertTrue(retract(third));

    assertEquals(List.of(new Notice.KnownRun(OTHER, mark(7, FIRST, 10), 0)), told());
  }

  @Test
  void whatAFolderSaidOfWhichNothingElseIsKnownIsForgotten() {
    hear(mark(8, SECOND, 5), false);

    assertTrue(retract(SECOND));

    assertEquals(List.of(), told());
  }

  @Test
  void aRunThatPromisesNothingTakesBackNothingOfAnother() {
    hear(mark(7, FIRST, 10), false);
    restart(SECOND);
    nowNs += 6 * SimWorld.S;

    assertTrue(retract(SECOND));

    var first = new Notice.KnownRun(OTHER, mark(7, FIRST, 10), 0);
    assertEquals(List.of(first), told());
    var later = new KnownRuns(SELF, OWN);
    later.load(runs.changes().orElseThrow());
    assertTrue(
        later.onHeartbeat(remote(FIRST), beat(new RunMark(0, FIRST, LOG, 0, 0), true), 0, 0));
    assertEquals(List.of(first), later.toReport(OTHER).known(), "what was before it isn't known");
  }

  @Test
  void aRunThatPromisedNothingIsNothingToTheMachine() {
    runs.onRemembered(new RunMark(0, FIRST, LOG, 9, 1_000));

    assertFalse(runs.beyond(mark(1, OWN, 5)).isPresent());
  }

  @Test
  void aCopyThatKnowsItIsOneNeverTakesTheOriginalsPlace() {
    assertTrue(hear(mark(7, FIRST, 10), false));
    for (int i = 0; i < 4; i++) {
      restart(SECOND); // It took the connection over, and is heard long after.
      assertFalse(retract(SECOND));
      restart(FIRST);
      assertTrue(hear(mark(7, FIRST, 10), false));
      assertFalse(runs.isSecond(remote(FIRST)));
    }

    assertTrue(runs.isSecond(remote(SECOND)), "it is told so");
  }

  @Test
  void whoKnowsNobodysOriginalHearsItAsSoonAsItComes() {
    assertTrue(retract(SECOND));
    runs.onConnected(remote(FIRST), nowNs, awakeSinceNs);

    assertTrue(hear(mark(7, FIRST, 10), false));

    assertFalse(retract(SECOND));
  }

  @Test
  void aDamagedFolderThatStartsAgainIsHeardWhenTheProcessBeforeIsSilent() {
    assertTrue(hear(mark(7, FIRST, 10), false));
    restart(SECOND);
    assertFalse(retract(SECOND));
    nowNs += 5 * SimWorld.S;

    assertTrue(retract(SECOND));
  }

  private static Notice.KnownRun ofOther(RunMark mark) {
    return new Notice.KnownRun(OTHER, mark, 0);
  }

  /** What exposes a folder that is older isn't forgotten for what that one says of itself. */
  @Test
  void howFarAnEarlierProcessWasIsToldUntilALaterOneIsAsFar() {
    var far = ofOther(mark(7, FIRST, 100));
    hear(far.mark(), false);
    var later = ofOther(mark(8, SECOND, 50));

    runs.onReport(new Notice.KnownRuns(List.of(later)));

    assertEquals(List.of(far, later), told());
    assertEquals(List.of(far, later), runs.toReport(new NodeId(8, 8, 8, 8)).known());
    var third = new KnownRuns(SELF, SECOND);
    third.load(runs.changes().orElseThrow());
    assertEquals(List.of(far, later), third.toReport(OTHER).known(), "it is saved");
    var asFar = ofOther(mark(8, SECOND, 100));
    runs.onReport(new Notice.KnownRuns(List.of(asFar)));
    assertEquals(List.of(asFar), told());
  }

  @Test
  void howFarAnEarlierProcessWasIsHeardAfterALaterOneToo() {
    var later = ofOther(mark(8, SECOND, 50));
    hear(later.mark(), false);
    var far = ofOther(mark(7, FIRST, 100));

    runs.onReport(new Notice.KnownRuns(List.of(far)));

    assertEquals(List.of(far, later), told());
    var lessFar = ofOther(mark(6, new InstanceId(2, 3), 70));
    runs.onReport(new Notice.KnownRuns(List.of(lessFar)));
    assertEquals(List.of(far, later), told());
  }

  @Test
  void howFarItWasInALogThatWasLeftIsToldNoMore() {
    hear(mark(7, FIRST, 100), false);
    var next = ofOther(new RunMark(RunMark.inNextLog(7), SECOND, new LogId(9, 9), 5, 0));

    runs.onReport(new Notice.KnownRuns(List.of(next)));

    assertEquals(List.of(next), told());
  }

  private static Notice.KnownRuns toldBy(KnownRuns who) {
    return who.toReport(new NodeId(8, 8, 8, 8));
  }

  /** A peer that joins follows its first log under the number that it had before. */
  @Test
  void whoHeardOfARunBeforeItHadALogTakesNothingBack() {
    var joining = ofOther(new RunMark(1, FIRST, LogId.NONE, 0, 0));
    var joined = ofOther(mark(1, FIRST, 5_000));
    var before = new KnownRuns(SELF, SECOND);
    before.onReport(new Notice.KnownRuns(List.of(joining)));
    runs.onReport(new Notice.KnownRuns(List.of(joined)));
    Notice.KnownRuns ofBefore = toldBy(before);
    Notice.KnownRuns ofLater = toldBy(runs);

    before.onReport(ofLater);
    runs.onReport(ofBefore);

    assertEquals(List.of(joined), toldBy(runs).known(), "the two told each other");
    assertEquals(List.of(joined), toldBy(before).known(), "the two told each other");
    before.onReport(ofBefore);
    assertEquals(List.of(joined), toldBy(before).known());
  }

  @Test
  void aFolderIsFoundOutWhateverIsToldOfItFromBeforeItHadALog() {
    var had = new Notice.KnownRun(SELF, mark(1, FIRST, 5_000), 0);
    var joining = new Notice.KnownRun(SELF, new RunMark(1, FIRST, LogId.NONE, 0, 0), 0);
    for (List<Notice.KnownRun> order : List.of(List.of(had, joining), List.of(joining, had))) {
      var ofPeer = new KnownRuns(SELF, OWN);
      order.forEach(each -> ofPeer.onReport(new Notice.KnownRuns(List.of(each))));

      assertEquals(Optional.of(had.mark()), ofPeer.beyond(mark(2, OWN, 100)));
    }
  }

  /** Of any two marks at most one takes the other's place: else two witnesses swap for ever. */
  @Test
  void ofTwoMarksNoneIsBeyondTheOtherInBothDirections() {
    var marks = new ArrayList<RunMark>();
    for (LogId log : List.of(LogId.NONE, LOG, new LogId(9, 9))) {
      for (long run = 1; run <= 2; run++) {
        marks.add(new RunMark(run, FIRST, log, 0, 0));
        marks.add(new RunMark(run, FIRST, log, 4, 10));
        marks.add(new RunMark(run, SECOND, log, 4, 10));
      }
    }
    for (RunMark one : marks) {
      for (RunMark other : marks) {
        assertFalse(one.isBeyond(other) && other.isBeyond(one), one + " and " + other);
      }
    }
  }

  @Test
  void aFolderIsOlderThanAllThatEarlierProcessesHadTogether() {
    runs.onReport(
        new Notice.KnownRuns(
            List.of(
                new Notice.KnownRun(SELF, new RunMark(7, FIRST, LOG, 3, 100), 0),
                new Notice.KnownRun(SELF, new RunMark(8, SECOND, LOG, 6, 50), 0))));

    assertTrue(runs.beyond(new RunMark(9, OWN, LOG, 6, 99)).isPresent());
    assertTrue(runs.beyond(new RunMark(9, OWN, LOG, 5, 100)).isPresent());
    assertFalse(runs.beyond(new RunMark(9, OWN, LOG, 6, 100)).isPresent());
    assertEquals(
        Optional.of(new RunMark(8, SECOND, LOG, 6, 100)),
        runs.beyond(new RunMark(8, OWN, LOG, 6, 100)));
  }

  /** Its number is higher, since it was started often before it joined. */
  @Test
  void aFolderFromBeforeItHadALogIsOlder() {
    runs.onReport(new Notice.KnownRuns(List.of(new Notice.KnownRun(SELF, mark(5, FIRST, 9), 0))));

    assertTrue(runs.beyond(new RunMark(6, OWN, LogId.NONE, 0, 0)).isPresent());
  }

  @Test
  void whatThisVeryProcessSaidIsNoNews() {
    runs.onReport(new Notice.KnownRuns(List.of(new Notice.KnownRun(SELF, mark(9, OWN, 1_000), 0))));

    assertFalse(runs.beyond(mark(9, OWN, 5)).isPresent());
  }

  @Test
  void whatIsKnownIsSavedAndPassedOn() {
    hear(mark(7, FIRST, 10), false);
    byte[] saved = runs.changes().orElseThrow();
    assertTrue(runs.changes().isEmpty(), "nothing changed since");
    var later = new KnownRuns(SELF, SECOND);
    later.load(saved);

    var known = new Notice.KnownRun(OTHER, mark(7, FIRST, 10), 0);
    assertEquals(List.of(known), later.toReport(OTHER).known());
    assertEquals(List.of(known), later.toReport(new NodeId(8, 8, 8, 8)).known());
  }

  @Test
  void whatAPeerKeepsAsideIsRememberedAsItSaidLast() {
    RunMark mark = mark(7, FIRST, 10);
    keepsAside(mark, 2);
    assertEquals(2, runs.asideLogs(OTHER));
    var later = new KnownRuns(SELF, SECOND);
    later.load(runs.changes().orElseThrow());
    assertEquals(2, later.asideLogs(OTHER));

    keepsAside(mark, 1);
    assertEquals(1, runs.asideLogs(OTHER));
    assertTrue(runs.changes().isPresent());
    runs.onReport(new Notice.KnownRuns(List.of(new Notice.KnownRun(OTHER, mark, 2))));
    assertEquals(1, runs.asideLogs(OTHER), "somebody heard that before");
    RunMark further = mark(7, FIRST, 11);
    runs.onReport(new Notice.KnownRuns(List.of(new Notice.KnownRun(OTHER, further, 0))));
    assertEquals(0, runs.asideLogs(OTHER), "somebody heard of it later");
  }

  private void keepsAside(RunMark mark, int asideLogs) {
    var beat =
        new Notice.Heartbeat(
            1, 0, 0, 0, 0, 0, 0, 0, true, 0, 0, 0, mark.log(), false, asideLogs, mark, List.of());
    assertTrue(runs.onHeartbeat(remote(mark.instance()), beat, nowNs, awakeSinceNs));
  }

  @Test
  void whoseConnectionBrokeMayBeBackAtOnceAndWhoIsSilentAfterAWhile() {
    hear(mark(7, FIRST, 10), false);
    restart(SECOND);
    assertTrue(hear(mark(8, SECOND, 10), false));

    var third = new InstanceId(2, 3);
    runs.onDisconnected(OTHER, nowNs);
    runs.onConnected(remote(third), nowNs, awakeSinceNs);
    assertFalse(hear(mark(9, third, 10), false), "it ended the second's connection itself");
    nowNs += 4 * SimWorld.S;
    assertFalse(hear(mark(9, third, 10), false));
    nowNs += 2 * SimWorld.S;
    assertTrue(hear(mark(9, third, 10), false));
  }

  /** What this peer didn't hear while it slept itself is nobody's silence. */
  @Test
  void whoSleptTakesNobodyForGone() {
    assertTrue(hear(mark(7, FIRST, 10), false));
    for (int i = 0; i < 4; i++) {
      nowNs += 10 * SimWorld.S;
      awakeSinceNs = nowNs;
      assertFalse(hear(mark(8, SECOND, 10), false), "it was read first");
      assertFalse(retract(SECOND));
      assertTrue(hear(mark(7, FIRST, 10), false));
      assertFalse(runs.isSecond(remote(FIRST)));
    }
    runs.onDisconnected(OTHER, nowNs);
    nowNs += 10 * SimWorld.S;
    awakeSinceNs = nowNs;
    runs.onConnected(remote(SECOND), nowNs, awakeSinceNs);
    assertFalse(hear(mark(8, SECOND, 10), false), "the first one couldn't be back before");
    nowNs += 6 * SimWorld.S;
    assertTrue(hear(mark(8, SECOND, 10), false), "by now it is silent");
  }

  @Test
  void ofTwoThatTakeTurnsTheSecondIsNeverTheFirst() {
    var runOfFirst = mark(7, FIRST, 10);
    for (int i = 0; i < 3; i++) {
      assertFalse(runs.isSecond(remote(SECOND)), "perhaps only what was under way");
      assertTrue(hear(runOfFirst, false));
      assertFalse(hear(mark(8, SECOND, 10), false));
      nowNs += SimWorld.S / 2;
    }
    hear(runOfFirst, false);

    assertTrue(runs.isSecond(remote(SECOND)));
    assertFalse(runs.isSecond(remote(FIRST)));
    assertEquals(
        List.of(new Notice.KnownRun(OTHER, runOfFirst, 0)),
        runs.toReport(OTHER).known(),
        "the first must not be told that it is older");
  }

  /** A rolled-back volume, and nobody else who could know better. */
  @Test
  void aLoneFolderThatIsPutBackUnderItsMachineIsFoundOutByIt() {
    var cluster = SimCluster.of(1).seed(3).start();
    SimClient client = cluster.client();
    cluster.get(client.open());
    cluster.get(client.put("before", CONTENT));
    cluster.run(3 * SimWorld.S);
    SimPeer peer = cluster.peer(0);
    MemoryLog.Platter backup = peer.store().backup();
    cluster.get(client.put("after", CONTENT));
    cluster.get(client.service().forceLog(client.deadline()));
    cluster.run(3 * SimWorld.S);

    peer.kill();
    peer.store().putBack(backup);
    peer.start();
    cluster.run(5 * SimWorld.S);

    assertTrue(peer.access().isRecovering());
    assertTrue(cluster.leader().isEmpty(), "it must not go on without what it had");
    peer.access().acceptDamage();
    cluster.await("a leader", 30 * SimWorld.S, () -> cluster.leader().isPresent());
    cluster.run(5 * SimWorld.S);
    expectGivenUp(cluster, client);
    peer.kill();
    peer.start();
    cluster.await("a leader", 30 * SimWorld.S, () -> cluster.leader().isPresent());
    cluster.run(5 * SimWorld.S);
    expectGivenUp(cluster, client);
  }

  /** Nothing was forced by the clock since. */
  @Test
  void aLoneFolderThatIsPutBackToAMomentBeforeItsEndIsFoundOut() {
    var cluster = SimCluster.of(1).seed(3).start();
    SimClient client = cluster.client();
    cluster.get(client.open());
    cluster.get(client.put("before", CONTENT));
    SimPeer peer = cluster.peer(0);
    MemoryLog.Platter backup = peer.store().backup();
    cluster.get(client.put("after", CONTENT));
    peer.stopCleanly();
    cluster.await("the end", 5 * SimWorld.S, () -> !peer.isUp());

    peer.store().putBack(backup);
    peer.start();
    cluster.run(5 * SimWorld.S);

    assertTrue(peer.access().isRecovering());
  }

  private static void expectGivenUp(SimCluster cluster, SimClient client) {
    var status = cluster.get(client.service().status(client.deadline()));
    assertFalse(status.safe(), status::summary);
    assertTrue(status.summary().contains("given up"), status::summary);
  }

  /** Killed at any moment, a peer holds what its machine remembers of it. */
  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3, 4, 5, 6, 7, 8})
  void aPeerThatIsKilledIsNotTakenForAnOlderOne(long seed) {
    var cluster = SimCluster.of(2).seed(seed).settings(2, 2, 60_000).start();
    SimClient client = cluster.client();
    cluster.get(client.open());
    for (int i = 0; i < 10; i++) {
      cluster.get(client.put("f" + i, CONTENT));
      SimPeer killed = cluster.peer(i % 2);
      cluster.run((100 + 331 * seed * i % 1_700) * SimWorld.MS);
      killed.kill();
      cluster.run((50 + 211 * seed * i % 1_100) * SimWorld.MS);
      killed.start();
      cluster.await("a leader", 30 * SimWorld.S, () -> cluster.leader().isPresent());
      assertFalse(killed.access().isRecovering(), "round " + i);
    }
  }

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3, 4, 5, 6, 7, 8})
  void aFolderPutBackFromABackupCostsNothing(long seed) {
    var cluster = SimCluster.of(3).seed(seed).start();
    SimClient client = cluster.client();
    cluster.get(client.open());
    cluster.get(client.put("before", CONTENT));
    cluster.await("whole", 60 * SimWorld.S, cluster::isWhole);
    SimPeer old = cluster.peer((int) (seed % 3));
    MemoryLog.Platter backup = old.store().backup();
    List<SimPeer> others = new ArrayList<>(cluster.peers());
    others.remove(old);
    for (int i = 0; i < 20; i++) {
      cluster.get(client.put("f" + i, CONTENT));
    }
    cluster.run(3 * SimWorld.S);

    // One of the two that know better is away; the one that may not be followed blindly comes back.
    others.getFirst().kill();
    old.kill();
    old.store().putBack(backup);
    old.forgetMark();
    old.start();
    cluster.await("found out", 10 * SimWorld.S, () -> old.access().isRecovering());
    others.getFirst().start();
    cluster.await("made good", 60 * SimWorld.S, () -> !old.access().isRecovering());

    cluster.await("a leader", 30 * SimWorld.S, () -> cluster.leader().isPresent());
    assertInstanceOf(OperationResult.Done.class, cluster.get(client.put("after", CONTENT)));
    for (int i = 0; i < 20; i++) {
      assertArrayEquals(CONTENT, cluster.get(client.get("f" + i)), "f" + i);
    }
    cluster.await("whole", 60 * SimWorld.S, cluster::isWhole);
  }
}
