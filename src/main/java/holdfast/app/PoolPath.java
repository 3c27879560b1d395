package holdfast.app;

import holdfast.client.FileAttributes;
import holdfast.client.PoolFileSystem;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/** A path within the pool: names from the root, without "." and "..". */
record PoolPath(List<String> names) {
  /** Parses {@code /a/b} or {@code a/b}; wrong usage for "..". */
  static PoolPath parse(String text) {
    var names = new ArrayList<String>();
    for (String name : text.split("/")) {
      if (name.equals("..") || name.indexOf('\0') >= 0) {
        throw new UsageException("read path: expected=names without '..', was=" + text);
      }
      if (!name.isEmpty() && !name.equals(".")) {
        names.add(name);
      }
    }
    return new PoolPath(List.copyOf(names));
  }

  boolean isRoot() {
    return names.isEmpty();
  }

  String last() {
    return names.getLast();
  }

  PoolPath parent() {
    return new PoolPath(names.subList(0, names.size() - 1));
  }

  PoolPath child(String name) {
    var all = new ArrayList<>(names);
    all.add(name);
    return new PoolPath(List.copyOf(all));
  }

  /** What the path leads to; NOT_FOUND names the part that isn't there. */
  FileAttributes find(PoolFileSystem files) {
    FileAttributes at = files.attributes(PoolFileSystem.ROOT_INODE);
    for (int i = 0; i < names.size(); i++) {
      try {
        at = files.lookup(at.inode(), bytes(names.get(i)));
      } catch (holdfast.model.HoldfastException e) {
        throw new holdfast.model.HoldfastException(
            e.code(), "find " + new PoolPath(names.subList(0, i + 1)) + ": " + e.getMessage(), e);
      }
    }
    return at;
  }

  static byte[] bytes(String name) {
    return name.getBytes(StandardCharsets.UTF_8);
  }

  @Override
  public String toString() {
    return "/" + String.join("/", names);
  }
}
