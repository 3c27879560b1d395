package holdfast.consensus;

import static holdfast.consensus.CoreHarness.endpoint;
import static org.assertj.core.api.Assertions.assertThat;

import holdfast.consensus.VoterPolicy.Candidate;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Every way from every small pool to the voters it should have: whoever crashes on the way, as many
 * are left to decide as there would have been before, or will be at its end.
 */
class VoterStepsTest {
  private static final int STEPS_MAX = 40;

  /** Nobody's number. */
  private static final int NOBODY = 0;

  /** What a peer may be when the leader looks. */
  private enum Kind {
    VOTER,
    DEAD_VOTER,
    VOTER_BEHIND,
    READY,
    CATCHING_UP,
    STRANGER,
    DEAD_FOLLOWER,
    GONE_VOTER,
    GONE_FOLLOWER;

    static final Kind[] COMMON = {VOTER, DEAD_VOTER, READY, CATCHING_UP};

    boolean isVoter() {
      return this == VOTER || this == DEAD_VOTER || this == VOTER_BEHIND || this == GONE_VOTER;
    }

    boolean isFollower() {
      return !isVoter() && this != STRANGER;
    }

    boolean isListed() {
      return this != GONE_VOTER && this != GONE_FOLLOWER;
    }

    boolean isLive() {
      return isListed() && this != DEAD_VOTER && this != DEAD_FOLLOWER;
    }
  }

  /** A pool: peers 1 to n, each up longer than the next by {@code gapMs}. */
  private static final class Situation {
    final int peerCount;
    final long gapMs;
    final boolean[] isLive;
    final boolean[] isCaughtUp;
    final boolean[] isListed;
    final int[] hosts;
    int leader = 1;
    Configuration now;

    Situation(Kind[] kinds, int[] hosts, long gapMs) {
      peerCount = kinds.length;
      this.gapMs = gapMs;
      this.hosts = hosts.clone();
      isLive = new boolean[peerCount + 1];
      isCaughtUp = new boolean[peerCount + 1];
      isListed = new boolean[peerCount + 1];
      List<Endpoint> voters = new ArrayList<>();
      List<Endpoint> followers = new ArrayList<>();
      for (int n = 1; n <= peerCount; n++) {
        Kind kind = kinds[n - 1];
        isListed[n] = kind.isListed();
        isLive[n] = kind.isLive();
        isCaughtUp[n] = kind != Kind.CATCHING_UP && kind != Kind.VOTER_BEHIND;
        if (kind.isVoter()) {
          voters.add(endpoint(n, 1));
        } else if (kind.isFollower()) {
          followers.add(endpoint(n, 1));
        }
      }
      now = new Configuration(voters, followers);
    }

    List<Candidate> candidates() {
      List<Candidate> all = new ArrayList<>();
      for (int n = 1; n <= peerCount; n++) {
        if (isListed[n]) {
          boolean isReady = isCaughtUp[n] || n == leader;
          all.add(new Candidate(endpoint(n, 1), host(n), uptimeMs(n), isLive[n], isReady));
        }
      }
      return all;
    }

    Optional<MembershipChange> next() {
      return VoterPolicy.next(now, endpoint(leader, 1), candidates());
    }

    String host(int n) {
      return "host" + hosts[n - 1];
    }

    long uptimeMs(int n) {
      return 100 * VoterPolicy.STEADY_MS - n * gapMs;
    }

    /** How many voters are alive, if {@code crashed} isn't. */
    int liveCount(Configuration configuration, int crashed) {
      return (int)
          configuration.voters().stream()
              .map(VoterStepsTest::number)
              .filter(n -> n != crashed && isLive[n])
              .count();
    }

    /** A pair's leader takes its partner's vote (once nothing older than the pair counts). */
    boolean canDecide(Configuration configuration, int crashed) {
      boolean isPair = configuration.voters().size() == 2 && crashed != leader;
      return isPair || liveCount(configuration, crashed) >= configuration.quorum();
    }

    /** How many more of them may crash; below 0 where it is too late. */
    int spareCount(Configuration configuration) {
      return liveCount(configuration, NOBODY) - configuration.quorum();
    }

    @Override
    public String toString() {
      return "leader %d, %s, live %s, caught up %s, listed %s, hosts %s, gap %d"
          .formatted(
              leader,
              shown(now),
              numbers(isLive),
              numbers(isCaughtUp),
              numbers(isListed),
              Arrays.toString(hosts),
              gapMs);
    }
  }

  private static List<Integer> numbers(boolean[] chosen) {
    List<Integer> all = new ArrayList<>();
    for (int n = 1; n < chosen.length; n++) {
      if (chosen[n]) {
        all.add(n);
      }
    }
    return all;
  }

  private static int number(Endpoint endpoint) {
    return (int) endpoint.node().d();
  }

  private static String shown(Configuration configuration) {
    return configuration.voters().stream().map(VoterStepsTest::number).toList()
        + "+"
        + configuration.followers().stream().map(VoterStepsTest::number).toList();
  }

  /** Goes the whole way and judges it; the situation is at its end afterwards. */
  private static List<Configuration> settle(Situation situation) {
    String start = situation.toString();
    List<Configuration> way = new ArrayList<>(List.of(situation.now));
    for (var next = situation.next(); next.isPresent(); next = situation.next()) {
      Optional<Configuration> after = MembershipRules.apply(situation.now, next.get());
      require(after.isPresent(), "a step that can be taken", next.get(), start, way);
      situation.now = after.get();
      way.add(situation.now);
      require(way.size() <= STEPS_MAX, "an end", "more steps", start, way);
    }
    judge(situation, way, start);
    judgeEnd(situation, way, start);
    return way;
  }

  private static void judge(Situation situation, List<Configuration> way, String start) {
    Configuration end = way.getLast();
    int spare = Math.min(situation.spareCount(way.getFirst()), situation.spareCount(end));
    int voters = end.voters().size() == Configuration.VOTERS_MAX ? 4 : end.voters().size();
    int live = Math.min(situation.liveCount(way.getFirst(), NOBODY), voters);
    for (int i = 1; i < way.size(); i++) {
      Configuration before = way.get(i - 1);
      Configuration after = way.get(i);
      Endpoint leader = endpoint(situation.leader, 1);
      require(after.isVoter(leader), "the leader's vote", shown(after), start, way);
      int spareNow = situation.spareCount(after);
      require(spareNow >= Math.min(spare, 1), "voters to spare", spareNow, start, way);
      int liveNow = situation.liveCount(after, NOBODY);
      require(liveNow >= live, "at least " + live + " live voters", liveNow, start, way);
      boolean isFour = before.voters().size() == 4 && after.voters().size() == 4;
      boolean isVote = !before.voters().equals(after.voters());
      require(!(isFour && isVote), "four voters for a step only", shown(after), start, way);
      for (int crashed = NOBODY; crashed <= situation.peerCount; crashed++) {
        boolean isOwed = situation.canDecide(before, crashed) && situation.canDecide(end, crashed);
        require(
            !isOwed || situation.canDecide(after, crashed),
            "a majority without " + crashed,
            shown(after),
            start,
            way);
      }
    }
  }

  /**
   * As many as there are hosts for, each on its own, and nobody outside has been up much longer.
   */
  private static void judgeEnd(Situation situation, List<Configuration> way, String start) {
    Configuration end = way.getLast();
    List<Integer> fit = new ArrayList<>();
    Set<String> hosts = new HashSet<>();
    for (int n = 1; n <= situation.peerCount; n++) {
      boolean isVoter = end.isVoter(endpoint(n, 1));
      boolean isReady = situation.isCaughtUp[n] || isVoter;
      if (situation.isLive[n] && isReady) {
        fit.add(n);
        hosts.add(situation.host(n));
      }
      require(!isVoter || situation.isLive[n], "voters that live", n, start, way);
      boolean isMember = end.isMember(endpoint(n, 1));
      require(isMember || !situation.isLive[n], "all that live as members", n, start, way);
      require(!isMember || situation.isListed[n], "members that are listed", n, start, way);
    }
    boolean isSpread = hosts.size() > 1;
    int wanted = List.of(1, 1, 2, 3, 3).get(Math.min(isSpread ? hosts.size() : fit.size(), 4));
    wanted = (isSpread ? hosts.size() : fit.size()) >= 5 ? 5 : wanted;
    List<Integer> voters = end.voters().stream().map(VoterStepsTest::number).toList();
    require(voters.size() == wanted, wanted + " voters", voters, start, way);
    Set<String> used = new HashSet<>(voters.stream().map(situation::host).toList());
    require(!isSpread || used.size() == wanted, "one on each host", voters, start, way);
    for (int outside : fit) {
      for (int voter : voters) {
        boolean fits =
            !isSpread
                || !used.contains(situation.host(outside))
                || situation.host(outside).equals(situation.host(voter));
        boolean isBetter =
            voter != situation.leader
                && !voters.contains(outside)
                && fits
                && situation.uptimeMs(outside) > situation.uptimeMs(voter) + VoterPolicy.STEADY_MS;
        require(!isBetter, "the longest up", outside + " outside", start, way);
      }
    }
  }

  private static void require(
      boolean holds, Object expected, Object was, String start, List<Configuration> way) {
    if (!holds) {
      throw new AssertionError(
          "expected=%s, was=%s%n%s%n%s"
              .formatted(expected, was, start, way.stream().map(VoterStepsTest::shown).toList()));
    }
  }

  /** Calls {@code then} with every way to put the peers on hosts. */
  private static void eachPlacing(int[] hosts, int from, int used, Runnable then) {
    if (from == hosts.length) {
      then.run();
      return;
    }
    for (int host = 0; host <= used; host++) {
      hosts[from] = host;
      eachPlacing(hosts, from + 1, Math.max(used, host + 1), then);
    }
  }

  /**
   * Settles every pool of so many peers, each of one of these kinds, or one in {@code stride} of
   * them; how many there were.
   */
  private static int settleAll(int peerCount, Kind[] choices, int stride) {
    int[] pools = {0};
    int[] turn = {0};
    int[] hosts = new int[peerCount];
    eachPlacing(
        hosts,
        1,
        1,
        () -> {
          int combinations = (int) Math.round(Math.pow(choices.length, peerCount - 1.0));
          for (int combination = 0; combination < combinations; combination++) {
            Kind[] kinds = new Kind[peerCount];
            kinds[0] = Kind.VOTER;
            for (int n = 1, rest = combination; n < peerCount; n++, rest /= choices.length) {
              kinds[n] = choices[rest % choices.length];
            }
            turn[0]++;
            if (turn[0] % stride == 0
                && Arrays.stream(kinds).filter(Kind::isVoter).count() <= Configuration.VOTERS_MAX) {
              settle(new Situation(kinds, hosts, 2 * VoterPolicy.STEADY_MS));
              settle(new Situation(kinds, hosts, 1_000));
              pools[0] += 2;
            }
          }
        });
    return pools[0];
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3, 4})
  void everyPoolOfUpToFourPeersOfEveryKindComesToItsVotersOverSafeSteps(int peerCount) {
    int pools = settleAll(peerCount, Kind.values(), 1);

    assertThat(pools).isGreaterThan((int) Math.pow(Kind.values().length, peerCount - 1.0));
  }

  @Test
  void everyPoolOfFivePeersComesToItsVotersOverSafeSteps() {
    int pools = settleAll(5, Kind.COMMON, 1);

    assertThat(pools).isGreaterThan(20_000);
  }

  /** One in seven of 400,000; {@code -Dstride=1} takes them all, in half a minute. */
  @Test
  void poolsOfSixPeersComeToTheirVotersOverSafeSteps() {
    int stride = Integer.getInteger("stride", 7);

    int pools = settleAll(6, Kind.COMMON, stride);

    assertThat(pools).isGreaterThan(300_000 / stride);
  }

  /** The world goes on in the middle of the way, the leader included. */
  @ParameterizedTest
  @ValueSource(ints = {5, 6, 7, 8, 9})
  void whateverHappensInTheMiddleTheWayFromThereIsSafeToo(int peerCount) {
    long seed = Long.getLong("seed", peerCount);
    var random = new Random(seed);
    int cutShort = 0;
    for (int round = 0; round < 1_000; round++) {
      Situation situation = randomSituation(peerCount, random);
      for (int event = 0; event < 12; event++) {
        List<Configuration> way = settle(situation);
        int stop = random.nextInt(way.size());
        cutShort += stop < way.size() - 1 ? 1 : 0;
        situation.now = way.get(stop);
        happen(situation, random);
      }
    }

    assertThat(cutShort).as("seed %d", seed).isGreaterThan(1_000);
  }

  private static Situation randomSituation(int peerCount, Random random) {
    Kind[] kinds = new Kind[peerCount];
    Arrays.fill(kinds, Kind.READY);
    kinds[0] = Kind.VOTER;
    int[] hosts = new int[peerCount];
    int hostCount = 1 + random.nextInt(peerCount);
    for (int n = 0; n < peerCount; n++) {
      hosts[n] = random.nextInt(hostCount);
    }
    long gapMs = random.nextBoolean() ? 1_000 : 2 * VoterPolicy.STEADY_MS;
    return new Situation(kinds, hosts, gapMs);
  }

  private static void happen(Situation situation, Random random) {
    int n = 1 + random.nextInt(situation.peerCount);
    switch (random.nextInt(5)) {
      case 0 -> {
        situation.isLive[n] = n == situation.leader;
        situation.isCaughtUp[n] = n == situation.leader;
      }
      case 1, 2 -> situation.isLive[n] = true;
      case 3 -> situation.isCaughtUp[n] = true;
      default -> {
        int old = situation.leader;
        boolean isVoter = situation.isLive[n] && situation.now.isVoter(endpoint(n, 1));
        if (isVoter && n != old && situation.canDecide(situation.now, old)) {
          situation.leader = n;
          situation.isLive[old] = random.nextBoolean();
        }
      }
    }
  }
}
