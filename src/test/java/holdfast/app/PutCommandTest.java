package holdfast.app;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import holdfast.client.ClientFileSystem;
import holdfast.client.MemoryPool;
import holdfast.client.MemoryPoolService;
import holdfast.client.api.AttributeChange;
import holdfast.client.api.FileAttributes;
import holdfast.client.api.OpenFlags;
import holdfast.client.api.PoolFileSystem;
import holdfast.metadata.Namespace;
import holdfast.metadata.op.Answer;
import holdfast.metadata.op.FileLock;
import holdfast.metadata.op.LockFamily;
import holdfast.metadata.op.LockMode;
import holdfast.metadata.op.Operation;
import holdfast.metadata.op.Query;
import holdfast.metadata.op.Tag;
import holdfast.model.ErrorCode;
import holdfast.model.HoldfastException;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileTime;
import java.util.List;
import java.util.Queue;
import java.util.TreeSet;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What {@code put} leaves, whether it ends well or not. */
class PutCommandTest {
  private static final long ROOT = PoolFileSystem.ROOT_INODE;
  private static final int OLD_BYTES = 5_000_000;
  private static final byte[] OLD = MemoryPool.bytes(1, OLD_BYTES);

  /** More than two chunks: the first is stored long before the last is read. */
  private static final byte[] NEW = MemoryPool.bytes(2, 9_000_000);

  private static final long MTIME_NS = 1_234_567_890_123_456_789L;

  @TempDir Path folder;
  private final MemoryPool memory = new MemoryPool();
  private final MemoryPoolService pool = memory.service;
  private final ClientFileSystem files = memory.mount();
  private Path local;

  @BeforeEach
  void makeFiles() throws IOException {
    makeOld("file");
    local = Files.write(folder.resolve("local"), NEW);
    Files.setAttribute(local, "unix:mode", 0640);
    Files.setLastModifiedTime(local, FileTime.from(MTIME_NS, TimeUnit.NANOSECONDS));
  }

  @AfterEach
  void close() {
    memory.close();
  }

  private long makeOld(String name) {
    long handle = files.create(MemoryPool.ROOT, ROOT, bytes(name), 0600, 0).handle();
    MemoryPool.put(files, handle, 0, OLD);
    files.flush(handle);
    files.release(handle);
    return find(name).inode();
  }

  private static byte[] bytes(String name) {
    return name.getBytes(UTF_8);
  }

  private FileAttributes find(String name) {
    return files.lookup(ROOT, bytes(name));
  }

  private void put(String source, String target) {
    var command = new PutCommand();
    command.source = source;
    command.target = target;
    command.run(files, new PrintWriter(System.out));
  }

  private void put(String target) {
    put(local.toString(), target);
  }

  private HoldfastException failureOfPut(String target) {
    return catchThrowableOfType(HoldfastException.class, () -> put(target));
  }

  private List<String> names(long directory) {
    var names = new TreeSet<String>();
    files.readDirectory(
        directory, 0, (name, inode, type, cookie) -> names.add(new String(name, UTF_8)));
    names.removeAll(List.of(".", ".."));
    return List.copyOf(names);
  }

  private void expectOldAndNothingElse() {
    assertThat(MemoryPool.read(files, "file")).isEqualTo(OLD);
    assertThat(names(ROOT)).containsExactly("file");
  }

  private void expectNew(String name) {
    assertThat(MemoryPool.read(files, name)).isEqualTo(NEW);
    assertThat(find(name).mode()).isEqualTo(FileAttributes.REGULAR | 0640);
    assertThat(find(name).mtimeNs()).isEqualTo(MTIME_NS);
  }

  @Test
  void aNameThatEndsInASlashIsADirectorys() {
    for (String target : List.of("/none/", "/file/")) {
      assertThatThrownBy(() -> put(target))
          .isInstanceOf(UsageException.class)
          .hasMessageStartingWith("put " + target + ": no")
          .hasMessageEndingWith("directory");
    }
    assertThat(names(ROOT)).containsExactly("file");
  }

  @Test
  void aFileIsReplacedWithItsModeAndTimeAndItsOtherNamesKeepTheOldOne() {
    files.link(find("file").inode(), ROOT, bytes("other"));

    put("/file");

    expectNew("file");
    assertThat(MemoryPool.read(files, "other")).isEqualTo(OLD);
    assertThat(names(ROOT)).containsExactly("file", "other");
  }

  @Test
  void aNewFileGetsModeAndTimeInADirectoryToo() {
    files.makeDirectory(MemoryPool.ROOT, ROOT, bytes("folder"), 0755);

    put("/new");
    put("/folder");

    expectNew("new");
    long folderInode = find("folder").inode();
    assertThat(names(folderInode)).containsExactly("local");
    assertThat(files.lookup(folderInode, bytes("local")).mtimeNs()).isEqualTo(MTIME_NS);
  }

  @Test
  void aFullPoolLeavesTheOldFile() {
    pool.storeFailure = new HoldfastException(ErrorCode.NO_SPACE, "store chunk: no room");

    HoldfastException failure = failureOfPut("/file");

    assertThat(failure.code()).isEqualTo(ErrorCode.NO_SPACE);
    assertThat(failure).hasMessageContaining("/file is as it was");
    pool.storeFailure = null;
    expectOldAndNothingElse();
  }

  @Test
  void aPoolThatIsLostInTheMiddleLeavesTheOldFile() {
    var stored = new AtomicInteger();
    pool.beforeStore =
        chunk ->
            stored.incrementAndGet() < 2
                ? CompletableFuture.completedFuture(null)
                : CompletableFuture.failedFuture(
                    new HoldfastException(ErrorCode.UNREACHABLE, "store chunk: no peer"));

    assertThat(failureOfPut("/file")).hasMessageContaining("/file is as it was");

    expectOldAndNothingElse();
  }

  @Test
  void noOperationThatFailsHarmsTheOldFile() {
    for (Class<?> kind :
        List.of(
            Operation.Create.class,
            Operation.SetLock.class,
            Operation.Commit.class,
            Operation.SetAttributes.class,
            Operation.Rename.class)) {
      pool.beforeChange =
          operation ->
              kind.isInstance(operation)
                  ? CompletableFuture.failedFuture(
                      new HoldfastException(ErrorCode.UNREACHABLE, "no peer"))
                  : CompletableFuture.completedFuture(null);

      HoldfastException failure = failureOfPut("/file");

      assertThat(failure).as(kind.getName()).hasMessageContaining("/file is as it was");
      pool.beforeChange = operation -> CompletableFuture.completedFuture(null);
      expectOldAndNothingElse();
    }
  }

  @Test
  void aRenameWhoseAnswerIsLostHasHappened() {
    pool.afterChange =
        operation ->
            operation instanceof Operation.Rename
                ? CompletableFuture.failedFuture(
                    new HoldfastException(ErrorCode.TIMED_OUT, "no answer"))
                : CompletableFuture.completedFuture(null);

    put("/file");

    expectNew("file");
    assertThat(names(ROOT)).containsExactly("file");
  }

  /** Something that was done after the cut hid it. */
  @Test
  void aRenameThatAPowerCutTakesIsToldThoughAnotherHasChangedTheDirectorySince() {
    var unnamed = new AtomicReference<Namespace>();
    pool.beforeChange =
        operation -> {
          if (operation instanceof Operation.Rename) {
            unnamed.set(pool.namespace());
          }
          return CompletableFuture.completedFuture(null);
        };
    pool.afterChange =
        operation -> {
          if (operation instanceof Operation.Rename) {
            pool.losePower(unnamed.get());
            pool.beginOther();
            pool.changeUnheard(
                    new Operation.Link(
                        ROOT,
                        MemoryPool.sealed("other"),
                        Tag.ZERO,
                        unnamed.get().query(new Query.Lookup(ROOT, MemoryPool.sealed("file")))
                                instanceof Answer.Entry old
                            ? old.entry().attributes().inode()
                            : 0,
                        Long.MAX_VALUE))
                .orThrow();
          }
          return CompletableFuture.completedFuture(null);
        };

    HoldfastException failure = failureOfPut("/file");

    assertThat(failure.code()).isEqualTo(ErrorCode.STORE_FAILED);
    assertThat(failure).hasMessageContaining("/file is as it was");
    pool.afterChange = operation -> CompletableFuture.completedFuture(null);
    assertThat(MemoryPool.read(files, "file")).isEqualTo(OLD);
  }

  /** The rename is under way at the power cut, and made again after it; mode and time are gone. */
  @Test
  void modeAndTimeThatAPowerCutTakesBeforeTheRenameAreSetAgain() {
    var unset = new AtomicReference<Namespace>();
    pool.beforeChange =
        operation -> {
          if (operation instanceof Operation.SetAttributes) {
            unset.compareAndSet(null, pool.namespace());
          } else if (operation instanceof Operation.Rename) {
            pool.losePower(unset.get());
          }
          return CompletableFuture.completedFuture(null);
        };

    put("/file");

    expectNew("file");
    assertThat(names(ROOT)).containsExactly("file");
  }

  @Test
  void aRenameWhoseAnswerIsLostAndThatAPowerCutTakesThenIsNotSaidToHaveHappened() {
    var unnamed = new AtomicReference<Namespace>();
    pool.beforeChange =
        operation -> {
          if (operation instanceof Operation.Rename) {
            unnamed.set(pool.namespace());
          }
          return CompletableFuture.completedFuture(null);
        };
    pool.afterChange =
        operation ->
            operation instanceof Operation.Rename
                ? CompletableFuture.failedFuture(
                    new HoldfastException(ErrorCode.TIMED_OUT, "no answer"))
                : CompletableFuture.completedFuture(null);
    pool.beforeForce =
        () -> {
          if (unnamed.get() != null) {
            pool.losePower(unnamed.getAndSet(null));
          }
        };

    HoldfastException failure = failureOfPut("/file");

    assertThat(failure).hasMessageContaining("not known");
    assertThat(MemoryPool.read(files, "file")).isEqualTo(OLD);
  }

  @Test
  void aPoolThatIsLostAtTheRenameIsToldAsUnknown() {
    pool.beforeChange =
        operation ->
            operation instanceof Operation.Rename || operation instanceof Operation.Unlink
                ? CompletableFuture.failedFuture(
                    new HoldfastException(ErrorCode.TIMED_OUT, "no answer"))
                : CompletableFuture.completedFuture(null);

    HoldfastException failure = failureOfPut("/file");

    assertThat(failure).hasMessageContaining("not known").hasMessageContaining("holdfast-put-");
    assertThat(MemoryPool.read(files, "file")).isEqualTo(OLD);
    pool.beforeChange = operation -> CompletableFuture.completedFuture(null);
    pool.endSession(); // as when its process ends
    put("/file");
    expectNew("file");
    assertThat(names(ROOT)).containsExactly("file");
  }

  @Test
  void whatHasTheNameIsOnDiskBeforeAndWholeAtOnce() {
    Queue<String> wrong = new ConcurrentLinkedQueue<>();
    pool.beforeChange =
        operation -> {
          if (operation instanceof Operation.Rename && pool.forcedChunks.size() < 3) {
            wrong.add("forced chunks: " + pool.forcedChunks.size());
          }
          return CompletableFuture.completedFuture(null);
        };

    put("/file");

    assertThat(wrong).isEmpty();
    expectNew("file");
  }

  @Test
  void aSourceThatIsCutExtendedOrWrittenMeanwhileIsRefused() {
    changeWhileItIsRead(path -> Files.write(path, MemoryPool.bytes(3, 100)));
    changeWhileItIsRead(path -> Files.write(path, new byte[10], StandardOpenOption.APPEND));
    changeWhileItIsRead(path -> Files.write(path, MemoryPool.bytes(4, NEW.length)));
  }

  private interface Change {
    void to(Path path) throws IOException;
  }

  /** The source has been opened when the first thing is changed in the pool. */
  private void onceItIsOpen(Change change) {
    pool.beforeChange =
        operation -> {
          pool.beforeChange = next -> CompletableFuture.completedFuture(null);
          try {
            change.to(local);
            return CompletableFuture.completedFuture(null);
          } catch (IOException e) {
            return CompletableFuture.failedFuture(e);
          }
        };
  }

  private void changeWhileItIsRead(Change change) {
    try {
      Files.write(local, NEW);
      Files.setLastModifiedTime(local, FileTime.from(MTIME_NS, TimeUnit.NANOSECONDS));
      onceItIsOpen(change);
    } catch (IOException e) {
      throw new AssertionError(e);
    }

    HoldfastException failure = failureOfPut("/file");

    assertThat(failure).hasMessageContaining("nobody writes").hasMessageContaining("as it was");
    expectOldAndNothingElse();
  }

  @Test
  void aSourceWhoseNameGoesToAnotherFileMeanwhileIsPutAsItWas() {
    onceItIsOpen(
        path -> {
          Path next = Files.write(folder.resolve("next"), new byte[3]);
          Files.move(next, path, StandardCopyOption.ATOMIC_MOVE);
        });

    put("/file");

    expectNew("file");
  }

  @Test
  void aSourceThatFailsToBeReadLeavesTheOldFile() {
    assertThatThrownBy(() -> put("/proc/self/mem", "/file"))
        .isInstanceOf(HoldfastException.class)
        .hasMessageContaining("read /proc/self/mem: Input/output error")
        .hasMessageContaining("/file is as it was");

    expectOldAndNothingElse();
  }

  @Test
  void whatTheKernelMakesUpIsPutThoughItHasNoSize() throws IOException {
    put("/proc/version", "/version");

    assertThat(MemoryPool.read(files, "version"))
        .isEqualTo(Files.readAllBytes(Path.of("/proc/version")));
  }

  @Test
  void sourcesThatAreNoFilesAreRefusedInWords() {
    assertThatThrownBy(() -> put(folder.toString(), "/file"))
        .isInstanceOf(UsageException.class)
        .hasMessage("put " + folder + ": is a directory");
    assertThatThrownBy(() -> put("/dev/zero", "/file")).isInstanceOf(UsageException.class);
    assertThatThrownBy(() -> put(folder.resolve("none").toString(), "/file"))
        .isInstanceOf(UsageException.class)
        .hasMessage("put " + folder.resolve("none") + ": no such file or directory");
    expectOldAndNothingElse();
  }

  @Test
  void destinationsThatCannotBeReplacedAreRefusedBeforeAnythingIsSent() {
    files.makeDirectory(MemoryPool.ROOT, ROOT, bytes("folder"), 0755);
    files.makeDirectory(MemoryPool.ROOT, find("folder").inode(), bytes("local"), 0755);
    files.makeNode(MemoryPool.ROOT, ROOT, bytes("pipe"), FileAttributes.PIPE | 0600, 0);
    int storeCount = pool.chunks.size();

    for (String target : List.of("/folder", "/pipe")) {
      assertThatThrownBy(() -> put(target)).as(target).isInstanceOf(UsageException.class);
    }
    for (String target : List.of("/none/file", "/file/below", "/" + "n".repeat(256))) {
      assertThatThrownBy(() -> put(target)).as(target).isInstanceOf(HoldfastException.class);
    }

    assertThat(pool.chunks).hasSize(storeCount);
    assertThat(names(ROOT)).containsExactly("file", "folder", "pipe");
  }

  @Test
  void theLongestNamesCanBeReplaced() {
    for (String name : List.of("n".repeat(255), "ü".repeat(127))) {
      put("/" + name);
      put("/" + name);

      expectNew(name);
    }
    assertThat(names(ROOT)).hasSize(3);
  }

  @Test
  void aSymbolicLinkStaysAndWhatItLeadsToIsReplaced() {
    files.makeDirectory(MemoryPool.ROOT, ROOT, bytes("folder"), 0755);
    long below = find("folder").inode();
    files.symbolicLink(MemoryPool.ROOT, below, bytes("link"), bytes("./.././again"));
    files.symbolicLink(MemoryPool.ROOT, ROOT, bytes("again"), bytes("file"));
    files.symbolicLink(MemoryPool.ROOT, ROOT, bytes("down"), bytes("folder"));

    put("/down/link");
    put("/down");

    expectNew("file");
    assertThat(names(below)).containsExactly("link", "local");
    assertThat(names(ROOT)).containsExactly("again", "down", "file", "folder");
  }

  @Test
  void symbolicLinksToNothingOrOutOfThePoolAreRefused() {
    List<String> targets = List.of("none", "/file", "../file", "loop4");
    for (int i = 0; i < targets.size(); i++) {
      String link = targets.get(i).equals("loop4") ? "loop4" : "link" + i;
      files.symbolicLink(MemoryPool.ROOT, ROOT, bytes(link), bytes(targets.get(i)));

      assertThatThrownBy(() -> put("/" + link))
          .as(link)
          .isInstanceOf(HoldfastException.class)
          .hasMessageStartingWith("put /" + link + ": ")
          .hasMessageMatching(".*: (no such|a symbolic link leads out|too many levels of).*");
    }
    assertThat(MemoryPool.read(files, "file")).isEqualTo(OLD);
  }

  @Test
  void standardInputKeepsTheModeOfWhatItReplaces() {
    var before = System.in;
    System.setIn(new ByteArrayInputStream(NEW));
    try {
      put("-", "/file");
      System.setIn(new ByteArrayInputStream(bytes("short")));
      put("-", "/new");
    } finally {
      System.setIn(before);
    }

    assertThat(MemoryPool.read(files, "file")).isEqualTo(NEW);
    assertThat(find("file").mode()).isEqualTo(FileAttributes.REGULAR | 0600);
    assertThat(MemoryPool.read(files, "new")).isEqualTo(bytes("short"));
    assertThat(find("new").mode()).isEqualTo(FileAttributes.REGULAR | 0644);
  }

  @Test
  void bitsThatChangeTheUserAreNotTaken() throws IOException {
    Files.setAttribute(local, "unix:mode", 04755);

    put("/new");

    assertThat(find("new").mode()).isEqualTo(FileAttributes.REGULAR | 0755);
  }

  private PoolReplacement replacement(Ids ids) {
    var random = new AtomicLong(7);
    return new PoolReplacement(
        files, ids, random::incrementAndGet, PoolPath.parse("/file"), ROOT, find("file"));
  }

  @Test
  void rootReplacesAnothersFileAsThatOnesFile() {
    var change = new AttributeChange(AttributeChange.UID | AttributeChange.GID, 0, 12, 34, 0, 0, 0);
    files.setAttributes(find("file").inode(), change, PoolFileSystem.NO_HANDLE);

    try (var replacement = replacement(new Ids(0, 0))) {
      replacement.begin();
      replacement.complete(0644, Replacement.NOW);
    }

    assertThat(find("file").uid()).isEqualTo(12);
    assertThat(find("file").gid()).isEqualTo(34);
    assertThat(find("file").sizeBytes()).isZero();
  }

  @Test
  void aSignalBeforeTheRenameLeavesTheOldFileAndOneAfterItIsTooLate() {
    try (var replacement = replacement(new Ids(0, 0))) {
      assertThat(replacement.abandon()).isTrue();
      replacement.begin();
      assertThatThrownBy(() -> replacement.write(NEW, 100)).isInstanceOf(HoldfastException.class);
    }
    expectOldAndNothingElse();

    try (var replacement = replacement(new Ids(0, 0))) {
      replacement.begin();
      replacement.write(NEW, PoolFileSystem.TRANSFER_BYTES_MAX);
      assertThat(names(ROOT)).hasSize(2);
      assertThat(replacement.abandon()).isTrue();
      assertThat(names(ROOT)).containsExactly("file");
      assertThatThrownBy(() -> replacement.complete(0644, Replacement.NOW))
          .isInstanceOf(HoldfastException.class);
      assertThat(replacement.fate()).isEqualTo("/file is as it was");
    }
    expectOldAndNothingElse();

    try (var replacement = replacement(new Ids(0, 0))) {
      replacement.begin();
      replacement.complete(0644, Replacement.NOW);
      assertThat(replacement.abandon()).isFalse();
    }
    assertThat(find("file").sizeBytes()).isZero();
  }

  @Test
  void whatADeadPutLeftIsRemovedAndOneAtWorkIsLeftAlone() {
    pool.beginOther();
    String dead = TemporaryName.of("file", "put", 1);
    String alive = TemporaryName.of("file", "put", 2);
    String another = TemporaryName.of("other", "put", 3);
    for (String name : List.of(dead, alive, another)) {
      makeOld(name);
    }
    var lock = FileLock.whole(LockFamily.FLOCK, LockMode.EXCLUSIVE, 5, 5);
    pool.changeUnheard(new Operation.SetLock(find(alive).inode(), lock, 1));

    put("/file");

    expectNew("file");
    assertThat(names(ROOT)).containsExactlyInAnyOrder("file", alive, another);
  }

  /** A session that is lost takes the lock along: another put may have removed the file. */
  @Test
  void aPutWhoseSessionWasLostFailsAndReplacesNothing() {
    try (var replacement = replacement(new Ids(0, 0))) {
      replacement.begin();
      replacement.write(NEW, PoolFileSystem.TRANSFER_BYTES_MAX);
      pool.endSession();

      assertThatThrownBy(() -> replacement.complete(0644, Replacement.NOW))
          .isInstanceOf(HoldfastException.class);
    }

    expectOldAndNothingElse();
  }

  @Test
  void manyPutsOfOneNameAtOnceLeaveOneOfThem() throws Exception {
    var failures = new ConcurrentLinkedQueue<Throwable>();
    var threads = new java.util.ArrayList<Thread>();
    for (int i = 0; i < 8; i++) {
      threads.add(
          Thread.ofPlatform()
              .uncaughtExceptionHandler((t, e) -> failures.add(e))
              .start(() -> put("/file")));
    }
    for (Thread thread : threads) {
      thread.join();
    }

    assertThat(failures).isEmpty();
    expectNew("file");
    assertThat(names(ROOT)).containsExactly("file");
  }

  @Test
  void whatIsOpenKeepsTheOldContent() {
    long open = files.open(find("file").inode(), OpenFlags.READ_ONLY).handle();

    put("/file");

    assertThat(MemoryPool.get(files, open)).isEqualTo(OLD);
    files.release(open);
    expectNew("file");
  }
}
