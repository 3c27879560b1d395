package holdfast.client;

import static java.nio.charset.StandardCharsets.UTF_8;

import holdfast.client.api.KernelCache;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/** Notes what it is asked to forget, once it is let through. */
public final class NotingKernel implements KernelCache {
  public final Queue<String> forgotten = new ConcurrentLinkedQueue<>();

  /** What everything waits for. */
  volatile CountDownLatch lock = new CountDownLatch(0);

  /** What pages and names wait for: a call that has the inode's lock. */
  volatile CountDownLatch inodeLock = new CountDownLatch(0);

  @Override
  public void forgetInode(long inode, boolean content) {
    if (content) {
      await(inodeLock, "pages");
    }
    note(inode + (content ? " content" : " attributes"));
  }

  @Override
  public void forgetEntry(long directory, byte[] name) {
    await(inodeLock, "a name");
    note(directory + "/" + new String(name, UTF_8));
  }

  @Override
  public void expireEntry(long directory, byte[] name) {
    await(inodeLock, "a name");
    note(directory + "/" + new String(name, UTF_8) + " expired");
  }

  private void note(String what) {
    await(lock, what);
    forgotten.add(what);
  }

  private static void await(CountDownLatch lock, String what) {
    try {
      if (!lock.await(10, TimeUnit.SECONDS)) {
        throw new AssertionError("forget " + what + ": expected=let through, was=not");
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
