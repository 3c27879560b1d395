package holdfast.client.fuse;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import holdfast.process.Python;
import holdfast.process.Script;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Programs whose call waits in a file system that hangs: a signal that ends them ends the call, no
 * other does, and what the call does later harms nobody.
 */
@Timeout(value = 300, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
final class KilledCallerTest {
  /** Longer than anything here takes: no call ends by it. */
  private static final Duration DEADLINE = Duration.ofMinutes(5);

  private static final Duration GONE_MAX = Duration.ofSeconds(30);

  /** The watchdog has looked several times by then. */
  private static final long LOOKED_MS = 1_500;

  /**
   * Calls as a C program does: python's own function would begin again after EINTR. What a link
   * leads to is asked for while the program waits; reads of files may go by the page cache.
   */
  private static final String READ_LINK =
      """
      import ctypes, signal
      libc = ctypes.CDLL(None, use_errno=True)
      def read():
        print('reads', flush=True)
        count = libc.readlink(b'l', ctypes.create_string_buffer(9), 9)
        print(count, ctypes.get_errno(), flush=True)
      """;

  private final MemoryFileSystem memory = new MemoryFileSystem();
  private final FaultyFileSystem faulty = new FaultyFileSystem(memory);
  private final List<Process> started = new ArrayList<>();
  private CountDownLatch go = new CountDownLatch(1);
  private MountedFixture mounted;
  private Python programs;

  @BeforeEach
  void mount() throws Exception {
    mounted = new MountedFixture(faulty.files, MountedFixture.options(DEADLINE));
    programs = new Python(mounted.directory);
    mounted.run("echo content > f; mkdir d; ln -s target l; setfattr -n user.a -v x f");
  }

  @AfterEach
  void unmount() throws Exception {
    faulty.faults.clear();
    go.countDown();
    programs.close();
    started.forEach(Process::destroyForcibly);
    mounted.close();
  }

  /** Has this method's first calls hang until {@link #goOn}; opened when as many do. */
  private CountDownLatch hang(String method, int count) {
    var entered = new CountDownLatch(count);
    var begun = new AtomicInteger();
    faulty.finished.clear();
    faulty.faults.put(
        method,
        () -> {
          if (begun.getAndIncrement() < count) {
            entered.countDown();
            go.await();
          }
        });
    return entered;
  }

  private CountDownLatch hang(String method) {
    return hang(method, 1);
  }

  private void goOn() {
    go.countDown();
    go = new CountDownLatch(1);
  }

  private static void await(String what, CountDownLatch entered) throws InterruptedException {
    assertTrue(entered.await(GONE_MAX.toSeconds(), TimeUnit.SECONDS), what);
  }

  private Process start(String line) throws IOException {
    String command = "ulimit -c 0; cd \"$1\" && exec " + line;
    var builder = new ProcessBuilder("bash", "-c", command, "bash", mounted.directory.toString());
    var process =
        builder
            .redirectOutput(ProcessBuilder.Redirect.DISCARD)
            .redirectError(ProcessBuilder.Redirect.DISCARD)
            .start();
    started.add(process);
    return process;
  }

  private static void signal(String name, long pid) throws Exception {
    var kill = new ProcessBuilder("bash", "-c", "kill -" + name + " " + pid).inheritIO().start();
    assertEquals(0, kill.waitFor());
  }

  private static void assertGone(String what, Process process) throws InterruptedException {
    assertTrue(process.waitFor(GONE_MAX.toSeconds(), TimeUnit.SECONDS), what);
  }

  private static void assertWaits(String what, Process process) throws InterruptedException {
    assertFalse(process.waitFor(LOOKED_MS, TimeUnit.MILLISECONDS), what);
  }

  private static String line(Script script) throws InterruptedException {
    return script.line(GONE_MAX);
  }

  private void awaitFinished(String method) throws InterruptedException {
    String next;
    do {
      next = faulty.finished.poll(GONE_MAX.toSeconds(), TimeUnit.SECONDS);
      assertTrue(next != null, () -> "never finished: " + method);
    } while (!next.equals(method));
  }

  private void awaitClosed() throws InterruptedException {
    while (memory.openHandleCount() > 0) {
      assertTrue(faulty.finished.poll(10, TimeUnit.SECONDS) != null, "handles stay open");
    }
  }

  /** The same for each kind of call. */
  @Test
  void whoIsKilledIsGoneWhateverItsCallWaitsFor() throws Exception {
    for (MountFailureTest.Trigger trigger : MountFailureTest.TRIGGERS) {
      if (!trigger.seen() || trigger.method().equals("lockWhenFree")) {
        continue; // nobody waits for it; has a test of its own
      }
      mounted.run("rm -rf *; echo content > f; mkdir d; ln -s target l; setfattr -n user.a -v x f");
      CountDownLatch entered = hang(trigger.method());

      Process process = start(trigger.line());
      await("never called: " + trigger, entered);
      process.destroyForcibly();

      assertGone(trigger.toString(), process);
      assertEquals(137, process.exitValue(), trigger.toString());
      faulty.faults.clear();
      goOn();
      awaitFinished(trigger.method());
      assertEquals("target", mounted.run("readlink l"), trigger.toString());
      awaitClosed();
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"HUP", "INT", "QUIT", "TERM", "USR1", "KILL"})
  void whateverEndsAProgramEndsItsCall(String signal) throws Exception {
    for (String method : List.of("read", "open", "lookup")) {
      mounted.run("rm -f f; echo content > f");
      CountDownLatch entered = hang(method);

      Process process = start("cat f");
      await(method, entered);
      signal(signal, process.pid());

      assertGone(method, process);
      assertTrue(process.exitValue() > 128, "by the signal");
      faulty.faults.clear();
      goOn();
      awaitFinished(method);
      assertEquals("content", mounted.run("cat f"));
    }
  }

  @Test
  void signalsWithoutHarmLeaveTheCallAsItIs() throws Exception {
    CountDownLatch entered = hang("readLink");
    Script program =
        programs.start(
            "program",
            READ_LINK
                + """
                for number in (signal.SIGALRM, signal.SIGTERM, signal.SIGUSR1):
                  signal.signal(number, lambda *of: None)
                signal.signal(signal.SIGINT, signal.SIG_IGN)
                signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGHUP])
                read()
                signal.signal(signal.SIGHUP, signal.SIG_IGN)
                """);
    assertEquals("reads", line(program));
    await("readLink", entered);

    for (String signal : List.of("ALRM", "TERM", "USR1", "INT", "HUP", "CHLD", "WINCH", "CONT")) {
      signal(signal, program.pid());
    }
    TimeUnit.MILLISECONDS.sleep(LOOKED_MS);
    assertFalse(faulty.finished.contains("readLink"), "it hangs");
    assertTrue(program.isAlive());
    goOn();

    assertEquals("6 0", line(program), "all of it, and no EINTR");
    assertEquals(0, program.awaitExit(GONE_MAX));
  }

  /** Behind a signal with a handler the kernel tells the mount of no other. */
  @ParameterizedTest
  @ValueSource(strings = {"INT", "KILL"})
  void aSignalThatEndsComesThroughAfterOneThatDoesNot(String signal) throws Exception {
    CountDownLatch entered = hang("readLink");
    Script program =
        programs.start(
            "program",
            READ_LINK
                + """
                signal.signal(signal.SIGALRM, lambda *of: None)
                signal.signal(signal.SIGINT, signal.SIG_DFL)
                read()
                """);
    assertEquals("reads", line(program));
    await("readLink", entered);

    signal("ALRM", program.pid());
    TimeUnit.MILLISECONDS.sleep(LOOKED_MS);
    assertTrue(program.isAlive());
    signal(signal, program.pid());

    program.awaitExit(GONE_MAX);
    goOn();
    awaitFinished("readLink");
    assertEquals("target", mounted.run("readlink l"));
  }

  private static final String WRITE_AND_WAIT =
      """
      import signal
      signal.signal(signal.SIGINT, signal.SIG_DFL)
      f = os.open('written', os.O_WRONLY | os.O_CREAT)
      os.write(f, b'saved')
      print('written', flush=True)
      wait()
      os._exit(7)
      """;

  @ParameterizedTest
  @ValueSource(strings = {"INT", "KILL"})
  void whatAKilledProgramHasWrittenIsSavedThoughNobodyWaits(String signal) throws Exception {
    Script program = programs.start("program", WRITE_AND_WAIT);
    assertEquals("written", line(program));
    CountDownLatch entered = hang("flush");

    signal(signal, program.pid());
    await("flush", entered);
    program.awaitExit(GONE_MAX);

    TimeUnit.MILLISECONDS.sleep(LOOKED_MS);
    assertEquals(1, memory.openHandleCount(), "not released before it is saved");
    mounted.run("printf ' too' >> written");
    goOn();
    awaitFinished("flush");
    awaitFinished("releaseLocks");
    awaitClosed();
    assertEquals("saved too", mounted.run("cat written"));
  }

  /** Its owner's number may be that of the one before. */
  @Test
  void whoLocksNextGetsTheLockWhenTheKilledOnesFileIsSaved() throws Exception {
    String lockAndWait =
        """
        f = open('f', 'r+')
        print('open', flush=True)
        fcntl.lockf(f, fcntl.LOCK_EX)
        print('mine', flush=True)
        wait()
        """;
    Script killed = programs.start("killed", lockAndWait);
    assertEquals("open", line(killed));
    assertEquals("mine", line(killed));
    CountDownLatch entered = hang("flush");
    signal("KILL", killed.pid());
    await("flush", entered);
    killed.awaitExit(GONE_MAX);

    Script next = programs.start("next", lockAndWait);
    assertEquals("open", line(next));
    TimeUnit.MILLISECONDS.sleep(LOOKED_MS);
    assertEquals("open\n", next.out());
    goOn();

    assertEquals("mine", line(next));
    assertTrue(mounted.shell("flock -n f true").exit() == 0, "another kind of lock");
    String asked =
        Python.command(
            "f = open(\"f\", \"r+\"); print(struct.unpack(\"hhqqi4x\","
                + " fcntl.fcntl(f, 5, struct.pack(\"hhqqi4x\", 1, 0, 0, 1, 0)))[4])");
    assertEquals(Long.toString(next.pid()), mounted.run(asked), "it has it still");
    next.goOn();
    next.expectDone(GONE_MAX);
  }

  @Test
  void whoEndsByItselfWaitsUntilWhatItWroteIsSaved() throws Exception {
    Script program = programs.start("program", WRITE_AND_WAIT);
    assertEquals("written", line(program));
    CountDownLatch entered = hang("flush");

    program.goOn();
    await("flush", entered);
    TimeUnit.MILLISECONDS.sleep(LOOKED_MS);
    assertTrue(program.isAlive(), "waits");
    goOn();

    assertEquals(7, program.awaitExit(GONE_MAX));
    assertEquals("saved", mounted.run("cat written"));
  }

  @Test
  void aKilledProgramWithManyFilesIsGoneAsSoon() throws Exception {
    int fileCount = 40;
    Script program =
        programs.start(
            "program",
            "all = [os.open(str(i), os.O_WRONLY | os.O_CREAT) for i in range("
                + fileCount
                + ")]\nprint('open', flush=True)\nwait()\n");
    assertEquals("open", line(program));
    hang("flush", fileCount);

    long startNs = System.nanoTime();
    program.kill();
    long tookMs = (System.nanoTime() - startNs) / 1_000_000;

    assertTrue(tookMs < fileCount * 200L, "ms=" + tookMs);
    faulty.faults.clear();
    goOn();
    awaitClosed();
  }

  @Test
  void aLateWriteComesBeforeWhatIsWrittenNext() throws Exception {
    mounted.run("echo old > f; echo xxxxxxxxxx > source");
    CountDownLatch entered = hang("write");
    Process killed = start("dd if=source of=f bs=10 count=1 conv=notrunc");
    await("write", entered);
    killed.destroyForcibly();
    assertGone("writer", killed);

    Process next = start("sh -c 'echo new > f'");
    assertWaits("the killed one's write is still under way", next);
    goOn();

    assertGone("next writer", next);
    assertEquals("new", mounted.run("cat f"));
    awaitClosed();
  }

  @Test
  void aChangeOfWhomIsKilledWhileItWaitsBehindAnotherNeverHappens() throws Exception {
    CountDownLatch entered = hang("makeDirectory");
    Process first = start("mkdir first");
    await("makeDirectory", entered);
    first.destroyForcibly();
    assertGone("first", first);

    Process second = start("mkdir second");
    assertWaits("second", second); // in the mount: the kernel has the directory's lock for it
    Process third = start("mkdir third");
    second.destroyForcibly();
    assertGone("second", second);
    assertWaits("third", third);
    goOn();

    assertGone("third", third);
    assertEquals(0, third.exitValue());
    assertEquals("first\nthird", mounted.run("ls -d first third"));
    awaitFinished("makeDirectory");
    awaitFinished("makeDirectory");
    awaitFinished("changedUnseen"); // not before: the kernel had the directory's lock until then
    assertEquals("", mounted.run("ls | grep second || true"));
  }

  @Test
  void theFileSystemHearsOfAChangeThatTheKernelHasNoAnswerOf() throws Exception {
    CountDownLatch reading = hang("read");
    Process reader = start("cat f");
    await("read", reading);
    reader.destroyForcibly();
    assertGone("reader", reader);
    goOn();
    awaitFinished("read");
    awaitClosed();
    CountDownLatch making = hang("makeDirectory");

    Process maker = start("mkdir late");
    await("makeDirectory", making);
    maker.destroyForcibly();
    assertGone("maker", maker);
    assertFalse(faulty.finished.contains("changedUnseen"), "nothing has changed yet");
    goOn();

    awaitFinished("makeDirectory");
    awaitFinished("forget");
    awaitFinished("changedUnseen");
    mounted.run("rmdir late");
  }

  @Test
  void whoReadsWhatAKilledProgramReadsGetsIt() throws Exception {
    mounted.run("head -c 1000000 /dev/zero | tr '\\0' x > big");
    CountDownLatch entered = hang("read", Integer.MAX_VALUE);
    Process killed = start("cat big");
    while (entered.getCount() == Integer.MAX_VALUE) {
      TimeUnit.MILLISECONDS.sleep(1);
    }
    Script other =
        programs.start("other", "print('opens')\nprint(open('big').read() == 'x' * 1000000)\n");
    assertEquals("opens", line(other));
    TimeUnit.MILLISECONDS.sleep(200);

    killed.destroyForcibly();
    assertGone("killed", killed);
    TimeUnit.MILLISECONDS.sleep(LOOKED_MS);
    faulty.faults.clear();
    goOn();

    assertEquals("True", line(other));
    assertEquals(0, other.awaitExit(GONE_MAX));
  }

  @Test
  void aPageThatTheKernelWritesBackIsNotGivenUp() throws Exception {
    mounted.run("echo content > f");
    CountDownLatch entered = hang("write");
    Script program =
        programs.start(
            "program",
            """
            import mmap
            f = os.open('f', os.O_RDWR)
            pages = mmap.mmap(f, 8)
            pages[0:4] = b'page'
            print('stored', flush=True)
            pages.flush()
            """);
    assertEquals("stored", line(program));
    await("write", entered);

    signal("KILL", program.pid());
    TimeUnit.MILLISECONDS.sleep(LOOKED_MS);
    assertTrue(program.isAlive(), "its page is on its way");
    goOn();

    program.awaitExit(GONE_MAX);
    assertEquals("pageent", mounted.run("cat f"));
  }

  @Test
  void manyKilledOnesDontKeepOthersWaiting() throws Exception {
    int count = FuseSession.THREAD_COUNT_MAX + 10;
    mounted.run("for i in $(seq " + count + "); do echo $i > f$i; done");
    CountDownLatch entered = hang("open", FuseSession.THREAD_COUNT_MAX);
    var readers = new ArrayList<Process>();
    for (int i = 1; i <= count; i++) {
      readers.add(start("cat f" + i));
    }
    await("as many as there are threads", entered);

    readers.forEach(Process::destroyForcibly);
    for (Process reader : readers) {
      assertGone("reader", reader);
    }

    assertEquals("content", mounted.run("cat f"), "while all those hang");
    assertTrue(mounted.mount.threadCount() > FuseSession.THREAD_COUNT_MAX);
    assertTrue(mounted.mount.threadCount() <= 2 * FuseSession.THREAD_COUNT_MAX);
    goOn();
    awaitClosed();
  }
}
