package holdfast.client;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import holdfast.client.api.Caller;
import holdfast.client.api.ClientOptions;
import holdfast.client.api.OpenFlags;
import holdfast.client.api.PoolFileSystem;
import holdfast.client.file.KeySealing;
import holdfast.crypto.CipherSuite;
import holdfast.crypto.DataKey;
import holdfast.crypto.seal.SaltSource;
import holdfast.metadata.op.EntryName;
import holdfast.model.InstanceId;
import holdfast.model.SealId;
import holdfast.util.MonotonicClock;
import holdfast.util.NamedThreads;
import holdfast.util.SystemClocks;
import java.security.SecureRandom;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Queue;
import java.util.Random;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;

/** A pool in memory and mounts of it; closing checks that nothing is left of them. */
public final class MemoryPool implements AutoCloseable {
  public static final Caller ROOT = new Caller(0, 0, 1, 0);

  private static final long GIVEN_UP_MAX_NS = 5_000_000_000L;
  private static final long AWAIT_MAX_NS = 30_000_000_000L;
  private static final long LOOK_EVERY_NS = 1_000_000L;
  private static final SealId ROOT_SEAL = new SealId(3, 3);
  private static final DataKey KEY = DataKey.generate(new SecureRandom());

  public final MemoryPoolService service = new MemoryPoolService();
  private final List<ClientFileSystem> mounts = new ArrayList<>();
  private final Queue<Throwable> uncaught = new ConcurrentLinkedQueue<>();

  /** Seals names as every mount of it does. */
  public static KeySealing sealing() {
    var random = new SecureRandom();
    var salts = new SaltSource(random, new InstanceId(1, random.nextLong()), SystemClocks.wall());
    return new KeySealing(CipherSuite.FERNET, KEY, salts, random, SystemClocks.wall());
  }

  /** A name in the root directory. */
  public static EntryName sealed(String name) {
    return sealing().name(ROOT_SEAL, name(name));
  }

  public ClientFileSystem mount() {
    return mount(ClientOptions.standard(), SystemClocks.monotonic());
  }

  public ClientFileSystem mount(ClientOptions options, MonotonicClock clock) {
    var random = new SecureRandom();
    var seals = new AtomicLong(random.nextLong());
    var mounted =
        new ClientFileSystem(
            service,
            sealing(),
            options,
            clock,
            SystemClocks.wall(),
            new NamedThreads((thread, failure) -> uncaught.add(failure)),
            () -> new SealId(9, seals.incrementAndGet()),
            2);
    mounts.add(mounted);
    return mounted;
  }

  @Override
  public void close() {
    mounts.forEach(ClientFileSystem::close);
    mounts.forEach(MemoryPool::expectNothingUnsaved);
    assertEquals(List.of(), List.copyOf(uncaught));
  }

  /** What was reverted while it was in flight goes when it arrives. */
  private static void expectNothingUnsaved(ClientFileSystem mounted) {
    long endNs = System.nanoTime() + GIVEN_UP_MAX_NS;
    while (mounted.unsavedBytes() != 0 && System.nanoTime() - endNs < 0) {
      LockSupport.parkNanos(LOOK_EVERY_NS);
    }
    assertEquals(0, mounted.unsavedBytes(), "memory never returned");
  }

  /** Until it is so; fails after {@value #AWAIT_MAX_NS} ns. */
  public static void await(BooleanSupplier isSo) {
    long endNs = System.nanoTime() + AWAIT_MAX_NS;
    while (!isSo.getAsBoolean()) {
      assertTrue(System.nanoTime() - endNs < 0, "waited in vain");
      LockSupport.parkNanos(LOOK_EVERY_NS);
    }
  }

  public static byte[] name(String name) {
    return name.getBytes(UTF_8);
  }

  public static byte[] bytes(long seed, int lengthBytes) {
    byte[] bytes = new byte[lengthBytes];
    new Random(seed).nextBytes(bytes);
    return bytes;
  }

  public static void put(ClientFileSystem fs, long handle, long offset, byte[] content) {
    int done = 0;
    while (done < content.length) {
      int count = Math.min(PoolFileSystem.TRANSFER_BYTES_MAX, content.length - done);
      done += fs.write(handle, offset + done, content, done, count);
    }
  }

  public static byte[] get(ClientFileSystem fs, long handle) {
    byte[] all = new byte[1 << 20];
    int done = 0;
    while (true) {
      all = all.length - done < (1 << 18) ? Arrays.copyOf(all, all.length * 2) : all;
      int count = fs.read(handle, done, all, done, PoolFileSystem.TRANSFER_BYTES_MAX);
      if (count == 0) {
        return Arrays.copyOf(all, done);
      }
      done += count;
    }
  }

  /** The whole file, opened and closed. */
  public static byte[] read(ClientFileSystem fs, String name) {
    long handle = fs.open(fs.lookup(1, name(name)).inode(), OpenFlags.READ_ONLY).handle();
    try {
      return get(fs, handle);
    } finally {
      fs.release(handle);
    }
  }
}
