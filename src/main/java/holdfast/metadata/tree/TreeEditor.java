package holdfast.metadata.tree;

import holdfast.util.Invariants;
import java.util.List;

/**
 * The write side of a tree: changes it without touching the one it came from; nodes are copied
 * once, then changed in place for as long as the editor lives. One thread.
 */
public final class TreeEditor extends TreeView {
  /** A leaf below this tries to join a neighbour. */
  private static final int LEAF_SMALL_BYTES = Leaf.MAX_BYTES / 4;

  private static final int LEAF_JOINED_MAX_BYTES = Leaf.MAX_BYTES * 3 / 4;
  private static final int CHILDREN_SMALL = Inner.CHILDREN_MAX / 4;
  private static final int CHILDREN_JOINED_MAX = Inner.CHILDREN_MAX * 3 / 4;

  private Object stamp = new Object();
  private Object root;

  TreeEditor(Object root) {
    this.root = root;
  }

  @Override
  Object root() {
    return root;
  }

  static void checkSizes(byte[] key, byte[] value) {
    Invariants.check(
        key.length > 0 && key.length <= Leaf.KEY_MAX_BYTES && value.length <= Leaf.VALUE_MAX_BYTES,
        "tree record: key %s bytes, value %s",
        key.length,
        value.length);
  }

  /** The tree as it is now. The editor may go on: what it changes from here on is copied again. */
  public PackedTree tree() {
    stamp = new Object();
    return new PackedTree(root);
  }

  /** Sets a key's value. */
  public void put(byte[] key, byte[] value) {
    checkSizes(key, value);
    if (root instanceof Inner inner) {
      var changed = putInto(inner, key, value);
      if (changed.count > Inner.CHILDREN_MAX) {
        var top = new Inner(stamp);
        top.insert(0, null, changed);
        splitChild(top, 0, changed);
        root = top;
      } else {
        root = changed;
      }
      return;
    }
    byte[] leaf = (byte[]) root;
    int found = Leaf.find(leaf, key);
    byte[] changed = withRecord(leaf, found, key, value);
    if (changed.length <= Leaf.MAX_BYTES || Leaf.count(changed) == 1) {
      root = changed;
      return;
    }
    var top = new Inner(stamp);
    top.insert(0, null, changed);
    replaceLeaf(top, 0, Leaf.split(changed, found < 0 ? -found - 1 : -1));
    root = top;
  }

  private Inner putInto(Inner node, byte[] key, byte[] value) {
    var inner = node.ownedBy(stamp);
    int index = inner.childOf(key);
    Object child = inner.children[index];
    if (child instanceof Inner lower) {
      var changed = putInto(lower, key, value);
      inner.children[index] = changed;
      if (changed.count > Inner.CHILDREN_MAX) {
        splitChild(inner, index, changed);
      }
      return inner;
    }
    byte[] leaf = (byte[]) child;
    int found = Leaf.find(leaf, key);
    byte[] changed = withRecord(leaf, found, key, value);
    if (changed.length <= Leaf.MAX_BYTES || Leaf.count(changed) == 1) {
      inner.children[index] = changed;
    } else {
      replaceLeaf(inner, index, Leaf.split(changed, found < 0 ? -found - 1 : -1));
    }
    return inner;
  }

  private static byte[] withRecord(byte[] leaf, int found, byte[] key, byte[] value) {
    return found >= 0
        ? Leaf.replace(leaf, found, key, value)
        : Leaf.insert(leaf, -found - 1, key, value);
  }

  private static void replaceLeaf(Inner parent, int index, List<byte[]> parts) {
    parent.children[index] = parts.get(0);
    for (int i = 1; i < parts.size(); i++) {
      byte[] left = parts.get(i - 1);
      byte[] lastKey = Leaf.key(left, Leaf.count(left) - 1);
      byte[] separator = Inner.separator(lastKey, Leaf.key(parts.get(i), 0));
      parent.insert(index + i, separator, parts.get(i));
    }
  }

  private static void splitChild(Inner parent, int index, Inner child) {
    // The rightmost node is mostly filled by rising keys: leave it nearly full.
    boolean rising = index == parent.count - 1;
    int cut = rising ? child.count - CHILDREN_SMALL : child.count / 2;
    byte[] separator = child.separators[cut];
    parent.insert(index + 1, separator, child.splitOff(cut));
  }

  /** Removes a key; nothing happens if it is not there. */
  public void remove(byte[] key) {
    if (root instanceof Inner inner) {
      Object changed = removeFrom(inner, key);
      while (changed instanceof Inner top && top.count == 1) {
        changed = top.children[0];
      }
      root = changed instanceof Inner top && top.count == 0 ? Leaf.EMPTY : changed;
      return;
    }
    byte[] leaf = (byte[]) root;
    int found = Leaf.find(leaf, key);
    root = found < 0 ? leaf : Leaf.remove(leaf, found);
  }

  private Inner removeFrom(Inner node, byte[] key) {
    int index = node.childOf(key);
    Object child = node.children[index];
    if (child instanceof Inner lower) {
      var changed = removeFrom(lower, key);
      if (changed == lower && lower.owner != stamp) {
        return node;
      }
      var inner = node.ownedBy(stamp);
      inner.children[index] = changed;
      if (changed.count == 0) {
        inner.remove(index);
      } else if (changed.count < CHILDREN_SMALL) {
        joinInner(inner, index);
      }
      return inner;
    }
    byte[] leaf = (byte[]) child;
    int found = Leaf.find(leaf, key);
    if (found < 0) {
      return node;
    }
    var inner = node.ownedBy(stamp);
    byte[] changed = Leaf.remove(leaf, found);
    if (Leaf.count(changed) == 0) {
      inner.remove(index);
    } else {
      inner.children[index] = changed;
      if (changed.length < LEAF_SMALL_BYTES) {
        joinLeaf(inner, index);
      }
    }
    return inner;
  }

  private static void joinLeaf(Inner parent, int index) {
    for (int left = index; left >= index - 1; left--) {
      if (left < 0 || left + 1 >= parent.count) {
        continue;
      }
      byte[] first = (byte[]) parent.children[left];
      byte[] second = (byte[]) parent.children[left + 1];
      if (first.length + second.length <= LEAF_JOINED_MAX_BYTES) {
        parent.children[left] = Leaf.join(first, second);
        parent.remove(left + 1);
        return;
      }
    }
  }

  private void joinInner(Inner parent, int index) {
    for (int left = index; left >= index - 1; left--) {
      if (left < 0 || left + 1 >= parent.count) {
        continue;
      }
      var first = (Inner) parent.children[left];
      var second = (Inner) parent.children[left + 1];
      if (first.count + second.count <= CHILDREN_JOINED_MAX) {
        var joined = first.ownedBy(stamp);
        joined.append(parent.separators[left + 1], second);
        parent.children[left] = joined;
        parent.remove(left + 1);
        return;
      }
    }
  }
}
