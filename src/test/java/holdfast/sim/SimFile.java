package holdfast.sim;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;

/** The content of a simulated file: as it is read now, as it is durable, and what lies between. */
final class SimFile {
  private Image now = new Image();
  private final Image durable = new Image();
  private final List<Change> pending = new ArrayList<>();

  /** An unforced write, or with null bytes a cut to {@code position}. */
  private record Change(int position, byte[] bytes) {}

  /** Bytes and a size. */
  private static final class Image {
    byte[] bytes = new byte[0];
    int size;

    void write(int position, byte[] from, int offset, int length) {
      grow(position + length);
      System.arraycopy(from, offset, bytes, position, length);
    }

    void grow(int newSize) {
      if (newSize > bytes.length) {
        bytes = Arrays.copyOf(bytes, Math.max(newSize, bytes.length * 2));
      }
      size = Math.max(size, newSize);
    }

    void cut(int newSize) {
      if (newSize < size) {
        Arrays.fill(bytes, newSize, size, (byte) 0);
        size = newSize;
      }
    }
  }

  int size() {
    return now.size;
  }

  int read(long position, byte[] into, int offset, int length) {
    int count = (int) Math.max(0, Math.min(length, now.size - position));
    if (count > 0) {
      System.arraycopy(now.bytes, (int) position, into, offset, count);
    }
    return count;
  }

  void write(long position, byte[] bytes) {
    int at = Math.toIntExact(position);
    now.write(at, bytes, 0, bytes.length);
    pending.add(new Change(at, bytes));
  }

  void truncate(long sizeBytes) {
    int size = Math.toIntExact(sizeBytes);
    now.cut(size);
    pending.add(new Change(size, null));
  }

  void force() {
    pending.forEach(this::apply);
    pending.clear();
  }

  /** What a force that fails leaves: some of it durable, none of it pending any more. */
  void failForce(Random random) {
    settle(random, 2);
  }

  /** Settles what was pending as a crash does, and forgets the rest. */
  void crash(Random random, int policy) {
    settle(random, policy);
    now = new Image();
    now.write(0, durable.bytes, 0, durable.size);
  }

  void flipBit(long bitPosition) {
    int at = Math.toIntExact(bitPosition / Byte.SIZE);
    byte mask = (byte) (1 << bitPosition % Byte.SIZE);
    now.bytes[at] ^= mask;
    if (at < durable.size) {
      durable.bytes[at] ^= mask;
    }
  }

  /**
   * A sector comes to the disk as it was at some time: what was written to it later is lost, never
   * what was written to it earlier.
   *
   * @param policy 0: everything survives, 1: nothing, else some of it
   */
  private void settle(Random random, int policy) {
    Map<Integer, Integer> survivors = new HashMap<>();
    int number = 0;
    for (Change change : pending) {
      number++;
      if (policy == 1) {
        continue;
      }
      if (policy == 0) {
        apply(change);
      } else if (change.bytes != null) {
        tear(change, number, survivors, random);
      } else if (random.nextInt(3) > 0) {
        apply(change);
      }
    }
    pending.clear();
  }

  private void apply(Change change) {
    if (change.bytes == null) {
      durable.cut(change.position);
    } else {
      durable.write(change.position, change.bytes, 0, change.bytes.length);
    }
  }

  /** Keeps some sectors; the size may have grown over lost ones, which read as zeros. */
  private void tear(Change change, int number, Map<Integer, Integer> survivors, Random random) {
    int end = change.position + change.bytes.length;
    int at = change.position;
    while (at < end) {
      int sector = at / SimDisk.SECTOR_BYTES;
      int next = Math.min(end, (sector + 1) * SimDisk.SECTOR_BYTES);
      // The number of the last change of this sector that survives.
      int last =
          survivors.computeIfAbsent(sector, s -> (random.nextInt() >>> 8) % (pending.size() + 1));
      if (number <= last) {
        durable.write(at, change.bytes, at - change.position, next - at);
      }
      at = next;
    }
    if (random.nextBoolean()) {
      durable.grow(end);
    }
  }
}
