package holdfast.client.pool;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import holdfast.metadata.op.Answer;
import holdfast.metadata.op.Attributes;
import holdfast.metadata.op.Content;
import holdfast.metadata.op.EntryName;
import holdfast.metadata.op.Extent;
import holdfast.metadata.op.FileType;
import holdfast.metadata.op.Operation;
import holdfast.metadata.op.OperationResult;
import holdfast.metadata.op.Query;
import holdfast.metadata.op.Replacement;
import holdfast.metadata.op.Tag;
import holdfast.model.ChunkId;
import holdfast.model.ChunkSalt;
import holdfast.model.ClientId;
import holdfast.model.ErrorCode;
import holdfast.model.HoldfastException;
import holdfast.model.SealId;
import holdfast.port.Body;
import holdfast.protocol.Reply;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import org.junit.jupiter.api.Test;

/** What a pool does for its client, the remote one and the one in memory. */
public abstract class PoolServiceContractTest {
  private static final long ROOT = 1;

  /** An empty pool of which nothing is away, and a client with a session. */
  protected abstract PoolService service();

  /** When a call of now must have ended. */
  protected abstract Deadline deadline();

  /** Lets it end, and gives what {@link CompletableFuture#join} does. */
  protected abstract <T> T join(CompletableFuture<T> future);

  private ErrorCode failure(CompletableFuture<?> future) {
    var why = assertThrows(CompletionException.class, () -> join(future));
    return assertInstanceOf(HoldfastException.class, why.getCause()).code();
  }

  private static byte[] content(int number) {
    byte[] bytes = new byte[3_000 + number];
    new Random(number).nextBytes(bytes);
    return bytes;
  }

  private static ChunkId name(byte[] bytes) {
    return ChunkId.nameOf(bytes, 0, bytes.length);
  }

  private static EntryName entry(String name) {
    return new EntryName(Arrays.copyOf(name.getBytes(StandardCharsets.UTF_8), 48));
  }

  private Operation create(String name, byte[] contentOrNull) {
    Optional<Content> content =
        Optional.ofNullable(contentOrNull)
            .map(
                bytes ->
                    new Content(1, bytes.length, Tag.ZERO, 9, service().epoch(), extents(bytes)));
    return new Operation.Create(
        ROOT,
        entry(name),
        Tag.ZERO,
        new SealId(name.hashCode(), 5),
        FileType.FILE,
        0644,
        0,
        0,
        0,
        Optional.empty(),
        true,
        9,
        content);
  }

  private static List<Extent> extents(byte[] bytes) {
    return List.of(new Extent(0, bytes.length, name(bytes), new ChunkSalt(3, 3), 0, 0));
  }

  private Operation commit(Attributes now, byte[] bytes) {
    var replaced = new Replacement(0, bytes.length, extents(bytes));
    return new Operation.Commit(
        now.inode(),
        now.version(),
        now.version() + 1,
        bytes.length,
        Tag.ZERO,
        9,
        9,
        service().epoch(),
        List.of(replaced));
  }

  private OperationResult change(Operation operation) {
    return join(service().change(operation, null, false, deadline()));
  }

  private ErrorCode refusal(OperationResult result) {
    return assertInstanceOf(OperationResult.Failed.class, result).code();
  }

  private static void assertDone(OperationResult result) {
    assertFalse(result instanceof OperationResult.Failed, () -> "was=" + result);
  }

  private Answer ask(Query query) {
    PoolService.Answered answered = join(service().ask(query, deadline()));
    assertFalse(answered.stale());
    return answered.answer();
  }

  private Attributes attributes(String name) {
    var found = assertInstanceOf(Answer.Entry.class, ask(new Query.Lookup(ROOT, entry(name))));
    return found.entry().attributes();
  }

  private void store(byte[] bytes) {
    join(service().store(name(bytes), Body.whole(bytes), deadline()));
  }

  private CompletableFuture<PoolService.Fetched> fetch(ChunkId chunk, int offset, int length) {
    return service().fetch(chunk, offset, length, Set.of(), deadline());
  }

  private void assertFetches(byte[] expected, ChunkId chunk, int offsetBytes, int lengthBytes) {
    Body body = join(fetch(chunk, offsetBytes, lengthBytes)).sealed();
    assertTrue(body.isComplete());
    assertArrayEquals(expected, Arrays.copyOf(body.array(), body.lengthBytes()));
  }

  @Test
  void whatWasChangedIsInTheNextAnswer() {
    assertDone(change(create("f", null)));
    Attributes made = attributes("f");
    assertEquals(0644, made.mode());

    assertDone(change(new Operation.Unlink(ROOT, entry("f"), 9)));

    assertFalse(ask(new Query.Lookup(ROOT, entry("f"))) instanceof Answer.Entry);
  }

  @Test
  void whatTheNamespaceRefusesIsAResultAndNoFailure() {
    assertDone(change(create("f", null)));

    assertEquals(ErrorCode.EXISTS, refusal(change(create("f", null))));
    assertEquals(
        ErrorCode.NOT_FOUND, refusal(change(new Operation.Unlink(ROOT, entry("none"), 9))));
  }

  @Test
  void aStoredChunkIsFetchedWholeAndInPartsThatAreCutAtItsEnd() {
    byte[] bytes = content(1);
    ChunkId chunk = name(bytes);
    long epoch = service().epoch();

    var stored = join(service().store(chunk, Body.whole(bytes), deadline()));

    assertFalse(stored.holders().isEmpty());
    assertTrue(stored.epoch() >= epoch);
    assertFetches(bytes, chunk, 0, -1);
    assertFetches(Arrays.copyOfRange(bytes, 100, 300), chunk, 100, 200);
    assertFetches(Arrays.copyOfRange(bytes, 2_000, bytes.length), chunk, 2_000, 1 << 20);
    assertTrue(stored.holders().contains(join(fetch(chunk, 0, -1)).from()));
  }

  @Test
  void whatCantBeFetchedSaysWhy() {
    byte[] bytes = content(1);
    store(bytes);

    assertEquals(ErrorCode.CHUNK_MISSING, failure(fetch(name(content(2)), 0, -1)));
    assertEquals(ErrorCode.INVALID, failure(fetch(name(bytes), bytes.length, 1)));
  }

  @Test
  void whetherAnybodyHasAChunkIsKnownOfWhatWasStored() {
    store(content(1));

    assertTrue(join(service().has(name(content(1)), deadline())));
    assertFalse(join(service().has(name(content(2)), deadline())));
  }

  @Test
  void anInlineChunkIsStoredWithItsOperation() {
    byte[] bytes = content(1);
    var inline = new PoolService.InlineChunk(name(bytes), bytes);

    assertDone(join(service().change(create("f", bytes), inline, true, deadline())));

    assertEquals(bytes.length, attributes("f").sizeBytes());
    assertFetches(bytes, name(bytes), 0, -1);
    var found =
        assertInstanceOf(
            Answer.Extents.class, ask(new Query.ReadExtents(attributes("f").inode(), 0, 9)));
    assertEquals(name(bytes), found.extents().getFirst().chunk());
  }

  /** As where an operation that brought it was refused, and is made again. */
  @Test
  void whatIsStoredAlreadyIsStoredAgainWhoeverIsItsPrimary() {
    for (int i = 0; i < 16; i++) {
      byte[] bytes = content(i);
      var inline = new PoolService.InlineChunk(name(bytes), bytes);
      store(bytes);

      assertDone(join(service().change(create("f" + i, bytes), inline, true, deadline())));
      store(bytes);

      assertFetches(bytes, name(bytes), 0, -1);
    }
  }

  @Test
  void chunksAndLogAreForcedAndWhatIsntThereIsNot() {
    store(content(1));
    store(content(2));
    assertDone(change(create("f", content(1))));

    join(service().force(Set.of(name(content(1)), name(content(2))), deadline()));
    join(service().force(Set.of(), deadline()));
    join(service().forceLog(deadline()));

    Set<ChunkId> some = Set.of(name(content(1)), name(content(3)));
    ErrorCode why = failure(service().force(some, deadline()));
    assertTrue(why == ErrorCode.CHUNK_MISSING || why == ErrorCode.TIMED_OUT, "was=" + why);
  }

  @Test
  void whatIsOfAnotherSessionIsntMadeAndNobodySaysThatItIsForced() {
    byte[] bytes = content(1);
    store(bytes);
    assertDone(change(create("f", null)));
    var other = new ClientId(99, 99);
    Operation commit = commit(attributes("f"), bytes);
    assertTrue(commit.isOfSession());

    var refused = join(service().change(other, commit, null, false, deadline()));

    assertEquals(ErrorCode.NO_SESSION, refusal(refused));
    assertEquals(0, attributes("f").sizeBytes());
    assertEquals(ErrorCode.NO_SESSION, failure(service().forceLog(other, deadline())));
    assertDone(change(commit));
    assertEquals(bytes.length, attributes("f").sizeBytes());
    // What isn't of a session is made, whoever it was meant for.
    assertDone(join(service().change(other, create("g", null), null, false, deadline())));
    assertEquals(0, attributes("g").sizeBytes());
  }

  @Test
  void aClientHasOneIdAsLongAsItsSession() {
    ClientId before = service().client();
    assertDone(change(create("f", null)));

    assertEquals(before, service().client());
    assertTrue(service().epoch() >= 0);
  }

  @Test
  void theSpaceCountsTheFiles() {
    Reply.Space before = join(service().space(deadline()));
    assertDone(change(create("f", null)));
    Reply.Space after = join(service().space(deadline()));

    assertTrue(before.freeBytes() >= 0 && before.freeBytes() <= before.totalBytes());
    assertEquals(before.fileCount() + 1, after.fileCount());
  }
}
