package holdfast.protocol;

import holdfast.consensus.RaftMessage;
import holdfast.model.InstanceId;
import holdfast.model.LogId;
import holdfast.model.NodeId;
import holdfast.util.ByteReader;
import holdfast.util.ByteWriter;
import java.util.List;

/** A message without an answer: it may be lost, and nothing waits for it. */
public sealed interface Notice extends Message {
  /** One message of the consensus core; its header names both endpoints. */
  record Consensus(RaftMessage message) implements Notice {}

  /**
   * Between peers, every 500 ms: I am here, and this is how I am.
   *
   * @param missingChunks chunks this peer should hold under {@code mapIndex} and doesn't yet
   * @param checked true when {@code missingChunks} counts every partition under {@code mapIndex}
   *     and {@code appliedIndex}
   * @param unreadableChunks chunks found bad and not replaced yet
   * @param log the operation log this peer follows; all zeros before it has one
   * @param recovering whether this peer may have lost the end of its log and hasn't caught up yet
   * @param asideLogs logs it keeps aside because they hold what the present one lacks
   * @param reached voters that it hears, over a session that doesn't go through another peer as far
   *     as it knows
   */
  record Heartbeat(
      long incarnation,
      long capacityBytes,
      long usedBytes,
      long chunkCount,
      long mapIndex,
      long appliedIndex,
      long missingChunks,
      long missingBytes,
      boolean checked,
      long unreadableChunks,
      int loadPermille,
      long uptimeMs,
      LogId log,
      boolean recovering,
      int asideLogs,
      RunMark mark,
      List<NodeId> reached)
      implements Notice {
    /** Most voters in one. */
    public static final int REACHED_MAX = 16;

    /** Freezes the list. */
    public Heartbeat {
      reached = List.copyOf(reached);
    }
  }

  /**
   * How far peers had come when they were heard last, by the sender or by whoever passed it on:
   * first the receiver itself, should it be known.
   */
  record KnownRuns(List<KnownRun> known) implements Notice {
    /** Most in one notice. */
    public static final int KNOWN_MAX = 16;

    /** Freezes the list. */
    public KnownRuns {
      known = List.copyOf(known);
    }
  }

  /**
   * What is known of a peer.
   *
   * @param asideLogs what it said of that when it was so far: as in {@link Heartbeat}
   */
  record KnownRun(NodeId node, RunMark mark, int asideLogs) {
    /** Encoded size. */
    public static final int BYTES = NodeId.BYTES + RunMark.BYTES + 4;

    /** Reads what {@link #write} wrote; throws {@link ByteReader.Malformed}. */
    public static KnownRun read(ByteReader in) {
      return new KnownRun(NodeId.read(in), RunMark.read(in), in.u32());
    }

    /** Appends the {@value #BYTES} bytes. */
    public void write(ByteWriter out) {
      node.write(out);
      mark.write(out);
      out.u32(asideLogs);
    }
  }

  /**
   * Two processes run as one peer. The receiver is to end if it is {@code second}: the other one
   * was there before.
   */
  record Twin(InstanceId second) implements Notice {}

  /** The sender leaves in good order: away, not failed. */
  record Goodbye() implements Notice {}
}
