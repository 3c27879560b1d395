package holdfast.metadata.tree;

/** The read side of a tree, finished or under an editor. */
public abstract class TreeView {
  /** The root: a leaf or an {@link Inner}. */
  abstract Object root();

  /** The key's value, a copy; null if there is none. */
  public final byte[] get(byte[] key) {
    Object node = root();
    while (node instanceof Inner inner) {
      node = inner.children[inner.childOf(key)];
    }
    byte[] leaf = (byte[]) node;
    int index = Leaf.find(leaf, key);
    return index < 0 ? null : Leaf.value(leaf, index);
  }

  /**
   * A cursor at the first key that is not smaller. It reads the tree as it is now: an editor's
   * change makes it invalid.
   */
  public final TreeCursor seek(byte[] key) {
    return TreeCursor.atOrAfter(root(), key);
  }

  /** A cursor at the greatest key that is not greater; not valid if there is none. */
  public final TreeCursor floor(byte[] key) {
    return TreeCursor.atOrBefore(root(), key);
  }
}
