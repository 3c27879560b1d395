package holdfast.consensus;

import holdfast.model.NodeId;
import holdfast.util.ByteReader;
import holdfast.util.ByteWriter;

/**
 * A member of consensus: a node, and which life of its log. A node that may have lost part of its
 * log comes back with a higher incarnation; an incarnation is never used again.
 */
public record Endpoint(NodeId node, long incarnation) implements Comparable<Endpoint> {
  /** Encoded size in bytes. */
  public static final int BYTES = NodeId.BYTES + Long.BYTES;

  /** Refuses a negative incarnation as malformed: endpoints come off the wire. */
  public Endpoint {
    if (incarnation < 0) {
      throw new ByteReader.Malformed(
          "read endpoint: expected=incarnation >= 0, was=" + incarnation);
    }
  }

  /** Reads the next {@value #BYTES} bytes. */
  public static Endpoint read(ByteReader in) {
    return new Endpoint(NodeId.read(in), in.u64());
  }

  /** Appends the {@value #BYTES} bytes. */
  public void write(ByteWriter out) {
    node.write(out);
    out.u64(incarnation);
  }

  @Override
  public int compareTo(Endpoint other) {
    int order = node.compareTo(other.node);
    return order != 0 ? order : Long.compare(incarnation, other.incarnation);
  }

  /** The node's short form and the incarnation, {@code abcd#3}. */
  @Override
  public String toString() {
    return node.shortForm() + "#" + incarnation;
  }
}
