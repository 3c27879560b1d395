package holdfast.client.pool;

import static holdfast.client.MemoryPool.ROOT;
import static holdfast.client.MemoryPool.name;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import holdfast.client.ClientFileSystem;
import holdfast.client.MemoryPool;
import holdfast.client.api.ClientOptions;
import holdfast.model.ErrorCode;
import holdfast.model.HoldfastException;
import holdfast.util.SystemClocks;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** What statfs(2) says: not older than a second, and something at once where the pool is away. */
class FreeSpaceTest {
  private static final HoldfastException AWAY =
      new HoldfastException(ErrorCode.TIMED_OUT, "no peer");

  private final MemoryPool memory = new MemoryPool();
  private final AtomicLong forwardNs = new AtomicLong();

  private ClientFileSystem mount() {
    return memory.mount(
        ClientOptions.standard(), () -> SystemClocks.monotonic().nowNs() + forwardNs.get());
  }

  @AfterEach
  void close() {
    memory.close();
  }

  private static long files(ClientFileSystem fs) {
    return fs.statistics().fileCount() - fs.statistics().freeFileCount();
  }

  @Test
  void whatWasAnsweredLongAgoIsAskedForAgain() {
    ClientFileSystem fs = mount();
    long before = files(fs);
    fs.release(fs.create(ROOT, 1, name("f"), 0644, 0).handle());

    forwardNs.addAndGet(TimeUnit.SECONDS.toNanos(2));

    assertEquals(before + 1, files(fs));
  }

  @Test
  void aSilentPoolHasTheRoomThatItHadWhenItWasMounted() {
    long there = files(mount());
    ClientFileSystem fs = mount();
    memory.service.silence = AWAY;
    forwardNs.addAndGet(TimeUnit.HOURS.toNanos(2));

    assertEquals(there, files(fs));
  }

  @Test
  void aPoolThatNeverAnsweredHasNone() {
    memory.service.silence = AWAY;
    ClientFileSystem fs = mount();

    HoldfastException e = assertThrows(HoldfastException.class, fs::statistics);

    assertEquals(ErrorCode.TIMED_OUT, e.code());
  }
}
