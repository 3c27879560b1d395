package holdfast.peer.member;

import holdfast.model.InstanceId;
import holdfast.model.NodeId;
import holdfast.peer.view.Heartbeats;
import holdfast.port.Remote;
import holdfast.protocol.Notice;
import holdfast.protocol.RunMark;
import holdfast.util.ByteReader;
import holdfast.util.ByteWriter;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.TreeMap;
import java.util.stream.Stream;

/**
 * Detects folders that are older than they were, by how far each peer had come when somebody heard
 * of it last. Who comes back with a lower run number, or with less than it had forced, has an older
 * folder (a backup, a rolled-back volume, a copy that runs elsewhere) and may have forgotten what
 * it acknowledged: it is notified, and takes no part until it says that it recovers. Durable, and
 * passed on, since whoever heard it may be away.
 *
 * <p>Two processes that run as one peer take turns at being it; the one that was there first stays.
 * Loop thread.
 */
final class KnownRuns {
  /** Most peers remembered; more than a pool has. */
  static final int NODES_MAX = 1_024;

  /** Encoded size at most. */
  static final int BYTES_MAX = 4 + NODES_MAX * Notice.KnownRun.BYTES;

  /**
   * A process that ended may be heard once or twice more, out of what was in flight. One that is
   * back so often, after another one was heard, lives.
   */
  private static final int RETURNS_MIN = 3;

  /**
   * A process whose connection broke so long before another one's was opened has ended. Sooner, the
   * other one's may be what ended it.
   */
  private static final long APART_NS = 200_000_000L;

  /** Who was silent for so long, and whose connection another process took over, has ended. */
  private static final long SILENT_NS = 5_000_000_000L;

  /** The processes heard as one peer. */
  private static final class Heard {
    /** Who is this peer. */
    InstanceId first;

    long firstNs;

    /** Its folder is no good, and it has promised nothing. */
    boolean isFirstRetracted;

    /** When its last connection broke; negative while there is one. */
    long brokenNs;

    boolean isFirstGone;

    /** Who says so too, and waits until the first is silent or gone; null for nobody. */
    InstanceId second;

    boolean isSecondLast;
    int returns;

    void begin(InstanceId instance, boolean isRetracted, long nowNs) {
      first = instance;
      isFirstRetracted = isRetracted;
      firstNs = nowNs;
      brokenNs = -1;
      isFirstGone = false;
      second = null;
      isSecondLast = false;
      returns = 0;
    }
  }

  private final NodeId self;
  private final InstanceId instance;
  private final TreeMap<NodeId, Notice.KnownRun> known = new TreeMap<>();

  /**
   * What other processes of the peer had together, if that goes beyond what is known of the one in
   * {@link #known}, in its log. <i>Event: an older folder runs under the next number. Somebody who
   * knows no better hears of it and passes it on to the one who does, before they meet: nobody knew
   * any more how far the peer had been.</i>
   */
  private final TreeMap<NodeId, Notice.KnownRun> further = new TreeMap<>();

  private final Map<NodeId, Heard> heard = new HashMap<>();

  /**
   * What was known of each before the process of which it is known now; empty for nothing. Not of
   * what was loaded; only of peers in {@link #known}.
   */
  private final Map<NodeId, Optional<Notice.KnownRun>> before = new HashMap<>();

  private NodeId reportedLast;

  /** The latest other process of this peer, with what all of them had. */
  private RunMark ofSelf;

  /** The latest other process of this peer, as others heard it; null for none. */
  private Notice.KnownRun saidOfSelf;

  private boolean isChanged;

  KnownRuns(NodeId self, InstanceId instance) {
    this.self = self;
    this.instance = instance;
  }

  /** Takes what was saved; empty for nothing. Throws {@link ByteReader.Malformed}. */
  void load(byte[] saved) {
    if (saved.length == 0) {
      return;
    }
    var in = new ByteReader(saved);
    int count = in.count(NODES_MAX);
    for (int i = 0; i < count; i++) {
      var each = Notice.KnownRun.read(in);
      Notice.KnownRun first = known.put(each.node(), each);
      if (first != null) {
        further.put(each.node(), first);
      }
    }
    in.end();
  }

  /** What to save if it changed since the last call. */
  Optional<byte[]> changes() {
    if (!isChanged) {
      return Optional.empty();
    }
    isChanged = false;
    var out = new ByteWriter().u32(known.size() + further.size());
    known.keySet().forEach(node -> of(node).forEach(each -> each.write(out)));
    return Optional.of(out.toBytes());
  }

  /** The changes that were handed out are still to be saved. */
  void notSaved() {
    isChanged = true;
  }

  /**
   * A heartbeat of another peer. False if it is to be ignored: another process is this peer, or was
   * a moment ago. <i>Event: a copied folder's later run is taken for the peer's, and the original
   * for an older one.</i>
   *
   * @param awakeSinceNs {@link holdfast.port.Loop#awakeSinceNs}: whoever wasn't heard before that
   *     needn't have been silent
   */
  boolean onHeartbeat(Remote from, Notice.Heartbeat beat, long nowNs, long awakeSinceNs) {
    boolean isRetracted = beat.mark().run() == 0;
    if (!isFirst(from, isRetracted, nowNs, awakeSinceNs)) {
      return false;
    }
    if (isRetracted) {
      takeBack(from);
      return true;
    }
    var said = new Notice.KnownRun(from.node(), beat.mark(), beat.asideLogs());
    note(said);
    noteAside(said);
    return true;
  }

  /**
   * What a process said before it knew that its folder is no good, without having promised
   * anything. <i>Event: an older folder is put in place, waits, and the newest is put back: others
   * take that one for older than the one that only waited.</i>
   */
  private void takeBack(Remote from) {
    Notice.KnownRun now = known.get(from.node());
    boolean isOfIt = now != null && now.mark().instance().equals(from.instance());
    if (isOfIt && before.containsKey(from.node())) {
      Notice.KnownRun farthest = further.remove(from.node());
      Notice.KnownRun last = before.remove(from.node()).orElse(farthest);
      if (last == null) {
        known.remove(from.node());
      } else {
        known.put(from.node(), last);
        noteFurther(farthest);
      }
      isChanged = true;
    }
  }

  /**
   * A process with a folder that is no good takes nobody's place, but of who is silent, and keeps
   * none. <i>Event: a copy takes the original's connection, is heard 200 ms later, and the original
   * is ended as its twin.</i>
   */
  private boolean isFirst(Remote from, boolean isRetracted, long nowNs, long awakeSinceNs) {
    Heard of = heard.get(from.node());
    if (of == null) {
      of = new Heard();
      of.begin(from.instance(), isRetracted, nowNs);
      return heard.size() < NODES_MAX && heard.put(from.node(), of) == null;
    }
    if (from.instance().equals(of.first)) {
      of.firstNs = nowNs;
      of.isFirstRetracted = isRetracted;
      of.brokenNs = -1;
      of.isFirstGone = false;
      of.returns += of.isSecondLast ? 1 : 0;
      of.isSecondLast = false;
      return true;
    }
    boolean isNext = !isRetracted && (of.isFirstGone || of.isFirstRetracted);
    if (isNext || nowNs - Math.max(of.firstNs, awakeSinceNs) > SILENT_NS) {
      of.begin(from.instance(), isRetracted, nowNs);
      return true;
    }
    if (!from.instance().equals(of.second)) {
      of.second = from.instance();
      of.returns = 0;
    }
    of.isSecondLast = true;
    return false;
  }

  /** Whether this process is the peer that it says it is, as far as is known. */
  boolean isKnownAs(Remote from) {
    Heard of = heard.get(from.node());
    return of != null && of.first.equals(from.instance());
  }

  /** The last connection with the peer broke. */
  void onDisconnected(NodeId node, long nowNs) {
    Heard of = heard.get(node);
    if (of != null && of.brokenNs < 0) {
      of.brokenNs = nowNs;
    }
  }

  /** A process connected, as this peer or as another. */
  void onConnected(Remote from, long nowNs, long awakeSinceNs) {
    Heard of = heard.get(from.node());
    if (of != null && !from.instance().equals(of.first)) {
      boolean isApart = nowNs - Math.max(of.brokenNs, awakeSinceNs) >= APART_NS;
      of.isFirstGone |= of.brokenNs >= 0 && isApart;
    }
  }

  private void note(Notice.KnownRun more) {
    Notice.KnownRun last = known.get(more.node());
    boolean isMore = last == null ? hasRoom() : more.mark().isBeyond(last.mark());
    boolean isOther = last == null || !last.mark().instance().equals(more.mark().instance());
    if (more.mark().run() > 0 && isMore) {
      if (isOther) {
        before.put(more.node(), Optional.ofNullable(last));
      }
      known.put(more.node(), more);
      isChanged = true;
      noteFurther(further.remove(more.node()));
      noteFurther(isOther ? last : null);
    } else if (more.mark().run() > 0 && last != null && isOther) {
      noteFurther(more);
    }
  }

  private boolean hasRoom() {
    return known.size() + further.size() < NODES_MAX;
  }

  /** Another process than the one in {@link #known} had this, if that is further; null: nothing. */
  private void noteFurther(Notice.KnownRun otherOrNull) {
    if (otherOrNull == null || !isFurther(otherOrNull)) {
      return;
    }
    Notice.KnownRun had = further.get(otherOrNull.node());
    if (had == null && hasRoom()) {
      further.put(otherOrNull.node(), otherOrNull);
      isChanged = true;
    } else if (had != null) {
      RunMark both = had.mark().with(otherOrNull.mark());
      isChanged |= !both.equals(had.mark());
      further.put(had.node(), new Notice.KnownRun(had.node(), both, had.asideLogs()));
    }
  }

  private boolean isFurther(Notice.KnownRun other) {
    return other.mark().isFurther(known.get(other.node()).mark());
  }

  /** All that is known of a peer; the latest process last. */
  private List<Notice.KnownRun> of(NodeId node) {
    return Stream.of(further, known).map(of -> of.get(node)).filter(Objects::nonNull).toList();
  }

  /** A peer itself says what it keeps, having come as far as is known of it. */
  private void noteAside(Notice.KnownRun said) {
    Notice.KnownRun last = known.get(said.node());
    boolean isAsFar = last != null && last.mark().equals(said.mark());
    if (isAsFar && last.asideLogs() != said.asideLogs()) {
      known.put(said.node(), said);
      isChanged = true;
    }
  }

  /** How many logs a peer kept aside, or parts of its log it had abandoned, as it said last. */
  int asideLogs(NodeId node) {
    Notice.KnownRun last = known.get(node);
    return last == null ? 0 : last.asideLogs();
  }

  /** Whether another process was this peer first, and still is. */
  boolean isSecond(Remote from) {
    Heard of = heard.get(from.node());
    return of != null && of.returns >= RETURNS_MIN && from.instance().equals(of.second);
  }

  /**
   * Whether a peer's votes and acknowledgements count: it is known which run this is, and that the
   * folder isn't older than it was, or the peer knows that itself by now.
   */
  boolean mayTakePart(Remote from, Heartbeats.Pulse pulseOrNull) {
    if (pulseOrNull == null || !pulseOrNull.instance().equals(from.instance())) {
      return false;
    }
    RunMark now = pulseOrNull.beat().mark();
    Notice.KnownRun last = known.get(from.node());
    boolean isOlder =
        last != null
            && !last.mark().instance().equals(now.instance())
            && now.run() <= last.mark().run();
    return !isOlder || pulseOrNull.beat().recovering();
  }

  /** What to send to a peer now. */
  Notice.KnownRuns toReport(NodeId receiver) {
    List<Notice.KnownRun> told = new ArrayList<>(of(receiver));
    int others = known.containsKey(receiver) ? known.size() - 1 : known.size();
    while (others > 0 && told.size() + 2 <= Notice.KnownRuns.KNOWN_MAX) {
      NodeId next = reportedLast == null ? null : known.higherKey(reportedLast);
      reportedLast = next == null ? known.firstKey() : next;
      if (!reportedLast.equals(receiver)) {
        told.addAll(of(reportedLast));
        others--;
      }
    }
    return new Notice.KnownRuns(told);
  }

  /** What this machine remembers of this peer. */
  void onRemembered(RunMark mark) {
    noteOfSelf(mark);
  }

  /** What another peer knows. */
  void onReport(Notice.KnownRuns told) {
    for (Notice.KnownRun each : told.known()) {
      if (!each.node().equals(self)) {
        note(each);
      } else if (noteOfSelf(each.mark())) {
        noteSaid(each);
      }
    }
  }

  /** False if it says nothing of another process of this peer. */
  private boolean noteOfSelf(RunMark mark) {
    if (mark.run() == 0 || mark.instance().equals(instance)) {
      return false;
    }
    boolean isLater = ofSelf == null || mark.isBeyond(ofSelf);
    ofSelf = isLater ? mark.with(ofSelf == null ? mark : ofSelf) : ofSelf.with(mark);
    return true;
  }

  /** What the latest process said counts, and of that the most. */
  private void noteSaid(Notice.KnownRun said) {
    RunMark last = saidOfSelf == null ? null : saidOfSelf.mark();
    boolean isLater = last == null || said.mark().isBeyond(last);
    boolean isOfSame = !isLater && !last.isBeyond(said.mark());
    if (isLater || isOfSame && said.asideLogs() > saidOfSelf.asideLogs()) {
      saidOfSelf = said;
    }
  }

  /**
   * How many logs this peer kept aside, or parts of its log it had abandoned, as far as others
   * heard, by a process that had this number or a later one: 0 if it had none.
   */
  int asideLogsSince(long run) {
    return saidOfSelf == null || saidOfSelf.mark().run() < run ? 0 : saidOfSelf.asideLogs();
  }

  /**
   * What others know of this peer by other processes, if that is more than this folder is known to
   * have had.
   *
   * @param had how far it had come when it was opened, under the run number of this run; or what
   *     was found out of it since
   */
  Optional<RunMark> beyond(RunMark had) {
    return Optional.ofNullable(ofSelf)
        .filter(told -> told.run() >= had.run() || told.isFurther(had));
  }
}
