package holdfast.consensus;

import holdfast.consensus.RaftMessage.AppendAccepted;
import holdfast.consensus.RaftMessage.Header;
import holdfast.consensus.RaftMessage.HeartbeatReply;
import holdfast.model.LogId;
import holdfast.model.NodeId;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Drives one core, A, in a test: the test is its driver and everybody else. Writes are done at
 * once.
 */
final class CoreHarness {
  static final LogId LOG = new LogId(1, 2);
  static final Endpoint A = endpoint(1, 1);
  static final Endpoint B = endpoint(2, 1);
  static final Endpoint C = endpoint(3, 1);
  static final Endpoint D = endpoint(4, 1);

  final RaftCore core;
  final List<Effect> effects = new ArrayList<>();
  long nowMs = 10_000;
  boolean isWriting = true;

  /** Whether what the core wants forced is forced at once. */
  boolean isForcing = true;

  private final Map<Long, Long> terms = new HashMap<>();
  private long ticket;
  private long forceAsked;

  CoreHarness(RaftConfig config, InitialState initial) {
    core = new RaftCore(config, A, LOG, initial, bound -> 0, EnumSet.noneOf(Fault.class), nowMs);
  }

  CoreHarness(InitialState initial) {
    this(RaftConfig.DEFAULT, initial);
  }

  /** A log of one entry in term 1, committed, that makes these the voters, the rest followers. */
  static InitialState group(List<Endpoint> voters, Endpoint... followers) {
    var configuration = new Configuration(voters, List.of(followers));
    return new InitialState(
        new HardState(1, java.util.Optional.empty(), 1),
        SnapshotMeta.NONE,
        List.of(LogEntry.configuration(1, 1, configuration)));
  }

  static CoreHarness ofThree() {
    return new CoreHarness(group(List.of(A, B, C)));
  }

  static Endpoint endpoint(int number, long incarnation) {
    return new Endpoint(new NodeId((long) number << 56, 0, 0, number), incarnation);
  }

  /** A vote that is given. */
  static RaftMessage.Vote vote(Recovery.Cause recovering) {
    return new RaftMessage.Vote(true, recovering, List.of());
  }

  static LogEntry command(long index, long term) {
    return new LogEntry(index, term, LogEntry.Kind.COMMAND, new byte[] {(byte) index});
  }

  /** Steps, and does the writes the core asks for. Returns all effects. */
  List<Effect> step(Event event) {
    List<Effect> all = new ArrayList<>(core.step(nowMs, event));
    for (int i = 0; i < all.size(); i++) {
      if (all.get(i) instanceof Effect.AppendEntries append) {
        append.entries().forEach(entry -> terms.put(entry.index(), entry.term()));
      }
      if (all.get(i) instanceof Effect.ForceLog force && isForcing) {
        forceAsked = force.upToIndex();
        if (isWriting) {
          all.addAll(core.step(nowMs, forced()));
        }
      }
      long asked =
          switch (all.get(i)) {
            case Effect.PersistHardState e -> e.ticket();
            case Effect.AppendEntries e -> e.ticket();
            case Effect.ResetLog e -> e.ticket();
            case Effect.Send e -> 0;
            case Effect.CompactLog e -> 0;
            case Effect.ForceLog e -> 0;
            case Effect.Commit e -> 0;
            case Effect.ProposalAccepted e -> 0;
            case Effect.ProposalRejected e -> 0;
            case Effect.ReadReady e -> 0;
            case Effect.ReadRejected e -> 0;
            case Effect.ForcedAtMajority e -> 0;
            case Effect.SnapshotWanted e -> 0;
            case Effect.ReadSnapshot e -> 0;
            case Effect.StoreSnapshotChunk e -> 0;
            case Effect.InstallSnapshot e -> 0;
            case Effect.DiscardSnapshot e -> 0;
            case Effect.Recovered e -> 0;
            case Effect.LogEnded e -> 0;
            case Effect.CutRefused e -> 0;
            case Effect.RoleChanged e -> 0;
            case Effect.ConfigurationChanged e -> 0;
          };
      ticket = Math.max(ticket, asked);
      if (asked > 0 && isWriting) {
        all.addAll(core.step(nowMs, new Event.PersistDone(asked)));
      }
    }
    effects.addAll(all);
    return all;
  }

  private Event forced() {
    long index = forceAsked;
    forceAsked = 0;
    return new Event.LogForced(index, terms.getOrDefault(index, 1L));
  }

  /** The disk catches up; a force comes after the writes before it. */
  List<Effect> write() {
    List<Effect> all = step(new Event.PersistDone(ticket));
    if (forceAsked > 0) {
      all.addAll(step(forced()));
    }
    return all;
  }

  List<Effect> tickAfter(long ms) {
    // In small steps, as a driver does: a long gap counts as a pause of our own.
    List<Effect> all = new ArrayList<>();
    for (long left = ms; left > 0; left -= 50) {
      nowMs += Math.min(50, left);
      all.addAll(step(new Event.Tick()));
    }
    return all;
  }

  Header from(Endpoint other) {
    return new Header(LOG, other, A, core.term());
  }

  Header from(Endpoint other, long term) {
    return new Header(LOG, other, A, term);
  }

  List<Effect> receive(RaftMessage message) {
    return step(new Event.Receive(message));
  }

  /** Lets A win an election with B's votes. Only the election; nothing is acknowledged yet. */
  CoreHarness elect() {
    step(new Event.Tick());
    tickAfter(RaftConfig.DEFAULT.electionTimeoutMinMs());
    receive(preVote(B, Recovery.Cause.NONE));
    receive(new RaftMessage.VoteReply(from(B), vote(Recovery.Cause.NONE)));
    return this;
  }

  /** Elects A and lets B acknowledge the first entry of its term. */
  CoreHarness lead() {
    elect();
    accept(B, core.lastIndex());
    return this;
  }

  /** Written, and forced as far as the first configuration. */
  List<Effect> accept(Endpoint other, long matchIndex) {
    return accept(other, matchIndex, Math.min(matchIndex, 1));
  }

  List<Effect> accept(Endpoint other, long matchIndex, long forcedIndex) {
    return receive(new AppendAccepted(from(other), matchIndex, forcedIndex));
  }

  /** Answers the heartbeat of this round. */
  List<Effect> answer(Endpoint other, RaftMessage.Heartbeat heartbeat) {
    return receive(
        new HeartbeatReply(
            from(other), heartbeat.round(), heartbeat.sentMs(), core.lastIndex(), 0, 0));
  }

  /** A grant of A's pre-vote. */
  RaftMessage.PreVoteReply preVote(Endpoint other, Recovery.Cause recovering) {
    return new RaftMessage.PreVoteReply(from(other), core.term() + 1, vote(recovering), false, 0);
  }

  List<Effect> propose(int bytes) {
    return step(new Event.Propose(List.of(new Proposal(7, new byte[bytes], false))));
  }

  static Endpoint to(RaftMessage message) {
    return message.header().to();
  }

  static <T> List<T> only(Class<T> type, List<Effect> effects) {
    return effects.stream().filter(type::isInstance).map(type::cast).toList();
  }

  static <T extends RaftMessage> List<T> sent(Class<T> type, List<Effect> effects) {
    return only(Effect.Send.class, effects).stream()
        .map(Effect.Send::message)
        .filter(type::isInstance)
        .map(type::cast)
        .toList();
  }
}
