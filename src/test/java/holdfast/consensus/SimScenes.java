package holdfast.consensus;

import holdfast.consensus.RaftMessage.Append;
import holdfast.consensus.RaftMessage.PreVoteRequest;
import holdfast.consensus.RaftMessage.VoteReply;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;

/**
 * What chance alone hardly ever brings together: each scene is an event that a rule of the core is
 * for, played in a pool that is otherwise left in peace.
 */
final class SimScenes {
  private interface Filter {
    /** Whether the message is not to be delivered. */
    boolean takes(SimNode from, SimNode to, RaftMessage message);
  }

  private record Scene(int nodeCount, Runnable script) {}

  private final Sim sim;
  private final Optional<Scene> scene;
  private final List<Filter> filters = new ArrayList<>();
  private boolean isPlaying;
  private boolean isQuiet;
  private SimNode leader;
  private SimNode second;
  private SimNode third;
  private Runnable onCommit = () -> {};
  private Runnable onLeader = () -> {};
  private Consumer<SimNode> onEnd = node -> {};

  /** {@code number} below 0: no scene in this run. */
  SimScenes(Sim sim, int number) {
    this.sim = sim;
    var scenes =
        List.of(
            new Scene(3, this::tailLostAndLeaderGone),
            new Scene(3, this::tailLostAndNothingElse),
            new Scene(3, this::bridgeRestartsAsItIsAsked),
            new Scene(3, this::leaderDiesDemoting),
            new Scene(3, this::olderTermIsCopied),
            new Scene(2, this::folderOfALoneLeaderPutBack),
            new Scene(3, this::folderPutBackAfterItsVote),
            new Scene(2, this::partnersVoteTakenAndPowerCut),
            new Scene(4, this::followerHoldsTheMost),
            new Scene(4, this::configurationOfAnOlderTerm),
            new Scene(4, this::founderIsCutOff));
    scene = number < 0 ? Optional.empty() : Optional.of(scenes.get(number % scenes.size()));
  }

  boolean isOn() {
    return scene.isPresent();
  }

  /** A scene is under way: nobody changes the configuration. */
  boolean isPlaying() {
    return isPlaying;
  }

  /** Nobody writes but the scene. */
  boolean isQuiet() {
    return isQuiet;
  }

  int nodeCount(int otherwise) {
    return scene.map(Scene::nodeCount).orElse(otherwise);
  }

  boolean takes(SimNode from, SimNode to, RaftMessage message) {
    return filters.stream().anyMatch(filter -> filter.takes(from, to, message));
  }

  void committed(SimNode node) {
    if (node == leader) {
      onCommit.run();
    }
  }

  void leads(SimNode node) {
    if (isPlaying && node != leader) {
      onLeader.run();
    }
  }

  /** A node has just ended its log, and nothing of that is sent yet. */
  void ends(SimNode node) {
    onEnd.accept(node);
  }

  void play() {
    SimNode leads = sim.nodes.stream().filter(SimNode::leads).findFirst().orElse(null);
    int voters = Math.min(3, sim.nodes.size());
    if (leads == null || leads.core.configuration().voters().size() != voters) {
      sim.at(500, this::play);
      return;
    }
    Configuration configuration = leads.core.configuration();
    List<SimNode> others = new ArrayList<>(sim.nodes);
    others.removeIf(node -> node == leads || !configuration.isVoter(node.endpoint));
    if (sim.random.nextBoolean()) {
      others.add(others.removeFirst());
    }
    leader = leads;
    second = others.getFirst();
    third = others.getLast();
    isPlaying = true;
    scene.orElseThrow().script().run();
  }

  void end() {
    filters.clear();
    onCommit = () -> {};
    onLeader = () -> {};
    onEnd = node -> {};
    isPlaying = false;
    isQuiet = false;
  }

  private void after(long delayMs, Runnable action) {
    sim.at(
        delayMs,
        () -> {
          if (isPlaying) {
            action.run();
          }
        });
  }

  /** Again and again, every {@code everyMs}, for {@code forMs}. */
  private void repeat(long everyMs, long forMs, Runnable action) {
    for (long ms = 0; ms < forMs; ms += everyMs) {
      after(ms, action);
    }
  }

  private void separate(SimNode one, SimNode other) {
    filters.add((from, to, m) -> from == one && to == other || from == other && to == one);
  }

  private void isolate(SimNode node) {
    filters.add((from, to, message) -> from == node || to == node);
  }

  private void met(Met.Fault fault, SimNode node) {
    sim.met.note(fault, node.doing());
  }

  private void powerCut(SimNode node, long startAfterMs) {
    if (node.isUp()) {
      met(Met.Fault.POWER_CUT, node);
      node.powerCutOfAllUnforced();
      after(startAfterMs, node::start);
    }
  }

  private void kill(SimNode node) {
    if (node.isUp()) {
      met(Met.Fault.KILL, node);
      node.kill();
    }
  }

  /**
   * Leader and second have committed what the third never heard of; the second loses it, hears that
   * the leader lives, and then meets the third alone.
   */
  private void tailLostAndLeaderGone() {
    isolate(third);
    repeat(30, 300, () -> leader.propose(1));
    after(
        350 + sim.random.nextInt(300),
        () -> {
          powerCut(second, 20);
          filters.add((from, to, m) -> from == leader && to == second && m instanceof Append);
        });
    after(
        1_100,
        () -> {
          filters.clear();
          isolate(leader);
        });
    after(7_000, this::end);
  }

  /** The leader stays, and nothing more is written; what the second lost comes back to it. */
  private void tailLostAndNothingElse() {
    isQuiet = true;
    repeat(20, 400, () -> leader.propose(1));
    after(400, () -> powerCut(second, 20));
    long term = leader.core.term();
    after(
        3_500,
        () -> {
          boolean isSame = leader.leads() && leader.core.term() == term;
          Checkers.require(
              !isSame || second.isUp() && !second.core.recovery().isNeeded(),
              "%s still recovers 3 s after it came back: %s",
              second.endpoint,
              sim.states());
          end();
        });
  }

  /**
   * Leader and second lose each other; the third restarts the moment it is asked for its vote, and
   * the leader goes on reading under its lease.
   */
  private void bridgeRestartsAsItIsAsked() {
    isQuiet = true; // The second's log is to be as long as the third's.
    after(300, () -> separate(leader, second));
    long fromMs = sim.nowMs + 1_200;
    boolean[] isDone = {false};
    filters.add(
        (from, to, m) -> {
          boolean isMoment =
              !isDone[0]
                  && sim.nowMs >= fromMs
                  && from == second
                  && to == third
                  && third.isUp()
                  && m instanceof PreVoteRequest;
          if (isMoment) {
            isDone[0] = true;
            after(0, () -> restartAndAsk(m));
          }
          return isMoment;
        });
    after(6_000, this::end);
  }

  private void restartAndAsk(RaftMessage request) {
    kill(third);
    third.start();
    filters.add((from, to, message) -> from == leader && to == third);
    after(3, () -> third.step(new Event.Receive(request)));
    repeat(
        7,
        700,
        () -> {
          leader.read();
          if (second.leads()) {
            second.propose(1);
          }
        });
  }

  /** The second is to lose its vote; the third doesn't hear of it, and the leader dies. */
  private void leaderDiesDemoting() {
    filters.add((from, to, message) -> from == leader && to == third);
    leader.step(
        new Event.ChangeMembership(sim.nextId(), new MembershipChange.Demote(second.endpoint)));
    after(
        150,
        () -> {
          if (leader.isUp()) {
            met(Met.Fault.KILL, leader);
            leader.kill(0);
          }
          filters.clear();
        });
    after(
        9_000,
        () -> {
          Checkers.require(
              second.leads() || third.leads(), "nobody leads without the leader: %s", sim.states());
          leader.start();
          end();
        });
  }

  /**
   * An entry that only the leader has; another one leads, has an entry of its own and dies; the
   * first comes back, and copies its old entry, but none of its new term; then the other returns.
   */
  private void olderTermIsCopied() {
    isolate(leader);
    repeat(5, 40, () -> leader.propose(3));
    SimNode first = leader;
    after(
        60,
        () -> {
          kill(first);
          filters.clear();
        });
    SimNode[] other = {null};
    onLeader =
        () -> {
          if (other[0] == null) {
            other[0] = second.leads() ? second : third;
            isolate(other[0]);
            after(
                60,
                () -> {
                  kill(other[0]);
                  filters.clear();
                  comesBack(first, other[0]);
                });
          }
        };
    after(9_500, this::end);
  }

  private void comesBack(SimNode first, SimNode other) {
    first.start();
    filters.add(
        (from, to, m) ->
            from == first
                && m instanceof Append append
                && append.entries().stream().anyMatch(e -> e.term() == append.header().term()));
    after(
        3_500,
        () -> {
          kill(first);
          other.start();
        });
    after(6_000, first::start);
  }

  /** A leader goes on without its partner; its folder is put back to when both had a vote. */
  private void folderOfALoneLeaderPutBack() {
    SimNode.Backup backup = leader.backup();
    kill(second);
    after(
        3_500,
        () -> {
          sim.lineages.checkers(leader.logId).expectLoss();
          met(Met.Fault.OLDER_COPY, leader);
          leader.restore(backup);
          leader.start();
          second.start();
        });
    after(11_000, this::end);
  }

  /**
   * The third votes for the second, its folder is put back, and it goes on with the old leader; its
   * vote is late on the way.
   */
  private void folderPutBackAfterItsVote() {
    SimNode.Backup backup = third.backup();
    separate(leader, second);
    List<RaftMessage> votes = new ArrayList<>();
    filters.add(
        (from, to, m) -> {
          boolean isBetween = from == third && to == second || from == second && to == third;
          boolean isVote = from == third && to == second && m instanceof VoteReply;
          if (isVote && votes.isEmpty()) {
            votes.add(m);
            after(0, () -> putBack(backup, votes.getFirst()));
          }
          return isVote || isBetween && !votes.isEmpty();
        });
    // From here on the leader would be heard no more: it is told so by hand.
    stand(second, leader);
    after(6_000, this::end);
  }

  private void putBack(SimNode.Backup backup, RaftMessage vote) {
    met(Met.Fault.OLDER_COPY, third);
    third.restore(backup);
    third.start();
    repeat(10, 800, () -> leader.propose(1));
    after(700, () -> second.step(new Event.Receive(vote)));
  }

  /** A leader takes its dead partner's vote and loses power as it commits by that. */
  private void partnersVoteTakenAndPowerCut() {
    separate(leader, second);
    repeat(50, 3_000, () -> leader.propose(1));
    boolean[] isDone = {false};
    onCommit =
        () -> {
          if (!isDone[0] && leader.core.configuration().voters().size() == 1) {
            isDone[0] = true;
            after(
                0,
                () -> {
                  filters.clear();
                  powerCut(leader, 50);
                });
          }
        };
    after(8_000, this::end);
  }

  /** All voters lose power and what they hadn't forced; one without a vote has all of it. */
  private void followerHoldsTheMost() {
    List<SimNode> voters =
        sim.nodes.stream().filter(n -> leader.core.configuration().isVoter(n.endpoint)).toList();
    repeat(20, 300, () -> leader.propose(1));
    after(
        400,
        () -> {
          sim.nodes.stream()
              .filter(node -> !voters.contains(node))
              .forEach(n -> sim.lineages.checkers(leader.logId).expectHeld(n.appliedIndex));
          voters.forEach(node -> powerCut(node, 20 + sim.random.nextInt(200)));
        });
    after(9_000, this::end);
  }

  /** The leader and two voters are joined by a third; {@code then} gets that one. */
  private void withFourVoters(Consumer<SimNode> then) {
    isQuiet = true;
    SimNode fourth = fourth();
    repeat(100, 1_000, () -> change(new MembershipChange.Promote(fourth.endpoint)));
    after(
        1_500,
        () -> {
          boolean isReady =
              leader.leads()
                  && leader.core.configuration().isVoter(fourth.endpoint)
                  && sim.nodes.stream()
                      .allMatch(n -> n.isUp() && n.appliedIndex == leader.appliedIndex);
          if (isReady) {
            then.accept(fourth);
          } else {
            end();
          }
        });
  }

  private void change(MembershipChange change) {
    leader.step(new Event.ChangeMembership(sim.nextId(), change));
  }

  /** As if the leader had asked this one to succeed it. */
  private void stand(SimNode node, SimNode asking) {
    node.step(
        new Event.Receive(
            new RaftMessage.TimeoutNow(
                new RaftMessage.Header(
                    asking.logId, asking.endpoint, node.endpoint, asking.core.term()))));
  }

  /**
   * Of four voters only the leader gets the entry that takes the fourth's vote; the fourth leads
   * next, has an entry of its own and is cut off. The first leads again, by its old entry, and both
   * that have what it commits then lose power.
   */
  private void configurationOfAnOlderTerm() {
    withFourVoters(
        fourth -> {
          isolate(leader);
          change(new MembershipChange.Demote(fourth.endpoint));
          onLeader =
              () -> {
                if (fourth.leads()) {
                  isolate(fourth);
                  after(50, () -> leadsAgain(fourth));
                }
              };
          after(100, () -> stand(fourth, leader));
        });
    after(14_000, this::end);
  }

  private void leadsAgain(SimNode fourth) {
    filters.clear();
    isolate(fourth);
    filters.add((from, to, m) -> from == leader && to == third && m instanceof Append);
    leader.diskLatencyMs = 100;
    boolean[] isDone = {false};
    onCommit =
        () -> {
          if (!isDone[0] && leader.leads()) {
            isDone[0] = true;
            after(0, () -> losePower(fourth));
          }
        };
  }

  private void losePower(SimNode fourth) {
    filters.clear();
    powerCut(leader, 20);
    powerCut(second, 5_000);
    leader.diskLatencyMs = 3;
  }

  private SimNode fourth() {
    return sim.nodes.stream()
        .filter(node -> node != leader && node != second && node != third)
        .findFirst()
        .orElseThrow();
  }

  /**
   * The second has the entry that gives the fourth a vote, and never hears that it is committed. It
   * and the leader lose power; by what it knows only every vote will do, so it ends the log, and is
   * cut off. The third and the fourth know that three votes of four would do.
   */
  private void founderIsCutOff() {
    isQuiet = true;
    SimNode fourth = fourth();
    after(
        300,
        () -> {
          long before = leader.core.lastIndex();
          filters.add(
              (from, to, m) -> from == leader && to == second && second.core.lastIndex() > before);
          repeat(100, 500, () -> promote(fourth, before));
          after(900, () -> losePower(fourth, before));
        });
    after(11_000, this::end);
  }

  private void promote(SimNode fourth, long before) {
    if (leader.core.lastIndex() == before) {
      change(new MembershipChange.Promote(fourth.endpoint));
    }
  }

  private void losePower(SimNode fourth, long before) {
    boolean isReady =
        leader.leads()
            && third.core.commitIndex() == before + 1
            && fourth.core.commitIndex() == before + 1
            && second.core.lastIndex() == before + 1
            && second.core.commitIndex() <= before;
    if (!isReady) {
      end();
      return;
    }
    filters.clear();
    filters.add((from, to, m) -> m instanceof PreVoteRequest && from != second);
    onEnd =
        node -> {
          filters.clear();
          isolate(node);
        };
    powerCut(leader, 20);
    powerCut(second, 20);
  }
}
