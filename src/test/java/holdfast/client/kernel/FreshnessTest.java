package holdfast.client.kernel;

import static org.assertj.core.api.Assertions.assertThat;

import holdfast.client.pool.PoolSession;
import holdfast.client.pool.Waits;
import holdfast.metadata.op.Invalidation;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.junit.jupiter.api.Test;

/** What the kernel may keep, and for how long. */
class FreshnessTest {
  private static final long SECOND_NS = 1_000_000_000L;
  private static final byte[] NAME = "a".getBytes(StandardCharsets.UTF_8);

  private long nowNs = 5 * SECOND_NS;
  private final Freshness freshness = new Freshness(new Waits(() -> nowNs, SECOND_NS));

  private static List<Invalidation> changed(long inode) {
    return List.of(new Invalidation.OfInode(inode, false, false));
  }

  @Test
  void nothingIsKeptBeforeThereIsALease() {
    try (var ticket = freshness.begin()) {
      assertThat(ticket.attributesMs(7)).isZero();
      assertThat(ticket.entryMs(1, NAME)).isZero();
      assertThat(ticket.mayKeepListing(1)).isFalse();
    }
  }

  @Test
  void underALeaseAllIsKeptForLongAndCanBeTakenBack() {
    freshness.lease(nowNs + SECOND_NS);

    try (var ticket = freshness.begin()) {
      assertThat(ticket.attributesMs(7)).isEqualTo(Freshness.LONG_MS);
      assertThat(ticket.entryMs(1, NAME)).isEqualTo(Freshness.LONG_MS);
      assertThat(ticket.mayKeepListing(1)).isTrue();
    }

    Freshness.Taken taken = freshness.distrust();
    assertThat(taken.inodes()).containsExactly(7L);
    assertThat(taken.listings()).containsExactly(1L);
    assertThat(taken.entries()).hasSize(1);
    assertThat(taken.entries().get(0).name()).isEqualTo(NAME);
    assertThat(freshness.distrust().inodes()).isEmpty();
  }

  @Test
  void anAnswerThatCrossedTheNewsIsNotKept() {
    freshness.lease(nowNs + SECOND_NS);

    try (var before = freshness.begin()) {
      freshness.note(changed(7));
      try (var after = freshness.begin()) {
        assertThat(before.attributesMs(7)).isZero();
        assertThat(before.attributesMs(8)).isEqualTo(Freshness.LONG_MS);
        assertThat(after.attributesMs(7)).isEqualTo(Freshness.LONG_MS);
      }
    }
  }

  @Test
  void anAnswerFromBeforeEverythingWasTakenBackIsNotKeptUnderTheNextLease() {
    freshness.lease(nowNs + SECOND_NS);

    try (var before = freshness.begin()) {
      freshness.distrust();
      freshness.lease(nowNs + SECOND_NS);
      assertThat(before.attributesMs(7)).isZero();
      try (var after = freshness.begin()) {
        assertThat(after.attributesMs(7)).isEqualTo(Freshness.LONG_MS);
      }
    }
  }

  @Test
  void inTheSecondHalfOfALeaseNothingNewIsKept() {
    freshness.lease(nowNs + SECOND_NS);

    nowNs += SECOND_NS - PoolSession.TAKING_BACK_NS;

    try (var ticket = freshness.begin()) {
      assertThat(ticket.attributesMs(7)).isZero();
    }
  }

  @Test
  void anOwnChangeUnderWayInTheSameDirectoryIsSeen() {
    var entry = List.<Invalidation>of(new Invalidation.OfInode(1, true, false));
    assertThat(freshness.note(entry)).isFalse();

    freshness.during(
        () -> {
          assertThat(freshness.note(entry)).isTrue();
          assertThat(freshness.note(changed(2))).isFalse();
        },
        1);

    assertThat(freshness.note(entry)).isFalse();
  }

  @Test
  void whatFindsNoRoomInTheTableIsKeptForTheRestOfTheLeaseOnly() {
    freshness.lease(nowNs + SECOND_NS);
    try (var ticket = freshness.begin()) {
      for (long inode = 1; inode <= ToldTable.MAX; inode++) {
        assertThat(ticket.attributesMs(inode)).isEqualTo(Freshness.LONG_MS);
      }

      assertThat(ticket.attributesMs(ToldTable.MAX + 1)).isBetween(1L, 500L);
      assertThat(ticket.entryMs(1, NAME)).isBetween(1L, 500L);
      assertThat(ticket.mayKeepListing(1)).isFalse();

      freshness.forgotten(5);
      assertThat(ticket.attributesMs(ToldTable.MAX + 1)).isEqualTo(Freshness.LONG_MS);
    }
  }

  @Test
  void evenNewsThatIsNotRememberedAnyMoreIsNotMissed() {
    freshness.lease(nowNs + SECOND_NS);
    try (var before = freshness.begin()) {
      freshness.note(changed(7));
      for (long inode = 100; inode < 100 + 20_000; inode++) {
        freshness.note(changed(inode));
      }
      assertThat(before.attributesMs(7)).isZero();
    }
  }
}
