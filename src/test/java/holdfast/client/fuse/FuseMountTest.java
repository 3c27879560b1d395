package holdfast.client.fuse;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import holdfast.client.api.Caller;
import holdfast.client.api.FileAttributes;
import holdfast.client.api.PoolFileSystem;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Every operation of the mount, by the kernel, against a file system in memory. */
@Timeout(value = 120, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
final class FuseMountTest {
  private static final Caller ROOT = new Caller(0, 0, 1, 022);

  private final MemoryFileSystem files = new MemoryFileSystem();
  private MountedFixture mounted;

  @BeforeEach
  void mount() throws IOException {
    mounted = new MountedFixture(files);
  }

  @AfterEach
  void unmount() throws IOException {
    if (mounted != null) {
      mounted.close();
    }
  }

  @Test
  void aTreeCopiedInComesBackTheSame() throws Exception {
    mounted.run("cp -a /usr/include/linux tree && diff -r /usr/include/linux tree");
    mounted.run("mv tree moved && diff -r /usr/include/linux moved && test ! -e tree");
    mounted.run("rm -r moved && test -z \"$(ls -A)\"");
  }

  @Test
  void linksShareOneInodeAndCountTheirNames() throws Exception {
    mounted.run("echo content > a && ln a b && ln b c && mkdir d && ln c d/e");

    assertEquals("4", mounted.run("stat -c %h a"));
    assertEquals(mounted.run("stat -c %i a"), mounted.run("stat -c %i d/e"));
    mounted.run("rm a b c");
    assertEquals("1 content", mounted.run("stat -c %h d/e; cat d/e").replace('\n', ' '));
  }

  @Test
  void symbolicLinksKeepTheirTarget() throws Exception {
    String target = "x/".repeat(2_000);

    assertEquals("../some where", mounted.run("ln -s '../some where' l && readlink l"));
    assertEquals(target, mounted.run("ln -s " + target + " long && readlink long"));
    assertEquals("symbolic link 13", mounted.run("stat -c '%F %s' l"));
  }

  @Test
  void specialFilesKeepTypeAndDevice() throws Exception {
    mounted.run("mkfifo pipe && mknod null c 1 3 && mknod disk b 259 70000");

    assertEquals("fifo 644", mounted.run("stat -c '%F %a' pipe"));
    assertEquals("character special file 1:3", mounted.run("stat -c '%F %t:%T' null"));
    assertEquals("block special file 103:11170", mounted.run("stat -c '%F %t:%T' disk"));
  }

  @Test
  void attributesAreSetAndShown() throws Exception {
    mounted.run("umask 027; mkdir d; echo x > f; chown 123:4000000001 f; chmod 4751 f");

    assertEquals("123 4000000001 4751 regular file", mounted.run("stat -c '%u %g %a %F' f"));
    assertEquals("131072", mounted.run("stat -c %o f"));
    assertEquals("750 2 directory", mounted.run("stat -c '%a %h %F' d"));
  }

  @Test
  void timesAreKeptToTheNanosecondBeforeAndAfter1970() throws Exception {
    mounted.run("touch f; touch -m -d '1969-12-31 23:59:58.250000001 UTC' f");
    mounted.run("touch -a -d '2105-01-01 00:00:00.999999999 UTC' f");

    assertEquals("-1.749999999 4260211200.999999999", mounted.run("stat -c '%.9Y %.9X' f"));
    mounted.run("before=$(date +%s); touch f; now=$(stat -c %Y f); test $now -ge $before");
  }

  @Test
  void filesAreCutAndGrownWithZeros() throws Exception {
    mounted.run("printf 0123456789 > f && truncate -s 4 f && truncate -s 8 f");

    assertEquals("30 31 32 33 00 00 00 00", mounted.run("od -An -tx1 f").strip());
    mounted.run("printf new > f");
    assertEquals("new", mounted.run("cat f"));
    mounted.run("printf er >> f");
    assertEquals("newer", mounted.run("cat f"));
  }

  @Test
  void offsetsReachBeyondFourGibibytes() throws Exception {
    long[] offsets = {0, (1L << 32) - 2, (1L << 32) + 7, (1L << 40) + 3, (1L << 50) - 4};
    try (var channel =
        FileChannel.open(
            mounted.path("sparse"),
            StandardOpenOption.CREATE,
            StandardOpenOption.READ,
            StandardOpenOption.WRITE)) {
      for (long offset : offsets) {
        assertEquals(4, channel.write(ByteBuffer.wrap(bytesFor(offset)), offset));
      }
      channel.force(true);
      for (long offset : offsets) {
        var read = ByteBuffer.allocate(4);
        assertEquals(4, channel.read(read, offset));
        assertArrayEquals(bytesFor(offset), read.array());
      }
      var hole = ByteBuffer.allocate(100);
      assertEquals(100, channel.read(hole, 1L << 39));
      assertArrayEquals(new byte[100], hole.array());
    }

    assertEquals(1L << 50, Files.size(mounted.path("sparse")));
  }

  private static byte[] bytesFor(long offset) {
    return ByteBuffer.allocate(4).putInt(Long.hashCode(offset * 31) | 1).array();
  }

  @Test
  void writesArriveInPiecesOf128KiB() throws Exception {
    mounted.run("dd if=/dev/zero of=f bs=1M count=4 2>&1");

    assertEquals(131_072, files.largestWriteBytes);
    assertEquals(32, files.writeCount.get());
  }

  @Test
  void namesAreAnyBytes() throws Exception {
    mounted.run("touch $'\\xff\\xfe\\x01' $'a b\\n' '*' && mv $'\\xff\\xfe\\x01' $'\\x80'");

    assertEquals("*\n\\200\na\\ b\\n", mounted.run("ls -b | sort"));
    var found = files.lookup(PoolFileSystem.ROOT_INODE, new byte[] {(byte) 0x80});
    assertEquals(FileAttributes.REGULAR, found.type());
    mounted.run("rm $'\\x80' $'a b\\n' '*' && test -z \"$(ls -A)\"");
  }

  @Test
  void namesOf255BytesFitAndLongerOnesAreRefused() throws Exception {
    mounted.run("touch $(printf 'n%.0s' {1..255})");

    var tooLong = mounted.shell("touch $(printf 'n%.0s' {1..256})");
    assertTrue(tooLong.output().contains("File name too long"), tooLong.output());
  }

  @Test
  void aDirectoryOf20000EntriesIsListedWhole() throws Exception {
    int count = 20_000;
    for (int i = 0; i < count; i++) {
      files.makeNode(
          ROOT, PoolFileSystem.ROOT_INODE, ("file-" + i).getBytes(), FileAttributes.REGULAR, 0);
    }

    assertEquals(count + 2, Integer.parseInt(mounted.run("ls -f | wc -l")));
    var names = new HashSet<String>();
    try (var entries = Files.newDirectoryStream(mounted.directory)) {
      for (Path entry : entries) {
        assertTrue(names.add(entry.getFileName().toString()), () -> "twice: " + entry);
      }
    }
    assertEquals(count, names.size());
    mounted.run("rm -r ./* && test -z \"$(ls -A)\"");
  }

  @Test
  void anUnlinkedFileLivesWhileItIsOpen() throws Exception {
    Path path = mounted.path("gone");
    try (var channel =
        FileChannel.open(
            path, StandardOpenOption.CREATE, StandardOpenOption.READ, StandardOpenOption.WRITE)) {
      channel.write(ByteBuffer.wrap("before".getBytes()));
      Files.delete(path);
      channel.write(ByteBuffer.wrap(" after".getBytes()));

      assertFalse(Files.exists(path));
      assertEquals(12, channel.size());
      var read = ByteBuffer.allocate(12);
      channel.read(read, 0);
      assertEquals("before after", new String(read.array()));
      assertEquals("", mounted.run("ls -A"), "nothing hidden stands in for it");
    }
    await(() -> files.inodeCount() == 1);
  }

  @Test
  void mappedPagesAreWrittenBack() throws Exception {
    Path path = mounted.path("mapped");
    try (var channel =
        FileChannel.open(
            path, StandardOpenOption.CREATE, StandardOpenOption.READ, StandardOpenOption.WRITE)) {
      var map = channel.map(FileChannel.MapMode.READ_WRITE, 0, 1 << 20);
      map.put(777_777, (byte) 42);
      map.force();
    }

    var stored = new byte[1];
    long inode = files.lookup(PoolFileSystem.ROOT_INODE, "mapped".getBytes()).inode();
    long handle = files.open(inode, 0).handle();
    assertEquals(1, files.read(handle, 777_777, stored, 0, 1));
    assertEquals(42, stored[0]);
    files.release(handle);
  }

  @Test
  void errorsReachTheProgram() throws Exception {
    mounted.run("mkdir -p d/e && touch f");

    assertTrue(mounted.shell("rmdir d").output().contains("Directory not empty"));
    assertTrue(mounted.shell("mkdir d").output().contains("File exists"));
    assertTrue(mounted.shell("cat nothing").output().contains("No such file or directory"));
    assertTrue(mounted.shell("mv d d/e/f").output().contains("cannot move"));
    assertTrue(mounted.shell("cat d").output().contains("Is a directory"));
    assertTrue(mounted.shell("ln d h").output().contains("not allowed"));
    assertTrue(mounted.shell("truncate -s 2000T f").output().contains("File too large"));
  }

  @Test
  void renameReplacesAtomicallyWhatHasTheName() throws Exception {
    mounted.run("echo a > a && echo b > b && mv -f a b && test ! -e a");
    assertEquals("a", mounted.run("cat b"));
    mounted.run("mkdir x y y/z && mv -T x y/z && test -d y/z && test ! -e x");
    assertEquals("3", mounted.run("stat -c %h ."), "the moved directory's parent changed");
  }

  @Test
  void statfsShowsThePool() throws Exception {
    assertEquals(
        "4096 1000000 600000 500000 12345 10000 255",
        mounted.run("stat -f -c '%S %b %f %a %c %d %l' ."));
  }

  @Test
  void syncReachesFilesAndDirectories() throws Exception {
    mounted.run("mkdir d && echo x > d/f && sync d/f && sync -d d/f && sync d && sync -f d");
  }

  @Test
  void writersAndReadersWorkAtOnce() throws Exception {
    long seed = new Random().nextLong();
    System.out.println("seed=" + seed);
    int workerCount = 6;
    int blockCount = 40;
    var done = new ArrayList<CompletableFuture<Void>>();
    Path shared = Files.createFile(mounted.path("shared"));
    for (int worker = 0; worker < workerCount; worker++) {
      int number = worker;
      var future = new CompletableFuture<Void>();
      done.add(future);
      mounted.threads.startPlatform(
          "writer-" + worker,
          () -> {
            try {
              writeAndRead(shared, number, workerCount, blockCount, new Random(seed + number));
              future.complete(null);
            } catch (Throwable e) {
              future.completeExceptionally(e);
            }
          });
    }
    for (var future : done) {
      future.get(60, TimeUnit.SECONDS);
    }
    for (int worker = 0; worker < workerCount; worker++) {
      check(shared, worker, workerCount, blockCount, new Random(seed + worker));
    }
  }

  private static final int BLOCK_BYTES = 50_000; // straddles pages and the memory's blocks

  private void writeAndRead(Path shared, int number, int workers, int blocks, Random random)
      throws IOException {
    Path own = mounted.path("own-" + number);
    try (var sharedChannel = FileChannel.open(shared, StandardOpenOption.WRITE);
        var ownChannel =
            FileChannel.open(
                own,
                StandardOpenOption.CREATE,
                StandardOpenOption.READ,
                StandardOpenOption.WRITE)) {
      for (int block = 0; block < blocks; block++) {
        var bytes = new byte[BLOCK_BYTES];
        random.nextBytes(bytes);
        long at = (long) BLOCK_BYTES * (block * workers + number);
        sharedChannel.write(ByteBuffer.wrap(bytes), at);
        ownChannel.write(ByteBuffer.wrap(bytes), (long) BLOCK_BYTES * block);
        var back = ByteBuffer.allocate(BLOCK_BYTES);
        ownChannel.read(back, (long) BLOCK_BYTES * block);
        assertArrayEquals(bytes, back.array());
      }
    }
  }

  private void check(Path shared, int number, int workers, int blocks, Random random)
      throws IOException {
    try (var channel = FileChannel.open(shared)) {
      for (int block = 0; block < blocks; block++) {
        var bytes = new byte[BLOCK_BYTES];
        random.nextBytes(bytes);
        var back = ByteBuffer.allocate(BLOCK_BYTES);
        channel.read(back, (long) BLOCK_BYTES * (block * workers + number));
        assertArrayEquals(bytes, back.array());
      }
    }
  }

  @Test
  void theKernelForgetsEveryInodeItLookedUp() throws Exception {
    mounted.run("for i in {1..300}; do echo $i > f$i; done; ls -l >/dev/null; cat f* >/dev/null");
    int known = mounted.mount.knownInodeCount(); // short of memory it may have forgotten some
    assertTrue(known > 0 && known <= 300, () -> "known=" + known);

    mounted.run("rm f*");

    await(() -> mounted.mount.knownInodeCount() == 0);
    assertTrue(files.forgetCount.get() >= 300, () -> "forgotten=" + files.forgetCount);
    await(() -> files.openHandleCount() == 0);
  }

  @Test
  void theMountTableShowsItAsHoldfasts() throws Exception {
    var entry = MountTable.read().at(mounted.directory).orElseThrow();

    assertEquals("fuse.holdfast", entry.type());
    assertEquals("holdfast:test", entry.source());
    String options = mounted.run("grep \" $PWD \" /proc/mounts");
    for (String option : "rw nosuid nodev default_permissions max_read=131072".split(" ")) {
      assertTrue(options.contains(option), options);
    }
    assertFalse(options.contains("allow_other"), options);
  }

  @Test
  void theKernelChecksPermissions() throws Exception {
    var options = new MountOptions("test", false, true, MountedFixture.OPTIONS.deadline());
    try (var shared = new MountedFixture(files, options)) {
      shared.run("echo secret > f; chmod 600 f; echo all > g; chmod 644 g; chown 1000 g");

      assertEquals("all", shared.run("setpriv --reuid 1000 --clear-groups cat g"));
      var refused = shared.shell("setpriv --reuid 1000 --clear-groups cat f");
      assertTrue(refused.output().contains("Permission denied"), refused.output());
    }
  }

  @Test
  void aReadOnlyMountRefusesChanges() throws Exception {
    mounted.run("echo content > f");
    var options = new MountOptions("test", true, false, MountedFixture.OPTIONS.deadline());
    try (var readOnly = new MountedFixture(files, options)) {
      assertEquals("content", readOnly.run("cat f"));
      assertTrue(readOnly.shell("touch g").output().contains("Read-only file system"));
    }
  }

  /** For what the kernel does a moment later (release, forget). */
  private static void await(BooleanSupplier condition) {
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(20);
    while (!condition.getAsBoolean()) {
      assertTrue(System.nanoTime() < deadline, "did not come true");
      LockSupport.parkNanos(1_000_000);
    }
  }
}
