package holdfast.network;

import java.util.ArrayDeque;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * A bounded queue that is fair between sources: they take turns, and within one who came first is
 * first. When it is full, the newest item of the source that has most gives way. Not thread-safe.
 *
 * @param <T> compared by identity
 */
final class FairQueue<T> {
  private final int itemsMax;

  /** No source is empty; the first is the next to be served. */
  private final Map<Long, ArrayDeque<T>> turns = new LinkedHashMap<>();

  private int count;

  FairQueue(int itemsMax) {
    this.itemsMax = itemsMax;
  }

  /** Adds an item; returns the one that has no room any more, this one perhaps, or null. */
  T offer(long source, T item) {
    turns.computeIfAbsent(source, id -> new ArrayDeque<>()).addLast(item);
    count++;
    return count > itemsMax ? takeNewest(fullest(source)) : null;
  }

  /** Takes the next item; null when there is none. */
  T poll() {
    var turn = turns.entrySet().iterator();
    if (!turn.hasNext()) {
      return null;
    }
    var next = turn.next();
    long source = next.getKey();
    ArrayDeque<T> items = next.getValue();
    turn.remove();
    T item = items.pollFirst();
    count--;
    if (!items.isEmpty()) {
      turns.put(source, items);
    }
    return item;
  }

  /** Takes an item out, if it still waits. */
  boolean remove(long source, T item) {
    ArrayDeque<T> items = turns.get(source);
    boolean isRemoved = items != null && items.removeIf(each -> each == item);
    if (isRemoved) {
      count--;
      if (items.isEmpty()) {
        turns.remove(source);
      }
    }
    return isRemoved;
  }

  /**
   * The place of an item: at most so many items are taken until it is, itself included; 0 when it
   * waits no more. Each {@link #poll} lowers the place of everyone who waits, and nothing raises
   * it: a source that comes later can overtake, but only as the place has foreseen.
   */
  int placeOf(long source, T item) {
    ArrayDeque<T> items = turns.get(source);
    int before = items == null ? -1 : indexOf(items, item);
    if (before < 0) {
      return 0;
    }
    int sourcesBefore = 0;
    for (long each : turns.keySet()) {
      if (each == source) {
        break;
      }
      sourcesBefore++;
    }
    return 1 + before * itemsMax + sourcesBefore;
  }

  /** Items that wait. */
  int count() {
    return count;
  }

  private static <T> int indexOf(ArrayDeque<T> items, T item) {
    int index = 0;
    for (T each : items) {
      if (each == item) {
        return index;
      }
      index++;
    }
    return -1;
  }

  /** The source with most items; of equals the one that has just added. */
  private long fullest(long added) {
    long fullest = added;
    for (var each : turns.entrySet()) {
      if (each.getValue().size() > turns.get(fullest).size()) {
        fullest = each.getKey();
      }
    }
    return fullest;
  }

  private T takeNewest(long source) {
    ArrayDeque<T> items = turns.get(source);
    T newest = items.pollLast();
    count--;
    if (items.isEmpty()) {
      turns.remove(source);
    }
    return newest;
  }
}
