package holdfast.client.fuse;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import holdfast.client.api.PoolFileSystem;
import holdfast.model.ErrorCode;
import holdfast.model.HoldfastException;
import holdfast.process.Python;
import holdfast.util.SystemClocks;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** File systems that throw or hang: the caller gets an error, in time, and the mount lives on. */
@Timeout(value = 120, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
final class MountFailureTest {
  private static final Duration DEADLINE = Duration.ofMillis(500);

  /** What makes the kernel call a method, and whether its caller can see it fail. */
  record Trigger(String method, String line, boolean seen) {}

  /** Asks by whom byte 0 is locked: struct flock, with F_GETLK (5). */
  private static final String GETLK =
      Python.command(
          "f = open(\"f\", \"r+\"); fcntl.fcntl(f, 5, struct.pack(\"hhqqi4x\", 1, 0, 0, 1, 0))");

  static final List<Trigger> TRIGGERS =
      List.of(
          new Trigger("attributes", "stat f", true),
          new Trigger("setAttributes", "chmod 600 f", true),
          new Trigger("setAttributes", "truncate -s 3 f", true),
          new Trigger("setAttributes", "touch f", true),
          new Trigger("lookup", "stat f", true),
          new Trigger("forget", "rm f", false),
          new Trigger("create", "touch new", true),
          new Trigger("makeDirectory", "mkdir new", true),
          new Trigger("makeNode", "mkfifo new", true),
          new Trigger("symbolicLink", "ln -s x new", true),
          new Trigger("readLink", "readlink -v l", true),
          new Trigger("unlink", "rm f", true),
          new Trigger("removeDirectory", "rmdir d", true),
          new Trigger("rename", "mv f g", true),
          new Trigger("link", "ln f g", true),
          new Trigger("open", "cat f", true),
          new Trigger("read", "cat f", true),
          new Trigger("write", "dd if=/dev/zero of=f bs=10 count=1 conv=notrunc", true),
          new Trigger(
              "append", "dd if=/dev/zero of=f bs=10 count=1 oflag=append conv=notrunc", true),
          new Trigger("allocate", "fallocate -l 100 f", true),
          new Trigger("xattrOrNull", "getfattr -n user.a f", true),
          new Trigger("xattrNames", "getfattr f", true),
          new Trigger("setXattr", "setfattr -n user.b -v x f", true),
          new Trigger("removeXattr", "setfattr -x user.a f", true),
          new Trigger("flush", "dd if=/dev/zero of=f bs=10 count=1 conv=notrunc", true),
          new Trigger("releaseLocks", "dd if=/dev/zero of=f bs=10 count=1 conv=notrunc", true),
          new Trigger("lock", "flock f true", true),
          new Trigger("lockWhenFree", "flock f flock f true", true),
          new Trigger("lockInTheWayOrNull", GETLK, true),
          new Trigger("fsync", "sync f", true),
          new Trigger("fsync", "sync -d f", true),
          new Trigger("release", "cat f", false),
          new Trigger("readDirectory", "ls d", true),
          new Trigger("fsyncDirectory", "sync d", true),
          new Trigger("statistics", "stat -f .", true));

  /** What is thrown, and what the program sees. */
  private record Kind(String name, Supplier<Throwable> made, String seenAs) {
    @Override
    public String toString() {
      return name;
    }
  }

  static Stream<Kind> kinds() {
    return Stream.of(
        new Kind("exception", () -> new IllegalStateException("a bug"), "Input/output error"),
        new Kind("error", () -> new StackOverflowError("a deep bug"), "Input/output error"),
        new Kind("checked", () -> new IOException("sneaked out"), "Input/output error"),
        new Kind(
            "code",
            () -> new HoldfastException(ErrorCode.NO_SPACE, "write: full"),
            "No space left on device"));
  }

  @ParameterizedTest
  @MethodSource("kinds")
  void whateverACallbackThrowsItsCallerGetsAnErrorAndTheMountLivesOn(Kind kind) throws Exception {
    for (Trigger trigger : TRIGGERS) {
      var faulty = new FaultyFileSystem(new MemoryFileSystem());
      try (var mounted = new MountedFixture(faulty.files)) {
        mounted.run("echo content > f; mkdir d; ln -s target l");
        faulty.finished.clear();
        faulty.faults.put(
            trigger.method(),
            () -> {
              faulty.finished.add("threw " + trigger.method());
              throw kind.made().get();
            });

        var result = mounted.shell(trigger.line());

        String what = trigger + ": " + result;
        if (trigger.seen()) {
          assertNotEquals(0, result.exit(), what);
          assertTrue(result.output().contains(kind.seenAs()), what);
        } else {
          assertEquals(0, result.exit(), what);
        }
        awaitThrown(faulty, trigger);
        faulty.faults.clear();
        assertEquals("target", mounted.run("readlink l"), what);
      }
    }
  }

  private static void awaitThrown(FaultyFileSystem faulty, Trigger trigger)
      throws InterruptedException {
    String next;
    do {
      next = faulty.finished.poll(10, TimeUnit.SECONDS);
      assertTrue(next != null, () -> "never called: " + trigger);
    } while (!next.equals("threw " + trigger.method()));
  }

  @Test
  void aCallThatHangsIsAnsweredAtTheDeadlineAndItsLateResultIsDropped() throws Exception {
    var faulty = new FaultyFileSystem(new MemoryFileSystem());
    var options = MountedFixture.options(DEADLINE);
    for (Trigger trigger : TRIGGERS) {
      var go = new CountDownLatch(1);
      try (var mounted = new MountedFixture(faulty.files, options)) {
        mounted.run("rm -rf *; echo content > f; mkdir d; ln -s target l");
        faulty.finished.clear();
        faulty.faults.put(trigger.method(), go::await);

        long start = System.nanoTime();
        var result = mounted.shell(trigger.line());
        long tookMs = (System.nanoTime() - start) / 1_000_000;

        String what = trigger + ": " + result + ", ms=" + tookMs;
        assertTrue(tookMs < 5_000, what);
        if (trigger.seen()) {
          assertNotEquals(0, result.exit(), what);
          assertTrue(result.output().contains("Connection timed out"), what);
        }
        faulty.faults.clear();
        go.countDown();
        awaitFinished(faulty, trigger.method());
        assertEquals("target", mounted.run("readlink l"), what);
      } finally {
        faulty.faults.clear();
        go.countDown();
      }
    }
  }

  /** Who works on it has slept too. */
  @Test
  void aCallThatTheMachineSleptThroughIsNotAbandoned() throws Exception {
    var sleptNs = new AtomicLong();
    var clock = SystemClocks.monotonic();
    var faulty = new FaultyFileSystem(new MemoryFileSystem());
    var options = MountedFixture.options(Duration.ofSeconds(2));
    try (var mounted =
        new MountedFixture(faulty.files, options, () -> clock.nowNs() + sleptNs.get())) {
      mounted.run("echo content > f");
      var isCalled = new CountDownLatch(1);
      faulty.faults.put(
          "open",
          () -> {
            isCalled.countDown();
            sleptNs.addAndGet(Duration.ofHours(1).toNanos());
            TimeUnit.SECONDS.sleep(1); // looked at five times
          });

      String content = mounted.run("cat f");

      assertEquals(0, isCalled.getCount());
      assertEquals("content", content);
    }
  }

  private static void awaitFinished(FaultyFileSystem faulty, String method)
      throws InterruptedException {
    String next;
    do {
      next = faulty.finished.poll(10, TimeUnit.SECONDS);
      assertTrue(next != null, () -> "never finished: " + method);
    } while (!next.equals(method));
  }

  @Test
  void whatALateOpenLeftOpenIsClosed() throws Exception {
    var memory = new MemoryFileSystem();
    var faulty = new FaultyFileSystem(memory);
    try (var mounted = new MountedFixture(faulty.files, MountedFixture.options(DEADLINE))) {
      mounted.run("echo content > f");
      for (String line : List.of("cat f", "touch new")) {
        String method = line.equals("cat f") ? "open" : "create";
        var go = new CountDownLatch(1);
        awaitClosed(faulty, memory);
        faulty.finished.clear();
        faulty.faults.put(method, go::await);
        try {
          assertNotEquals(0, mounted.shell(line).exit());
        } finally {
          faulty.faults.clear();
          go.countDown();
        }

        awaitFinished(faulty, "release");
        assertEquals(0, memory.openHandleCount(), line);
      }
    }
  }

  private static void awaitClosed(FaultyFileSystem faulty, MemoryFileSystem memory)
      throws InterruptedException {
    while (memory.openHandleCount() > 0) {
      assertTrue(faulty.finished.poll(10, TimeUnit.SECONDS) != null, "handles stay open");
    }
  }

  @Test
  void aCallThatMovesIsNotAnsweredForBeforeItEnds() throws Exception {
    var memory = new MemoryFileSystem();
    var faulty = new FaultyFileSystem(memory);
    try (var mounted = new MountedFixture(faulty.files, MountedFixture.options(DEADLINE))) {
      mounted.run("echo content > f");
      memory.movedNs = SystemClocks.monotonic()::nowNs;
      faulty.faults.put("read", () -> Thread.sleep(DEADLINE.multipliedBy(4)));

      assertEquals("content", mounted.run("cat f"), "four deadlines later");

      memory.movedNs = () -> Long.MIN_VALUE / 2;
      faulty.faults.put("open", () -> Thread.sleep(DEADLINE.multipliedBy(4)));
      assertNotEquals(0, mounted.shell("cat f").exit(), "nothing moves");
      faulty.faults.clear();
    }
  }

  @Test
  void manyCallsThatHangDontKeepOthersWaiting() throws Exception {
    int hangingCount = 20;
    var faulty = new FaultyFileSystem(new MemoryFileSystem());
    var hanging = new CountDownLatch(hangingCount);
    var go = new CountDownLatch(1);
    try (var mounted = new MountedFixture(faulty.files)) {
      mounted.run("for i in {1..40}; do echo $i > f$i; done");
      faulty.faults.put(
          "open",
          () -> {
            hanging.countDown();
            go.await();
          });
      var readers = new ArrayList<CompletableFuture<MountedFixture.Result>>();
      for (int i = 1; i <= hangingCount; i++) {
        String line = "cat f" + i;
        var future = new CompletableFuture<MountedFixture.Result>();
        readers.add(future);
        mounted.threads.startPlatform(
            "reader",
            () -> {
              try {
                future.complete(mounted.shell(line));
              } catch (IOException | InterruptedException e) {
                future.completeExceptionally(e);
              }
            });
      }
      try {
        assertTrue(hanging.await(20, TimeUnit.SECONDS), "all are being worked on at once");
        assertEquals("40", mounted.run("ls | wc -l"));
        assertTrue(mounted.mount.threadCount() > hangingCount);
      } finally {
        faulty.faults.clear();
        go.countDown();
      }
      for (var reader : readers) {
        assertEquals(0, reader.get(20, TimeUnit.SECONDS).exit());
      }
      for (int i = 0; i < 500; i++) {
        mounted.mount.mountPoint().toFile().list();
      }
      assertTrue(mounted.mount.threadCount() <= FuseSession.THREAD_COUNT_IDLE_MAX + 1);
    }
  }

  @Test
  void unmountReturnsThoughACallHangs() throws Exception {
    var faulty = new FaultyFileSystem(new MemoryFileSystem());
    var entered = new CountDownLatch(1);
    var go = new CountDownLatch(1);
    var mounted = new MountedFixture(faulty.files, MountedFixture.options(Duration.ofSeconds(2)));
    try {
      mounted.run("echo content > f");
      faulty.faults.put(
          "read",
          () -> {
            entered.countDown();
            go.await();
          });
      var reader = new CompletableFuture<MountedFixture.Result>();
      mounted.threads.startPlatform(
          "reader",
          () -> {
            try {
              reader.complete(mounted.shell("cat f"));
            } catch (IOException | InterruptedException e) {
              reader.completeExceptionally(e);
            }
          });
      assertTrue(entered.await(10, TimeUnit.SECONDS));

      mounted.mount.unmount();

      assertTrue(mounted.mount.isUnmounted());
      assertTrue(MountTable.read().at(mounted.directory).isEmpty());
      assertNotEquals(0, reader.get(10, TimeUnit.SECONDS).exit());
    } finally {
      faulty.faults.clear();
      go.countDown();
      mounted.close();
    }
  }

  @Test
  void noOperationOfTheFileSystemIsLeftUntried() {
    var tried = new ArrayList<>(TRIGGERS.stream().map(Trigger::method).distinct().toList());
    tried.add("access"); // the kernel checks by itself: OperationsTest calls it
    tried.add("close"); // not the mount's to call
    tried.add("attach"); // called when it is mounted: a failure there fails the mount
    tried.add("changedUnseen"); // called after the reply as well
    tried.add("listed"); // called after the reply: nothing is left to answer
    tried.add("movedNs"); // the watchdog asks, on its own thread
    for (var method : PoolFileSystem.class.getMethods()) {
      assertTrue(tried.contains(method.getName()), method.getName());
    }
  }
}
