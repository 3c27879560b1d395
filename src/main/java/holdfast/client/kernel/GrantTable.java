package holdfast.client.kernel;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * The attributes, names and listings that the kernel was granted for long, so that they can be
 * recalled. Bounded: what finds no room here is granted for a short time only. Not thread-safe.
 */
public final class GrantTable {
  /** Inodes, listings and names together. */
  static final int MAX = 50_000;

  /** A name that the kernel caches, or caches the absence of. */
  public record Entry(long directory, byte[] name) {}

  private final Set<Long> inodes = new HashSet<>();
  private final Set<Long> listings = new HashSet<>();
  private final Map<Long, Set<ByteBuffer>> names = new HashMap<>();
  private int nameCount;

  /** Adds a grant of the inode's attributes; false when there is no room. */
  boolean addInode(long inode) {
    return inodes.contains(inode) || hasRoom() && inodes.add(inode);
  }

  /** Adds a grant of the directory's listing; false when there is no room. */
  boolean addListing(long directory) {
    return listings.contains(directory) || hasRoom() && listings.add(directory);
  }

  /** Adds a grant of the name; false when there is no room. */
  boolean addEntry(long directory, byte[] name) {
    Set<ByteBuffer> known = names.get(directory);
    ByteBuffer key = ByteBuffer.wrap(name);
    if (known != null && known.contains(key)) {
      return true;
    }
    if (!hasRoom()) {
      return false;
    }
    names.computeIfAbsent(directory, x -> new HashSet<>()).add(key);
    nameCount++;
    return true;
  }

  private boolean hasRoom() {
    return size() < MAX;
  }

  void removeEntry(long directory, byte[] name) {
    Set<ByteBuffer> known = names.get(directory);
    if (known != null && known.remove(ByteBuffer.wrap(name))) {
      nameCount--;
      if (known.isEmpty()) {
        names.remove(directory);
      }
    }
  }

  /** The kernel has forgotten the inode and the names in it. */
  void forget(long inode) {
    inodes.remove(inode);
    listings.remove(inode);
    Set<ByteBuffer> known = names.remove(inode);
    nameCount -= known == null ? 0 : known.size();
  }

  int size() {
    return inodes.size() + listings.size() + nameCount;
  }

  List<Long> inodes() {
    return new ArrayList<>(inodes);
  }

  List<Long> listings() {
    return new ArrayList<>(listings);
  }

  List<Entry> entries() {
    var all = new ArrayList<Entry>(nameCount);
    names.forEach(
        (directory, known) -> known.forEach(n -> all.add(new Entry(directory, n.array()))));
    return all;
  }

  void clear() {
    inodes.clear();
    listings.clear();
    names.clear();
    nameCount = 0;
  }
}
