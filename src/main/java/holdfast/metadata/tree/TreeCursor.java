package holdfast.metadata.tree;

import holdfast.util.Invariants;

/** A position in a tree, moving to greater keys. One thread. */
public final class TreeCursor {
  private static final int DEPTH_MAX = 16;

  private final Inner[] path = new Inner[DEPTH_MAX];
  private final int[] indexes = new int[DEPTH_MAX];
  private int depth;
  private byte[] leaf;
  private int index;
  private int leafCount;

  private TreeCursor() {}

  static TreeCursor atOrAfter(Object root, byte[] key) {
    var cursor = new TreeCursor();
    int found = cursor.descend(root, key);
    cursor.index = found >= 0 ? found : -found - 1;
    cursor.skipLeafEnd();
    return cursor;
  }

  static TreeCursor atOrBefore(Object root, byte[] key) {
    var cursor = new TreeCursor();
    int found = cursor.descend(root, key);
    cursor.index = found >= 0 ? found : -found - 2;
    if (cursor.index < 0) {
      cursor.previousLeaf();
    }
    return cursor;
  }

  private int descend(Object root, byte[] key) {
    Object node = root;
    while (node instanceof Inner inner) {
      int child = inner.childOf(key);
      push(inner, child);
      node = inner.children[child];
    }
    enter((byte[]) node);
    return Leaf.find(leaf, key);
  }

  private void push(Inner inner, int child) {
    Invariants.check(depth < DEPTH_MAX, "tree is deeper than %s levels", DEPTH_MAX);
    path[depth] = inner;
    indexes[depth++] = child;
  }

  private void enter(byte[] next) {
    leaf = next;
    leafCount = Leaf.count(next);
  }

  /** Whether it stands at a record. */
  public boolean isValid() {
    return leaf != null && index >= 0 && index < leafCount;
  }

  public byte[] key() {
    return Leaf.key(leaf, index);
  }

  public byte[] value() {
    return Leaf.value(leaf, index);
  }

  public void next() {
    index++;
    skipLeafEnd();
  }

  private void skipLeafEnd() {
    while (leaf != null && index >= leafCount) {
      while (depth > 0 && indexes[depth - 1] + 1 >= path[depth - 1].count) {
        depth--;
      }
      if (depth == 0) {
        leaf = null;
        return;
      }
      Object node = path[depth - 1].children[++indexes[depth - 1]];
      while (node instanceof Inner inner) {
        push(inner, 0);
        node = inner.children[0];
      }
      enter((byte[]) node);
      index = 0;
    }
  }

  private void previousLeaf() {
    while (depth > 0 && indexes[depth - 1] == 0) {
      depth--;
    }
    if (depth == 0) {
      leaf = null;
      return;
    }
    Object node = path[depth - 1].children[--indexes[depth - 1]];
    while (node instanceof Inner inner) {
      push(inner, inner.count - 1);
      node = inner.children[inner.count - 1];
    }
    enter((byte[]) node);
    index = leafCount - 1;
  }
}
