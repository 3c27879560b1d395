package holdfast.app;

import holdfast.client.api.FileAttributes;
import holdfast.client.api.PoolFileSystem;
import holdfast.model.ErrorCode;
import holdfast.model.HoldfastException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;

/** A path within the pool: names from the root, without "." and "..". */
record PoolPath(List<String> names) {
  /** As many symbolic links as Linux follows. */
  private static final int LINKS_MAX = 40;

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

  /** What the path leads to. */
  FileAttributes find(PoolFileSystem files) {
    FileAttributes at = files.attributes(PoolFileSystem.ROOT_INODE);
    for (String name : names) {
      at = files.lookup(at.inode(), bytes(name));
    }
    return at;
  }

  /**
   * The path without symbolic links: each is followed, also the last. What the last name of a path
   * leads to may be missing, but not what a link leads to.
   *
   * @throws HoldfastException INVALID for a link out of the pool (an absolute one starts at the
   *     root of some machine) and for too many of them, NOT_FOUND, NOT_DIRECTORY
   */
  PoolPath follow(PoolFileSystem files) {
    var rest = new ArrayDeque<>(names);
    var at = new ArrayList<String>();
    var inodes = new ArrayList<>(List.of(PoolFileSystem.ROOT_INODE));
    int linkCount = 0;
    while (!rest.isEmpty()) {
      String name = rest.pop();
      if (name.equals("..")) {
        if (at.isEmpty()) {
          throw outside();
        }
        at.removeLast();
        inodes.removeLast();
        continue;
      }
      FileAttributes found = lookupOrNull(files, inodes.getLast(), name);
      if (found == null) {
        if (!rest.isEmpty() || linkCount > 0) {
          throw new HoldfastException(
              ErrorCode.NOT_FOUND, "find " + this + ": nothing at " + new PoolPath(at).child(name));
        }
        return new PoolPath(List.copyOf(at)).child(name);
      }
      if (found.type() == FileAttributes.SYMBOLIC_LINK) {
        if (++linkCount > LINKS_MAX) {
          throw new HoldfastException(ErrorCode.INVALID, "too many levels of symbolic links");
        }
        pushTarget(files.readLink(found.inode()), rest);
      } else {
        at.add(name);
        inodes.add(found.inode());
      }
    }
    return new PoolPath(List.copyOf(at));
  }

  private void pushTarget(byte[] target, ArrayDeque<String> rest) {
    String text = new String(target, StandardCharsets.UTF_8);
    if (text.startsWith("/")) {
      throw outside();
    }
    for (String name : List.of(text.split("/")).reversed()) {
      if (!name.isEmpty() && !name.equals(".")) {
        rest.push(name);
      }
    }
  }

  private HoldfastException outside() {
    return new HoldfastException(ErrorCode.INVALID, "a symbolic link leads out of the pool");
  }

  private static FileAttributes lookupOrNull(PoolFileSystem files, long parent, String name) {
    try {
      return files.lookup(parent, bytes(name));
    } catch (HoldfastException e) {
      if (e.code() == ErrorCode.NOT_FOUND) {
        return null;
      }
      throw e;
    }
  }

  static byte[] bytes(String name) {
    return name.getBytes(StandardCharsets.UTF_8);
  }

  @Override
  public String toString() {
    return "/" + String.join("/", names);
  }
}
