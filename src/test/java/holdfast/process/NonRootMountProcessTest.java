package holdfast.process;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;

/**
 * A mount of a user who isn't root. It lives in a mount namespace of its own, where that user may
 * open /dev/fuse, can reach the image and has an /etc/fuse.conf of the test's, whatever this
 * machine's are like. Needs root, as only root can become somebody else.
 */
@Tag("process")
@Timeout(value = 120, unit = TimeUnit.SECONDS, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class NonRootMountProcessTest {
  /** Nobody and daemon: fusermount wants users that have a name. */
  private static final int USER = 65_534;

  private static final int SOMEBODY_ELSE = 1;
  private static final Duration COMMAND_MAX = Duration.ofSeconds(30);

  @RegisterExtension final Pools pools = new Pools();

  private Pool pool;
  private Launched namespace;

  /** What is started with the pool from now on is of the user. */
  private void becomeUser(String fuseConf) throws IOException {
    Bash.need("setpriv", "util-linux");
    Bash.need("fusermount3", "fuse3");
    Path work = pool.work();
    Files.writeString(work.resolve("fuse.conf"), fuseConf);
    Bash script =
        new Bash(pool)
            .with("WORK", work)
            .with("USER_ID", USER)
            .with("IMAGE", Path.of(Pool.program()).getParent().getParent());
    script.run(
        "make a home",
        """
        chmod 755 "$WORK"
        cp -a "$WORK/home" "$WORK/user-home"
        rm -f "$WORK/user-home/addresses"
        mkdir -p "$WORK/dev" "$WORK/image" "$WORK/user"
        chown -R $USER_ID:$USER_ID "$WORK/user-home" "$WORK/user"
        """);
    String setUp =
        """
        mount -t tmpfs -o mode=755 tmpfs "$WORK/dev"
        mknod -m 666 "$WORK/dev/fuse" c 10 229
        mount --bind "$WORK/dev/fuse" /dev/fuse
        mount --bind "$WORK/fuse.conf" /etc/fuse.conf
        mount --bind "$IMAGE" "$WORK/image"
        echo ready
        exec sleep 1000
        """;
    var command = new ArrayList<>(List.of("unshare", "--mount", "--propagation", "private"));
    command.addAll(script.command(setUp));
    namespace = pool.launchCommand("namespace", command);
    namespace.awaitLine("ready", COMMAND_MAX);

    var prefix = as(USER, "env", "HOLDFAST_HOME=" + work.resolve("user-home"));
    // The program is named by a path that the user may not reach: its copy in the namespace is run.
    prefix.addAll(List.of("sh", "-c", "shift; exec \"$0\" \"$@\"", work + "/image/bin/holdfast"));
    pool.runWith(prefix);
  }

  /** A command in the namespace, of the user with this id. */
  private List<String> as(int userId, String... command) {
    var all = new ArrayList<>(List.of("nsenter", "--target", "" + namespace.pid(), "--mount"));
    if (userId != 0) {
      all.addAll(
          List.of("setpriv", "--reuid=" + userId, "--regid=" + userId, "--clear-groups", "--"));
    }
    all.addAll(List.of(command));
    return all;
  }

  private Result execute(int userId, String... command) throws IOException {
    return pool.execute(as(userId, command), COMMAND_MAX);
  }

  private String asUser(Path mount, String script) throws IOException {
    var command = new Bash(pool).with("MOUNT", mount).command("cd \"$MOUNT\"\n" + script);
    return execute(USER, command.toArray(String[]::new)).expectDone(script).out();
  }

  private void expectRefused(int userId, String error, String... command) throws IOException {
    Result result = execute(userId, command);
    assertThat(result.exit()).as("%s: %s", String.join(" ", command), result).isNotZero();
    assertThat(result.err()).as(String.join(" ", command)).contains(error);
  }

  @Test
  @Execution(ExecutionMode.CONCURRENT)
  void aUsersMountShowsEverythingAsTheirsAndLetsNobodyElseIn() throws Exception {
    pool = pools.start(2);
    Path stored = pool.mount("stored");
    new Bash(pool)
        .with("MOUNT", stored)
        .run(
            "files of several owners",
            """
            cd "$MOUNT"
            mkdir folder
            echo content >folder/of-root
            echo content >of-somebody
            chown 1234:5678 of-somebody
            chmod 600 of-somebody folder/of-root
            ln -s of-somebody link
            chown -h 1234:5678 link
            """);
    becomeUser("");
    Path mount = pool.mount("user");

    String owner = USER + ":" + USER;
    assertThat(asUser(mount, "find . -printf '%U:%G %P\\n' | sort"))
        .isEqualTo(
            """
            OWNER\s
            OWNER folder
            OWNER folder/of-root
            OWNER link
            OWNER of-somebody
            """
                .replace("OWNER", owner));
    assertThat(asUser(mount, "cat of-somebody folder/of-root link")).hasLineCount(3);
    asUser(
        mount,
        """
        mkdir mine
        echo "of the user" >mine/file
        echo more >>of-somebody
        chmod 640 mine/file of-somebody
        chown $(id -u):$(id -g) mine/file of-somebody
        mkfifo mine/pipe
        setfattr -n user.name -v value mine/file
        mv link mine/link
        test "$(stat -c '%u:%g %a' mine/file)" = "$(id -u):$(id -g) 640"
        """);

    String file = mount.resolve("mine/file").toString();
    expectRefused(USER, "Operation not permitted", "chown", "0", file);
    expectRefused(USER, "Operation not permitted", "chown", "" + SOMEBODY_ELSE, file);
    expectRefused(USER, "Operation not permitted", "chgrp", "0", file);
    expectRefused(USER, "Operation not permitted", "chown", "0", mount + "/of-somebody");
    expectRefused(USER, "Operation not permitted", "mknod", mount + "/null", "c", "1", "3");
    expectRefused(USER, "not permitted", "setfattr", "-n", "trusted.name", "-v", "1", file);
    for (int other : List.of(0, SOMEBODY_ELSE)) {
      expectRefused(other, "Permission denied", "ls", mount.toString());
      expectRefused(other, "Permission denied", "stat", mount.toString());
      expectRefused(other, "Permission denied", "cat", file);
      expectRefused(other, "Permission denied", "touch", mount + "/new");
    }
    expectMountOptions(mount, false);
    expectOnlyItsOwnerUnmounts(mount);
    pool.umount(mount);

    assertThat(
            new Bash(pool)
                .with("MOUNT", stored)
                .run(
                    "as stored",
                    """
                    cd "$MOUNT"
                    find . -mindepth 1 -printf '%U:%G %m %P\\n' | sort -k 3
                    cat mine/file of-somebody
                    """))
        .isEqualTo(
            """
            0:0 755 folder
            0:0 600 folder/of-root
            OWNER 755 mine
            OWNER 640 mine/file
            1234:5678 777 mine/link
            OWNER 644 mine/pipe
            1234:5678 640 of-somebody
            of the user
            content
            more
            """
                .replace("OWNER", owner));
    // The namespace has the root's mount as well, and would keep it.
    namespace.kill();
    pool.runWith(List.of());
    pool.umount(stored);
  }

  private void expectMountOptions(Path mount, boolean isForAll) throws IOException {
    String line =
        execute(USER, "grep", " " + mount + " ", "/proc/self/mountinfo").expectDone("grep").out();
    assertThat(line).contains("fuse.holdfast").contains("nosuid,nodev").contains("user_id=" + USER);
    assertThat(line.contains("allow_other")).isEqualTo(isForAll);
  }

  private void expectOnlyItsOwnerUnmounts(Path mount) throws IOException {
    String program = pool.work() + "/image/bin/holdfast";
    Result refused = execute(SOMEBODY_ELSE, program, "umount", mount.toString());
    assertThat(refused.exit()).as(refused.toString()).isEqualTo(1);
    assertThat(refused.onlyErrorLine())
        .contains("unmount " + mount + ": expected=the user who mounted it or root");
    assertThat(asUser(mount, "ls")).contains("mine");
  }

  @Test
  @Execution(ExecutionMode.CONCURRENT)
  void aKilledMountOfAUserIsClearedByTheUsersNextOne() throws Exception {
    pool = pools.start(1);
    becomeUser("");
    Path mount = pool.mount("user");
    asUser(mount, "echo kept >file");
    pool.mountAt(mount).kill();
    expectRefused(USER, "not connected", "ls", mount.toString());

    Path again = pool.mount("user");

    assertThat(again).isEqualTo(mount);
    assertThat(pool.mountAt(again).err()).contains("clearing the stale mount");
    assertThat(asUser(again, "cat file")).isEqualTo("kept\n");
    pool.umount(again);
  }

  @Test
  @Execution(ExecutionMode.CONCURRENT)
  void othersGetInOnlyWithConsentOfTheMachine() throws Exception {
    pool = pools.start(1);
    becomeUser("# user_allow_other\n");
    Path mount = pool.work().resolve("user");
    Result refused = pool.holdfast("mount", "--mount", "" + mount, "--allow-other");
    assertThat(refused.exit()).isEqualTo(1);
    assertThat(refused.err()).contains("user_allow_other in /etc/fuse.conf");
    assertThat(execute(USER, "grep", " " + mount + " ", "/proc/self/mountinfo").exit())
        .isEqualTo(1);

    // Written in place: the namespace has bound this very file over the machine's.
    Files.writeString(pool.work().resolve("fuse.conf"), "user_allow_other\n");
    assertThat(pool.mount("user", "--allow-other")).isEqualTo(mount);

    asUser(
        mount, "mkdir public private; chmod 777 public; chmod 700 private; echo all >public/all");
    expectMountOptions(mount, true);
    assertThat(execute(SOMEBODY_ELSE, "cat", mount + "/public/all").expectDone("cat").out())
        .isEqualTo("all\n");
    assertThat(execute(0, "ls", mount + "/private").expectDone("ls of root").out()).isEmpty();
    expectRefused(SOMEBODY_ELSE, "Permission denied", "ls", mount + "/private");
    expectRefused(SOMEBODY_ELSE, "Permission denied", "touch", mount + "/public/all");
    pool.umount(mount);
  }
}
