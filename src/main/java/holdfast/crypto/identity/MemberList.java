package holdfast.crypto.identity;

import holdfast.crypto.Admission;
import holdfast.crypto.NodePublicKey;
import holdfast.crypto.Role;
import holdfast.model.NodeId;
import holdfast.util.ByteReader;
import holdfast.util.ByteWriter;
import holdfast.util.Invariants;
import holdfast.util.Sha256;
import java.util.Collections;
import java.util.Map;
import java.util.Optional;
import java.util.SortedMap;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;

/**
 * The members of a pool: its homes, the root included, and who was shut out. Immutable, any thread.
 *
 * @param homes listed homes by id
 * @param evicted homes and nodes that are shut out
 */
public record MemberList(SortedMap<NodeId, Member> homes, SortedSet<NodeId> evicted)
    implements Admission {
  /** Listed homes at most. */
  public static final int HOMES_MAX = 1_024;

  /** Evicted ids kept at most. */
  public static final int EVICTED_MAX = 4_096;

  /**
   * A listed home.
   *
   * @param key its public key
   * @param role CLIENT: may invite clients and holds the data key; PEER: runs peers only
   */
  public record Member(NodePublicKey key, Role role) {}

  /** Copies both. */
  public MemberList {
    Invariants.check(homes.size() <= HOMES_MAX, "member list of %s homes", homes.size());
    Invariants.check(evicted.size() <= EVICTED_MAX, "%s evicted ids", evicted.size());
    homes = Collections.unmodifiableSortedMap(new TreeMap<>(homes));
    evicted = Collections.unmodifiableSortedSet(new TreeSet<>(evicted));
  }

  /** The list of a new pool: its root home. */
  public static MemberList ofRoot(NodePublicKey root) {
    return new MemberList(
        new TreeMap<>(Map.of(root.id(), new Member(root, Role.CLIENT))), new TreeSet<>());
  }

  @Override
  public Optional<NodePublicKey> home(NodeId home) {
    return isEvicted(home)
        ? Optional.empty()
        : Optional.ofNullable(homes.get(home)).map(Member::key);
  }

  @Override
  public boolean isEvicted(NodeId id) {
    return evicted.contains(id);
  }

  /** SHA-256 of {@link #encode}. */
  public byte[] digest() {
    return Sha256.of(encode());
  }

  @Override
  public byte[] memberListDigest() {
    return digest();
  }

  /** The one encoding of this list: homes and evicted ids in ascending order. */
  public byte[] encode() {
    var out = new ByteWriter().u16(homes.size());
    homes.values().forEach(home -> out.v(home.key().encoded()).u8(home.role().wire()));
    out.u16(evicted.size());
    evicted.forEach(id -> id.write(out));
    return out.toBytes();
  }

  /** Reads what {@link #encode} made. */
  static MemberList read(ByteReader in) {
    var homes = new TreeMap<NodeId, Member>();
    int homeCount = bounded(in.u16(), HOMES_MAX);
    for (int i = 0; i < homeCount; i++) {
      var key = NodePublicKey.of(in.v(NodePublicKey.BYTES));
      var role = Role.ofWire(in.u8()).orElseThrow(() -> new ByteReader.Malformed("read role"));
      homes.put(key.id(), new Member(key, role));
    }
    var evicted = new TreeSet<NodeId>();
    int evictedCount = bounded(in.u16(), EVICTED_MAX);
    for (int i = 0; i < evictedCount; i++) {
      evicted.add(NodeId.read(in));
    }
    return new MemberList(homes, evicted);
  }

  private static int bounded(int count, int max) {
    if (count > max) {
      throw new ByteReader.Malformed("read count: expected=0 to " + max + ", was=" + count);
    }
    return count;
  }
}
