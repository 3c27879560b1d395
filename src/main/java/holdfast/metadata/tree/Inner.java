package holdfast.metadata.tree;

import java.util.Arrays;

/**
 * An inner node of a {@link PackedTree}: children (leaves as {@code byte[]}, or inner nodes) and
 * the separators between them. Changed only by the editor whose stamp it carries.
 */
final class Inner {
  /** Most children; while one editor step runs a few more. */
  static final int CHILDREN_MAX = 64;

  private static final int CAPACITY = CHILDREN_MAX + 4;

  final Object owner;
  int count;

  /** {@code separators[i]}: no key of child i is smaller, every key of child i-1 is; [0] unused. */
  final byte[][] separators;

  final Object[] children;

  Inner(Object owner) {
    this.owner = owner;
    this.separators = new byte[CAPACITY][];
    this.children = new Object[CAPACITY];
  }

  private Inner(Object owner, Inner from) {
    this.owner = owner;
    this.count = from.count;
    this.separators = from.separators.clone();
    this.children = from.children.clone();
  }

  /** This node if it is the editor's own, else a copy that is. */
  Inner ownedBy(Object stamp) {
    return owner == stamp ? this : new Inner(stamp, this);
  }

  /** The child that holds the key if any does. */
  int childOf(byte[] key) {
    int low = 1;
    int high = count - 1;
    while (low <= high) {
      int middle = (low + high) >>> 1;
      if (Arrays.compareUnsigned(separators[middle], key) <= 0) {
        low = middle + 1;
      } else {
        high = middle - 1;
      }
    }
    return low - 1;
  }

  void insert(int index, byte[] separator, Object child) {
    System.arraycopy(separators, index, separators, index + 1, count - index);
    System.arraycopy(children, index, children, index + 1, count - index);
    separators[index] = separator;
    children[index] = child;
    count++;
  }

  void remove(int index) {
    System.arraycopy(separators, index + 1, separators, index, count - index - 1);
    System.arraycopy(children, index + 1, children, index, count - index - 1);
    count--;
    separators[count] = null;
    children[count] = null;
  }

  /** Moves the children from {@code index} on into a node of their own. */
  Inner splitOff(int index) {
    var right = new Inner(owner);
    right.count = count - index;
    System.arraycopy(separators, index, right.separators, 0, right.count);
    System.arraycopy(children, index, right.children, 0, right.count);
    Arrays.fill(separators, index, count, null);
    Arrays.fill(children, index, count, null);
    count = index;
    return right;
  }

  /** Takes over all children of the node to its right. */
  void append(byte[] separator, Inner right) {
    System.arraycopy(right.separators, 0, separators, count, right.count);
    System.arraycopy(right.children, 0, children, count, right.count);
    separators[count] = separator;
    count += right.count;
  }

  /** The shortest key that is greater than {@code left} and not greater than {@code right}. */
  static byte[] separator(byte[] left, byte[] right) {
    int common = Arrays.mismatch(left, right);
    return Arrays.copyOf(right, common + 1);
  }
}
