package holdfast.client.fuse;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import holdfast.process.Python;
import java.io.IOException;
import java.time.Duration;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Extended attributes and fallocate by the kernel, against a file system in memory. */
@Timeout(value = 120, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
final class XattrMountTest {
  private static final Duration PROGRAM_MAX = Duration.ofSeconds(60);

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

  private String python(String program) throws IOException {
    try (var python = new Python(mounted.directory)) {
      return python.run("program", PROGRAM_MAX, program).strip();
    }
  }

  /** A call of Python's os module that must fail; the name of its errno. */
  private String errno(String call) throws Exception {
    return python(
        "import errno\ntry:\n  print("
            + call
            + ")\nexcept OSError as e:\n"
            + "  print(errno.errorcode[e.errno])");
  }

  @Test
  void attributesAreSetShownListedAndRemoved() throws Exception {
    mounted.run("touch f; mkdir d; setfattr -n user.one -v first f; setfattr -n user.two f");
    mounted.run("setfattr -n user.dir -v 0x00ff00 d; setfattr -n trusted.t -v secret f");
    mounted.run("setfattr -n security.s -v label f");

    assertEquals("first", mounted.run("getfattr --only-values -n user.one f"));
    assertEquals("", mounted.run("getfattr --only-values -n user.two f"));
    assertEquals(
        "# file: f|security.s|trusted.t|user.one|user.two",
        mounted.run("getfattr -m - f | sort | tr '\\n' '|'").replaceAll("^\\|+|\\|+$", ""));
    assertTrue(mounted.run("getfattr -e hex -d d").contains("user.dir=0x00ff00"));
    mounted.run("setfattr -x user.one f; setfattr -x user.two f");
    assertEquals("", mounted.run("getfattr f"));
    assertEquals("ENODATA", errno("os.getxattr(\"f\", \"user.one\")"));
  }

  @Test
  void theLongestNameAndValueFitAndLongerOnesDont() throws Exception {
    mounted.run("touch f");
    String name = "\"user.\" + \"n\" * 250";

    assertEquals("None", errno("os.setxattr(\"f\", " + name + ", b\"x\" * 65536)"));
    assertEquals("65536", errno("len(os.getxattr(\"f\", " + name + "))"));
    assertEquals("255", errno("len(os.listxattr(\"f\")[0])"));
    assertEquals("ERANGE", errno("os.setxattr(\"f\", \"user.\" + \"n\" * 251, b\"x\")"));
    assertEquals("E2BIG", errno("os.setxattr(\"f\", \"user.n\", b\"x\" * 65537)"));
  }

  @Test
  void everyErrorHasItsErrno() throws Exception {
    mounted.run("touch f; mkfifo p; ln -s nowhere l; setfattr -n user.a -v 1 f");

    assertEquals("EEXIST", errno("os.setxattr(\"f\", \"user.a\", b\"2\", os.XATTR_CREATE)"));
    assertEquals("ENODATA", errno("os.setxattr(\"f\", \"user.b\", b\"2\", os.XATTR_REPLACE)"));
    assertEquals("ENODATA", errno("os.removexattr(\"f\", \"user.b\")"));
    assertEquals("EPERM", errno("os.setxattr(\"p\", \"user.b\", b\"2\")"));
    assertEquals("EPERM", errno("os.setxattr(\"l\", \"user.b\", b\"2\", follow_symlinks=False)"));
    assertEquals("ENOTSUP", errno("os.setxattr(\"f\", \"system.a\", b\"2\")"));
    String small =
        "import ctypes; c = ctypes.CDLL(None, use_errno=True); b = ctypes.create_string_buffer(4)\n"
            + "print(c.getxattr(b\"f\", b\"user.long\", b, 4), ctypes.get_errno())\n"
            + "print(c.getxattr(b\"f\", b\"user.long\", b, 0), c.listxattr(b\"f\", b, 0))\n"
            + "print(c.listxattr(b\"f\", b, 4), ctypes.get_errno())";
    mounted.run("setfattr -x user.a f; setfattr -n user.long -v 0123456789 f");
    assertEquals("-1 34\n10 10\n-1 34", python(small));
  }

  @Test
  void onlyRootSeesTrustedNames() throws Exception {
    try (var shared =
        new MountedFixture(
            files, new MountOptions("test", false, true, MountedFixture.OPTIONS.deadline()))) {
      shared.run("touch f; chmod 666 f; setfattr -n trusted.t -v x f; setfattr -n user.u -v y f");
      String asUser = "setpriv --reuid 1000 --clear-groups ";

      assertEquals("user.u", shared.run(asUser + "getfattr -m - f | grep -v '^#' | grep ."));
      assertTrue(
          shared.shell(asUser + "setfattr -n trusted.t -v z f").output().contains("not permitted"));
      shared.run(asUser + "setfattr -n user.u -v z f");
    }
  }

  /** What answering costs is the file system's matter; that it is asked is the kernel's. */
  @Test
  void theKernelAsksForACapabilityAtEveryWriteAndTakesNoForAnAnswer() throws Exception {
    mounted.run("dd if=/dev/zero of=f bs=128k count=20 2>&1");

    assertTrue(files.xattrGetCount.get() <= 21, "asked " + files.xattrGetCount.get());
    assertEquals("2621440", mounted.run("stat -c %s f"));
  }

  @Test
  void allocationReachesTheFileSystemInAllItsModes() throws Exception {
    mounted.run("yes | head -c 1000000 > f && cp f g");

    mounted.run("fallocate -l 2000000 f; test $(stat -c %s f) = 2000000");
    mounted.run("fallocate -n -l 3000000 f; test $(stat -c %s f) = 2000000");
    mounted.run("fallocate -p -o 100 -l 500000 f; test $(stat -c %s f) = 2000000");
    mounted.run("fallocate -z -o 900000 -l 2000000 f; test $(stat -c %s f) = 2900000");
    mounted.run("fallocate -z -n -o 2900000 -l 10 f; test $(stat -c %s f) = 2900000");

    mounted.run("head -c 100 g > h");
    mounted.run("head -c 500000 /dev/zero >> h; tail -c +500101 g | head -c 399900 >> h");
    mounted.run("head -c 2000000 /dev/zero >> h; cmp f h");
    assertTrue(mounted.shell("fallocate -c -o 0 -l 131072 f").output().contains("not supported"));
  }
}
