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
        double cpu = cpuSeconds();
        double write = seconds(mounted, "dd if=/dev/zero of=big bs=128k count=8192 conv=notrunc");
        double read = seconds(mounted, "dd if=big of=/dev/null bs=128k");
        cpu = cpuSeconds() - cpu;
        Path file = mounted.path("big");
        double lookupCpu = cpuSeconds();
        long start = System.nanoTime();
        for (int i = 0; i < LOOKUP_COUNT; i++) {
          Files.exists(file);
        }
        double lookupUs = (System.nanoTime() - start) / 1e3 / LOOKUP_COUNT;
        lookupCpu = cpuSeconds() - lookupCpu;
        System.out.printf(
            Locale.ROOT,
            "round %d: write %.0f MB/s, read %.0f MB/s, CPU of the mount for both %.2f s,"
                + " stat %.1f us with %.1f us of CPU (both sides), lookups %d,"
                + " largest write %d, threads %d%n",
            round,
            GIB / MB / write,
            GIB / MB / read,
            cpu,
            lookupUs,
            lookupCpu * 1e6 / LOOKUP_COUNT,
            files.lookupCount.get(),
            files.largestWriteBytes,
            mounted.mount.threadCount());
      }
    }
  }

  private static double cpuSeconds() {
    return ProcessHandle.current().info().totalCpuDuration().orElseThrow().toNanos() / 1e9;
  }

  private static double seconds(MountedFixture mounted, String line) throws Exception {
    long start = System.nanoTime();
    mounted.run(line);
    return (System.nanoTime() - start) / 1e9;
  }
}
