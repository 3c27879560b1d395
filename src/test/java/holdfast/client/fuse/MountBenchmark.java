package holdfast.client.fuse;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;

/**
 * Measures what the mount itself costs, with a file system in memory. Run as a program, as root.
 */
public final class MountBenchmark {
  private static final int ROUND_COUNT = 5;
  private static final int LOOKUP_COUNT = 20_000;
  private static final double MB = 1e6;
  private static final long GIB = 1L << 30;

  private MountBenchmark() {}

  public static void main(String[] arguments) throws Exception {
    var files = new MemoryFileSystem();
    try (var mounted = new MountedFixture(files)) {
      for (int round = 0; round < ROUND_COUNT; round++) {
        double write = seconds(mounted, "dd if=/dev/zero of=big bs=128k count=8192 conv=notrunc");
        double read = seconds(mounted, "dd if=big of=/dev/null bs=128k");
        Path file = mounted.path("big");
        long start = System.nanoTime();
        for (int i = 0; i < LOOKUP_COUNT; i++) {
          Files.exists(file);
        }
        double lookupUs = (System.nanoTime() - start) / 1e3 / LOOKUP_COUNT;
        System.out.printf(
            Locale.ROOT,
            "round %d: write %.0f MB/s, read %.0f MB/s, lookup+getattr %.1f us, lookups %d,"
                + " largest write %d, threads %d%n",
            round,
            GIB / MB / write,
            GIB / MB / read,
            lookupUs,
            files.lookupCount.get(),
            files.largestWriteBytes,
            mounted.mount.threadCount());
      }
    }
  }

  private static double seconds(MountedFixture mounted, String line) throws Exception {
    long start = System.nanoTime();
    mounted.run(line);
    return (System.nanoTime() - start) / 1e9;
  }
}
