package holdfast.app;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import picocli.CommandLine;

/** Every documented flag parses, and wrong usage is one line and exit code 2. */
final class CommandLineTest {
  @TempDir Path home;

  private final ByteArrayOutputStream out = new ByteArrayOutputStream();
  private final ByteArrayOutputStream err = new ByteArrayOutputStream();

  private int run(String... args) {
    return Main.run(
        args, Map.of(), new PrintStream(out, true, UTF_8), new PrintStream(err, true, UTF_8));
  }

  private static CommandLine.ParseResult parse(String line) {
    return new CommandLine(Main.class).parseArgs(line.split(" "));
  }

  /** A message that says what to run names a command that there is. */
  @Test
  void noMessageNamesACommandThatIsNotThere() throws IOException {
    Set<String> commands = new CommandLine(Main.class).getSubcommands().keySet();
    var named = Pattern.compile("`holdfast ([a-z]+)");
    var found = new TreeSet<String>();
    try (var files = Files.walk(Path.of("src", "main", "java"))) {
      for (Path file : files.filter(path -> path.toString().endsWith(".java")).toList()) {
        named.matcher(Files.readString(file)).results().map(m -> m.group(1)).forEach(found::add);
      }
    }

    assertTrue(found.contains("peer"), "the pattern finds what is there");
    found.removeAll(commands);
    assertEquals(Set.of(), found);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "peer --port 8000 --storage-dir ./peer1_data",
        "peer --storage-dir d --port 8001 --bind 127.0.0.1 --capacity 10GB --leave-free 1GiB"
            + " --zone a --discovery 127.255.255.255:4445 --peer h:1 --peer h:2 --http off",
        "peer --storage-dir d --discovery off --verbose --accept-damage --run-dir r",
        "mount --mount ./mnt",
        "mount --mount ./mnt --bind 127.0.0.1 --discovery off --peer h:1 --peer h:2 --read-only"
            + " --timeout 10s --cache-size 64MiB",
        "umount ./mnt",
        "status",
        "status --json --watch --bind 127.0.0.1 --discovery off --peer h:1",
        "pool show --bind 127.0.0.1 --discovery off --peer h:1",
        "pool set replicas=3 min-copies=2 down-out=10s",
        "ls",
        "ls -l /a --bind 127.0.0.1 --discovery off --peer h:1",
        "get /a b --bind 127.0.0.1 --discovery off --peer h:1",
        "put a /b --bind 127.0.0.1 --discovery off --peer h:1",
        "rm /a /b --bind 127.0.0.1 --discovery off --peer h:1",
        "rm -r /a",
        "version",
      })
  void documentedUsageParses(String line) {
    assertTrue(parse(line).errors().isEmpty());
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "nonsense",
        "peer",
        "peer --storage-dir d --port nonsense",
        "peer --storage-dir d --port 0",
        "peer --storage-dir d --port 65536",
        "peer --storage-dir d --capacity nonsense",
        "peer --storage-dir d --capacity -1",
        "peer --storage-dir d --leave-free 10XB",
        "peer --storage-dir d --http 127.0.0.1:80",
        "peer --storage-dir d --peer nonsense",
        "peer --storage-dir d --discovery 127.0.0.1:99999",
        "peer --storage-dir d --unknown",
        "mount",
        "mount --mount m --timeout 10",
        "mount --mount m --timeout nonsense",
        "mount --mount m --cache-size nonsense",
        "umount",
        "get",
        "put a",
        "rm",
        "ls --timeout soon",
        "ls --timeout 2h",
        "mount --mount m --timeout 2h",
        "status --timeout 999999999d",
        "peer --storag-dir d",
        "status --bind 192.0.2.1",
        "pool set",
        "pool set replicas=many",
        "pool set down-out=later",
        "pool set colour=red",
      })
  void wrongUsageIsOneLineAndExitCodeTwo(String line) {
    int code = line.isEmpty() ? run() : run(line.split(" "));

    assertEquals(Main.EXIT_USAGE, code, line + ": " + err);
    if (!line.isEmpty()) {
      assertEquals(1, err.toString(UTF_8).lines().count(), err.toString(UTF_8));
      assertTrue(err.toString(UTF_8).startsWith("holdfast: "), err.toString(UTF_8));
    }
    assertEquals("", out.toString(UTF_8));
  }

  @ParameterizedTest
  @CsvSource({
    "mout,unknown command: mout; did you mean mount?",
    "unmount d,unknown command: unmount; did you mean umount?",
    "stat,unknown command: stat; did you mean status?",
    "delete,unknown command: delete (see",
    "pool shwo,unknown command: shwo; did you mean show?",
    "staus --peer 127.0.0.1:1,unknown command: staus; did you mean status?",
    "lss -l /,unknown command: lss; did you mean ls?",
    "pool sett --peer 127.0.0.1:1,unknown command: sett; did you mean set?",
    "status --jsno,unknown option: --jsno; did you mean --json?",
    "peer --storag-dir=d,unknown option: --storag-dir; did you mean --storage-dir?",
    "mount --mnt d,unknown option: --mnt; did you mean --mount?",
    "ls --frobnicate,unknown option: --frobnicate (see",
    "umount a b,one argument too many: b (see",
  })
  void whatIsMisspeltIsToldWithWhatWasProbablyMeant(String line, String words) {
    assertEquals(Main.EXIT_USAGE, run(line.split(" ")));

    assertTrue(err.toString(UTF_8).startsWith("holdfast: " + words), err.toString(UTF_8));
  }

  /** A wrong address of a peer is found next: these are found before. */
  @ParameterizedTest
  @CsvSource({
    "put /none/a /a,put /none/a: no such file or directory",
    "put / /a,put /: is a directory",
    "put /dev/null ..,read path: expected=names without",
    "get / a,get /: is a directory",
    "get /a /none/a,get /a: write /none/a: no such file or directory",
    "get /a /none/,get /a: write /none/: no such directory",
    "ls ..,read path: expected=names without",
    "rm a /,rm /: ",
    "mount --mount /none/a,mount /none/a: no such directory; make it: mkdir -p /none/a",
    "mount --mount /dev/null,mount /dev/null: not a directory",
  })
  void localArgumentsAreLookedAtFirst(String line, String words) {
    Assumptions.assumeTrue(!line.startsWith("mount") || Files.exists(Path.of("/dev/fuse")));

    int code = run((line + " --peer nonsense").split(" "));

    assertTrue(code == Main.EXIT_USAGE || code == Main.EXIT_FAILED, "exit code " + code);
    assertTrue(err.toString(UTF_8).startsWith("holdfast: " + words), err.toString(UTF_8));
  }

  @Test
  void versionIsPrintedAndDone() {
    assertEquals(Main.EXIT_DONE, run("version"));
    assertTrue(out.toString(UTF_8).startsWith("holdfast " + Version.CURRENT));
  }

  @Test
  void flagsComeBeforeTheEnvironmentAndThatBeforeTheFile() throws Exception {
    Files.writeString(home.resolve(Settings.FILE_NAME), "port=1111\nzone=file\ncapacity=1GB\n");
    var environment =
        Map.of("HOLDFAST_ZONE", "env", "HOLDFAST_PORT", "2222", "HOLDFAST_STORAGE_DIR", "/s");

    var line = new CommandLine(Main.class);
    line.setDefaultValueProvider(new Settings(environment, home));
    var peer =
        (PeerCommand)
            line.parseArgs("peer", "--port", "3333").subcommand().commandSpec().userObject();

    assertEquals(3_333, peer.port);
    assertEquals("env", peer.zone);
    assertEquals("1GB", peer.capacity);
    assertEquals(Path.of("/s"), peer.storageDirectory);
  }

  @Test
  void settingsThatCannotBeReadAreWrongUsage() throws Exception {
    Files.writeString(home.resolve(Settings.FILE_NAME), "zone=\\u12\n");

    var failure = assertThrows(UsageException.class, () -> new Settings(Map.of(), home));

    assertTrue(failure.getMessage().contains(Settings.FILE_NAME), failure.getMessage());
  }
}
