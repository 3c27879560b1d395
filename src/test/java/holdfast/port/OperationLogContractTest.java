package holdfast.port;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import holdfast.consensus.Configuration;
import holdfast.consensus.HardState;
import holdfast.consensus.InitialState;
import holdfast.consensus.LogEntry;
import holdfast.consensus.Recovery;
import holdfast.consensus.SnapshotMeta;
import holdfast.model.ChunkLoss;
import holdfast.model.ErrorCode;
import holdfast.model.LogId;
import holdfast.model.StorageException;
import holdfast.sim.SimLoop;
import holdfast.sim.SimStore;
import holdfast.sim.SimWorld;
import java.io.ByteArrayOutputStream;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.function.Consumer;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What every operation log does, the one on a disk and the one in memory. */
public abstract class OperationLogContractTest {
  private static final LogId LOG = new LogId(4, 4);
  private static final LogId OTHER = new LogId(5, 5);
  private static final long LONG_NS = 10 * SimWorld.S;

  private final SimWorld world = new SimWorld(1);
  private final List<StorageException> outcomes = new ArrayList<>();
  private final Consumer<StorageException> done = outcomes::add;
  private SimStore store;
  private SimLoop loop;
  private OperationLog log;

  /** An empty disk. */
  protected abstract SimStore make(SimWorld world);

  @BeforeEach
  void openLog() {
    store = make(world);
    open();
  }

  private OperationLog.Recovered open() {
    loop = new SimLoop(world, "loop");
    log = store.open(loop).log();
    return log.atStart();
  }

  /** The process ends, and another one opens the log. */
  private OperationLog.Recovered restart() {
    loop.kill();
    store.close();
    return open();
  }

  private OperationLog.Recovered losePower() {
    loop.kill();
    store.close();
    store.losePower(world.split());
    return open();
  }

  private void settle() {
    world.run(LONG_NS);
  }

  /** The codes of so many outcomes, in order; null for success. */
  private List<ErrorCode> outcomes(int count) {
    assertEquals(List.of(), outcomes, "nothing is told within the call");
    settle();
    assertEquals(count, outcomes.size());
    var codes = new ArrayList<ErrorCode>();
    outcomes.forEach(why -> codes.add(why == null ? null : why.code()));
    outcomes.clear();
    return codes;
  }

  private void expectDone(int count) {
    outcomes(count).forEach(code -> assertNull(code));
  }

  private static LogEntry entry(long index, long term) {
    return new LogEntry(index, term, LogEntry.Kind.COMMAND, new byte[] {(byte) index, 7, 7});
  }

  private static SnapshotMeta meta(long index, long term) {
    return new SnapshotMeta(index, term, Configuration.EMPTY);
  }

  private static HardState term(long term) {
    return new HardState(term, Optional.empty());
  }

  private static byte[] content(int lengthBytes) {
    byte[] bytes = new byte[lengthBytes];
    new Random(lengthBytes).nextBytes(bytes);
    return bytes;
  }

  /** In pieces of 100 KB. */
  private static OperationLog.SnapshotSource source(byte[] content) {
    int[] at = new int[1];
    return () -> {
      if (at[0] == content.length) {
        return null;
      }
      int end = Math.min(content.length, at[0] + 100_000);
      byte[] piece = Arrays.copyOfRange(content, at[0], end);
      at[0] = end;
      return piece;
    };
  }

  /** With entries 1 to 3 of term 1, forced. */
  private void begin() {
    log.begin(LOG, InitialState.empty(), done);
    log.append(0, List.of(entry(1, 1), entry(2, 1), entry(3, 1)), done);
    log.force(done);
    expectDone(3);
  }

  private static void assertEntries(List<LogEntry> expected, OperationLog.Recovered found) {
    List<LogEntry> entries = found.initial().entries();
    assertEquals(expected.size(), entries.size());
    for (int i = 0; i < expected.size(); i++) {
      assertEquals(expected.get(i).index(), entries.get(i).index());
      assertEquals(expected.get(i).term(), entries.get(i).term());
      assertArrayEquals(expected.get(i).payload(), entries.get(i).payload());
    }
  }

  /** What became of a snapshot that was saved. */
  private static final class Saved implements OperationLog.SnapshotSaved {
    private long sizeBytes = -1;
    private StorageException failure;

    @Override
    public void onSaved(long savedBytes) {
      sizeBytes = savedBytes;
    }

    @Override
    public void onFailure(StorageException why) {
      failure = why;
    }
  }

  private Saved save(long index, long term, byte[] content) {
    var saved = new Saved();
    log.saveSnapshot(meta(index, term), source(content), saved);
    assertEquals(-1, saved.sizeBytes, "nothing is told within the call");
    settle();
    return saved;
  }

  /** A piece of a snapshot; null, and an outcome, if it can't be read. */
  private byte[] piece(long index, long offset, int maxBytes, long totalBytes) {
    var read = new ArrayList<byte[]>();
    log.readSnapshot(
        index,
        offset,
        maxBytes,
        new OperationLog.SnapshotPiece() {
          @Override
          public void onBytes(byte[] bytes, long wholeBytes) {
            assertEquals(totalBytes, wholeBytes);
            read.add(bytes);
          }

          @Override
          public void onFailure(StorageException why) {
            done.accept(why);
          }
        });
    assertEquals(List.of(), read, "nothing is told within the call");
    settle();
    return read.isEmpty() ? null : read.getFirst();
  }

  private byte[] readSnapshot(long index, int maxBytes, int totalBytes) {
    var all = new ByteArrayOutputStream();
    while (all.size() < totalBytes) {
      byte[] piece = piece(index, all.size(), maxBytes, totalBytes);
      int boundBytes = Math.min(maxBytes, OperationLog.SNAPSHOT_PIECE_BYTES_MAX);
      assertTrue(piece.length > 0 && piece.length <= boundBytes, "was=" + piece.length);
      all.writeBytes(piece);
    }
    return all.toByteArray();
  }

  @Test
  void aLogBeginsOnceAndIsFoundByTheNextStart() {
    assertTrue(log.atStart().log().isEmpty());
    var first = new InitialState(term(7), SnapshotMeta.NONE, List.of(entry(1, 7)));

    log.begin(LOG, first, done);
    log.begin(OTHER, InitialState.empty(), done);
    log.append(0, List.of(entry(2, 7)), done);
    log.force(done);

    assertEquals(Arrays.asList(null, ErrorCode.INVALID, null, null), outcomes(4));
    var found = losePower();
    assertEquals(Optional.of(LOG), found.log());
    assertEquals(7, found.initial().hardState().term());
    assertEntries(List.of(entry(1, 7), entry(2, 7)), found);
  }

  @Test
  void whatItBeginsWithIsForced() {
    var first = new InitialState(term(7), SnapshotMeta.NONE, List.of(entry(1, 7)));
    log.begin(LOG, first, done);
    expectDone(1);

    var found = losePower();

    assertEquals(Optional.of(LOG), found.log());
    assertEntries(List.of(entry(1, 7)), found);
  }

  @Test
  void whatWasForcedOutlivesTheMachinesPower() {
    begin();
    log.append(0, List.of(entry(4, 1)), done);
    expectDone(1);

    var found = losePower();

    List<LogEntry> entries = found.initial().entries();
    assertTrue(entries.size() == 3 || entries.size() == 4, "was=" + entries.size());
    assertEquals(3, entries.get(2).index());
  }

  @Test
  void whatWasWrittenOutlivesItsProcessInTheOrderOfTheCalls() {
    begin();
    log.append(0, List.of(entry(4, 1), entry(5, 1)), done);
    log.append(3, List.of(entry(3, 2)), done);
    log.append(0, List.of(entry(4, 2)), done);
    log.append(9, List.of(entry(5, 2)), done);
    expectDone(4);

    var found = restart();

    assertEntries(List.of(entry(1, 1), entry(2, 1), entry(3, 2), entry(4, 2), entry(5, 2)), found);
  }

  @Test
  void termAndVoteAreForcedWhenTheyAreDone() {
    begin();
    log.persistHardState(term(8), done);
    log.persistHardState(term(9), done);
    expectDone(2);

    assertEquals(9, losePower().initial().hardState().term());
  }

  @Test
  void afterOneWriteFailedEveryLaterOneFails() {
    begin();
    store.failLog();

    log.append(0, List.of(entry(4, 1)), done);
    log.append(0, List.of(entry(4, 1)), done);
    log.force(done);
    log.persistHardState(term(9), done);
    log.begin(OTHER, InitialState.empty(), done);

    assertEquals(java.util.Collections.nCopies(5, ErrorCode.STORE_FAILED), outcomes(5));
    loop.kill();
    store.close();
    store.repair();
    assertEntries(List.of(entry(1, 1), entry(2, 1), entry(3, 1)), open());
  }

  @Test
  void theLogGoesOnAfterASnapshotThatTookItsPlace() {
    begin();
    byte[] content = content(250_000);
    for (int at = 0; at < content.length; at += 125_000) {
      byte[] piece = Arrays.copyOfRange(content, at, at + 125_000);
      log.storeSnapshotPiece(meta(10, 2), content.length, at, piece, done);
    }
    expectDone(2);

    log.reset(meta(10, 2), done);
    log.append(0, List.of(entry(11, 2)), done);
    log.force(done);
    expectDone(3);

    var found = losePower();
    assertEquals(10, found.initial().snapshot().index());
    assertEquals(2, found.initial().snapshot().term());
    assertEquals(content.length, found.snapshotBytes());
    assertEntries(List.of(entry(11, 2)), found);
    assertArrayEquals(content, readSnapshot(10, 50_000, content.length));
  }

  @Test
  void aSnapshotThatWasSavedIsDurableAndReadInPieces() {
    begin();
    byte[] content = content(250_000);

    var saved = save(2, 1, content);

    assertEquals(content.length, saved.sizeBytes);
    assertArrayEquals(content, readSnapshot(2, 30_000, content.length));
    assertArrayEquals(content, readSnapshot(2, Integer.MAX_VALUE, content.length));
    assertNull(piece(3, 0, 100, 0));
    assertEquals(1, outcomes.size(), "there is none of this index");
    var found = losePower();
    assertEquals(2, found.initial().snapshot().index());
    assertEquals(content.length, found.snapshotBytes());
    assertEquals(3, found.initial().entries().getLast().index());
    assertArrayEquals(content, readSnapshot(2, 30_000, content.length));
  }

  @Test
  void ofThreeSnapshotsTheOldestGoesAndTheLogReachesBackToTheOlderOne() {
    begin();
    save(1, 1, content(1_000));
    save(2, 1, content(2_000));
    save(3, 1, content(3_000));

    log.compact(3, done);
    expectDone(1);

    assertNull(piece(1, 0, 100, 0));
    assertEquals(1, outcomes.size());
    assertArrayEquals(content(2_000), readSnapshot(2, 9_000, 2_000));
    assertArrayEquals(content(3_000), readSnapshot(3, 9_000, 3_000));
    var found = restart();
    assertEquals(3, found.initial().snapshot().index());
    assertEntries(List.of(), found);
  }

  @Test
  void aSnapshotThatIsReceivedCountsWithItsLastPiece() {
    begin();
    byte[] content = content(3_000);
    byte[] first = Arrays.copyOf(content, 2_000);
    byte[] last = Arrays.copyOfRange(content, 2_000, 3_000);
    var meta = meta(2, 1);
    log.storeSnapshotPiece(meta, 3_000, 0, first, done);
    log.storeSnapshotPiece(meta, 3_000, 2_500, last, done);
    List<ErrorCode> codes = outcomes(2);
    assertNull(codes.getFirst());
    assertFalse(codes.getLast() == null, "a gap");

    log.storeSnapshotPiece(meta, 3_000, 0, first, done);
    expectDone(1);
    assertNull(piece(2, 0, 100, 0));
    outcomes.clear();
    log.storeSnapshotPiece(meta, 3_000, 2_000, last, done);
    expectDone(1);

    assertEquals(2, losePower().initial().snapshot().index());
    assertArrayEquals(content, readSnapshot(2, 9_000, 3_000));
  }

  @Test
  void anotherLogTakesThePlaceOfThisOneWhichStaysAsideUntilItIsDropped() {
    begin();
    byte[] content = content(1_000);

    log.switchTo(50, LOG, term(3), meta(100, 3), source(content), done);
    log.switchTo(50, OTHER, term(3), meta(100, 3), source(content), done);
    log.append(0, List.of(entry(101, 3)), done);
    log.force(done);
    assertEquals(Arrays.asList(ErrorCode.INVALID, null, null, null), outcomes(4));

    var found = losePower();
    assertEquals(Optional.of(OTHER), found.log());
    assertEquals(3, found.initial().hardState().term());
    assertEquals(100, found.initial().snapshot().index());
    assertEntries(List.of(entry(101, 3)), found);
    assertTrue(found.runNumber() > 50, "was=" + found.runNumber());
    assertEquals(List.of(new OperationLog.Aside(LOG, 3, 1)), found.aside());
    assertArrayEquals(content, readSnapshot(100, 9_000, 1_000));

    log.dropAside(LOG, done);
    log.dropAside(new LogId(9, 9), done);
    expectDone(2);
    assertEquals(List.of(), restart().aside());
  }

  @Test
  void eachStartHasAHigherRunNumberThanTheOneBefore() {
    long first = log.atStart().runNumber();
    begin();
    long second = restart().runNumber();
    long third = losePower().runNumber();

    assertTrue(first < second && second < third, first + ", " + second + ", " + third);
  }

  @Test
  void aLossIsMarkedUntilItIsRecoveredUnderItsNonce() {
    begin();
    var marks = new ArrayList<Recovery>();
    var lacking = new OperationLog.Lacking(LOG, 9);
    log.lost(70, lacking, "older", marks::add, done);
    assertEquals(List.of(), marks, "nothing is told within the call");
    settle();
    assertTrue(marks.getFirst().isVoteLost());
    assertEquals(Recovery.Cause.DAMAGE, marks.getFirst().cause());

    log.recovered(marks.getFirst().nonce() + 1, done);
    expectDone(1);
    var found = restart();
    assertEquals(marks.getFirst(), found.initial().recovery());
    assertEquals(lacking, found.lacking());
    assertTrue(found.runNumber() > 70);

    log.recovered(found.initial().recovery().nonce(), done);
    log.settleLacking(null, done);
    expectDone(2);
    found = restart();
    assertEquals(Recovery.NONE, found.initial().recovery());
    assertEquals(OperationLog.Lacking.NONE, found.lacking());
    assertEquals(0, found.lossNoteCount());
  }

  @Test
  void whatIsGivenUpIsCountedByLaterStarts() {
    begin();
    log.lost(5, new OperationLog.Lacking(LOG, 9), "older", mark -> {}, done);
    log.noteLoss("a log that was aside", done);
    log.settleLacking("what was here once", done);
    expectDone(2);

    var found = losePower();

    assertEquals(2, found.lossNoteCount());
    assertEquals(OperationLog.Lacking.NONE, found.lacking());
  }

  @Test
  void whatIsLostOfChunksIsReplacedOnlyByWhoKnowsWhatItIs() {
    begin();
    ChunkLoss before = log.chunkLoss();
    var settled = new ChunkLoss(3, 0);

    log.settleChunks(new ChunkLoss(8, 8), new ChunkLoss(9, 9), done);
    expectDone(1);
    assertEquals(before, log.chunkLoss());
    log.settleChunks(before, settled, done);
    expectDone(1);
    assertEquals(settled, log.chunkLoss());

    restart();
    assertEquals(settled, log.chunkLoss());
  }

  @Test
  void ofWhatIsKnownOfOthersOnlyTheLastThatWaitsIsSavedAndTold() {
    begin();
    for (byte at = 1; at <= 5; at++) {
      log.saveKnownRuns(new byte[] {at}, done);
    }
    settle();
    assertTrue(outcomes.size() >= 1 && outcomes.size() < 5, "told " + outcomes.size());
    assertEquals(java.util.Collections.nCopies(outcomes.size(), null), outcomes);
    outcomes.clear();

    assertArrayEquals(new byte[] {5}, losePower().knownRuns());
  }
}
