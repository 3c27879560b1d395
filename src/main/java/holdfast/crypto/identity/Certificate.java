package holdfast.crypto.identity;

import holdfast.crypto.Hashes;
import holdfast.crypto.NodePublicKey;
import holdfast.crypto.Role;
import holdfast.crypto.Rsa;
import holdfast.model.ErrorCode;
import holdfast.model.NodeId;
import holdfast.model.PoolId;
import holdfast.model.ProtocolException;
import holdfast.util.ByteReader;
import holdfast.util.ByteWriter;
import holdfast.util.Sha256;
import java.security.SecureRandom;
import java.util.Arrays;

/**
 * A home's signed statement that a node may act in one role in one pool: a fixed struct of {@value
 * #BYTES} bytes. Immutable, any thread.
 */
public final class Certificate {
  /** Encoded size in bytes. */
  public static final int BYTES = 485;

  private static final byte[] MAGIC = Hashes.ascii("HFC1");
  private static final int SIGNED_BYTES = BYTES - Rsa.BYTES;
  private static final String CONTEXT = "holdfast/1 certificate";

  private final PoolId pool;
  private final NodeId node;
  private final Role role;
  private final NodeId home;
  private final byte[] encoded;

  private Certificate(PoolId pool, NodeId node, Role role, NodeId home, byte[] encoded) {
    this.pool = pool;
    this.node = node;
    this.role = role;
    this.home = home;
    this.encoded = encoded;
  }

  /** Certifies {@code node} by its home. */
  public static Certificate issue(
      PoolId pool, NodeId node, Role role, NodeKey home, SecureRandom random) {
    var out = new ByteWriter(BYTES).raw(MAGIC).raw(pool.toBytes()).raw(node.toBytes());
    out.u8(role.wire()).raw(home.id().toBytes());
    byte[] signature = home.sign(CONTEXT, Sha256.of(out.toBytes()), random);
    return new Certificate(pool, node, role, home.id(), out.raw(signature).toBytes());
  }

  /**
   * Parses {@value #BYTES} bytes; the signature is not checked here.
   *
   * @throws ProtocolException MALFORMED if it is no certificate
   */
  public static Certificate of(byte[] encoded) {
    if (encoded.length != BYTES) {
      throw malformed(BYTES + " bytes", encoded.length + " bytes");
    }
    var in = new ByteReader(encoded);
    if (!Arrays.equals(in.raw(MAGIC.length), MAGIC)) {
      throw malformed("HFC1", "another beginning");
    }
    var pool = PoolId.read(in);
    var node = NodeId.read(in);
    int role = in.u8();
    var knownRole = Role.ofWire(role).orElseThrow(() -> malformed("role 1 or 2", "" + role));
    return new Certificate(pool, node, knownRole, NodeId.read(in), encoded.clone());
  }

  /** True if {@code homeKey} is the key of {@link #home} and signed this. */
  public boolean isSignedBy(NodePublicKey homeKey) {
    byte[] signature = Arrays.copyOfRange(encoded, SIGNED_BYTES, BYTES);
    byte[] hash = Sha256.of(Arrays.copyOf(encoded, SIGNED_BYTES));
    return homeKey.id().equals(home) && homeKey.verifies(CONTEXT, hash, signature);
  }

  /** The pool it is for. */
  public PoolId pool() {
    return pool;
  }

  /** The node it is for. */
  public NodeId node() {
    return node;
  }

  /** What the node may be. */
  public Role role() {
    return role;
  }

  /** Who says so. */
  public NodeId home() {
    return home;
  }

  /** The {@value #BYTES} bytes; a copy. */
  public byte[] encoded() {
    return encoded.clone();
  }

  private static ProtocolException malformed(String expected, String was) {
    return new ProtocolException(
        ErrorCode.MALFORMED, "parse certificate: expected=" + expected + ", was=" + was);
  }
}
