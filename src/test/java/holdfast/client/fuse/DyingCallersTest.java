package holdfast.client.fuse;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import java.util.Locale;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What /proc says of a thread, and whether its process is about to end. */
final class DyingCallersTest {
  private static String status(
      long pending, long shared, long blocked, long ignored, long caught, int tracer) {
    return String.format(
        Locale.ROOT,
        "Name:\tdd\nState:\tD (disk sleep)\nTracerPid:\t%d\nThreads:\t1\nSigQ:\t1/7680\n"
            + "SigPnd:\t%016x\nShdPnd:\t%016x\nSigBlk:\t%016x\nSigIgn:\t%016x\nSigCgt:\t%016x\n",
        tracer,
        pending,
        shared,
        blocked,
        ignored,
        caught);
  }

  private static long of(int signal) {
    return signal == 0 ? 0 : 1L << (signal - 1);
  }

  @ParameterizedTest(name = "{0}")
  @CsvSource({
    "nothing pending,                          0, 0, 0, 0, 0, 0, false",
    "killed,                                   9, 9, 0, 0, 0, 0, true",
    "killed as one of several threads,         9, 0, 0, 0, 0, 0, true",
    "killed while it is traced,                9, 9, 0, 0, 0, 7, true",
    "in the exit of a killed one,              0, 9, 0, 0, 0, 0, true",
    "in the exit of an interrupted one,        0, 2, 0, 0, 0, 0, true",
    "in the exit after SIGPIPE,               13, 0, 0, 0, 0, 0, true",
    "SIGQUIT is to dump core,                  0, 3, 0, 0, 0, 0, true",
    "a real-time signal without a handler,     0, 64, 0, 0, 0, 0, true",
    "SIGINT has a handler,                     0, 2, 0, 0, 2, 0, false",
    "SIGALRM has a handler,                   14, 0, 0, 0, 14, 0, false",
    "SIGTERM is blocked,                       0, 15, 15, 0, 0, 0, false",
    "SIGINT is ignored,                        0, 2, 0, 2, 0, 0, false",
    "a debugger may take SIGINT away,          0, 2, 0, 0, 0, 7, false",
    "SIGCHLD ends nothing,                     0, 17, 0, 0, 0, 0, false",
    "SIGTSTP ends nothing,                     0, 20, 0, 0, 0, 0, false",
    "SIGWINCH ends nothing,                    0, 28, 0, 0, 0, 0, false",
  })
  void whatIsPendingTells(
      String name,
      int pending,
      int shared,
      int blocked,
      int ignored,
      int caught,
      int tracer,
      boolean isDying) {
    String text = status(of(pending), of(shared), of(blocked), of(ignored), of(caught), tracer);

    assertEquals(isDying, DyingCallers.isDying(text), name);
  }

  @Test
  void whatCannotBeSeenIsNotTakenForDying() {
    var callers = new DyingCallers();

    assertFalse(callers.contains(0), "of another namespace, or the kernel's");
    assertFalse(callers.contains(-1));
    assertFalse(callers.contains(Integer.MAX_VALUE), "no such thread");
    assertFalse(callers.contains((int) ProcessHandle.current().pid()));
    assertFalse(DyingCallers.isDying(""), "no such lines");
  }
}
