package holdfast.network;

import holdfast.model.ErrorCode;
import holdfast.model.HoldfastException;
import holdfast.model.HostPort;
import holdfast.model.NetworkException;
import holdfast.model.NodeId;
import holdfast.port.Remote;
import holdfast.protocol.Notice;
import java.lang.System.Logger.Level;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicLong;

/**
 * All state about one other node: where it may be, the sessions with it, and what waits for one.
 * Outlives sessions. Loop only.
 */
final class Link {
  /** Addresses remembered of one node; the oldest gives way. */
  static final int ADDRESSES_MAX = 16;

  /** Notices that wait for a session; more are lost. */
  static final int NOTICES_MAX = 64;

  /** How long a session that lost against another one is kept for what is still in flight. */
  private static final long RETIRE_NS = 1_000_000_000L;

  /** How often the direct way is tried while a relayed session is used. */
  private static final long DIRECT_LOOK_NS = 5_000_000_000L;

  private static final System.Logger LOG = System.getLogger("holdfast.network");

  /** Peers asked for one that can't be reached, one after another. */
  static final int RELAYS_ASKED_MAX = 8;

  /** The same for one that is only silent: it may just be busy. */
  static final int RELAYS_ASKED_OF_SILENT_MAX = 3;

  /** How often a retired session is looked at. */
  private static final long RETIRE_LOOK_NS = 250_000_000L;

  private final NodeId node;
  private final NodeId self;
  private final LinkHost host;
  private final Backoff backoff;
  private final ArrayList<HostPort> addresses = new ArrayList<>();
  private final ArrayList<Session> sessions = new ArrayList<>();
  private final ArrayDeque<OutboundRequest> waiting = new ArrayDeque<>();
  private final ArrayDeque<Notice> notices = new ArrayDeque<>();

  /** Rises as dials of this node get on. */
  private final AtomicLong dialSteps = new AtomicLong();

  private boolean isDialling;

  /** Dialling only to replace a session by a better one. */
  private boolean isLooking;

  /** Whether the direct way is tried every now and then. */
  private boolean isAwaitingDirectWay;

  private HoldfastException lastFailure;

  Link(NodeId node, NodeId self, LinkHost host, Backoff backoff) {
    this.node = node;
    this.self = self;
    this.host = host;
    this.backoff = backoff;
  }

  /** Remembers addresses; new ones are worth a dial at once. */
  void learn(List<HostPort> more) {
    for (HostPort address : more) {
      if (!addresses.contains(address)) {
        if (addresses.size() >= ADDRESSES_MAX) {
          addresses.removeLast();
        }
        addresses.add(address);
        backoff.reset();
      }
    }
  }

  boolean isConnected() {
    return current().isPresent();
  }

  /** Whether a session works that isn't relayed, as far as this side knows. */
  boolean isDirect() {
    return directSession().isPresent();
  }

  /** Who may be asked to pass bytes on to others, if the node is a peer. */
  Optional<Route.Relay> relay() {
    var addressesOf = directAddresses();
    return directSession()
        .filter(session -> session.remote().isPeer() && !addressesOf.isEmpty())
        .map(session -> new Route.Relay(session.identity(), addressesOf));
  }

  /** Where the node was reached, and may be; empty without a direct session. */
  List<HostPort> directAddresses() {
    var session = directSession();
    if (session.isEmpty()) {
      return List.of();
    }
    var best = new LinkedHashSet<HostPort>();
    session.get().remote().dialled().ifPresent(best::add);
    best.addAll(addresses);
    return List.copyOf(best);
  }

  private Optional<Session> directSession() {
    return sessions.stream()
        .filter(session -> session.isOpen() && !session.isSilent())
        .filter(session -> !session.identity().isRelayed())
        .findFirst();
  }

  boolean isPeerConnected() {
    return current().map(session -> session.remote().isPeer()).orElse(false);
  }

  /** True when nothing would be lost by forgetting this node. */
  boolean isEmpty() {
    return addresses.isEmpty() && sessions.isEmpty() && waiting.isEmpty() && !isDialling;
  }

  /** Sends a notice to every process of the node, or keeps it for the session to come. */
  void send(Notice notice) {
    if (isConnected()) {
      receivers().forEach(session -> session.send(notice));
    } else if (dialIfNeeded() && notices.size() < NOTICES_MAX) {
      notices.add(notice);
    }
  }

  /** Sends a request over the session there is, or the one to come. */
  void request(OutboundRequest request) {
    var session = current();
    if (session.isPresent()) {
      session.get().submit(request);
    } else if (dialIfNeeded()) {
      request.waitsFor(dialSteps::get);
      waiting.add(request);
    } else {
      request.fail(unreachable());
    }
  }

  /** What becomes of a session that was opened. */
  enum Opened {
    /** The first one with this process. */
    FIRST,
    /** Kept beside another one with the same process. */
    BESIDE,
    /** Not needed: this node dialled twice. */
    NEEDLESS
  }

  /** A session with this node was opened. */
  Opened opened(Session opened) {
    Remote remote = opened.remote();
    boolean hadSame = false;
    for (Session other : List.copyOf(sessions)) {
      boolean isSameRun = other.remote().instance().equals(remote.instance());
      if (!isSameRun && remote.isPeer()) {
        other.end("the peer was started again");
      } else if (isSameRun && other.isOpen()) {
        hadSame = true;
        if (opened.isDialler() && other.isDialler() && !isBetter(opened, other)) {
          remote.dialled().ifPresent(this::prefer);
          flush(other);
          return Opened.NEEDLESS;
        }
      }
    }
    sessions.add(opened);
    remote.dialled().ifPresent(this::prefer);
    backoff.reset();
    if (opened.identity().isRelayed()) {
      LOG.log(Level.INFO, "peer is reached as {0}", opened.identity().routeOrNull().name());
      if (!isAwaitingDirectWay) {
        isAwaitingDirectWay = true;
        lookForDirectWay();
      }
    }
    if (hadSame && remote.isPeer()) {
      retireLosers();
    }
    return hadSame ? Opened.BESIDE : Opened.FIRST;
  }

  /** What waited for a session goes out. */
  void flush(Session over) {
    var toSend = List.copyOf(notices);
    notices.clear();
    toSend.forEach(over::send);
    var toSubmit = List.copyOf(waiting);
    waiting.clear();
    for (OutboundRequest request : toSubmit) {
      if (!request.isEnded()) {
        over.submit(request);
      }
    }
  }

  /** The first session to use, for what waited. */
  Optional<Session> current() {
    Session chosen = null;
    for (Session session : sessions) {
      if (session.isOpen() && (chosen == null || wins(session, chosen))) {
        chosen = session;
      }
    }
    return Optional.ofNullable(chosen);
  }

  /** The session is over; true when it was the last one. */
  boolean over(Session session) {
    return sessions.remove(session) && sessions.stream().noneMatch(Session::isOpen);
  }

  /** Ends every session. */
  void disconnect(String why) {
    List.copyOf(sessions).forEach(session -> session.end(why));
  }

  /** Fails what waits for a session. */
  void failWaiting(HoldfastException why) {
    notices.clear();
    var failed = List.copyOf(waiting);
    waiting.clear();
    failed.forEach(request -> request.fail(why));
  }

  /** The dial ended; a session, if there is one, has been given to {@link #opened} before. */
  void dialled(HoldfastException failureOrNull) {
    boolean wasLook = isLooking && isConnected();
    isDialling = false;
    isLooking = false;
    if (failureOrNull != null && !wasLook) {
      lastFailure = failureOrNull;
      backoff.failed(host.nowNs());
      if (!isConnected()) {
        failWaiting(failureOrNull);
      }
    }
  }

  /**
   * Nothing comes on a session: if another peer still reaches the node, a session through that one
   * takes its place until it speaks again.
   */
  void silent() {
    if (!isDialling && current().map(Session::isSilent).orElse(false)) {
      isDialling = true;
      isLooking = true;
      host.dial(node, List.of(), RELAYS_ASKED_OF_SILENT_MAX, dialSteps::incrementAndGet);
    }
  }

  /** Two peers that dialled each other keep what the smaller node id dialled. */
  private boolean wins(Session session, Session over) {
    if (isBetter(session, over) || isBetter(over, session)) {
      return isBetter(session, over);
    }
    if (!session.remote().isPeer() || session.isDialler() == over.isDialler()) {
      return sessions.indexOf(session) > sessions.indexOf(over);
    }
    return session.isDialler() == self.compareTo(node) < 0;
  }

  private static boolean isBetter(Session session, Session than) {
    if (session.isSilent() != than.isSilent()) {
      return than.isSilent();
    }
    return than.identity().isRelayed() && !session.identity().isRelayed();
  }

  private void lookForDirectWay() {
    host.after(
        DIRECT_LOOK_NS,
        () -> {
          var session = current();
          if (session.isEmpty() || isDirect()) {
            isAwaitingDirectWay = false;
            retireLosers();
            return;
          }
          if (!isDialling && !addresses.isEmpty()) {
            isDialling = true;
            isLooking = true;
            host.dial(node, List.copyOf(addresses), 0, dialSteps::incrementAndGet);
          }
          lookForDirectWay();
        });
  }

  private void retireLosers() {
    var winner = current();
    for (Session session : List.copyOf(sessions)) {
      if (winner.isPresent() && session != winner.get() && session.isDialler()) {
        retire(session, RETIRE_NS);
      }
    }
  }

  private void retire(Session loser, long afterNs) {
    host.after(
        afterNs,
        () -> {
          if (!loser.isOpen()) {
            return;
          }
          if (loser.isIdleSince(host.nowNs() - RETIRE_NS)) {
            loser.end("another session with the same peer is used");
          } else {
            retire(loser, RETIRE_LOOK_NS);
          }
        });
  }

  /** Sessions that a notice goes to: the one in use, or one for each process of a client home. */
  private List<Session> receivers() {
    var receivers = new ArrayList<Session>();
    for (Session session : sessions) {
      if (session.isOpen() && !session.remote().isPeer()) {
        receivers.add(session);
      }
    }
    current().filter(session -> session.remote().isPeer()).ifPresent(receivers::add);
    return receivers;
  }

  private boolean dialIfNeeded() {
    if (isDialling) {
      return true;
    }
    if (addresses.isEmpty() || !backoff.isOver(host.nowNs())) {
      return false;
    }
    isDialling = true;
    host.dial(node, List.copyOf(addresses), RELAYS_ASKED_MAX, dialSteps::incrementAndGet);
    return true;
  }

  private void prefer(HostPort address) {
    addresses.remove(address);
    addresses.addFirst(address);
    if (addresses.size() > ADDRESSES_MAX) {
      addresses.removeLast();
    }
  }

  private HoldfastException unreachable() {
    if (addresses.isEmpty()) {
      return new NetworkException(
          ErrorCode.UNREACHABLE,
          "reach peer: expected=an address, was=none known, peer=" + node.shortForm());
    }
    return new NetworkException(
        lastFailure == null ? ErrorCode.UNREACHABLE : lastFailure.code(),
        "reach peer: expected=an answer, was="
            + (lastFailure == null ? "none" : lastFailure.getMessage())
            + ", peer="
            + node.shortForm(),
        lastFailure);
  }

  /** What a link needs from the transport. */
  interface LinkHost {
    long nowNs();

    void after(long ns, Runnable task);

    /** Dials a node, and asks so many relays; ends in {@link Link#dialled} on the loop. */
    void dial(NodeId node, List<HostPort> addresses, int relaysMax, Runnable onStep);
  }
}
