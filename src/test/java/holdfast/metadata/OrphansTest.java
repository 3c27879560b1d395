package holdfast.metadata;

import static org.assertj.core.api.Assertions.assertThat;

import holdfast.metadata.op.Answer;
import holdfast.metadata.op.Content;
import holdfast.metadata.op.Extent;
import holdfast.metadata.op.FileType;
import holdfast.metadata.op.Operation;
import holdfast.metadata.op.OperationResult;
import holdfast.metadata.op.Query;
import holdfast.metadata.op.RenameMode;
import holdfast.metadata.op.Tag;
import holdfast.model.ChunkId;
import holdfast.model.ChunkSalt;
import holdfast.model.ClientId;
import holdfast.model.ErrorCode;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/** Files without a name: who keeps them, and for how long. */
class OrphansTest {
  private final SharedNamespace shared = new SharedNamespace(11);
  private final NamespaceEditor editor = shared.editor;
  private final ClientId author = shared.begin();
  private final ChunkId chunk = Samples.chunk(shared.random);

  private OperationResult apply(ClientId client, Operation operation) {
    return shared.apply(client, operation);
  }

  private long makeFile(int name) {
    var extent = new Extent(0, 100, chunk, new ChunkSalt(1, 2), 0, 0);
    var content = new Content(1, 100, Tag.ZERO, 5, 1, List.of(extent));
    return shared.make(author, name, FileType.FILE, Optional.of(content));
  }

  private boolean isThere(long inode) {
    return editor.query(new Query.GetAttributes(inode)) instanceof Answer.Inode;
  }

  private static ErrorCode code(OperationResult result) {
    return ((OperationResult.Failed) result).code();
  }

  @Test
  void aFileGoesWithItsLastNameWhenNobodyElseCouldHaveItOpen() {
    long inode = makeFile(1);

    apply(author, new Operation.Unlink(1, Samples.name(1), 6)).orThrow();

    assertThat(isThere(inode)).isFalse();
    assertThat(editor.namespace().references(chunk)).isFalse();
  }

  @Test
  void aHeldFileStaysWithItsContentUntilItIsReleased() {
    long inode = makeFile(1);

    var unlinked = apply(author, new Operation.Unlink(1, Samples.name(1), true, 6)).orThrow();
    assertThat(unlinked.attributes().linkCount()).isZero();
    assertThat(isThere(inode)).isTrue();
    assertThat(editor.namespace().references(chunk)).isTrue();
    editor.removeOrphans(List.of(inode));
    assertThat(isThere(inode)).as("held ones stay").isTrue();

    apply(author, new Operation.Unpin(inode, 7)).orThrow();
    assertThat(isThere(inode)).isFalse();
    assertThat(editor.namespace().statistics().fileCount()).isZero();
    assertThat(code(apply(author, new Operation.Unpin(inode, 8)))).isEqualTo(ErrorCode.NOT_FOUND);
  }

  @Test
  void whileOthersWorkAnUnheldFileWaitsForThemToSayThatTheyHoldIt() {
    ClientId other = shared.begin();
    long inode = makeFile(1);

    apply(author, new Operation.Unlink(1, Samples.name(1), 6)).orThrow();
    assertThat(isThere(inode)).isTrue();
    assertThat(editor.namespace().unpinnedOrphans(10)).containsExactly(inode);
    apply(other, new Operation.Pin(inode, 7)).orThrow();
    assertThat(editor.namespace().unpinnedOrphans(10)).isEmpty();
    editor.removeOrphans(List.of(inode));
    assertThat(isThere(inode)).isTrue();

    apply(other, new Operation.Unpin(inode, 8)).orThrow();
    assertThat(isThere(inode)).as("another might be about to hold it").isTrue();
    editor.removeOrphans(List.of(inode));
    assertThat(isThere(inode)).isFalse();
  }

  @Test
  void whatARenameReplacesIsHeldLikewise() {
    long replaced = makeFile(1);
    makeFile(2);

    var rename =
        new Operation.Rename(
            1,
            Samples.name(2),
            1,
            Samples.name(1),
            Tag.ZERO,
            Tag.ZERO,
            RenameMode.REPLACE,
            true,
            0,
            0,
            6);
    apply(author, rename).orThrow();

    assertThat(isThere(replaced)).isTrue();
    apply(author, new Operation.Unpin(replaced, 7)).orThrow();
    assertThat(isThere(replaced)).isFalse();
  }

  @Test
  void theEndOfASessionReleasesWhatItHeldAndItsOperationsAreRefused() {
    ClientId other = shared.begin();
    long inode = makeFile(1);
    apply(other, new Operation.Unlink(1, Samples.name(1), true, 6)).orThrow();

    editor.endSession(other);

    assertThat(editor.namespace().unpinnedOrphans(10)).containsExactly(inode);
    assertThat(code(apply(other, new Operation.Pin(inode, 7)))).isEqualTo(ErrorCode.NO_SESSION);
    editor.beginSession(other);
    assertThat(editor.namespace().hasSession(other)).as("an ended id never returns").isFalse();
    assertThat(editor.namespace().sessions()).containsExactly(author);
  }

  @Test
  void anAnswerIsRememberedBeyondTheEndOfTheSession() {
    var operation = new Operation.Unlink(1, Samples.name(1), 6);
    makeFile(1);
    var by = shared.next(author);
    var first = editor.apply(by, operation);

    editor.endSession(author);

    assertThat(editor.apply(by, operation)).isEqualTo(first);
    assertThat(editor.wasRepeat()).isTrue();
  }

  @Test
  void aFileWithoutANameGetsNoneAgain() {
    shared.begin();
    long inode = makeFile(1);
    apply(author, new Operation.Unlink(1, Samples.name(1), true, 6)).orThrow();

    var link = new Operation.Link(1, Samples.name(3), Tag.ZERO, inode, 7);

    assertThat(code(apply(author, link))).isEqualTo(ErrorCode.NOT_FOUND);
  }

  @Test
  void aFileWithAnotherNameIsNoOrphan() {
    long inode = makeFile(1);
    apply(author, new Operation.Link(1, Samples.name(2), Tag.ZERO, inode, 6)).orThrow();

    apply(author, new Operation.Unlink(1, Samples.name(1), true, 7)).orThrow();
    apply(author, new Operation.Pin(inode, 8)).orThrow();

    assertThat(editor.namespace().unpinnedOrphans(10)).isEmpty();
    apply(author, new Operation.Unlink(1, Samples.name(2), 9)).orThrow();
    assertThat(isThere(inode)).isFalse();
  }

  @Test
  void orphansAndHoldsAreInASnapshot() {
    ClientId other = shared.begin();
    long held = makeFile(1);
    long free = makeFile(2);
    apply(author, new Operation.Unlink(1, Samples.name(1), true, 6)).orThrow();
    apply(author, new Operation.Unlink(1, Samples.name(2), 6)).orThrow();

    var loader = new NamespaceLoader();
    editor.namespace().snapshot().forEachRemaining(loader::add);
    Namespace loaded = loader.finish();

    assertThat(loaded.unpinnedOrphans(10)).containsExactly(free);
    assertThat(loaded.sessions()).containsExactlyInAnyOrder(author, other);
    var after = loaded.edit();
    after.removeOrphans(List.of(held, free));
    assertThat(after.query(new Query.GetAttributes(held))).isInstanceOf(Answer.Inode.class);
    assertThat(after.query(new Query.GetAttributes(free))).isInstanceOf(Answer.Failed.class);
  }
}
