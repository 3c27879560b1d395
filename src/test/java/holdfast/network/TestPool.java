package holdfast.network;

import holdfast.crypto.Admission;
import holdfast.crypto.PoolSecret;
import holdfast.crypto.Role;
import holdfast.crypto.handshake.HandshakeStatus;
import holdfast.crypto.handshake.LocalNode;
import holdfast.crypto.handshake.ResponderPolicy;
import holdfast.crypto.handshake.SessionLimits;
import holdfast.crypto.identity.Certificate;
import holdfast.crypto.identity.MemberList;
import holdfast.crypto.identity.NodeKey;
import holdfast.model.InstanceId;
import holdfast.model.NodeId;
import holdfast.model.PoolId;
import java.security.SecureRandom;
import java.util.ArrayList;
import java.util.List;

/** A pool for tests: one home, its node keys made once for all tests. */
public final class TestPool {
  static final long DATA_KEY_ID = 0x1122334455667788L;

  private static final SecureRandom RANDOM = new SecureRandom();
  private static final NodeKey HOME = NodeKey.generate(RANDOM);
  private static final List<NodeKey> KEYS = new ArrayList<>();
  private static final PoolId POOL = new PoolId(1, 2, 3, 4);

  private final PoolSecret secret;

  /** Runs on the thread that makes the last message of an answered handshake. */
  volatile Runnable onStatus = () -> {};

  /** A pool whose secret is filled with one byte: another byte, another secret. */
  public TestPool(int fill) {
    byte[] bytes = new byte[PoolSecret.BYTES];
    bytes[0] = (byte) fill;
    secret = new PoolSecret(POOL, 1, bytes);
  }

  public PoolSecret secret() {
    return secret;
  }

  /** The key with this number, the same in every test. */
  public static NodeKey key(int number) {
    while (KEYS.size() <= number) {
      KEYS.add(NodeKey.generate(RANDOM));
    }
    return KEYS.get(number);
  }

  NodeIdentity peer(int number, InstanceId instance) {
    return identity(number, Role.PEER, instance, 0);
  }

  NodeIdentity client(int number, InstanceId instance, long dataKeyId) {
    return identity(number, Role.CLIENT, instance, dataKeyId);
  }

  private NodeIdentity identity(int number, Role role, InstanceId instance, long dataKeyId) {
    NodeKey key = key(number);
    var certificate = Certificate.issue(POOL, key.id(), role, HOME, RANDOM);
    var self = new LocalNode(key, certificate, instance, List.of(secret), dataKeyId);
    return new NodeIdentity(() -> self, new Policy(this));
  }

  private static final class Policy implements ResponderPolicy {
    private final MemberList members = MemberList.ofRoot(HOME.publicKey());
    private final TestPool pool;

    private Policy(TestPool pool) {
      this.pool = pool;
    }

    @Override
    public Admission admission() {
      return members;
    }

    @Override
    public HandshakeStatus status(
        NodeId node, Role role, InstanceId instance, long dataKeyId, int epoch) {
      pool.onStatus.run();
      return role == Role.PEER || dataKeyId == DATA_KEY_ID
          ? HandshakeStatus.OK
          : HandshakeStatus.DATA_KEY_DIFFERS;
    }

    @Override
    public SessionLimits limits() {
      return NodeTransport.SESSION_LIMITS;
    }
  }
}
