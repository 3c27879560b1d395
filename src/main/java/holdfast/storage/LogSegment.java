package holdfast.storage;

import holdfast.consensus.LogEntry;
import holdfast.model.ErrorCode;
import holdfast.model.StorageException;
import holdfast.util.ByteWriter;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/**
 * A file of the operation log and the positions of its entries. Not thread-safe: the store locks.
 */
final class LogSegment {
  private static final int INITIAL_ENTRIES = 64;

  /** Disks write at least so much, or nothing. */
  private static final int SECTOR_BYTES = 512;

  private final LogFormat.SegmentHeader header;
  private DiskFile file;
  private int[] offsets = new int[INITIAL_ENTRIES];
  private int[] chains = new int[INITIAL_ENTRIES];
  private long[] terms = new long[INITIAL_ENTRIES];
  private int entryCount;
  private int tailBytes = LogFormat.SEGMENT_HEADER_BYTES;

  LogSegment(LogFormat.SegmentHeader header, DiskFile file) {
    this.header = header;
    this.file = file;
  }

  /** Makes a new segment; its existence is durable when this returns. */
  static LogSegment create(Disk disk, LogFormat.SegmentHeader header) {
    String name = LogFormat.segmentName(header.number());
    SmallFile.replace(disk, name, LogFormat.segmentHeader(header));
    return new LogSegment(header, disk.open(name, Disk.Mode.WRITE));
  }

  /** How far a file is right. */
  enum End {
    /** To its end. */
    WHOLE,
    /** It ends inside an entry. */
    TORN,
    /** There is something that was never written so. */
    DAMAGED
  }

  /** Finds the entries in the file, up to the first that isn't right. */
  End scan() {
    byte[] bytes = SmallFile.readUpTo(file, 0, Integer.MAX_VALUE - Long.BYTES);
    long termBefore = header.termBefore();
    while (tailBytes < bytes.length) {
      int at = tailBytes;
      if (bytes.length - at < LogFormat.ENTRY_HEADER_BYTES) {
        return End.TORN;
      }
      Optional<LogFormat.EntryHeader> read = LogFormat.readEntryHeader(bytes, at);
      if (read.isEmpty() || read.get().index() != endIndex() || read.get().term() < termBefore) {
        return End.DAMAGED;
      }
      var entry = read.get();
      if (bytes.length - at - LogFormat.ENTRY_HEADER_BYTES < entry.lengthBytes()) {
        return End.TORN;
      }
      if (!LogFormat.isChained(bytes, at, entry, lastChain())) {
        return End.DAMAGED;
      }
      add(at, entry.chain(), entry.term());
      tailBytes = at + LogFormat.ENTRY_HEADER_BYTES + entry.lengthBytes();
      termBefore = entry.term();
    }
    return End.WHOLE;
  }

  /**
   * Whether an entry can be read anywhere behind the last one that is right: what lies there isn't
   * a write that was cut short. Blocks on the disk.
   */
  boolean hasEntryBehind() {
    byte[] bytes = SmallFile.readUpTo(file, 0, Integer.MAX_VALUE - Long.BYTES);
    return nextEntry(bytes) < bytes.length;
  }

  /**
   * Whether a sector between the last entry that is right and the next that can be read holds only
   * zeros: so a power cut leaves what wasn't forced. Blocks on the disk.
   */
  boolean hasHole() {
    byte[] bytes = SmallFile.readUpTo(file, 0, Integer.MAX_VALUE - Long.BYTES);
    int end = nextEntry(bytes);
    for (int from = tailBytes; from < end; ) {
      int to = Math.min(from / SECTOR_BYTES * SECTOR_BYTES + SECTOR_BYTES, bytes.length);
      if (isZero(bytes, from, to)) {
        return true;
      }
      from = to;
    }
    return false;
  }

  /** Where the next entry behind the bad place is; the end of the bytes if there is none. */
  private int nextEntry(byte[] bytes) {
    for (int at = tailBytes + 1; at <= bytes.length - LogFormat.ENTRY_HEADER_BYTES; at++) {
      var entry = LogFormat.readEntryHeader(bytes, at);
      if (entry.isPresent() && entry.get().index() >= endIndex()) {
        return at;
      }
    }
    return bytes.length;
  }

  private static boolean isZero(byte[] bytes, int from, int to) {
    for (int at = from; at < to; at++) {
      if (bytes[at] != 0) {
        return false;
      }
    }
    return true;
  }

  /** Whether nothing but zeros lies behind the last entry that is right. Blocks on the disk. */
  boolean endsInZeros() {
    byte[] bytes = SmallFile.readUpTo(file, tailBytes, Integer.MAX_VALUE - Long.BYTES);
    return isZero(bytes, 0, bytes.length);
  }

  /**
   * Puts the entries into a new file of the same name, forced before it takes the name: what was
   * written to the old one may have been dropped by a force that failed. It has the name durably
   * with the next force of the directory.
   */
  void rewrite(Disk disk) {
    byte[] bytes = SmallFile.readUpTo(file, 0, tailBytes);
    String name = file.name();
    file.close();
    SmallFile.replaceUnnamed(disk, List.of(name), bytes);
    file = disk.open(name, Disk.Mode.WRITE);
  }

  long number() {
    return header.number();
  }

  long termBefore() {
    return header.termBefore();
  }

  /** Whether this one's first entry was written behind the other's last. */
  boolean follows(LogSegment before) {
    return header.logId().equals(before.header.logId())
        && header.firstIndex() == before.endIndex()
        && header.termBefore() == before.lastTerm()
        && header.chainBefore() == before.lastChain();
  }

  long firstIndex() {
    return header.firstIndex();
  }

  /** The index behind its last entry. */
  long endIndex() {
    return header.firstIndex() + entryCount;
  }

  int tailBytes() {
    return tailBytes;
  }

  long lastTerm() {
    return entryCount == 0 ? header.termBefore() : terms[entryCount - 1];
  }

  int lastChain() {
    return entryCount == 0 ? header.chainBefore() : chains[entryCount - 1];
  }

  long term(long index) {
    return terms[(int) (index - firstIndex())];
  }

  /** Writes entries at the end in one call; on failure nothing is taken over. */
  void append(List<LogEntry> entries) {
    var out = new ByteWriter();
    int[] newOffsets = new int[entries.size()];
    int[] newChains = new int[entries.size()];
    int chain = lastChain();
    for (int i = 0; i < newOffsets.length; i++) {
      newOffsets[i] = tailBytes + out.sizeBytes();
      chain = LogFormat.entry(out, entries.get(i), chain);
      newChains[i] = chain;
    }
    file.write(tailBytes, ByteBuffer.wrap(out.toBytes()));
    for (int i = 0; i < newOffsets.length; i++) {
      add(newOffsets[i], newChains[i], entries.get(i).term());
    }
    tailBytes += out.sizeBytes();
  }

  void cutToTail() {
    file.truncate(tailBytes);
  }

  /** Cuts off the entries from this index on; nothing is forced. */
  void cutFrom(long index) {
    int keep = (int) (index - firstIndex());
    if (keep < entryCount) {
      tailBytes = offsets[keep];
      entryCount = keep;
    }
    cutToTail();
  }

  void force() {
    file.force();
    if (!file.isInPlace()) {
      throw new StorageException(
          ErrorCode.STORE_FAILED,
          "force log: expected=its file in its place, was=removed or replaced while this peer runs;"
              + " put the folder back as it was and start the peer again, file="
              + file.name());
    }
  }

  /**
   * Adds entries from {@code index} on to {@code into}, as many as {@code maxBytes} of payload and
   * headers allow, but at least one if {@code into} is empty. Returns the bytes left, -1 when the
   * limit was met, and empty if what was read isn't what was written.
   */
  Optional<Integer> read(long index, int maxBytes, List<LogEntry> into) {
    int first = (int) (index - firstIndex());
    int start = offsets[first];
    int last = first;
    while (last < entryCount && end(last) - start <= maxBytes) {
      last++;
    }
    boolean isLimited = last < entryCount;
    if (last == first) {
      if (!into.isEmpty()) {
        return Optional.of(-1);
      }
      last++;
    }
    int lengthBytes = end(last - 1) - start;
    byte[] bytes = SmallFile.readUpTo(file, start, lengthBytes);
    if (bytes.length != lengthBytes) {
      return Optional.empty();
    }
    for (int i = first; i < last; i++) {
      int at = offsets[i] - start;
      var entry = LogFormat.readEntryHeader(bytes, at);
      int chainBefore = i == 0 ? header.chainBefore() : chains[i - 1];
      if (entry.isEmpty()
          || entry.get().index() != firstIndex() + i
          || entry.get().chain() != chains[i]
          || !LogFormat.isChained(bytes, at, entry.get(), chainBefore)) {
        return Optional.empty();
      }
      int payloadAt = at + LogFormat.ENTRY_HEADER_BYTES;
      byte[] payload = Arrays.copyOfRange(bytes, payloadAt, payloadAt + entry.get().lengthBytes());
      var kind = LogFormat.kind(entry.get().kind());
      into.add(new LogEntry(entry.get().index(), entry.get().term(), kind, payload));
    }
    return Optional.of(isLimited ? -1 : maxBytes - lengthBytes);
  }

  void close() {
    file.close();
  }

  /** The segment, of these in order, that has the entry. */
  static LogSegment holding(List<LogSegment> segments, long index) {
    int low = 0;
    int high = segments.size() - 1;
    while (low < high) {
      int middle = low + high + 1 >>> 1;
      if (segments.get(middle).firstIndex() <= index) {
        low = middle;
      } else {
        high = middle - 1;
      }
    }
    return segments.get(low);
  }

  private int end(int entry) {
    return entry + 1 < entryCount ? offsets[entry + 1] : tailBytes;
  }

  private void add(int offset, int chain, long term) {
    if (entryCount == offsets.length) {
      offsets = Arrays.copyOf(offsets, entryCount * 2);
      chains = Arrays.copyOf(chains, entryCount * 2);
      terms = Arrays.copyOf(terms, entryCount * 2);
    }
    offsets[entryCount] = offset;
    chains[entryCount] = chain;
    terms[entryCount] = term;
    entryCount++;
  }
}
