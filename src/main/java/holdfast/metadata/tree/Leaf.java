package holdfast.metadata.tree;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * A leaf of a {@link PackedTree}: records in one array of exactly their size, never changed.
 *
 * <p>Layout: u16 count, a u16 position for each record, then the records in key order, each u8 key
 * length, key, value.
 */
public final class Leaf {
  /** A leaf of several records is split beyond this size. */
  static final int MAX_BYTES = 2_048;

  static final int KEY_MAX_BYTES = 255;

  /** So that two of them and their keys stay within what a u16 position can reach. */
  public static final int VALUE_MAX_BYTES = 16 << 10;

  static final byte[] EMPTY = new byte[2];

  private static final VarHandle U16 =
      MethodHandles.byteArrayViewVarHandle(short[].class, ByteOrder.BIG_ENDIAN);

  private Leaf() {}

  static int count(byte[] leaf) {
    return (short) U16.get(leaf, 0) & 0xFFFF;
  }

  private static int start(byte[] leaf, int index) {
    return (short) U16.get(leaf, 2 + 2 * index) & 0xFFFF;
  }

  private static int end(byte[] leaf, int index, int count) {
    return index + 1 < count ? start(leaf, index + 1) : leaf.length;
  }

  /** The index of the key, or {@code -(index where it would stand) - 1}. */
  static int find(byte[] leaf, byte[] key) {
    int low = 0;
    int high = count(leaf) - 1;
    while (low <= high) {
      int middle = (low + high) >>> 1;
      int start = start(leaf, middle);
      int keyEnd = start + 1 + (leaf[start] & 0xFF);
      int order = Arrays.compareUnsigned(leaf, start + 1, keyEnd, key, 0, key.length);
      if (order < 0) {
        low = middle + 1;
      } else if (order > 0) {
        high = middle - 1;
      } else {
        return middle;
      }
    }
    return -low - 1;
  }

  static byte[] key(byte[] leaf, int index) {
    int start = start(leaf, index);
    return Arrays.copyOfRange(leaf, start + 1, start + 1 + (leaf[start] & 0xFF));
  }

  static byte[] value(byte[] leaf, int index) {
    int start = start(leaf, index);
    return Arrays.copyOfRange(
        leaf, start + 1 + (leaf[start] & 0xFF), end(leaf, index, count(leaf)));
  }

  /** A leaf of the first {@code count} records, which take {@code sizeBytes} in all. */
  static byte[] of(byte[][] keys, byte[][] values, int count, int sizeBytes) {
    byte[] result = new byte[sizeBytes];
    U16.set(result, 0, (short) count);
    int position = 2 + 2 * count;
    for (int i = 0; i < count; i++) {
      U16.set(result, 2 + 2 * i, (short) position);
      writeRecord(result, position, keys[i], values[i]);
      position += 1 + keys[i].length + values[i].length;
    }
    return result;
  }

  /** The leaf with one more record at {@code index}; may be larger than {@link #MAX_BYTES}. */
  static byte[] insert(byte[] leaf, int index, byte[] key, byte[] value) {
    int count = count(leaf);
    int recordBytes = 1 + key.length + value.length;
    byte[] result = new byte[leaf.length + 2 + recordBytes];
    U16.set(result, 0, (short) (count + 1));
    for (int i = 0; i < index; i++) {
      U16.set(result, 2 + 2 * i, (short) (start(leaf, i) + 2));
    }
    int oldHead = 2 + 2 * count;
    int oldPosition = index < count ? start(leaf, index) : leaf.length;
    int position = oldPosition + 2;
    U16.set(result, 2 + 2 * index, (short) position);
    for (int i = index; i < count; i++) {
      U16.set(result, 4 + 2 * i, (short) (start(leaf, i) + 2 + recordBytes));
    }
    System.arraycopy(leaf, oldHead, result, oldHead + 2, oldPosition - oldHead);
    writeRecord(result, position, key, value);
    System.arraycopy(leaf, oldPosition, result, position + recordBytes, leaf.length - oldPosition);
    return result;
  }

  /** The leaf with another value at {@code index}. */
  static byte[] replace(byte[] leaf, int index, byte[] key, byte[] value) {
    int count = count(leaf);
    int start = start(leaf, index);
    int end = end(leaf, index, count);
    int growth = 1 + key.length + value.length - (end - start);
    byte[] result = new byte[leaf.length + growth];
    System.arraycopy(leaf, 0, result, 0, start);
    for (int i = index + 1; i < count; i++) {
      U16.set(result, 2 + 2 * i, (short) (start(leaf, i) + growth));
    }
    writeRecord(result, start, key, value);
    System.arraycopy(leaf, end, result, end + growth, leaf.length - end);
    return result;
  }

  /** The leaf without the record at {@code index}. */
  static byte[] remove(byte[] leaf, int index) {
    int count = count(leaf);
    int start = start(leaf, index);
    int end = end(leaf, index, count);
    int shrinkage = 2 + end - start;
    byte[] result = new byte[leaf.length - shrinkage];
    U16.set(result, 0, (short) (count - 1));
    for (int i = 0; i < index; i++) {
      U16.set(result, 2 + 2 * i, (short) (start(leaf, i) - 2));
    }
    for (int i = index + 1; i < count; i++) {
      U16.set(result, 2 * i, (short) (start(leaf, i) - shrinkage));
    }
    int oldHead = 2 + 2 * count;
    System.arraycopy(leaf, oldHead, result, oldHead - 2, start - oldHead);
    System.arraycopy(leaf, end, result, start - 2, leaf.length - end);
    return result;
  }

  /**
   * Cuts a leaf that grew beyond {@link #MAX_BYTES} into leaves that are not, or hold one record.
   *
   * @param changed the index that grew: growth at the end leaves full leaves behind, as rising keys
   *     want it
   */
  static List<byte[]> split(byte[] leaf, int changed) {
    var parts = new ArrayList<byte[]>(3);
    split(leaf, changed, parts);
    return parts;
  }

  private static void split(byte[] leaf, int changed, List<byte[]> parts) {
    int count = count(leaf);
    if (leaf.length <= MAX_BYTES || count < 2) {
      parts.add(leaf);
      return;
    }
    int cut = changed == count - 1 ? count - 1 : 1;
    if (changed != count - 1) {
      while (cut < count - 1 && start(leaf, cut) < leaf.length / 2) {
        cut++;
      }
    }
    split(slice(leaf, 0, cut), -1, parts);
    split(slice(leaf, cut, count), -1, parts);
  }

  /** The records {@code [from, to)} as a leaf of their own. */
  static byte[] slice(byte[] leaf, int from, int to) {
    int start = start(leaf, from);
    int end = end(leaf, to - 1, count(leaf));
    int head = 2 + 2 * (to - from);
    byte[] result = new byte[head + end - start];
    U16.set(result, 0, (short) (to - from));
    for (int i = from; i < to; i++) {
      U16.set(result, 2 + 2 * (i - from), (short) (start(leaf, i) - start + head));
    }
    System.arraycopy(leaf, start, result, head, end - start);
    return result;
  }

  /** Two leaves as one; all keys of {@code right} are greater. */
  static byte[] join(byte[] left, byte[] right) {
    int leftCount = count(left);
    int rightCount = count(right);
    byte[] result = new byte[left.length + right.length - 2];
    U16.set(result, 0, (short) (leftCount + rightCount));
    for (int i = 0; i < leftCount; i++) {
      U16.set(result, 2 + 2 * i, (short) (start(left, i) + 2 * rightCount));
    }
    for (int i = 0; i < rightCount; i++) {
      U16.set(result, 2 + 2 * (leftCount + i), (short) (start(right, i) + left.length - 2));
    }
    int leftHead = 2 + 2 * leftCount;
    int rightHead = 2 + 2 * rightCount;
    System.arraycopy(left, leftHead, result, leftHead + 2 * rightCount, left.length - leftHead);
    System.arraycopy(
        right, rightHead, result, left.length + 2 * rightCount, right.length - rightHead);
    return result;
  }

  private static void writeRecord(byte[] leaf, int position, byte[] key, byte[] value) {
    leaf[position] = (byte) key.length;
    System.arraycopy(key, 0, leaf, position + 1, key.length);
    System.arraycopy(value, 0, leaf, position + 1 + key.length, value.length);
  }
}
