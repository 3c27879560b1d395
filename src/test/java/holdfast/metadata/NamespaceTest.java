package holdfast.metadata;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import holdfast.metadata.op.Answer;
import holdfast.metadata.op.DirectoryEntry;
import holdfast.metadata.op.EntryName;
import holdfast.metadata.op.Extent;
import holdfast.metadata.op.FileType;
import holdfast.metadata.op.Operation;
import holdfast.metadata.op.OperationResult;
import holdfast.metadata.op.Query;
import holdfast.metadata.op.Replacement;
import holdfast.metadata.op.RequestId;
import holdfast.metadata.op.Tag;
import holdfast.model.ClientId;
import holdfast.model.ErrorCode;
import holdfast.util.ByteReader;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import org.junit.jupiter.api.Test;

final class NamespaceTest {
  private final Random random = new Random(42);
  private Namespace namespace =
      Namespace.empty(0x7FFFFF, Samples.sealId(random), 0755, 1, 2, 1_000);

  private static Operation makeDirectory(Random random, long parent, EntryName name) {
    return create(random, parent, name, FileType.DIRECTORY);
  }

  private static Operation create(Random random, long parent, EntryName name, FileType type) {
    return new Operation.Create(
        parent,
        name,
        Samples.tag(random),
        Samples.sealId(random),
        type,
        0755,
        1,
        2,
        0,
        Optional.empty(),
        true,
        2_000,
        Optional.empty());
  }

  /** A client whose session has begun. */
  private ClientId client() {
    var client = Samples.client(random);
    var editor = namespace.edit();
    editor.beginSession(client);
    namespace = editor.namespace();
    return client;
  }

  private OperationResult apply(RequestId requestId, Operation operation) {
    var applied = namespace.apply(requestId, operation);
    namespace = applied.namespace();
    return applied.result();
  }

  private static ErrorCode code(OperationResult result) {
    return ((OperationResult.Failed) result).code();
  }

  @Test
  void aRetriedMkdirGivesTheFirstAnswerAndAnotherOneExists() {
    var client = client();
    var operation = makeDirectory(random, 1, Samples.name(1));

    var first = apply(new RequestId(client, 1, 1), operation);
    var retry = apply(new RequestId(client, 1, 1), operation);
    var another = apply(new RequestId(client, 2, 1), operation);
    var anotherAgain = apply(new RequestId(client, 2, 2), operation);

    assertThat(first).isInstanceOf(OperationResult.Done.class);
    assertThat(retry).isEqualTo(first);
    assertThat(code(another)).isEqualTo(ErrorCode.EXISTS);
    assertThat(anotherAgain).isEqualTo(another);
    assertThat(namespace.statistics().directoryCount()).isEqualTo(2);
  }

  @Test
  void aSequenceAnsweredOrOutsideTheWindowIsRefusedNotAppliedAgain() {
    var client = client();
    apply(new RequestId(client, 1, 1), makeDirectory(random, 1, Samples.name(1)));
    apply(new RequestId(client, 300, 1), makeDirectory(random, 1, Samples.name(2)));

    var tooOld = apply(new RequestId(client, 44, 1), makeDirectory(random, 1, Samples.name(3)));
    var oldest = apply(new RequestId(client, 45, 1), makeDirectory(random, 1, Samples.name(4)));
    apply(new RequestId(client, 301, 200), makeDirectory(random, 1, Samples.name(5)));
    var answered = apply(new RequestId(client, 199, 1), makeDirectory(random, 1, Samples.name(6)));

    assertThat(code(tooOld)).isEqualTo(ErrorCode.MALFORMED);
    assertThat(((OperationResult.Failed) tooOld).text())
        .startsWith("apply operation: expected=sequence 45 or more, was=44, client=");
    assertThat(oldest).isInstanceOf(OperationResult.Done.class);
    assertThat(code(answered)).isEqualTo(ErrorCode.MALFORMED);
    assertThat(namespace.statistics().directoryCount()).isEqualTo(5);
  }

  @Test
  void rememberedResultsAreBoundedAndTheEndedClientIdleForLongestIsForgottenFirst() {
    var first = client();
    var second = client();
    var operation = makeDirectory(random, 1, Samples.name(1));
    var editor = namespace.edit();
    for (int i = 1; i <= 600; i++) {
      editor.apply(new RequestId(first, i, 0), operation);
    }
    assertThat(results(editor.namespace())).isEqualTo(RequestId.WINDOW);
    editor.apply(new RequestId(second, 1, 0), operation);
    editor.apply(new RequestId(first, 601, 601), operation);
    editor.endSession(second);
    for (int i = 2; i < ClientWindow.CLIENTS_MAX; i++) {
      useOnce(editor, operation);
    }
    assertThat(results(editor.namespace())).isEqualTo(ClientWindow.CLIENTS_MAX);
    assertThat(code(editor.apply(new RequestId(second, 1, 0), operation)))
        .isEqualTo(ErrorCode.EXISTS);

    useOnce(editor, operation);

    assertThat(results(editor.namespace())).isEqualTo(ClientWindow.CLIENTS_MAX);
    editor.apply(new RequestId(first, 601, 601), operation);
    assertThat(editor.wasRepeat()).isTrue();
    var forgotten = editor.apply(new RequestId(second, 1, 0), operation);
    assertThat(code(forgotten)).isEqualTo(ErrorCode.NO_SESSION);
  }

  private static int results(Namespace namespace) {
    int count = 0;
    var cursor = namespace.tree().seek(new byte[] {Keys.RESULT});
    while (cursor.isValid() && cursor.key()[0] == Keys.RESULT) {
      count++;
      cursor.next();
    }
    return count;
  }

  private void useOnce(NamespaceEditor editor, Operation operation) {
    var client = Samples.client(random);
    editor.beginSession(client);
    editor.apply(new RequestId(client, 1, 0), operation);
    editor.endSession(client);
  }

  @Test
  void inodeNumbersArePositiveCarryThePrefixAndAreNeverUsedAgain() {
    var client = client();
    var numbers = new HashSet<Long>();
    for (int i = 1; i < 100; i += 2) {
      var operation = create(random, 1, Samples.name(1), FileType.FILE);
      var made = apply(new RequestId(client, i, i), operation).orThrow().attributes();
      assertThat(made.inode() >>> 40).isEqualTo(0x7FFFFF);
      assertThat(made.inode()).isPositive();
      assertThat(numbers.add(made.inode())).isTrue();
      apply(new RequestId(client, i + 1, i), new Operation.Unlink(1, Samples.name(1), 5));
    }
  }

  @Test
  void contentUploadedInThisEpochOrTheOneBeforeIsTakenOlderIsNot() {
    var client = client();
    namespace = namespace.advanceEpoch(5).advanceEpoch(3);
    assertThat(namespace.epoch()).isEqualTo(5);
    var operation = create(random, 1, Samples.name(1), FileType.FILE);
    long inode = apply(new RequestId(client, 1, 1), operation).orThrow().attributes().inode();
    var extent = new Extent(0, 10, Samples.chunk(random), Samples.salt(random), 0, 0);

    for (long epoch : new long[] {3, 6, 4}) {
      var commit =
          new Operation.Commit(
              inode,
              0,
              1,
              10,
              Tag.ZERO,
              0,
              0,
              epoch,
              List.of(new Replacement(0, 10, List.of(extent))));
      var result = apply(new RequestId(client, epoch + 10, 1), commit);
      assertThat(result instanceof OperationResult.Done).isEqualTo(epoch == 4);
      assertThat(namespace.references(extent.chunk())).isEqualTo(epoch == 4);
    }
  }

  @Property(tries = 40)
  void entriesThatStayAreListedExactlyOnceWhateverElseChanges(@ForAll long seed) {
    var random = new Random(seed);
    var client = client();
    var editor = namespace.edit();
    long sequence = 0;
    var staying = new HashSet<EntryName>();
    var others = new ArrayList<EntryName>();
    for (int i = 0; i < 300; i++) {
      var name = i % 3 == 0 ? Samples.collidingName(i) : Samples.name(i);
      if (random.nextBoolean()) {
        staying.add(name);
        var operation = create(random, 1, name, FileType.FILE);
        editor.apply(new RequestId(client, ++sequence, sequence), operation);
      } else {
        others.add(name);
      }
    }

    var seen = new HashMap<EntryName, Integer>();
    long cookie = 0;
    boolean atEnd = false;
    while (!atEnd) {
      var page =
          (Answer.Listing) editor.query(new Query.ReadDirectory(1, cookie, 1 + random.nextInt(20)));
      for (DirectoryEntry entry : page.entries()) {
        seen.merge(entry.name(), 1, Integer::sum);
        cookie = entry.cookie();
        assertThat(cookie).isGreaterThan(Keys.COOKIE_SEQUENCE_MASK);
      }
      atEnd = page.atEnd();
      for (int i = 0; i < 20; i++) {
        var name = others.get(random.nextInt(others.size()));
        editor.apply(
            new RequestId(client, ++sequence, sequence),
            random.nextBoolean()
                ? create(random, 1, name, FileType.FILE)
                : new Operation.Unlink(1, name, 3));
      }
    }

    assertThat(seen.keySet()).containsAll(staying);
    staying.forEach(name -> assertThat(seen.get(name)).isEqualTo(1));
  }

  @Test
  void aListingStaysWithinItsBytesAndAllItsPagesMakeTheDirectory() {
    var client = client();
    var editor = namespace.edit();
    for (int i = 1; i <= 2_500; i++) {
      byte[] sealed = new byte[EntryName.SEALED_MAX_BYTES];
      random.nextBytes(sealed);
      var operation = create(random, 1, new EntryName(sealed), FileType.FILE);
      editor.apply(new RequestId(client, i, i), operation);
    }

    int entryCount = 0;
    long cookie = 0;
    boolean atEnd = false;
    while (!atEnd) {
      var page = (Answer.Listing) editor.query(new Query.ReadDirectory(1, cookie, 1_000));
      assertThat(page.toBytes()).hasSizeLessThanOrEqualTo(Answer.ENCODED_MAX_BYTES);
      entryCount += page.entries().size();
      cookie = page.entries().get(page.entries().size() - 1).cookie();
      atEnd = page.atEnd();
    }
    assertThat(entryCount).isEqualTo(2_500);
  }

  @Test
  void snapshotPiecesAreBoundedAndADamagedMissingOrDoubledOneIsRefused() {
    var client = client();
    var editor = namespace.edit();
    for (int i = 1; i <= 3_000; i++) {
      var operation = create(random, 1, Samples.name(i), FileType.FILE);
      editor.apply(new RequestId(client, i, i), operation);
    }
    var pieces = new ArrayList<byte[]>();
    editor.namespace().snapshot().forEachRemaining(pieces::add);
    assertThat(pieces).hasSizeGreaterThan(4);
    assertThat(pieces).allMatch(piece -> piece.length <= SnapshotCursor.PIECE_MAX_BYTES);
    assertThat(load(pieces).digest()).isEqualTo(editor.namespace().digest());

    for (int i = 0; i < pieces.size(); i++) {
      var missing = new ArrayList<>(pieces);
      missing.remove(i);
      assertThatThrownBy(() -> load(missing)).isInstanceOf(ByteReader.Malformed.class);
      var doubled = new ArrayList<>(pieces);
      doubled.add(i, pieces.get(i));
      assertThatThrownBy(() -> load(doubled)).isInstanceOf(ByteReader.Malformed.class);
      var damaged = new ArrayList<>(pieces);
      byte[] piece = pieces.get(i).clone();
      piece[random.nextInt(piece.length)] ^= (byte) (1 << random.nextInt(8));
      damaged.set(i, piece);
      assertThatThrownBy(() -> load(damaged)).isInstanceOf(ByteReader.Malformed.class);
    }
  }

  private static Namespace load(List<byte[]> pieces) {
    var loader = new NamespaceLoader();
    pieces.forEach(loader::add);
    return loader.finish();
  }

  @Test
  void figuresProgramRunsAtSmallSize() {
    assertThat(NamespaceFigures.measure(new Random(5), 3_000, 8)).contains("bytes a file");
  }
}
