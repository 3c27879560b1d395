package holdfast.model;

import holdfast.util.ByteReader;
import holdfast.util.ByteWriter;

/** Names a node: the SHA-256 of its RSA public key (SubjectPublicKeyInfo, DER). */
public record NodeId(long a, long b, long c, long d) implements Comparable<NodeId> {
  /** Encoded size in bytes. */
  public static final int BYTES = 32;

  /** Reads exactly {@value #BYTES} bytes. */
  public static NodeId of(byte[] bytes) {
    var in = new ByteReader(bytes);
    var id = read(in);
    in.end();
    return id;
  }

  /** Reads the next {@value #BYTES} bytes. */
  public static NodeId read(ByteReader in) {
    return new NodeId(in.u64(), in.u64(), in.u64(), in.u64());
  }

  /** Appends the {@value #BYTES} bytes. */
  public void write(ByteWriter out) {
    out.u64(a).u64(b).u64(c).u64(d);
  }

  /** The {@value #BYTES} bytes, big-endian. */
  public byte[] toBytes() {
    return new ByteWriter(BYTES).u64(a).u64(b).u64(c).u64(d).toBytes();
  }

  @Override
  public int compareTo(NodeId other) {
    int order = Long.compareUnsigned(a, other.a);
    order = order != 0 ? order : Long.compareUnsigned(b, other.b);
    order = order != 0 ? order : Long.compareUnsigned(c, other.c);
    return order != 0 ? order : Long.compareUnsigned(d, other.d);
  }

  /** The first group of the text form: enough to tell the nodes of a pool apart. */
  public String shortForm() {
    return Base32.groups(toBytes()).substring(0, Base32.GROUP_CHARS);
  }

  /** Base32 in lower case, in groups joined by hyphens. */
  @Override
  public String toString() {
    return Base32.groups(toBytes());
  }
}
