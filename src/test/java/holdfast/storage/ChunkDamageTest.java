package holdfast.storage;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import holdfast.model.ChunkId;
import holdfast.model.ErrorCode;
import holdfast.model.StorageException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/**
 * Files of a small store damaged everywhere: what is whole is held, nothing wrong is read, the
 * store goes on, and when the damage is taken back everything is there again.
 */
final class ChunkDamageTest {
  private static final int ZEROED_BYTES = 512;
  private static final int ZEROED_STEP_BYTES = 89;

  private boolean isUntold;
  private final DamagedStore store = new DamagedStore();
  private final WarningsKept warnings = new WarningsKept(ChunkRecovery.class);

  @BeforeEach
  void keepWarnings() {
    warnings.start();
  }

  @AfterEach
  void letWarningsGo() {
    warnings.stop();
  }

  @Test
  void flippedByteOfARecordHeaderLosesNothing() {
    for (String name : store.names()) {
      for (DamagedStore.Record record : store.records(name)) {
        for (int i = 0; i < ChunkFormat.RECORD_HEADER_BYTES; i++) {
          int at = record.offset() + i;
          for (int mask : new int[] {1 << i % 8, 0xFF}) {
            checkDamage(name, bytes -> bytes[at] ^= (byte) mask, List.of());
          }
        }
      }
    }
  }

  @Test
  void flippedByteOfASegmentHeaderLosesNothing() {
    for (String name : store.names()) {
      for (int i = 0; i < ChunkFormat.SEGMENT_HEADER_BYTES; i++) {
        int at = i;
        checkDamage(name, bytes -> bytes[at] ^= 1, List.of());
        assertTrue(warnings.text().contains("segment has no right header"), warnings.text());
      }
    }
  }

  @Test
  void flippedByteOfAFooterLosesNothingAndTheFooterIsWrittenAgain() {
    for (String name : store.sealedNames()) {
      byte[] whole = store.file(name);
      for (int i = store.recordsEnd(name); i < whole.length; i++) {
        int at = i;
        checkDamage(name, bytes -> bytes[at] ^= 16, List.of());

        assertArrayEquals(whole, store.damagedFile(name), "byte " + at);
      }
    }
  }

  @Test
  void flippedByteOfAChunkLosesThatChunkAlone() {
    for (String name : store.names()) {
      for (DamagedStore.Record record : store.records(name)) {
        int step = Math.max(1, record.lengthBytes() / 64);
        for (int i = 0; i < record.lengthBytes(); i += step) {
          int at = record.dataOffset() + i;
          checkDamage(name, bytes -> bytes[at] ^= 2, List.of(record));
        }
      }
    }
  }

  @Test
  void zeroedPageLosesOnlyWhatLiesInIt() {
    for (String name : store.names()) {
      int sizeBytes = store.file(name).length;
      int step = sizeBytes > 10_000 ? 40 * ZEROED_STEP_BYTES : ZEROED_STEP_BYTES;
      for (int from = 0; from < sizeBytes; from += step) {
        int start = from;
        int end = Math.min(sizeBytes, from + ZEROED_BYTES);
        checkDamage(
            name,
            bytes -> Arrays.fill(bytes, start, end, (byte) 0),
            store.records(name).stream().filter(r -> r.overlaps(start, end)).toList());
      }
    }
  }

  @Test
  void fileCutAtAnyLengthLosesOnlyWhatIsCutOff() {
    for (String name : store.names()) {
      int sizeBytes = store.file(name).length;
      int step = sizeBytes > 10_000 ? 997 : 1;
      for (int length = 0; length < sizeBytes; length += step) {
        int end = length;
        // Of a file that ends with a record nobody knows that there was more.
        isUntold = store.records(name).stream().anyMatch(r -> r.end() == end || r.offset() == end);
        checkCut(name, end, store.records(name).stream().filter(r -> r.end() > end).toList());
        isUntold = false;
        boolean isOnlyFooterGone = end >= store.recordsEnd(name);
        assertTrue(isOnlyFooterGone || warnings.text().contains(name), "length " + end);
      }
    }
  }

  @Test
  void removedFileIsReportedAndItsNumberNotUsedAgain() {
    for (String name : store.names()) {
      checkCut(name, -1, store.records(name));

      assertTrue(warnings.text().contains("missing"), warnings.text());
      assertTrue(warnings.text().contains(name), warnings.text());
    }
  }

  @Test
  void fileCutWithoutACleanEndIsATornTailAndTheStoreGoesOnInIt() {
    String name = store.openName();
    for (int end = ChunkFormat.SEGMENT_HEADER_BYTES; end < store.file(name).length; end++) {
      int cutAt = end;
      store.damage(name, bytes -> Arrays.copyOf(bytes, cutAt));
      store.remove(ChunkFormat.END_FILE);
      MemoryNotes.Recovered found;
      try (var opened = store.open()) {
        found = store.notes().atStart();
        store.checkHeld(opened, store.records(name).stream().filter(r -> r.end() > cutAt).toList());
        store.putNew(opened);
      }

      // A kill ends a write at a page, or behind the header; what ends with a record tells nothing.
      boolean isWhole =
          end == ChunkFormat.SEGMENT_HEADER_BYTES
              || store.records(name).stream().anyMatch(r -> r.end() == cutAt);
      boolean mayBeKill =
          cutAt % 4_096 == 0
              || store.records(name).stream()
                  .anyMatch(r -> r.offset() + ChunkFormat.RECORD_HEADER_BYTES == cutAt);
      assertEquals(!isWhole && !mayBeKill, found.isCutNow(), "cut at " + cutAt);
      assertEquals(store.names(), store.segmentNames());
      try (var opened = store.open()) {
        store.checkHeld(opened, store.records(name).stream().filter(r -> r.end() > cutAt).toList());
      }
    }
  }

  @Test
  void startThatWritesNothingLeavesTheNoteOfTheEnd() {
    String name = store.openName();
    store.damage(name, bytes -> Arrays.copyOf(bytes, bytes.length - 1));
    byte[] cut = store.damagedFile(name);

    for (int i = 0; i < 3; i++) {
      warnings.clear();
      store.open().close();

      assertTrue(warnings.text().contains("has lost its end"), warnings.text());
      assertArrayEquals(cut, store.damagedFile(name));
    }
  }

  @Test
  void damagedNoteOfTheEndIsNotUsed() {
    for (int i = 0; i < ChunkFormat.END_BYTES; i++) {
      int at = i;
      store.damage(
          ChunkFormat.END_FILE,
          bytes -> {
            bytes[at] ^= 4;
            return bytes;
          });
      try (var opened = store.open()) {
        store.checkHeld(opened, List.of());
      }
      assertTrue(warnings.text().contains("damaged and not used"), warnings.text());
    }
  }

  @Test
  void recordsPlantedInAChunkAreNotBelieved() {
    for (boolean isHeaderZeroed : new boolean[] {false, true}) {
      var planted = new PlantedChunk(store);
      try (var opened = store.openUndamaged()) {
        opened.put(planted.id(), planted.bytes(), 0, planted.bytes().length);
        store.putNew(opened);
        opened.closeCleanly();
      }
      if (isHeaderZeroed) {
        planted.zeroHeader();
      }

      try (var opened = store.open()) {
        store.checkHeld(opened, List.of());
        assertEquals(!isHeaderZeroed, opened.contains(planted.id()));
        assertFalse(opened.contains(planted.falseId()));
        planted.idsNeverPut().forEach(id -> checkTrueOrAbsent(opened, id));
      }
    }
  }

  @Test
  void chunkThatEndsLikeASegmentIsRefused() {
    byte[] bytes = new byte[100];
    byte[] trailer = ChunkFormat.trailer(new ChunkFormat.Trailer(0, 64, 0, 3));
    System.arraycopy(trailer, 0, bytes, bytes.length - trailer.length, trailer.length);
    var id = ChunkId.nameOf(bytes, 0, bytes.length);

    try (var opened = store.openUndamaged()) {
      assertEquals(
          ErrorCode.INVALID, DiskContractTest.codeOf(() -> opened.put(id, bytes, 0, bytes.length)));
    }
  }

  @Test
  void footerPlantedInATornChunkOfTheHighestSegmentIsNotBelieved() {
    String name = store.openName();
    var entries = new byte[0];
    byte[] whole = store.file(name);
    byte[] trailer =
        ChunkFormat.trailer(
            new ChunkFormat.Trailer(
                0, whole.length + ChunkFormat.RECORD_HEADER_BYTES, Crc.of(entries, 0, 0), 3));
    byte[] bytes = Arrays.copyOf(trailer, 5_000);
    var id = ChunkId.nameOf(bytes, 0, bytes.length);
    try (var opened = store.openUndamaged()) {
      opened.put(id, bytes, 0, bytes.length);
      opened.force();
    }
    int tornAt = whole.length + ChunkFormat.RECORD_HEADER_BYTES + trailer.length;

    store.cutNow(name, tornAt);

    try (var opened = store.open()) {
      store.checkHeld(opened, List.of());
      assertFalse(opened.contains(id));
    }
  }

  @Test
  void markOfASegmentThatIsGoneDoesNotHitANewOne() {
    try (var opened = store.openUndamaged()) {
      store.disk().failForceAfter(0);
      assertEquals(ErrorCode.STORE_FAILED, DiskContractTest.codeOf(opened::force));
    }
    store.remove(store.openName());

    List<ChunkId> added = new ArrayList<>();
    try (var opened = store.open()) {
      added.add(store.putNew(opened));
      opened.force();
    }

    try (var opened = store.open()) {
      assertTrue(opened.contains(added.get(0)));
    }
  }

  @Test
  void failedForceOfACutAtStartGivesTheSegmentUp() {
    String name = store.openName();
    store.damage(name, bytes -> Arrays.copyOf(bytes, bytes.length - 1));
    store.remove(ChunkFormat.END_FILE);
    store.disk().failForceAfter(0);

    try (var opened = store.open()) {
      store.records(name).forEach(record -> assertFalse(opened.contains(record.id())));
      store.putNew(opened);
      opened.force();
    }

    assertTrue(store.disk().exists(ChunkFormat.badName(ChunkFormat.segmentNumber(name))));
  }

  private interface Damage {
    void to(byte[] bytes);
  }

  /** Damages a file, checks, goes on, opens again, takes the damage back, checks. */
  private void checkDamage(String name, Damage damage, List<DamagedStore.Record> touched) {
    store.damage(
        name,
        bytes -> {
          damage.to(bytes);
          return bytes;
        });
    checkLife(name, touched);
  }

  /** Without a clean end nothing else says that it was there. */
  @Test
  void removedHighestFileIsToldAfterACrashToo() {
    String name = store.names().getLast();
    long number = ChunkFormat.segmentNumber(name);
    store.notes().lastMade(number);
    store.damage(name, bytes -> bytes);
    store.remove(ChunkFormat.END_FILE);
    store.remove(name);

    ChunkId added;
    try (var opened = store.open()) {
      assertTrue(store.notes().atStart().damage() != 0);
      added = store.putNew(opened);
      assertEquals(number + 1, store.notes().lastMade());
    }
    try (var opened = store.open()) {
      assertTrue(opened.contains(added));
    }
  }

  /** A power cut leaves zeros, or less: a flipped bit is something else. */
  @Test
  void aFlippedBitIsNoHoleAndAHoleIsNoFlippedBit() {
    String name = store.openName();
    for (DamagedStore.Record record : store.records(name)) {
      int dataAt = record.offset() + ChunkFormat.RECORD_HEADER_BYTES;
      for (int i = 0; i < record.lengthBytes(); i += 101) {
        int at = dataAt + i;
        store.damage(name, flip(at));
        store.open().close();
        assertTrue(store.notes().atStart().flipped() != 0, "byte " + at);
      }
      int lastAt = dataAt + record.lengthBytes();
      for (int sectorAt = 512; sectorAt < lastAt; sectorAt += 512) {
        int from = Math.max(dataAt, sectorAt);
        int to = Math.min(lastAt, sectorAt + 512);
        if (to > from) {
          store.damage(name, zero(from, Math.min(sectorAt + 512, store.file(name).length)));
          store.open().close();
          assertTrue(store.notes().atStart().damage() != 0, "from " + from);
          assertEquals(0, store.notes().atStart().flipped(), "from " + from);
        }
      }
    }
  }

  private static UnaryOperator<byte[]> flip(int at) {
    return bytes -> {
      bytes[at] ^= 4;
      return bytes;
    };
  }

  private static UnaryOperator<byte[]> zero(int from, int to) {
    return bytes -> {
      Arrays.fill(bytes, from, to, (byte) 0);
      return bytes;
    };
  }

  /** What can't be noted isn't cut: the next start would take it for whole. */
  @Test
  void nothingIsCutBeforeItIsNoted() {
    String name = store.names().getLast();
    int cutAt = store.recordsEnd(name) - 10;
    store.damage(name, bytes -> Arrays.copyOf(bytes, cutAt));
    store.remove(ChunkFormat.END_FILE);
    store.notes().refuse();

    assertThrows(StorageException.class, store::open);

    assertEquals(cutAt, store.damagedFile(name).length);
    try (var opened = store.open()) {
      assertTrue(store.notes().atStart().isCutNow());
      assertTrue(store.damagedFile(name).length < cutAt);
      assertTrue(opened.chunkCount() > 0);
    }
  }

  /** As {@link #checkDamage}, with a file cut to a length or, if negative, removed. */
  private void checkCut(String name, int length, List<DamagedStore.Record> touched) {
    if (length < 0) {
      store.damage(name, bytes -> bytes);
      store.remove(name);
    } else {
      store.damage(name, bytes -> Arrays.copyOf(bytes, length));
    }
    checkLife(name, touched);
  }

  private void checkLife(String name, List<DamagedStore.Record> touched) {
    warnings.clear();
    ChunkId added;
    MemoryNotes.Recovered found;
    try (var opened = store.open()) {
      found = store.notes().atStart();
      boolean isWhole = store.isHeld(opened, touched);
      assertTrue(isUntold || found.isAnything() || isWhole, "a loss isn't told");
      store.checkHeld(opened, touched);
      added = store.putNew(opened);
      opened.closeCleanly();
    }
    try (var opened = store.open()) {
      store.checkHeld(opened, touched);
      assertTrue(opened.contains(added));
      // The same damage is nothing new.
      assertEquals(
          new MemoryNotes.Recovered(false, found.damage(), found.flipped()),
          store.notes().atStart());
      opened.closeCleanly();
    }
    store.restore(name);
    try (var opened = store.open()) {
      store.checkHeld(opened, List.of());
      store.checkDeleted(opened);
      assertTrue(opened.contains(added));
    }
  }

  private static void checkTrueOrAbsent(ChunkStore opened, ChunkId id) {
    if (opened.contains(id)) {
      byte[] bytes = opened.read(id);
      assertEquals(id, ChunkId.nameOf(bytes, 0, bytes.length));
    } else {
      assertEquals(ErrorCode.CHUNK_MISSING, DiskContractTest.codeOf(() -> opened.read(id)));
    }
  }
}
