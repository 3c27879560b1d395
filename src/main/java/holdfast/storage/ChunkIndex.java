package holdfast.storage;

import holdfast.model.ChunkId;
import java.util.Arrays;
import java.util.function.IntConsumer;

/**
 * The in-memory index of a chunk store, in flat arrays so that millions of chunks fit: 48 bytes an
 * entry and 4 a bucket.
 *
 * <p>A bucket is the first bits of the id, so a partition is a run of buckets. Entries are numbered
 * slots in pages; a bucket's entries are chained. An entry may be <em>suspect</em>: still readable,
 * perhaps, but not counted as stored. Not thread-safe.
 */
final class ChunkIndex {
  private static final int PAGE_BITS = 12;
  private static final int PAGE_ENTRIES = 1 << PAGE_BITS;
  private static final int ID_LONGS = 4;
  private static final int FIELDS = 4;
  private static final int SEGMENT = 0;
  private static final int OFFSET = 1;
  private static final int LENGTH = 2;
  private static final int NEXT = 3;
  private static final int PARTITION_BITS = Integer.numberOfTrailingZeros(ChunkId.PARTITION_COUNT);
  private static final int BUCKET_BITS_MAX = 30;
  private static final int SUSPECT = 1 << 31;
  private static final int NONE = -1;

  private long[][] ids = new long[1][];
  private int[][] fields = new int[1][];
  private int[] heads;
  private int bucketBits = PARTITION_BITS;
  private int slotCount;
  private int entryCount;
  private int freeSlot = NONE;

  private final int[] storedCounts = new int[ChunkId.PARTITION_COUNT];
  private int storedCount;
  private long storedBytes;

  ChunkIndex() {
    heads = emptyHeads(bucketBits);
  }

  /** Where a chunk is. */
  record Location(int segment, int offset, int lengthBytes, boolean isSuspect) {
    /** The place as one number, 0 or more. */
    long place() {
      return (long) segment << Integer.SIZE | offset;
    }
  }

  /** The slot of a chunk, suspect or not; -1 if it isn't here. */
  int find(ChunkId id) {
    int slot = heads[bucket(id.a())];
    while (slot != NONE && !isAt(slot, id)) {
      slot = field(slot, NEXT);
    }
    return slot;
  }

  /** Whether it is here and not suspect. */
  boolean isStored(ChunkId id) {
    int slot = find(id);
    return slot != NONE && field(slot, LENGTH) >= 0;
  }

  Location location(int slot) {
    int length = field(slot, LENGTH);
    return new Location(field(slot, SEGMENT), field(slot, OFFSET), length & ~SUSPECT, length < 0);
  }

  ChunkId id(int slot) {
    long[] page = ids[slot >> PAGE_BITS];
    int at = (slot & PAGE_ENTRIES - 1) * ID_LONGS;
    return new ChunkId(page[at], page[at + 1], page[at + 2], page[at + 3]);
  }

  /** Adds a chunk or gives it a new place; it is stored and not suspect then. */
  void put(ChunkId id, int segment, int offset, int lengthBytes) {
    int slot = find(id);
    if (slot == NONE) {
      slot = insert(id);
    } else {
      uncount(id, slot);
    }
    set(slot, SEGMENT, segment);
    set(slot, OFFSET, offset);
    set(slot, LENGTH, lengthBytes);
    storedCounts[id.partition()]++;
    storedCount++;
    storedBytes += lengthBytes;
  }

  /** Removes a chunk; says whether it was here. */
  boolean remove(ChunkId id) {
    int bucket = bucket(id.a());
    int before = NONE;
    int slot = heads[bucket];
    while (slot != NONE && !isAt(slot, id)) {
      before = slot;
      slot = field(slot, NEXT);
    }
    if (slot == NONE) {
      return false;
    }
    uncount(id, slot);
    if (before == NONE) {
      heads[bucket] = field(slot, NEXT);
    } else {
      set(before, NEXT, field(slot, NEXT));
    }
    set(slot, SEGMENT, NONE);
    set(slot, NEXT, freeSlot);
    freeSlot = slot;
    entryCount--;
    return true;
  }

  /** No longer counts an entry as stored; says whether it did. */
  boolean suspect(int slot) {
    if (field(slot, LENGTH) < 0) {
      return false;
    }
    uncount(id(slot), slot);
    set(slot, LENGTH, field(slot, LENGTH) | SUSPECT);
    return true;
  }

  /** Visits every entry that lies in a segment. Looks at all entries. */
  void forEachInSegment(int segment, IntConsumer visitor) {
    for (int slot = 0; slot < slotCount; slot++) {
      if (field(slot, SEGMENT) == segment) {
        visitor.accept(slot);
      }
    }
  }

  /** The stored chunks of a partition, sorted by id. */
  StoredChunk[] sorted(int partition) {
    var chunks = new StoredChunk[storedCounts[partition]];
    int count = 0;
    int shift = bucketBits - PARTITION_BITS;
    for (int bucket = partition << shift; bucket < (partition + 1) << shift; bucket++) {
      for (int slot = heads[bucket]; slot != NONE; slot = field(slot, NEXT)) {
        int length = field(slot, LENGTH);
        if (length >= 0) {
          chunks[count++] = new StoredChunk(id(slot), length);
        }
      }
    }
    Arrays.sort(chunks, (left, right) -> left.id().compareTo(right.id()));
    return chunks;
  }

  int storedCount() {
    return storedCount;
  }

  int storedCount(int partition) {
    return storedCounts[partition];
  }

  long storedBytes() {
    return storedBytes;
  }

  /** Bytes its arrays take, headers of arrays aside. */
  long memoryBytes() {
    long pageCount = (slotCount + PAGE_ENTRIES - 1L) >> PAGE_BITS;
    long pageBytes = PAGE_ENTRIES * ((long) ID_LONGS * Long.BYTES + FIELDS * Integer.BYTES);
    return pageCount * pageBytes + (long) heads.length * Integer.BYTES;
  }

  private void uncount(ChunkId id, int slot) {
    int length = field(slot, LENGTH);
    if (length >= 0) {
      storedCounts[id.partition()]--;
      storedCount--;
      storedBytes -= length;
    }
  }

  private int insert(ChunkId id) {
    if (entryCount >= heads.length && bucketBits < BUCKET_BITS_MAX) {
      growHeads();
    }
    int slot = freeSlot;
    if (slot == NONE) {
      slot = newSlot();
    } else {
      freeSlot = field(slot, NEXT);
    }
    long[] page = ids[slot >> PAGE_BITS];
    int at = (slot & PAGE_ENTRIES - 1) * ID_LONGS;
    page[at] = id.a();
    page[at + 1] = id.b();
    page[at + 2] = id.c();
    page[at + 3] = id.d();
    int bucket = bucket(id.a());
    set(slot, NEXT, heads[bucket]);
    heads[bucket] = slot;
    entryCount++;
    return slot;
  }

  private int newSlot() {
    int page = slotCount >> PAGE_BITS;
    if (page == ids.length) {
      ids = Arrays.copyOf(ids, page * 2);
      fields = Arrays.copyOf(fields, page * 2);
    }
    if (ids[page] == null) {
      ids[page] = new long[PAGE_ENTRIES * ID_LONGS];
      fields[page] = new int[PAGE_ENTRIES * FIELDS];
    }
    return slotCount++;
  }

  private void growHeads() {
    bucketBits++;
    heads = emptyHeads(bucketBits);
    for (int slot = 0; slot < slotCount; slot++) {
      if (field(slot, SEGMENT) != NONE) {
        int bucket = bucket(ids[slot >> PAGE_BITS][(slot & PAGE_ENTRIES - 1) * ID_LONGS]);
        set(slot, NEXT, heads[bucket]);
        heads[bucket] = slot;
      }
    }
  }

  private boolean isAt(int slot, ChunkId id) {
    long[] page = ids[slot >> PAGE_BITS];
    int at = (slot & PAGE_ENTRIES - 1) * ID_LONGS;
    return page[at] == id.a()
        && page[at + 1] == id.b()
        && page[at + 2] == id.c()
        && page[at + 3] == id.d();
  }

  private int bucket(long firstBits) {
    return (int) (firstBits >>> Long.SIZE - bucketBits);
  }

  private int field(int slot, int field) {
    return fields[slot >> PAGE_BITS][(slot & PAGE_ENTRIES - 1) * FIELDS + field];
  }

  private void set(int slot, int field, int value) {
    fields[slot >> PAGE_BITS][(slot & PAGE_ENTRIES - 1) * FIELDS + field] = value;
  }

  private static int[] emptyHeads(int bits) {
    int[] heads = new int[1 << bits];
    Arrays.fill(heads, NONE);
    return heads;
  }
}
