package holdfast.metadata;

import static org.assertj.core.api.Assertions.assertThat;

import holdfast.metadata.op.Answer;
import holdfast.metadata.op.FileLock;
import holdfast.metadata.op.FileType;
import holdfast.metadata.op.LockFamily;
import holdfast.metadata.op.LockMode;
import holdfast.metadata.op.Operation;
import holdfast.metadata.op.OperationResult;
import holdfast.metadata.op.Query;
import holdfast.model.ClientId;
import holdfast.model.ErrorCode;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** Locks of files: who gets them, what is left of them, and when they go. */
class LocksTest {
  private static final long END = Long.MAX_VALUE;

  private final SharedNamespace shared = new SharedNamespace(12);
  private final NamespaceEditor editor = shared.editor;
  private final ClientId first = shared.begin();
  private final ClientId second = shared.begin();

  private OperationResult apply(ClientId client, Operation operation) {
    return shared.apply(client, operation);
  }

  private long make(int name, FileType type) {
    return shared.make(first, name, type, Optional.empty());
  }

  private static FileLock record(LockMode mode, long from, long to, long owner) {
    return new FileLock(LockFamily.RECORD, mode, from, to, owner, 100);
  }

  /** Null when it was set, else why it wasn't. */
  private ErrorCode set(ClientId client, long inode, FileLock lock) {
    return apply(client, new Operation.SetLock(inode, lock, 7)) instanceof OperationResult.Failed f
        ? f.code()
        : null;
  }

  private Optional<Answer.Lock.Granted> granted(ClientId client, long inode, FileLock wanted) {
    return ((Answer.Lock) editor.query(new Query.GetLock(inode, client, wanted)).orThrow())
        .granted();
  }

  private int lockCount() {
    int count = 0;
    var cursor = editor.namespace().tree().seek(new byte[] {Keys.LOCK});
    while (cursor.isValid() && cursor.key()[0] == Keys.LOCK) {
      count++;
      cursor.next();
    }
    return count;
  }

  @Test
  void sharedLocksGoTogetherAndAnExclusiveOneGoesWithNone() {
    long file = make(1, FileType.FILE);

    assertThat(set(first, file, record(LockMode.SHARED, 0, 9, 1))).isNull();
    assertThat(set(second, file, record(LockMode.SHARED, 5, 20, 1))).isNull();
    assertThat(set(second, file, record(LockMode.EXCLUSIVE, 9, 9, 1))).isEqualTo(ErrorCode.LOCKED);
    assertThat(set(second, file, record(LockMode.EXCLUSIVE, 10, END, 1))).isNull();
    assertThat(set(first, file, record(LockMode.SHARED, 30, 30, 2))).isEqualTo(ErrorCode.LOCKED);
  }

  @Test
  void ownersOfOneClientAreDifferentOwnersAndTheSameNumberOfAnotherClientToo() {
    long file = make(1, FileType.FILE);
    set(first, file, record(LockMode.EXCLUSIVE, 0, END, 1));

    assertThat(set(first, file, record(LockMode.SHARED, 3, 3, 2))).isEqualTo(ErrorCode.LOCKED);
    assertThat(set(second, file, record(LockMode.SHARED, 3, 3, 1))).isEqualTo(ErrorCode.LOCKED);
    assertThat(set(first, file, record(LockMode.SHARED, 3, 3, 1))).isNull();
  }

  @Test
  void theTwoFamiliesKnowNothingOfEachOther() {
    long file = make(1, FileType.FILE);
    set(first, file, record(LockMode.EXCLUSIVE, 0, END, 1));

    var flock = FileLock.whole(LockFamily.FLOCK, LockMode.EXCLUSIVE, 2, 100);
    assertThat(set(second, file, flock)).isNull();
    assertThat(set(first, file, flock)).isEqualTo(ErrorCode.LOCKED);
  }

  @Test
  void aQuestionNamesTheLockThatIsInTheWayAndOnlySuch() {
    long file = make(1, FileType.FILE);
    var lock = record(LockMode.SHARED, 4, 8, 1);
    set(first, file, lock);

    assertThat(granted(second, file, record(LockMode.EXCLUSIVE, 8, 9, 1)))
        .contains(new Answer.Lock.Granted(first, lock));
    assertThat(granted(second, file, record(LockMode.SHARED, 8, 9, 1))).isEmpty();
    assertThat(granted(second, file, record(LockMode.EXCLUSIVE, 9, 9, 1))).isEmpty();
    assertThat(granted(first, file, record(LockMode.EXCLUSIVE, 8, 9, 1))).as("its own").isEmpty();
  }

  @Test
  void onlyRegularFilesCanBeLocked() {
    var lock = record(LockMode.SHARED, 0, 0, 1);

    assertThat(set(first, 1, lock)).isEqualTo(ErrorCode.IS_DIRECTORY);
    assertThat(set(first, make(1, FileType.FIFO), lock)).isEqualTo(ErrorCode.INVALID);
    assertThat(set(first, 999, lock)).isEqualTo(ErrorCode.NOT_FOUND);
  }

  @Test
  void locksGoWithTheirSessionAndWithTheirFile() {
    long file = make(1, FileType.FILE);
    long other = make(2, FileType.FILE);
    set(first, file, record(LockMode.EXCLUSIVE, 0, END, 1));
    set(first, other, FileLock.whole(LockFamily.FLOCK, LockMode.EXCLUSIVE, 3, 4));
    set(second, other, record(LockMode.SHARED, 0, END, 1));

    editor.endSession(first);
    assertThat(lockCount()).isEqualTo(1);
    assertThat(set(second, file, record(LockMode.EXCLUSIVE, 0, END, 1))).isNull();

    apply(second, new Operation.Unlink(1, Samples.name(1), 8)).orThrow();
    apply(second, new Operation.Unlink(1, Samples.name(2), 8)).orThrow();
    assertThat(lockCount()).isZero();
  }

  @Test
  void aFileHasABoundOfLocks() {
    long file = make(1, FileType.FILE);
    for (int i = 0; i < Locks.FILE_MAX; i++) {
      assertThat(set(first, file, record(LockMode.SHARED, i * 2L, i * 2L, 1))).isNull();
    }

    var oneMore = record(LockMode.SHARED, 1_000_000, 1_000_000, 1);
    assertThat(set(first, file, oneMore)).isEqualTo(ErrorCode.NO_LOCKS);
    assertThat(set(second, file, oneMore)).isEqualTo(ErrorCode.NO_LOCKS);
    assertThat(set(first, file, record(LockMode.NONE, 0, 10, 1))).isNull();
    assertThat(set(second, file, oneMore)).isNull();
  }

  /** Owners' locks byte by byte, beside the real ones. */
  @Test
  void randomLocksAreWhatTheyWouldBeByteByByte() {
    int bytes = 24;
    List<ClientId> clients = List.of(first, second);
    for (int seed = 0; seed < 20; seed++) {
      var chance = new Random(seed);
      long file = make(100 + seed, FileType.FILE);
      var model = new LockMode[4][bytes];
      for (LockMode[] owner : model) {
        java.util.Arrays.fill(owner, LockMode.NONE);
      }
      for (int step = 0; step < 300; step++) {
        int who = chance.nextInt(4);
        int from = chance.nextInt(bytes);
        int to = from + chance.nextInt(bytes - from);
        var mode = LockMode.values()[chance.nextInt(3)];
        boolean isFree = true;
        for (int other = 0; other < 4; other++) {
          for (int at = from; at <= to && other != who; at++) {
            LockMode there = model[other][at];
            isFree &=
                there == LockMode.NONE
                    || mode == LockMode.NONE
                    || there == LockMode.SHARED && mode == LockMode.SHARED;
          }
        }
        var wanted = record(mode, from, to, who / 2);
        ClientId client = clients.get(who % 2);

        assertThat(granted(client, file, wanted).isEmpty()).isEqualTo(isFree);
        assertThat(set(client, file, wanted)).isEqualTo(isFree ? null : ErrorCode.LOCKED);

        if (isFree) {
          java.util.Arrays.fill(model[who], from, to + 1, mode);
        }
        assertThat(lockCount()).as("seed %s, step %s", seed, step).isEqualTo(runs(model));
      }
      apply(first, new Operation.Unlink(1, Samples.name(100 + seed), 8)).orThrow();
      editor.removeOrphans(List.of(file));
    }
  }

  /** Neighbours of one owner and mode are one lock. */
  private static int runs(LockMode[][] model) {
    int count = 0;
    for (LockMode[] owner : model) {
      for (int at = 0; at < owner.length; at++) {
        boolean isFirst = at == 0 || owner[at] != owner[at - 1];
        count += isFirst && owner[at] != LockMode.NONE ? 1 : 0;
      }
    }
    return count;
  }

  @Test
  void aSnapshotHasTheLocks() {
    long file = make(1, FileType.FILE);
    set(first, file, record(LockMode.EXCLUSIVE, 3, END, -5));
    var loader = new NamespaceLoader();
    var pieces = editor.namespace().snapshot();
    while (pieces.hasNext()) {
      loader.add(pieces.next());
    }

    var wanted = record(LockMode.SHARED, 7, 7, 1);
    var answer = (Answer.Lock) loader.finish().query(new Query.GetLock(file, second, wanted));
    assertThat(answer.granted())
        .contains(new Answer.Lock.Granted(first, record(LockMode.EXCLUSIVE, 3, END, -5)));
  }
}
