package holdfast.client.fuse;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * Whether the thread that waits for an answer has a signal pending that ends its process: then it
 * never sees the answer, and waits only because the kernel can't take a request back that it has
 * given out. From /proc, some 50 µs each: only for calls that take long.
 *
 * <p>The kernel tells a mount of signals too (FUSE_INTERRUPT), but of which it doesn't say, and
 * only of the first: a SIGALRM with a handler, which must not end a call, would hide the SIGKILL
 * behind it. So one would have to look here anyway.
 *
 * <p>SIGKILL is pending in each thread of a process as soon as a signal without a handler ends it.
 * Not so with those that dump core, of traced processes, and where another signal was pending in
 * the thread before: these are pending under their own numbers, and end the process before it runs
 * any code of its own. In the exit of a killed process its signal is still pending, too; one that
 * ends by itself has none, whatever is sent to it then.
 */
final class DyingCallers {
  private static final Path PROCESSES = Path.of("/proc");

  private static final int SIGKILL = 9;

  /** SIGCHLD, SIGCONT, SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU, SIGURG, SIGWINCH: they end nothing. */
  private static final long HARMLESS =
      bit(17) | bit(18) | bit(19) | bit(20) | bit(21) | bit(22) | bit(23) | bit(28);

  private final boolean canSee = isOfThisNamespace();

  private static long bit(int signal) {
    return 1L << (signal - 1);
  }

  /** In another pid namespace's /proc a number is another's. */
  private static boolean isOfThisNamespace() {
    try {
      String self = Files.readSymbolicLink(PROCESSES.resolve("self")).toString();
      return self.equals(Long.toString(ProcessHandle.current().pid()));
    } catch (IOException e) {
      return false;
    }
  }

  /** False where it can't be seen: the thread is gone, or hidden, or of another namespace. */
  boolean contains(int thread) {
    if (!canSee || thread <= 0) {
      return false;
    }
    try {
      Path status = PROCESSES.resolve(Integer.toString(thread)).resolve("status");
      return isDying(new String(Files.readAllBytes(status), StandardCharsets.ISO_8859_1));
    } catch (IOException e) {
      return false;
    }
  }

  /** By the text of /proc/TID/status. */
  static boolean isDying(String status) {
    long pending = signals(status, "SigPnd") | signals(status, "ShdPnd");
    if ((pending & bit(SIGKILL)) != 0) {
      return true;
    }
    long withoutEffect =
        HARMLESS
            | signals(status, "SigBlk")
            | signals(status, "SigIgn")
            | signals(status, "SigCgt");
    // Who traces a process may take its signals away.
    return (pending & ~withoutEffect) != 0 && field(status, "TracerPid").equals("0");
  }

  private static long signals(String status, String name) {
    String digits = field(status, name);
    return digits.isEmpty() ? 0 : Long.parseUnsignedLong(digits, 16);
  }

  private static String field(String status, String name) {
    int start = status.indexOf("\n" + name + ":");
    if (start < 0) {
      return "";
    }
    int from = start + name.length() + 2;
    int end = status.indexOf('\n', from);
    return status.substring(from, end < 0 ? status.length() : end).strip();
  }
}
