package holdfast.client.kernel;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * What the kernel was told it may keep for long, so that it can be taken back. Bounded: what finds
 * no room here is told for a short time only. Not thread-safe.
 */
public final class GrantTable {
  /** Inodes, listings and names together. */
  static final int MAX = 50_000;

  /** A name that the kernel keeps, or keeps that it isn't there. */
  public record Entry(long directory, byte[] name) {}

  private final Set<Long> inodes = new HashSet<>();
  private final Set<Long> listings = new HashSet<>();
  private final Map<Long, Set<ByteBuffer>> names = new HashMap<>();
  private int nameCount;

  /** Notes the inode; false when there is no room. */
  boolean addInode(long inode) {
    return inodes.contains(inode) || hasRoom() && inodes.add(inode);
  }

  /** Notes that the kernel keeps the directory's listing; false when there is no room. */
  boolean addListing(long directory) {
    return listings.contains(directory) || hasRoom() && listings.add(directory);
  }

  /** Notes the name; false when there is no room. */
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

  /** The kernel knows the inode no more, nor the names in it. */
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
