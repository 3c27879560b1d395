package holdfast.sim;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
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
    for (Change change : pending) {
      if (change.bytes == null) {
        durable.cut(change.position);
      } else {
        durable.write(change.position, change.bytes, 0, change.bytes.length);
      }
    }
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

  private void settle(Random random, int policy) {
    for (Change change : pending) {
      int fate = policy < 2 ? policy : random.nextInt(3);
      if (fate == 1) {
        continue;
      }
      if (change.bytes == null) {
        durable.cut(change.position);
      } else if (fate == 0) {
        durable.write(change.position, change.bytes, 0, change.bytes.length);
      } else {
        tear(change, random);
      }
    }
    pending.clear();
  }

  /** Keeps some sectors; the size may have grown over lost ones, which read as zeros. */
  private void tear(Change change, Random random) {
    int end = change.position + change.bytes.length;
    int at = change.position;
    while (at < end) {
      int next = Math.min(end, (at / SimDisk.SECTOR_BYTES + 1) * SimDisk.SECTOR_BYTES);
      if (random.nextBoolean()) {
        durable.write(at, change.bytes, at - change.position, next - at);
      }
      at = next;
    }
    if (random.nextBoolean()) {
      durable.grow(end);
    }
  }
}
