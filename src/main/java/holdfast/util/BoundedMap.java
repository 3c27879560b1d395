package holdfast.util;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.Consumer;

/**
 * A map of a limited number of entries: one more drops the eldest, which is the one put in first
 * or, where asked for, the one used last. Not thread-safe.
 *
 * @param <K> keys
 * @param <V> values
 */
public final class BoundedMap<K, V> extends LinkedHashMap<K, V> {
  private static final long serialVersionUID = 1L;
  private static final int INITIAL_COUNT = 16;
  private static final float LOAD = 0.75f;

  private final int countMax;
  private final transient Consumer<V> dropped;

  private BoundedMap(int countMax, boolean isByUse, Consumer<V> dropped) {
    super(INITIAL_COUNT, LOAD, isByUse);
    this.countMax = countMax;
    this.dropped = dropped;
  }

  /** Keeps the {@code countMax} entries that were put in last. */
  public static <K, V> BoundedMap<K, V> of(int countMax) {
    return new BoundedMap<>(countMax, false, value -> {});
  }

  /** As {@link #of}; {@code dropped} is given each value that is dropped for want of room. */
  public static <K, V> BoundedMap<K, V> of(int countMax, Consumer<V> dropped) {
    return new BoundedMap<>(countMax, false, dropped);
  }

  /** Keeps the {@code countMax} entries that were put in or asked for last. */
  public static <K, V> BoundedMap<K, V> byUse(int countMax) {
    return new BoundedMap<>(countMax, true, value -> {});
  }

  @Override
  protected boolean removeEldestEntry(Map.Entry<K, V> eldest) {
    if (size() <= countMax) {
      return false;
    }
    dropped.accept(eldest.getValue());
    return true;
  }
}
