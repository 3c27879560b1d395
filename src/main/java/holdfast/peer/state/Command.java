package holdfast.peer.state;

import holdfast.metadata.op.Operation;
import holdfast.metadata.op.RequestId;
import holdfast.model.ClientId;
import holdfast.model.HostPort;
import holdfast.model.NodeId;
import holdfast.placement.PeerEntry;
import holdfast.placement.PeerState;
import holdfast.placement.PoolSettings;
import holdfast.protocol.Reply;
import holdfast.util.ByteReader;
import holdfast.util.ByteWriter;
import java.util.ArrayList;
import java.util.List;

/** A command of the replicated state machine, as a COMMAND entry of the log carries it. */
public sealed interface Command {
  /** An operation on the namespace, applied once for each author and sequence. */
  record ChangeNamespace(RequestId author, Operation operation) implements Command {}

  /** The pool begins: settings, and a root directory. Only the first one counts. */
  record CreatePool(PoolSettings settings, int rootUid, int rootGid, long timeNs)
      implements Command {}

  /** A peer is listed, or listed anew with what it lends now. */
  record ListPeer(PeerEntry peer) implements Command {}

  /** A listed peer's state. */
  record SetPeerState(NodeId node, PeerState state) implements Command {}

  /** The operator changed settings. */
  record ChangeSettings(PoolSettings settings) implements Command {}

  /** The first data key that a client opens a session with becomes the pool's. */
  record SetDataKey(long dataKeyId) implements Command {}

  /** An upload epoch begins. */
  record AdvanceEpoch(long epoch) implements Command {}

  /** A client begins to work. */
  record BeginSession(ClientId client) implements Command {}

  /** A client has ended, or was silent for too long. */
  record EndSession(ClientId client) implements Command {}

  /** Those of these files that have no name and no holder go. */
  record RemoveOrphans(List<Long> inodes) implements Command {
    /** Most in one command. */
    public static final int INODES_MAX = 4_096;

    public RemoveOrphans {
      inodes = List.copyOf(inodes);
    }
  }

  /**
   * The chunks of every commit up to this operation of the namespace are on disk: what those
   * replaced is dropped.
   *
   * @param tick the last of these commits, by its place among all operations
   */
  record Settled(long tick) implements Command {}

  /**
   * A file gets the content that it had before the commit {@code fromTick}, since chunks of that
   * one or a later one were lost.
   *
   * @param version the file's: if it has another by now nothing happens
   */
  record Revert(long inode, long version, long fromTick) implements Command {}

  /**
   * Cache leases may last so long once this is forced at a majority; or none that is longer lasts
   * still. So whoever leads later knows how long to wait for those of its predecessors.
   */
  record SetLease(int leaseMs) implements Command {
    /** The shortest, and what a pool begins with. */
    public static final int SHORTEST_MS = 1_000;

    /** The longest. */
    public static final int LONGEST_MS = Reply.Watched.LEASE_MAX_MS;

    static int check(int leaseMs) {
      if (leaseMs < SHORTEST_MS || leaseMs > LONGEST_MS) {
        throw new ByteReader.Malformed(
            "read lease: expected=%d to %d ms, was=%d".formatted(SHORTEST_MS, LONGEST_MS, leaseMs));
      }
      return leaseMs;
    }
  }

  /** A tag and the fields. */
  default byte[] toBytes() {
    var out = new ByteWriter(256);
    switch (this) {
      case ChangeNamespace c -> {
        c.author().write(out.u8(1));
        c.operation().write(out);
      }
      case CreatePool c -> {
        c.settings().write(out.u8(2));
        out.u32(c.rootUid()).u32(c.rootGid()).u64(c.timeNs());
      }
      case ListPeer c -> writePeer(out.u8(3), c.peer());
      case SetPeerState c -> {
        c.node().write(out.u8(4));
        out.u8(c.state().wire());
      }
      case ChangeSettings c -> c.settings().write(out.u8(5));
      case SetDataKey c -> out.u8(6).u64(c.dataKeyId());
      case AdvanceEpoch c -> out.u8(7).u64(c.epoch());
      case BeginSession c -> c.client().write(out.u8(8));
      case EndSession c -> c.client().write(out.u8(9));
      case RemoveOrphans c -> {
        out.u8(10).u32(c.inodes().size());
        c.inodes().forEach(out::u64);
      }
      case Settled c -> out.u8(11).u64(c.tick());
      case SetLease c -> out.u8(13).u16(c.leaseMs());
      case Revert c -> out.u8(12).u64(c.inode()).u64(c.version()).u64(c.fromTick());
    }
    return out.toBytes();
  }

  /**
   * Reads what {@link #toBytes} made.
   *
   * @throws ByteReader.Malformed if it is no command
   */
  static Command of(byte[] bytes) {
    var in = new ByteReader(bytes);
    int tag = in.u8();
    Command command =
        switch (tag) {
          case 1 -> new ChangeNamespace(RequestId.read(in), Operation.read(in));
          case 2 -> new CreatePool(PoolSettings.read(in), in.u32(), in.u32(), in.u64());
          case 3 -> new ListPeer(readPeer(in));
          case 4 -> new SetPeerState(NodeId.read(in), PeerState.ofWire(in.u8()));
          case 5 -> new ChangeSettings(PoolSettings.read(in));
          case 6 -> new SetDataKey(in.u64());
          case 7 -> new AdvanceEpoch(in.u64());
          case 8 -> new BeginSession(ClientId.read(in));
          case 9 -> new EndSession(ClientId.read(in));
          case 10 -> readOrphans(in);
          case 11 -> new Settled(in.u64());
          case 12 -> new Revert(in.u64(), in.u64(), in.u64());
          case 13 -> new SetLease(SetLease.check(in.u16()));
          default -> throw new ByteReader.Malformed("read command: expected=1 to 13, was=" + tag);
        };
    in.end();
    return command;
  }

  private static Command readOrphans(ByteReader in) {
    int count = in.count(RemoveOrphans.INODES_MAX);
    var inodes = new ArrayList<Long>(count);
    for (int i = 0; i < count; i++) {
      inodes.add(in.u64());
    }
    return new RemoveOrphans(inodes);
  }

  private static void writePeer(ByteWriter out, PeerEntry peer) {
    peer.node().write(out);
    peer.address().write(out);
    out.u64(peer.capacityBytes()).u64(peer.usedBytes()).text(peer.host()).text(peer.zone());
    out.u8(peer.state().wire()).u64(peer.incarnation());
  }

  private static PeerEntry readPeer(ByteReader in) {
    try {
      return new PeerEntry(
          NodeId.read(in),
          HostPort.read(in),
          in.u64(),
          in.u64(),
          in.text(PeerEntry.DOMAIN_MAX_BYTES),
          in.text(PeerEntry.DOMAIN_MAX_BYTES),
          PeerState.ofWire(in.u8()),
          in.u64());
    } catch (IllegalArgumentException e) {
      throw new ByteReader.Malformed(e.getMessage());
    }
  }
}
