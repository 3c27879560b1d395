package holdfast.process;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;

/** Extended attributes and holes of one mount, seen by another, and still there after restarts. */
@Tag("process")
@Timeout(value = 180, unit = TimeUnit.SECONDS, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class AttributesProcessTest {
  private static final Duration COMMAND_MAX = Duration.ofSeconds(20);
  private static final int LONG_VALUE_BYTES = 60_000;

  @RegisterExtension static final SharedPool SHARED = new SharedPool();
  @RegisterExtension final Pools pools = new Pools();

  private static Result execute(Pool pool, String... command) throws IOException {
    return pool.execute(List.of(command), COMMAND_MAX);
  }

  private static String value(Pool pool, Path file, String name) throws IOException {
    return execute(pool, "getfattr", "--absolute-names", "--only-values", "-n", name, "" + file)
        .expectDone("getfattr " + name)
        .out();
  }

  private static List<String> names(Pool pool, Path file) throws IOException {
    return execute(pool, "getfattr", "--absolute-names", "" + file)
        .expectDone("getfattr")
        .out()
        .lines()
        .filter(line -> line.startsWith("user."))
        .sorted()
        .toList();
  }

  private static void set(Pool pool, Path file, String name, String value) throws IOException {
    execute(pool, "setfattr", "-n", name, "-v", value, "" + file).expectDone("setfattr " + name);
  }

  @Test
  @Execution(ExecutionMode.CONCURRENT)
  void whatOneMountSetAnotherSeesAtOnceAndAfterARestartOfEveryPeer() throws Exception {
    Pool pool = pools.start(2);
    Path one = pool.mount("one");
    Path two = pool.mount("two");
    String longValue = "v".repeat(LONG_VALUE_BYTES);
    Path file = Files.writeString(one.resolve("file"), "content");
    assertThat(names(pool, two.resolve("file"))).isEmpty();

    set(pool, file, "user.short", "from one");
    set(pool, file, "user.long", longValue);
    set(pool, two.resolve("file"), "user.back", "from two");

    assertThat(value(pool, two.resolve("file"), "user.short")).isEqualTo("from one");
    assertThat(value(pool, two.resolve("file"), "user.long")).isEqualTo(longValue);
    assertThat(value(pool, file, "user.back")).isEqualTo("from two");
    execute(pool, "setfattr", "-x", "user.short", "" + file).expectDone("remove");
    Result gone =
        execute(pool, "getfattr", "--absolute-names", "-n", "user.short", "" + two.resolve("file"));
    assertThat(gone.exit()).isNotZero();
    assertThat(gone.err()).contains("No such attribute");
    assertThat(names(pool, two.resolve("file"))).containsExactly("user.back", "user.long");
    pool.umount(one);
    pool.umount(two);

    for (int peer = 1; peer <= 2; peer++) {
      pool.peer(peer).signal("KILL");
      pool.peer(peer).awaitExit(COMMAND_MAX);
    }
    pool.beginPeer(1);
    pool.startPeer(2);
    Path again = pool.mount("again");
    assertThat(names(pool, again.resolve("file"))).containsExactly("user.back", "user.long");
    assertThat(value(pool, again.resolve("file"), "user.long")).isEqualTo(longValue);
    pool.umount(again);
  }

  @Test
  @Execution(ExecutionMode.CONCURRENT)
  void aTreeKeepsItsAttributesWhenItIsCopied() throws Exception {
    Pool pool = SHARED.pool();
    Path mount = SHARED.one();
    Path folder = Files.createDirectory(mount.resolve("tree"));
    set(pool, Files.writeString(folder.resolve("file"), "content"), "user.kept", "value");
    set(pool, folder, "user.folder", "too");

    execute(pool, "cp", "-a", "" + folder, mount + "/copy").expectDone("copy");

    assertThat(value(pool, mount.resolve("copy/file"), "user.kept")).isEqualTo("value");
    assertThat(value(pool, mount.resolve("copy"), "user.folder")).isEqualTo("too");
  }

  @Test
  @Execution(ExecutionMode.CONCURRENT)
  void aHoleOfOneMountIsAHoleOnTheOtherAndTakesNoSpace() throws Exception {
    Pool pool = SHARED.pool();
    Path one = SHARED.one();
    Path two = SHARED.two();
    byte[] content = "no zero byte in here\n".repeat(500_000).getBytes(US_ASCII);
    Path file = Files.write(one.resolve("holed"), content);

    for (String flags : List.of("-p -o 1000000 -l 8000000", "-z -o 10000000 -l 1000000")) {
      var command = new ArrayList<>(List.of("fallocate"));
      command.addAll(List.of(flags.split(" ")));
      command.add("" + file);
      pool.execute(command, COMMAND_MAX).expectDone("fallocate " + flags);
    }

    byte[] expected = Arrays.copyOf(content, 11_000_000);
    Arrays.fill(expected, 1_000_000, 9_000_000, (byte) 0);
    Arrays.fill(expected, 10_000_000, 11_000_000, (byte) 0);
    assertThat(Files.readAllBytes(two.resolve("holed"))).isEqualTo(expected);
    String blocks = execute(pool, "stat", "-c", "%b", two + "/holed").out().strip();
    assertThat(Long.parseLong(blocks)).isEqualTo((2_000_000 + 511) / 512);
    assertThat(execute(pool, "fallocate", "-l", "100T", "" + file).err()).contains("No space left");
  }

  /** As xfstests 035 has it, for what the file system hears neither open nor close of. */
  private static final String KEEPS_OPEN =
      """
      import stat
      os.mkdir('d'); os.mkfifo('p'); os.mkdir('replaced')
      opened = [os.open(n, os.O_RDONLY | os.O_NONBLOCK) for n in ('d', 'p', 'replaced')]
      print('opened', flush=True)
      wait()
      for fd in opened:
          before = os.fstat(fd)
          assert before.st_nlink == 0, before
          os.fchmod(fd, 0o700)
          after = os.fstat(fd)
          assert stat.S_IMODE(after.st_mode) == 0o700, oct(after.st_mode)
          assert (after.st_ino, after.st_nlink) == (before.st_ino, 0), after
      """;

  @Test
  @Execution(ExecutionMode.CONCURRENT)
  void whatAnotherMountRemovedKeepsItsAttributesWhileItIsOpenHere() throws Exception {
    Pool pool = SHARED.pool();
    Path one = Files.createDirectory(SHARED.one().resolve("removed"));
    Path two = SHARED.two().resolve("removed");
    try (var python = new Python(one)) {
      Script program = python.start("keeps open", KEEPS_OPEN);
      assertThat(program.line(COMMAND_MAX)).isEqualTo("opened");

      execute(pool, "rmdir", two + "/d").expectDone("rmdir");
      execute(pool, "rm", two + "/p").expectDone("rm");
      execute(pool, "mkdir", two + "/other").expectDone("mkdir");
      execute(pool, "mv", "-T", two + "/other", two + "/replaced").expectDone("mv");

      program.goOn();
      program.expectDone(COMMAND_MAX);
    }
    assertThat(execute(pool, "ls", "" + one).out().lines()).containsExactly("replaced");
  }
}
