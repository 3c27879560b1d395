package holdfast.app;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import holdfast.client.ClientFileSystem;
import holdfast.client.MemoryPool;
import holdfast.client.MemoryPoolService;
import holdfast.client.api.AttributeChange;
import holdfast.client.api.PoolFileSystem;
import holdfast.metadata.op.Operation;
import holdfast.model.ErrorCode;
import holdfast.model.HoldfastException;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What {@code get} leaves of a local file, whether it ends well or not. */
class GetCommandTest {
  private static final long ROOT = PoolFileSystem.ROOT_INODE;
  private static final byte[] OLD = MemoryPool.bytes(1, 5_000_000);
  private static final byte[] NEW = MemoryPool.bytes(2, 9_000_000);
  private static final long MTIME_NS = 1_234_567_890_123_456_789L;

  @TempDir Path folder;
  private final MemoryPool memory = new MemoryPool();
  private final MemoryPoolService pool = memory.service;
  private ClientFileSystem files = memory.mount();
  private Path local;
  private long inode;

  @BeforeEach
  void makeFiles() throws IOException {
    long handle = files.create(MemoryPool.ROOT, ROOT, bytes("file"), 0640, 0).handle();
    MemoryPool.put(files, handle, 0, NEW);
    files.flush(handle);
    files.release(handle);
    inode = files.lookup(ROOT, bytes("file")).inode();
    var change = new AttributeChange(AttributeChange.MTIME, 0, 0, 0, 0, 0, MTIME_NS);
    files.setAttributes(inode, change, PoolFileSystem.NO_HANDLE);
    files = memory.mount(); // one that has nothing in its cache
    local = Files.write(folder.resolve("local"), OLD);
    Files.setAttribute(local, "unix:mode", 0604);
  }

  @AfterEach
  void close() {
    memory.close();
  }

  private static byte[] bytes(String name) {
    return name.getBytes(UTF_8);
  }

  private void get(String source, Path target) throws IOException {
    var command = new GetCommand();
    command.source = source;
    command.target = target.toString();
    command.run(files, new PrintWriter(System.out));
  }

  private List<String> names() throws IOException {
    try (var names = Files.list(folder)) {
      return names.map(name -> name.getFileName().toString()).sorted().toList();
    }
  }

  private void expectOldAndNothingElse() throws IOException {
    assertThat(Files.readAllBytes(local)).isEqualTo(OLD);
    assertThat(names()).containsExactly("local");
  }

  private static void expectNew(Path file) throws IOException {
    assertThat(Files.readAllBytes(file)).isEqualTo(NEW);
    assertThat((Integer) Files.getAttribute(file, "unix:mode") & 07777).isEqualTo(0640);
    assertThat(Files.getLastModifiedTime(file).to(TimeUnit.NANOSECONDS)).isEqualTo(MTIME_NS);
  }

  @Test
  void aFileIsReplacedWithItsModeAndTimeAndItsOtherNamesKeepTheOldOne() throws IOException {
    Path other = Files.createLink(folder.resolve("other"), local);

    get("/file", local);

    expectNew(local);
    assertThat(Files.readAllBytes(other)).isEqualTo(OLD);
    assertThat(names()).containsExactly("local", "other");
  }

  @Test
  void aNameThatEndsInASlashIsADirectorys() throws IOException {
    var command = new GetCommand();
    command.source = "/file";
    for (String target : List.of(folder.resolve("none") + "/", local + "/")) {
      command.target = target;
      assertThatThrownBy(() -> command.run(files, new PrintWriter(System.out)))
          .isInstanceOf(UsageException.class)
          .hasMessageStartingWith("get /file: write " + target + ": no")
          .hasMessageEndingWith("directory");
    }
    expectOldAndNothingElse();
  }

  @Test
  void aNewFileGetsModeAndTimeInADirectoryToo() throws IOException {
    get("/file", folder.resolve("new"));
    get("/file", folder);

    expectNew(folder.resolve("new"));
    expectNew(folder.resolve("file"));
    assertThat(names()).containsExactly("file", "local", "new");
  }

  @Test
  void aSymbolicLinkStaysAndWhatItLeadsToIsReplaced() throws IOException {
    Path link = Files.createSymbolicLink(folder.resolve("link"), Path.of("local"));

    get("/file", link);

    expectNew(local);
    assertThat(Files.readSymbolicLink(link)).isEqualTo(Path.of("local"));
    assertThat(names()).containsExactly("link", "local");
  }

  @Test
  void aSymbolicLinkInThePoolIsFollowed() throws IOException {
    files.symbolicLink(MemoryPool.ROOT, ROOT, bytes("link"), bytes("file"));

    get("/link", folder);

    expectNew(folder.resolve("link"));
  }

  @Test
  void destinationsThatCannotBeReplacedAreRefused() throws IOException {
    Files.createDirectories(folder.resolve("folder/file"));
    Path nowhere = Files.createSymbolicLink(folder.resolve("nowhere"), Path.of("none"));

    assertThatThrownBy(() -> get("/file", folder.resolve("folder")))
        .isInstanceOf(UsageException.class);
    assertThatThrownBy(() -> get("/file", nowhere))
        .isInstanceOf(HoldfastException.class)
        .hasMessageContaining("no such file");
    assertThatThrownBy(() -> get("/file", folder.resolve("none/file")))
        .isInstanceOf(HoldfastException.class)
        .hasMessageContaining("no such file");
    assertThat(names()).containsExactly("folder", "local", "nowhere");
  }

  @Test
  void whatHasNothingToLoseIsWrittenDirectly() throws IOException {
    get("/file", Path.of("/dev/null"));

    assertThatThrownBy(() -> get("/file", Path.of("/dev/full")))
        .isInstanceOf(HoldfastException.class)
        .hasMessageContaining("No space left on device");
    assertThat(Files.isRegularFile(Path.of("/dev/null"))).isFalse();
  }

  @Test
  void aPoolThatIsLostInTheMiddleLeavesTheOldFile() throws IOException {
    var fetched = new AtomicInteger();
    pool.beforeFetch =
        chunk ->
            fetched.incrementAndGet() < 2
                ? CompletableFuture.completedFuture(null)
                : CompletableFuture.failedFuture(
                    new HoldfastException(ErrorCode.UNREACHABLE, "fetch chunk: no peer"));

    assertThatThrownBy(() -> get("/file", local))
        .isInstanceOf(HoldfastException.class)
        .hasMessageContaining(local + " is as it was");

    expectOldAndNothingElse();
  }

  @Test
  void aFileThatIsWrittenMeanwhileIsRefused() throws IOException {
    pool.beforeFetch =
        chunk -> {
          pool.changeByOther(
              new Operation.SetAttributes(
                  inode, Operation.SetAttributes.MTIME, 0, 0, 0, MTIME_NS + 1, 0, 1));
          return CompletableFuture.completedFuture(null);
        };
    pool.beginOther();

    assertThatThrownBy(() -> get("/file", local))
        .isInstanceOf(HoldfastException.class)
        .hasMessageContaining("nobody writes")
        .hasMessageContaining("as it was");

    expectOldAndNothingElse();
  }

  @Test
  void aSignalBeforeTheRenameLeavesTheOldFileAndOneAfterItIsTooLate() throws IOException {
    var random = new AtomicLong();
    try (var replacement = new LocalReplacement(local, true, random::incrementAndGet)) {
      replacement.begin();
      replacement.write(NEW, 100);
      assertThat(names()).hasSize(2);
      assertThat(replacement.abandon()).isTrue();
      assertThatThrownBy(() -> replacement.write(NEW, 1)).isInstanceOf(HoldfastException.class);
      assertThatThrownBy(() -> replacement.complete(0644, Replacement.NOW))
          .isInstanceOf(HoldfastException.class);
    }
    expectOldAndNothingElse();

    try (var replacement = new LocalReplacement(local, true, random::incrementAndGet)) {
      replacement.begin();
      replacement.complete(0644, Replacement.NOW);
      assertThat(replacement.abandon()).isFalse();
    }
    assertThat(local).isEmptyFile();
  }

  @Test
  void whileItIsWrittenNobodyElseMayReadIt() throws IOException {
    try (var replacement = new LocalReplacement(local, true, () -> 9)) {
      replacement.begin();

      Path made = folder.resolve(TemporaryName.of("local", "get", 9));
      assertThat((Integer) Files.getAttribute(made, "unix:mode") & 07777).isEqualTo(0600);
    }
  }

  @Test
  void whatADeadGetLeftIsRemovedAndOneAtWorkIsLeftAlone() throws IOException {
    Path dead = Files.write(folder.resolve(TemporaryName.of("local", "get", 1)), OLD);
    Path alive = Files.write(folder.resolve(TemporaryName.of("local", "get", 2)), OLD);
    Path another = Files.write(folder.resolve(TemporaryName.of("other", "get", 3)), OLD);
    Path link = folder.resolve(TemporaryName.of("local", "get", 4));
    Files.createSymbolicLink(link, another);
    try (var open = FileChannel.open(alive, StandardOpenOption.WRITE);
        var lock = open.lock()) {
      assertThat(lock.isValid()).isTrue();

      get("/file", local);
    }

    expectNew(local);
    assertThat(dead).doesNotExist();
    assertThat(List.of(alive, another, link)).allMatch(Files::exists);
  }

  @Test
  void aNameThatIsTakenIsLeftToWhoHasIt() throws IOException {
    Path taken = Files.write(folder.resolve(TemporaryName.of("local", "get", 5)), OLD);
    try (var open = FileChannel.open(taken, StandardOpenOption.WRITE);
        var lock = open.lock();
        var replacement = new LocalReplacement(local, true, () -> 5)) {
      assertThat(lock.isValid()).isTrue();

      assertThatThrownBy(replacement::begin)
          .isInstanceOf(HoldfastException.class)
          .hasMessageContaining("free name");
    }

    assertThat(Files.readAllBytes(taken)).isEqualTo(OLD);
    assertThat(Files.readAllBytes(local)).isEqualTo(OLD);
  }
}
