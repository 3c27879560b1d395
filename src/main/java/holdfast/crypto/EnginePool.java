package holdfast.crypto;

import java.security.GeneralSecurityException;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.function.Supplier;
import javax.crypto.Cipher;

/**
 * A bounded pool of ciphers, because making one costs more than sealing a small frame with it. A
 * bounded pool and not a thread-local: there is a virtual thread per connection. Thread-safe; never
 * blocks: an empty pool makes a new one, a full pool drops what is released.
 */
public final class EnginePool<T> {
  /** Engines kept at most, of each kind. */
  static final int KEPT_MAX = 64;

  /** Bulk data goes through ciphers and hashes in pieces of this many bytes. */
  public static final int PIECE_BYTES = 4_096;

  private final ArrayBlockingQueue<T> idle = new ArrayBlockingQueue<>(KEPT_MAX);
  private final Supplier<T> maker;

  EnginePool(Supplier<T> maker) {
    this.maker = maker;
  }

  T acquire() {
    T engine = idle.poll();
    return engine != null ? engine : maker.get();
  }

  void release(T engine) {
    idle.offer(engine);
  }

  /** Feeds an initialised cipher piece by piece; returns the end of the output in {@code out}. */
  static int run(Cipher cipher, byte[] in, int offset, int lengthBytes, byte[] out, int outOffset)
      throws GeneralSecurityException {
    int at = outOffset;
    int done = 0;
    while (lengthBytes - done > PIECE_BYTES) {
      at += cipher.update(in, offset + done, PIECE_BYTES, out, at);
      done += PIECE_BYTES;
    }
    return at + cipher.doFinal(in, offset + done, lengthBytes - done, out, at);
  }
}
