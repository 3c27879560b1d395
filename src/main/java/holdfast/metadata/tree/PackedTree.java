package holdfast.metadata.tree;

import java.util.ArrayList;
import java.util.List;

/**
 * An ordered map from bytes to bytes as a persistent B+tree with packed leaves: immutable, safe on
 * every thread. An old one costs nothing to keep but the nodes that newer ones replaced.
 *
 * <p>Keys compare as unsigned bytes, up to {@value Leaf#KEY_MAX_BYTES} bytes; values up to {@value
 * Leaf#VALUE_MAX_BYTES}.
 */
public final class PackedTree extends TreeView {
  public static final PackedTree EMPTY = new PackedTree(Leaf.EMPTY);

  private final Object root;

  PackedTree(Object root) {
    this.root = root;
  }

  @Override
  Object root() {
    return root;
  }

  public TreeEditor edit() {
    return new TreeEditor(root);
  }

  /** Builds a tree from records in rising key order, faster and fuller than an editor does. */
  public static final class Builder {
    private final List<Object> leaves = new ArrayList<>();
    private final List<byte[]> separators = new ArrayList<>();
    private final byte[][] keys = new byte[Leaf.MAX_BYTES / 4][];
    private final byte[][] values = new byte[Leaf.MAX_BYTES / 4][];
    private int count;
    private int sizeBytes = 2;
    private byte[] lastKey;

    /** Adds a record; its key must be greater than the one before. */
    public void add(byte[] key, byte[] value) {
      TreeEditor.checkSizes(key, value);
      int recordBytes = 3 + key.length + value.length;
      if (count > 0 && sizeBytes + recordBytes > Leaf.MAX_BYTES) {
        byte[] previous = lastKey;
        endLeaf();
        separators.add(Inner.separator(previous, key));
      }
      keys[count] = key;
      values[count++] = value;
      sizeBytes += recordBytes;
      lastKey = key;
    }

    /** The key added last, null before the first. */
    public byte[] lastKey() {
      return lastKey;
    }

    public PackedTree build() {
      if (count == 0) {
        return EMPTY;
      }
      endLeaf();
      List<Object> nodes = leaves;
      List<byte[]> between = separators;
      while (nodes.size() > 1) {
        var parents = new ArrayList<Object>(nodes.size() / Inner.CHILDREN_MAX + 1);
        var parentsBetween = new ArrayList<byte[]>();
        for (int from = 0; from < nodes.size(); from += Inner.CHILDREN_MAX) {
          int to = Math.min(from + Inner.CHILDREN_MAX, nodes.size());
          var inner = new Inner(null);
          for (int i = from; i < to; i++) {
            inner.insert(i - from, i == from ? null : between.get(i - 1), nodes.get(i));
          }
          if (from > 0) {
            parentsBetween.add(between.get(from - 1));
          }
          parents.add(inner);
        }
        nodes = parents;
        between = parentsBetween;
      }
      return new PackedTree(nodes.get(0));
    }

    private void endLeaf() {
      leaves.add(Leaf.of(keys, values, count, sizeBytes));
      count = 0;
      sizeBytes = 2;
    }
  }
}
