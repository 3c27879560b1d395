package holdfast.placement;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import holdfast.model.ChunkId;
import holdfast.model.HostPort;
import holdfast.model.NodeId;
import holdfast.util.ByteReader;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import org.junit.jupiter.api.Test;

final class PoolMapTest {
  private static PoolMap map(List<PeerEntry> peers) {
    return PoolMap.empty(Pools.VERSION, PoolSettings.DEFAULT)
        .next(Pools.VERSION, PoolSettings.DEFAULT, peers);
  }

  @Property(tries = 100)
  void mapIsReadAsItWasWritten(@ForAll long seed, @ForAll @IntRange(min = 0, max = 255) int count) {
    var random = new Random(seed);
    var map = map(count == 0 ? List.of() : Pools.mixed(random, count));

    var in = new ByteReader(map.toBytes());
    var read = PoolMap.read(in);
    in.end();

    assertThat(read).isEqualTo(map);
    assertThat(map.toBytes()).hasSizeLessThanOrEqualTo(PoolMap.ENCODED_MAX_BYTES);
  }

  @Test
  void largestMapFitsItsBound() {
    var random = new Random(1);
    var peers = new ArrayList<PeerEntry>();
    for (int i = 0; i < PoolMap.PEERS_MAX; i++) {
      var node = new NodeId(random.nextLong(), 0, 0, i);
      peers.add(
          new PeerEntry(
              node,
              new HostPort("h".repeat(HostPort.HOST_MAX_CHARS), 1),
              1,
              1,
              "a".repeat(PeerEntry.DOMAIN_MAX_BYTES),
              "b".repeat(PeerEntry.DOMAIN_MAX_BYTES - 3) + i % 10,
              PeerState.UP,
              1));
    }
    var settings = new PoolSettings(PoolSettings.REPLICAS_MAX, 1, 1, 1, true);

    var map = PoolMap.empty(Pools.VERSION, settings).next(Pools.VERSION, settings, peers);

    assertThat(map.toBytes()).hasSizeLessThanOrEqualTo(PoolMap.ENCODED_MAX_BYTES);
  }

  @Property(tries = 300)
  void damagedBytesAreMalformedOrAMapButNeverACrash(@ForAll long seed) {
    var random = new Random(seed);
    byte[] bytes = map(Pools.mixed(random, 1 + random.nextInt(6))).toBytes();
    for (int i = random.nextInt(4); i >= 0; i--) {
      bytes[random.nextInt(random.nextBoolean() ? 300 : bytes.length) % bytes.length] =
          (byte) random.nextInt(256);
    }

    try {
      PoolMap.read(new ByteReader(bytes, 0, random.nextInt(bytes.length + 1)));
    } catch (ByteReader.Malformed e) {
      assertThat(e.getMessage()).isNotEmpty();
    }
  }

  @Test
  void targetsAreLiveOwnersInOrderThenStandInsOfOtherDomains() {
    var random = new Random(2);
    var peers = new ArrayList<>(Pools.equal(random, 6));
    var whole = map(peers);
    for (int partition = 0; partition < ChunkId.PARTITION_COUNT; partition++) {
      var owners = whole.owners(partition);
      assertThat(whole.targets(partition)).isEqualTo(owners);
    }
    var down = peers.get(3).withState(PeerState.DOWN);

    var map = whole.withPeer(Pools.VERSION, down);

    Map<NodeId, Integer> standIns = new HashMap<>();
    for (int partition = 0; partition < ChunkId.PARTITION_COUNT; partition++) {
      var owners = new ArrayList<>(map.owners(partition));
      assertThat(owners).isEqualTo(whole.owners(partition));
      boolean isHit = owners.remove(down.node());
      var targets = map.targets(partition);
      assertThat(targets).hasSize(3).doesNotContain(down.node()).startsWith(owners.get(0));
      assertThat(targets.subList(0, owners.size())).isEqualTo(owners);
      if (isHit) {
        standIns.merge(targets.get(2), 1, Integer::sum);
      }
    }
    // The load of the one that is down spreads over all others.
    assertThat(standIns).hasSize(5);
    assertThat(standIns.values()).allMatch(count -> count > 60);
  }

  @Test
  void readersAreEveryPeerOnceOwnersFirst() {
    var random = new Random(3);
    var peers = new ArrayList<>(Pools.equal(random, 7));
    peers.set(0, peers.get(0).withState(PeerState.DOWN));
    var map = map(peers);

    for (int partition = 0; partition < ChunkId.PARTITION_COUNT; partition++) {
      var readers = map.readers(partition);
      assertThat(new HashSet<>(readers)).hasSize(7).hasSameSizeAs(readers);
      var liveOwners = new ArrayList<>(map.owners(partition));
      liveOwners.remove(peers.get(0).node());
      assertThat(readers.subList(0, liveOwners.size())).isEqualTo(liveOwners);
      assertThat(readers.get(6)).isEqualTo(peers.get(0).node());
    }
  }

  @Test
  void usableBytesAreWhatTheTableCanFill() {
    var random = new Random(4);
    long size = 1L << 40;
    var peers =
        List.of(
            Pools.peer(random, size, "a"),
            Pools.peer(random, size, "b"),
            Pools.peer(random, size, "c"),
            Pools.peer(random, 10 * size, "d"));

    // Three copies: the large one may hold each chunk once, the rest share two copies among three.
    assertThat(map(peers).usableBytes()).isBetween(size * 149 / 100, size * 3 / 2);
    assertThat(map(peers.subList(0, 3)).usableBytes()).isEqualTo(size);
    assertThat(map(peers.subList(0, 2)).usableBytes()).isEqualTo(size);
    assertThat(map(List.of()).usableBytes()).isZero();
    var filled = new ArrayList<>(peers.subList(0, 3));
    filled.set(1, filled.get(1).withUsedBytes(size / 4));
    assertThat(map(filled).freeBytes()).isEqualTo(size / 4 * 3);
  }

  @Test
  void enoughCopiesCountsDomainsWhileMoreThanOneIsLive() {
    var random = new Random(5);
    var a = Pools.peer(random, 1L << 40, "a");
    var alsoA = Pools.peer(random, 1L << 40, "a");
    var b = Pools.peer(random, 1L << 40, "b");
    var map = map(List.of(a, alsoA, b));

    assertThat(map.suffices(List.of(a.node(), alsoA.node()))).isFalse();
    assertThat(map.suffices(List.of(a.node(), b.node()))).isTrue();
    var withoutB = map.withPeer(Pools.VERSION, b.withState(PeerState.DOWN));
    assertThat(withoutB.suffices(List.of(a.node(), alsoA.node()))).isTrue();
    assertThat(withoutB.suffices(List.of(a.node()))).isFalse();
    var alone = withoutB.withPeer(Pools.VERSION, alsoA.withState(PeerState.AWAY));
    assertThat(alone.suffices(List.of(a.node()))).isTrue();
    assertThat(alone.suffices(List.of())).isFalse();
  }

  @Test
  void settingsOutOfRangeAreRefusedWithTheRange() {
    assertThatThrownBy(() -> new PoolSettings(9, 2, 1, 1, true))
        .hasMessage("set replicas: expected=1 to 8, was=9");
    assertThatThrownBy(() -> new PoolSettings(2, 3, 1, 1, true))
        .hasMessage("set min-copies: expected=1 to 2, was=3");
  }
}
