package holdfast.util;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.concurrent.locks.ReentrantLock;

/**
 * The kernel's {@code /proc/uptime}, kept open: a reading is one system call and never waits. A
 * container may have a file of somebody else in its place, which may wait, fail later, and count
 * who knows what: that one is refused.
 */
final class UptimeFile implements UptimeClock.Source {
  private static final Path KERNELS = Path.of("/proc/uptime");
  private static final String TYPE = "proc";

  /** A reading is tried again so often: each time a thread was interrupted in its own. */
  private static final int TRIES_MAX = 1_000;

  private final Path file;
  private final ReentrantLock opening = new ReentrantLock();
  private volatile FileChannel channel;

  private UptimeFile(Path file) throws IOException {
    this.file = file;
    this.channel = FileChannel.open(file, StandardOpenOption.READ);
  }

  /**
   * Opens it.
   *
   * @throws IOException with a sentence for people, if it isn't there or not the kernel's own
   */
  static UptimeFile open() throws IOException {
    return open(KERNELS);
  }

  /** As above, any file. */
  static UptimeFile open(Path file) throws IOException {
    String type;
    try {
      type = Files.getFileStore(file).type();
    } catch (NoSuchFileException e) {
      throw new IOException(
          "read clock: expected="
              + file
              + ", was=no such file; without it nobody can tell how long this machine slept: mount"
              + " /proc without subset=pid (systemd: ProcSubset=all)",
          e);
    }
    if (!type.equals(TYPE)) {
      throw new IOException(
          "read clock: expected="
              + file
              + " of the kernel, was=a file of "
              + type
              + " in its place; nobody vouches that this one counts the time in which the machine"
              + " sleeps: take it away (in the container, as root: umount "
              + file
              + ")");
    }
    return new UptimeFile(file);
  }

  @Override
  public int read(byte[] into) throws IOException {
    boolean wasInterrupted = false;
    try {
      for (int tries = 1; ; tries++) {
        FileChannel now = channel;
        try {
          return now.read(ByteBuffer.wrap(into), 0);
        } catch (ClosedChannelException e) {
          // Some thread was interrupted while it read, and that closes a channel for everybody.
          wasInterrupted |= Thread.interrupted();
          if (tries >= TRIES_MAX) {
            throw e;
          }
          openAgain(now);
        }
      }
    } finally {
      if (wasInterrupted) {
        Thread.currentThread().interrupt();
      }
    }
  }

  private void openAgain(FileChannel closed) throws IOException {
    opening.lock();
    try {
      if (channel == closed) {
        channel = FileChannel.open(file, StandardOpenOption.READ);
      }
    } finally {
      opening.unlock();
    }
  }
}
