package holdfast.port;

import holdfast.model.HoldfastException;
import holdfast.util.Invariants;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;

/**
 * A buffer for the raw bytes that follow a message: a sealed chunk or blocks of one, readable while
 * they still arrive, so that a primary forwards what it is still receiving.
 *
 * <p>One producer appends; any number of consumers read what is there. Safe on every thread. The
 * array is never changed below {@link #availableBytes()}.
 */
public final class Body {
  /** Largest body: 64 sealed blocks of 64 KiB and the header, with room to spare. */
  public static final int MAX_BYTES = 64 * 65_609 + 32 + 1_024;

  private final byte[] bytes;
  private final int lengthBytes;
  private final ReentrantLock lock = new ReentrantLock();
  private final List<Consumer<HoldfastException>> waiting = new ArrayList<>();
  private final List<Runnable> watching = new ArrayList<>();
  private final AtomicInteger holderCount = new AtomicInteger(1);
  private final Runnable onReleased;
  private volatile int availableBytes;
  private volatile boolean complete;
  private volatile HoldfastException failure;

  private Body(
      byte[] bytes, int lengthBytes, int availableBytes, boolean complete, Runnable onReleased) {
    Invariants.check(
        lengthBytes >= 0 && lengthBytes <= Math.min(MAX_BYTES, bytes.length),
        "body length: expected=0 to %s, was=%s",
        Math.min(MAX_BYTES, bytes.length),
        lengthBytes);
    this.bytes = bytes;
    this.lengthBytes = lengthBytes;
    this.availableBytes = availableBytes;
    this.complete = complete;
    this.onReleased = onReleased;
  }

  /** A body that is all there: the first {@code lengthBytes} of {@code bytes}, not copied. */
  public static Body whole(byte[] bytes, int lengthBytes) {
    return new Body(bytes, lengthBytes, lengthBytes, true, () -> {});
  }

  /**
   * A body that is all there: the whole array, not copied. {@code onReleased} is called when {@link
   * #release} was called once more than {@link #retain}: no connection sends it any more.
   */
  public static Body whole(byte[] bytes, Runnable onReleased) {
    return new Body(bytes, bytes.length, bytes.length, true, onReleased);
  }

  /** A body that is all there: the whole array, not copied. */
  public static Body whole(byte[] bytes) {
    return whole(bytes, bytes.length);
  }

  /** A body that will arrive in {@code bytes}. */
  public static Body arriving(byte[] bytes, int lengthBytes) {
    return arriving(bytes, lengthBytes, () -> {});
  }

  /**
   * A body that will arrive in {@code bytes}, and whose place counts until {@link #release} was
   * called once more than {@link #retain}.
   *
   * @param onReleased frees the place; harmless when called again
   */
  public static Body arriving(byte[] bytes, int lengthBytes, Runnable onReleased) {
    return new Body(bytes, lengthBytes, 0, false, onReleased);
  }

  /** One more reader: the body's place stays taken until it releases. The array outlives both. */
  public void retain() {
    holderCount.incrementAndGet();
  }

  /** A reader, or at the end the owner, is done with the body. */
  public void release() {
    if (holderCount.decrementAndGet() == 0) {
      onReleased.run();
    }
  }

  /** The array; only the first {@link #availableBytes()} bytes mean anything. */
  public byte[] array() {
    return bytes;
  }

  /** Bytes the body will have. */
  public int lengthBytes() {
    return lengthBytes;
  }

  /** Bytes there by now. */
  public int availableBytes() {
    return availableBytes;
  }

  /** True when all bytes are there and were found good. */
  public boolean isComplete() {
    return complete;
  }

  /** Producer: {@code countBytes} more have been put into the array. */
  public void advance(int countBytes) {
    List<Runnable> toCall;
    lock.lock();
    try {
      Objects.checkFromIndexSize(availableBytes, countBytes, lengthBytes);
      availableBytes += countBytes;
      toCall = watching.isEmpty() ? List.of() : List.copyOf(watching);
    } finally {
      lock.unlock();
    }
    toCall.forEach(Runnable::run);
  }

  /** Producer: all bytes are there and, where the body has a name, they hash to it. */
  public void complete() {
    Invariants.check(availableBytes == lengthBytes, "complete body: %s missing", this);
    end(null);
  }

  /** Producer: the rest won't come, or what came is wrong. No effect once ended. */
  public void fail(HoldfastException why) {
    end(Objects.requireNonNull(why));
  }

  /**
   * Calls {@code then} once when the body is complete (with null) or failed (with why): at once on
   * this thread if it already is, else on the producer's thread. It must not block.
   */
  public void whenEnded(Consumer<HoldfastException> then) {
    lock.lock();
    try {
      if (!complete && failure == null) {
        waiting.add(then);
        return;
      }
    } finally {
      lock.unlock();
    }
    then.accept(failure);
  }

  /**
   * Calls {@code then} after each {@link #advance} until the body ended, on the producer's thread.
   * It must not block.
   */
  public void onProgress(Runnable then) {
    lock.lock();
    try {
      if (!complete && failure == null) {
        watching.add(then);
      }
    } finally {
      lock.unlock();
    }
  }

  private void end(HoldfastException why) {
    List<Consumer<HoldfastException>> toCall;
    lock.lock();
    try {
      if (complete || failure != null) {
        return;
      }
      failure = why;
      complete = why == null;
      toCall = List.copyOf(waiting);
      waiting.clear();
      watching.clear();
    } finally {
      lock.unlock();
    }
    toCall.forEach(then -> then.accept(why));
  }

  /** For messages: how much of it is there. */
  @Override
  public String toString() {
    return availableBytes + " of " + lengthBytes + " bytes";
  }
}
