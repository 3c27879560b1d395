package holdfast.client.fuse;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTimeout;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import holdfast.client.api.OpenFlags;
import holdfast.client.api.PoolFileSystem;
import holdfast.model.ErrorCode;
import holdfast.model.HoldfastException;
import holdfast.util.NamedThreads;
import holdfast.util.SystemClocks;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** How mounts begin and end: in order, by others, with files open, by a crash. */
@Timeout(value = 120, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
final class MountLifecycleTest {
  private final Unmount unmount = new Unmount(SystemClocks.monotonic());
  private final NamedThreads threads = new NamedThreads((thread, e) -> e.printStackTrace());

  /** An end that takes longer has waited for calls that hang. */
  private static final Duration HANGING_CALLS_MAX = Duration.ofSeconds(20);

  private static final Duration SHORT_DEADLINE = Duration.ofSeconds(2);

  @TempDir Path temporary;

  private Path directory;

  @BeforeEach
  void makeDirectory() throws IOException {
    MountedFixture.assumeMountingPossible();
    directory = Files.createDirectory(temporary.resolve("a pool"));
  }

  @AfterEach
  void leaveNothingMounted() {
    if (directory != null) {
      unmount.detach(directory);
    }
  }

  private FuseMount mount(Path path) {
    return mount(path, new MemoryFileSystem());
  }

  private FuseMount mount(Path path, MemoryFileSystem files) {
    return FuseMount.mount(files, path, MountedFixture.OPTIONS, threads, SystemClocks.monotonic());
  }

  private HoldfastException refusal(Path path) {
    return assertThrows(HoldfastException.class, () -> mount(path));
  }

  @Test
  void unmountTakesItOutOfTheTableAndEndsEveryThread() throws Exception {
    var mount = mount(directory);
    Files.writeString(directory.resolve("f"), "content");
    assertFalse(mount.isUnmounted());

    mount.unmount();

    assertTrue(MountTable.read().at(directory).isEmpty());
    assertTrue(mount.isUnmounted());
    assertEquals(0, mount.threadCount());
    mount.unmount(); // again: nothing happens
    mount.awaitUnmounted();
    assertEquals(0, Files.list(directory).count());
  }

  @Test
  void oneCanMountAgainAndAgainInOneProcess() {
    var files = new MemoryFileSystem();
    for (int i = 0; i < 5; i++) {
      var mount = mount(directory, files);
      try {
        assertDoesNotExist(directory.resolve("f" + i));
        assertTrue(directory.resolve("f" + i).toFile().mkdir());
      } finally {
        mount.unmount();
      }
    }
    assertEquals(6, files.inodeCount());
  }

  private static void assertDoesNotExist(Path path) {
    assertFalse(Files.exists(path));
  }

  @Test
  void anotherProcessesUmountEndsTheMount() throws Exception {
    var mount = mount(directory);

    unmount.unmount(directory);

    mount.awaitUnmounted();
    assertTrue(mount.isUnmounted());
    assertEquals(0, mount.threadCount());
  }

  @Test
  void theProcessOfAMountIsFoundByItsSource() throws Exception {
    assertEquals(Optional.empty(), MountProcess.of(directory));
    var options = new MountOptions(MountProcess.source(), false, false, SHORT_DEADLINE);
    var files = new MemoryFileSystem();
    var mount = FuseMount.mount(files, directory, options, threads, SystemClocks.monotonic());
    try {
      MountProcess found = MountProcess.of(directory).orElseThrow();

      assertEquals(ProcessHandle.current().pid(), found.pid());
      assertFalse(found.awaitEnd(Duration.ofMillis(50), SystemClocks.monotonic()));
    } finally {
      mount.unmount();
    }
    assertEquals(Optional.empty(), MountProcess.of(directory));
  }

  @Test
  void umountOfABusyMountSaysWhoAndLeavesItMounted() throws Exception {
    var mount = mount(directory);
    var holder = new ProcessBuilder("sleep", "100").directory(directory.toFile()).start();
    try {
      var busy = assertThrows(HoldfastException.class, () -> unmount.unmount(directory));

      assertEquals(ErrorCode.BUSY, busy.code());
      assertTrue(busy.getMessage().contains("pids [" + holder.pid() + "]"), busy.getMessage());
      assertTrue(MountTable.read().at(directory).isPresent());
    } finally {
      holder.destroyForcibly().waitFor();
    }
    unmount.unmount(directory);
    mount.awaitUnmounted();
  }

  @Test
  void umountOfWhatIsNotMountedSaysSo() {
    var nothing = assertThrows(HoldfastException.class, () -> unmount.unmount(directory));
    var foreign = assertThrows(HoldfastException.class, () -> unmount.unmount(Path.of("/proc")));

    assertEquals(ErrorCode.NOT_FOUND, nothing.code());
    assertTrue(nothing.getMessage().contains("was=not mounted"), nothing.getMessage());
    assertTrue(foreign.getMessage().contains("was=proc (proc)"), foreign.getMessage());
  }

  @Test
  void unmountWithFilesOpenDetachesAndRefusesFurtherCalls() throws Exception {
    var files = new MemoryFileSystem();
    var mount = mount(directory, files);
    var channel =
        FileChannel.open(
            directory.resolve("f"), StandardOpenOption.CREATE, StandardOpenOption.WRITE);
    try {
      channel.write(ByteBuffer.wrap(new byte[10]));

      mount.unmount();

      assertTrue(MountTable.read().at(directory).isEmpty());
      assertTrue(mount.isUnmounted());
      var refused =
          assertThrows(IOException.class, () -> channel.write(ByteBuffer.wrap(new byte[10])));
      assertTrue(refused.getMessage().contains("not connected"), refused.getMessage());
      assertEquals(1, files.writeCount.get(), "the file system is closed by then");
    } finally {
      assertThrows(IOException.class, channel::close, "its flush reached nobody");
    }
    mount(directory).unmount();
  }

  /** Stores into a mapping and stays, without a descriptor. */
  private Process mapped(String name) throws IOException {
    String script =
        """
        import mmap, os, sys, time
        fd = os.open(sys.argv[1], os.O_RDWR | os.O_CREAT, 0o644)
        os.ftruncate(fd, 6)
        memory = mmap.mmap(fd, 6)
        os.closerange(3, 100)
        memory[:] = b'stored'
        print('stored', flush=True)
        time.sleep(600)
        """;
    Process process =
        new ProcessBuilder("python3", "-c", script, directory.resolve(name).toString()).start();
    assertEquals("stored", process.inputReader().readLine());
    return process;
  }

  private static String content(MemoryFileSystem files, String name) {
    long inode = files.lookup(PoolFileSystem.ROOT_INODE, name.getBytes(UTF_8)).inode();
    long handle = files.open(inode, OpenFlags.READ_ONLY).handle();
    byte[] content = new byte[10];
    int count = files.read(handle, 0, content, 0, content.length);
    files.release(handle);
    return new String(content, 0, count, UTF_8);
  }

  @Test
  void whatWasStoredIntoAMappedFileIsWrittenBackBeforeTheMountIsDetached() throws Exception {
    var files = new MemoryFileSystem();
    var mount = mount(directory, files);
    Process mapper = mapped("f");
    try {
      mount.unmount();

      assertEquals("stored", content(files, "f"));
      assertTrue(mount.isUnmounted());
      assertTrue(MountTable.read().at(directory).isEmpty());
    } finally {
      mapper.destroyForcibly().waitFor();
    }
  }

  /**
   * Nobody is told of such a detaching; without the unmount the mount would wait for the program.
   */
  @Test
  void whatWasStoredIntoAMappedFileIsWrittenBackAfterSomebodyElsesDetaching() throws Exception {
    var files = new MemoryFileSystem();
    var mount = mount(directory, files);
    Process mapper = mapped("f");
    try {
      unmount.detach(directory);
      assertFalse(mount.isUnmounted());

      mount.unmount();

      assertEquals("stored", content(files, "f"));
      assertTrue(mount.isUnmounted());
    } finally {
      mapper.destroyForcibly().waitFor();
    }
  }

  @Test
  void pagesThatCannotBeWrittenBackHoldAnUnmountUpForTheDeadlineOnly() throws Exception {
    var faulty = new FaultyFileSystem(new MemoryFileSystem());
    var mount =
        FuseMount.mount(
            faulty.files,
            directory,
            MountedFixture.options(SHORT_DEADLINE),
            threads,
            SystemClocks.monotonic());
    var never = new CountDownLatch(1);
    faulty.faults.put("write", never::await);
    Process mapper = mapped("f");
    try {
      assertTimeout(HANGING_CALLS_MAX, mount::unmount);

      assertTrue(mount.isUnmounted());
      assertTrue(MountTable.read().at(directory).isEmpty());
    } finally {
      never.countDown();
      mapper.destroyForcibly().waitFor();
    }
  }

  @Test
  void umountOfAMountWithAMappedFileSaysWho() throws Exception {
    var mount = mount(directory);
    Process mapper = mapped("f");
    try {
      var busy = assertThrows(HoldfastException.class, () -> unmount.unmount(directory));

      assertEquals(ErrorCode.BUSY, busy.code());
      assertTrue(busy.getMessage().contains("pids [" + mapper.pid() + "]"), busy.getMessage());
    } finally {
      mapper.destroyForcibly().waitFor();
    }
    mount.unmount();
  }

  /** What is started in a namespace of its own gets a copy of every mount. */
  @Test
  void unmountEndsTooWhereAnotherNamespaceHasTheMount() throws Exception {
    assumeTrue(Unmount.isRoot(), "only root makes mount namespaces");
    var mount = mount(directory);
    Files.writeString(directory.resolve("f"), "content");
    String copied = "echo copied; exec sleep 100";
    var holder =
        new ProcessBuilder("unshare", "-m", "--propagation", "private", "sh", "-c", copied).start();
    try {
      assertEquals("copied", holder.inputReader().readLine());

      assertTimeout(HANGING_CALLS_MAX, mount::unmount, "no call hangs, so none is waited for");

      assertTrue(MountTable.read().at(directory).isEmpty());
      assertTrue(mount.isUnmounted());
      var inside =
          MountedFixture.shell(
              temporary, "nsenter -m -t " + holder.pid() + " cat '" + directory + "/f' 2>&1");
      assertTrue(inside.output().contains("not connected"), inside.output());
    } finally {
      holder.destroyForcibly().waitFor();
    }
    mount(directory).unmount();
  }

  @Test
  void aKilledMountIsClearedByTheNextOne() throws Exception {
    var child = new ChildMount(directory);
    try {
      assertEquals("holdfast:child", MountTable.read().at(directory).orElseThrow().source());
    } finally {
      child.kill();
    }
    var stale = MountedFixture.shell(temporary, "ls 'a pool'");
    assertTrue(stale.output().contains("endpoint is not connected"), stale.output());

    var mount = mount(directory);

    try {
      Files.writeString(directory.resolve("f"), "works");
      assertEquals("holdfast:test", MountTable.read().at(directory).orElseThrow().source());
    } finally {
      mount.unmount();
    }
    assertTrue(MountTable.read().at(directory).isEmpty(), "no stale one beneath");
  }

  @Test
  void aKilledMountIsClearedByUmount() throws Exception {
    new ChildMount(directory).kill();

    unmount.unmount(directory);

    assertTrue(MountTable.read().at(directory).isEmpty());
    assertEquals(0, Files.list(directory).count());
  }

  @Test
  void aFrozenMountIsNotTakenForAStaleOne() throws Exception {
    try (var child = new ChildMount(directory)) {
      child.signal("STOP");

      var refused = refusal(directory);

      assertEquals(ErrorCode.BUSY, refused.code());
      assertTrue(MountTable.read().at(directory).isPresent());
      child.signal("CONT");
      unmount.unmount(directory);
      assertEquals(0, child.awaitExit(), "the process ends by itself");
    }
  }

  @Test
  void placesToMountAtAreCheckedWithOneClearLine() throws Exception {
    Path file = Files.createFile(temporary.resolve("file"));
    Path full = Files.createDirectory(temporary.resolve("full"));
    Files.createFile(full.resolve("something"));

    assertRefused(temporary.resolve("none"), ErrorCode.NOT_FOUND, "was=missing; make it: mkdir");
    assertRefused(temporary.resolve("x/y"), ErrorCode.NOT_FOUND, "was=missing");
    assertRefused(file, ErrorCode.NOT_DIRECTORY, "expected=a directory");
    assertRefused(full, ErrorCode.NOT_EMPTY, "expected=an empty directory");
    assertRefused(Path.of("/proc"), ErrorCode.BUSY, "was=proc (proc)");
    var mount = mount(directory);
    try {
      assertRefused(directory, ErrorCode.BUSY, "unmount it first: holdfast umount " + directory);
      assertEquals("holdfast:test", MountTable.read().at(directory).orElseThrow().source());
    } finally {
      mount.unmount();
    }
  }

  private void assertRefused(Path path, ErrorCode code, String text) {
    var refused = refusal(path);
    assertEquals(code, refused.code());
    assertTrue(refused.getMessage().contains(text), refused.getMessage());
    assertFalse(refused.getMessage().contains("\n"));
  }

  @Test
  void aPlaceCanBeGivenByLinkOrRelativePath() throws Exception {
    Path link = Files.createSymbolicLink(temporary.resolve("link"), Path.of("a pool"));
    Path relative = Path.of("").toAbsolutePath().relativize(directory).resolve("../a pool/.");

    var mount = mount(link);
    try {
      assertEquals(directory.toRealPath(), mount.mountPoint().toRealPath());
      assertEquals(ErrorCode.BUSY, refusal(relative).code());
      assertNotEquals(0, Files.getFileStore(directory).getTotalSpace());
      unmount.unmount(relative);
    } finally {
      mount.unmount();
    }
  }
}
