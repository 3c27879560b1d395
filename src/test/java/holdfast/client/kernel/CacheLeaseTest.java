package holdfast.client.kernel;

import static org.assertj.core.api.Assertions.assertThat;

import holdfast.client.pool.Deadlines;
import holdfast.metadata.op.Invalidation;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.junit.jupiter.api.Test;

/** What the kernel may keep, and for how long. */
class CacheLeaseTest {
  private static final long SECOND_NS = 1_000_000_000L;
  private static final byte[] NAME = "a".getBytes(StandardCharsets.UTF_8);

  private long nowNs = 5 * SECOND_NS;
  private final CacheLease cacheLease = new CacheLease(new Deadlines(() -> nowNs, SECOND_NS));

  private static List<Invalidation> changed(long inode) {
    return List.of(new Invalidation.OfInode(inode, false, false));
  }

  @Test
  void nothingIsKeptBeforeThereIsALease() {
    try (var ticket = cacheLease.begin()) {
      assertThat(ticket.attributesMs(7)).isZero();
      assertThat(ticket.entryMs(1, NAME)).isZero();
      assertThat(ticket.mayKeepListing(1)).isFalse();
    }
  }

  @Test
  void underALeaseAllIsKeptForLongAndCanBeRecalled() {
    cacheLease.renew(nowNs + SECOND_NS);

    try (var ticket = cacheLease.begin()) {
      assertThat(ticket.attributesMs(7)).isEqualTo(CacheLease.LONG_MS);
      assertThat(ticket.entryMs(1, NAME)).isEqualTo(CacheLease.LONG_MS);
      assertThat(ticket.mayKeepListing(1)).isTrue();
    }

    CacheLease.Expired expired = cacheLease.expireAll();
    assertThat(expired.inodes()).containsExactly(7L);
    assertThat(expired.listings()).containsExactly(1L);
    assertThat(expired.entries()).hasSize(1);
    assertThat(expired.entries().get(0).name()).isEqualTo(NAME);
    assertThat(cacheLease.expireAll().inodes()).isEmpty();
  }

  @Test
  void anAnswerThatCrossedAnInvalidationIsNotKept() {
    cacheLease.renew(nowNs + SECOND_NS);

    try (var before = cacheLease.begin()) {
      cacheLease.note(changed(7));
      try (var after = cacheLease.begin()) {
        assertThat(before.attributesMs(7)).isZero();
        assertThat(before.attributesMs(8)).isEqualTo(CacheLease.LONG_MS);
        assertThat(after.attributesMs(7)).isEqualTo(CacheLease.LONG_MS);
      }
    }
  }

  @Test
  void anAnswerFromBeforeEverythingExpiredIsNotKeptUnderTheNextLease() {
    cacheLease.renew(nowNs + SECOND_NS);

    try (var before = cacheLease.begin()) {
      cacheLease.expireAll();
      cacheLease.renew(nowNs + SECOND_NS);
      assertThat(before.attributesMs(7)).isZero();
      try (var after = cacheLease.begin()) {
        assertThat(after.attributesMs(7)).isEqualTo(CacheLease.LONG_MS);
      }
    }
  }

  @Test
  void whenTheLeaseIsNotReliedOnAnyMoreNothingNewIsKept() {
    cacheLease.renew(nowNs + SECOND_NS);

    nowNs += SECOND_NS;

    try (var ticket = cacheLease.begin()) {
      assertThat(ticket.attributesMs(7)).isZero();
    }
  }

  @Test
  void anOwnChangeInFlightInTheSameDirectoryIsSeen() {
    var entry = List.<Invalidation>of(new Invalidation.OfInode(1, true, false));
    assertThat(cacheLease.note(entry)).isFalse();

    cacheLease.during(
        () -> {
          assertThat(cacheLease.note(entry)).isTrue();
          assertThat(cacheLease.note(changed(2))).isFalse();
        },
        1);

    assertThat(cacheLease.note(entry)).isFalse();
  }

  @Test
  void whatFindsNoRoomInTheTableIsKeptForTheRestOfTheLeaseOnly() {
    cacheLease.renew(nowNs + SECOND_NS / 2);
    try (var ticket = cacheLease.begin()) {
      for (long inode = 1; inode <= GrantTable.MAX; inode++) {
        assertThat(ticket.attributesMs(inode)).isEqualTo(CacheLease.LONG_MS);
      }

      assertThat(ticket.attributesMs(GrantTable.MAX + 1)).isBetween(1L, 500L);
      assertThat(ticket.entryMs(1, NAME)).isBetween(1L, 500L);
      assertThat(ticket.mayKeepListing(1)).isFalse();

      cacheLease.forgotten(5);
      assertThat(ticket.attributesMs(GrantTable.MAX + 1)).isEqualTo(CacheLease.LONG_MS);
    }
  }

  @Test
  void evenAnInvalidationThatIsNotRememberedAnyMoreIsNotMissed() {
    cacheLease.renew(nowNs + SECOND_NS);
    try (var before = cacheLease.begin()) {
      cacheLease.note(changed(7));
      for (long inode = 100; inode < 100 + 20_000; inode++) {
        cacheLease.note(changed(inode));
      }
      assertThat(before.attributesMs(7)).isZero();
    }
  }
}
