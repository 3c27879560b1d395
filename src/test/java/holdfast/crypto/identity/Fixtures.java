package holdfast.crypto.identity;

import holdfast.crypto.Admission;
import holdfast.crypto.CipherSuite;
import holdfast.crypto.DataKey;
import holdfast.crypto.Role;
import holdfast.crypto.handshake.FrameFormat;
import holdfast.crypto.handshake.HandshakeInitiator;
import holdfast.crypto.handshake.HandshakeResponder;
import holdfast.crypto.handshake.HandshakeStatus;
import holdfast.crypto.handshake.LocalNode;
import holdfast.crypto.handshake.ResponderPolicy;
import holdfast.crypto.handshake.SessionLimits;
import holdfast.model.InstanceId;
import holdfast.model.NodeId;
import holdfast.util.MonotonicClock;
import holdfast.util.Sha256;
import holdfast.util.WallClock;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;

/** Fixed keys, clock and randomness, so that every byte of a test is reproducible. */
public final class Fixtures {
  public static final NodeKey HOME = key("home");
  public static final NodeKey PEER = key("peer");
  public static final NodeKey OTHER = key("other");
  public static final long TIME_S = 1_700_000_000L;
  public static final WallClock WALL = () -> TIME_S * 1_000_000_000L;
  public static final MonotonicClock STILL = () -> 0;
  public static final SessionLimits LIMITS = new SessionLimits(FrameFormat.TOKEN_BYTES_MAX, 256, 8);
  public static final InstanceId CLIENT_INSTANCE = new InstanceId(0x1111L, 0x2222L);
  public static final InstanceId PEER_INSTANCE = new InstanceId(0x3333L, 0x4444L);
  public static final DataKey DATA_KEY = DataKey.of(counted(DataKey.BYTES, 0x40));

  private Fixtures() {}

  /** The stream SHA-256(name, u32 0), SHA-256(name, u32 1), …: what the published vectors draw. */
  public static final class FixedRandom extends SecureRandom {
    private static final long serialVersionUID = 1L;
    private final byte[] name;
    private byte[] block = {};
    private int at;
    private int counter;

    public FixedRandom(String name) {
      this.name = name.getBytes(StandardCharsets.UTF_8);
    }

    @Override
    public void nextBytes(byte[] out) {
      for (int i = 0; i < out.length; i++) {
        if (at == block.length) {
          byte[] number = {
            (byte) (counter >>> 24), (byte) (counter >>> 16), (byte) (counter >>> 8), (byte) counter
          };
          counter++;
          block = Sha256.of(name, number);
          at = 0;
        }
        out[i] = block[at++];
      }
    }
  }

  /** Admits members of the given list. */
  public record Policy(Admission admission, HandshakeStatus answer) implements ResponderPolicy {
    @Override
    public HandshakeStatus status(
        NodeId node, Role role, InstanceId instance, long dataKeyId, int epoch) {
      return answer;
    }

    @Override
    public SessionLimits limits() {
      return LIMITS;
    }
  }

  public static PoolFile pool() {
    return PoolFile.create(
        HOME.publicKey(), CipherSuite.FERNET, new FixedRandom("holdfast test pool"));
  }

  public static LocalNode client(PoolFile pool) {
    var random = new FixedRandom("holdfast test client certificate");
    var certificate = Certificate.issue(pool.id(), HOME.id(), Role.CLIENT, HOME, random);
    return new LocalNode(
        HOME, certificate, CLIENT_INSTANCE, pool.secrets(), pool.dataKey().orElseThrow().id());
  }

  public static LocalNode peer(PoolFile pool) {
    var random = new FixedRandom("holdfast test peer certificate");
    var certificate = Certificate.issue(pool.id(), PEER.id(), Role.PEER, HOME, random);
    return new LocalNode(PEER, certificate, PEER_INSTANCE, pool.secrets(), 0);
  }

  public static HandshakeInitiator initiator(LocalNode self, PoolFile pool) {
    return new HandshakeInitiator(
        self,
        pool.members(),
        Optional.of(PEER.id()),
        "127.0.0.1:8000",
        new FixedRandom("holdfast test initiator"),
        WALL);
  }

  public static HandshakeResponder responder(LocalNode self, ResponderPolicy policy) {
    return new HandshakeResponder(self, policy, new FixedRandom("holdfast test responder"), WALL);
  }

  static String ascii(byte[] bytes) {
    return new String(bytes, StandardCharsets.US_ASCII);
  }

  /** Writes both copies of a key file. */
  static void save(NodeKey key, Path file) {
    NodeKey.files(file, "", new FixedRandom("holdfast test key file")).write(1, key.pem());
  }

  public static byte[] counted(int lengthBytes, int first) {
    byte[] bytes = new byte[lengthBytes];
    for (int i = 0; i < lengthBytes; i++) {
      bytes[i] = (byte) (first + i);
    }
    return bytes;
  }

  public static byte[] flipped(byte[] bytes, int bit) {
    byte[] changed = bytes.clone();
    changed[bit / 8] ^= (byte) (1 << bit % 8);
    return changed;
  }

  public static byte[] hex(String text) {
    return HexFormat.of().parseHex(text.replaceAll("\\s", ""));
  }

  public static String hex(byte[] bytes) {
    return HexFormat.of().formatHex(bytes);
  }

  public static String resource(String name) {
    try (var in = Fixtures.class.getResourceAsStream("/" + name)) {
      if (in == null) {
        throw new IllegalStateException("no test resource " + name);
      }
      return new String(in.readAllBytes(), StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  public static byte[] joined(List<byte[]> parts) {
    byte[] all = {};
    for (byte[] part : parts) {
      int at = all.length;
      all = Arrays.copyOf(all, at + part.length);
      System.arraycopy(part, 0, all, at, part.length);
    }
    return all;
  }

  private static NodeKey key(String name) {
    var file = "golden/1/" + name + ".key.pem";
    return NodeKey.parse(resource(file), Path.of(file));
  }
}
