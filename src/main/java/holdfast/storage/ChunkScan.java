package holdfast.storage;

import holdfast.model.ChunkId;
import holdfast.util.Sha256;
import java.nio.ByteBuffer;
import java.util.Optional;
import java.util.zip.CRC32C;

/**
 * Finds the records of a segment that no footer describes, as a crash or damage leaves it. Used
 * once, on one thread; reads only.
 *
 * <p>Records follow each other from the segment's header on: what is found so is <em>in order</em>,
 * and as good as its CRCs. A header that isn't right is damage or the end. Where one of its sums
 * still proves the data behind it, the order goes on; otherwise the rest is searched, at every
 * byte, for headers that are right. Clients make the chunks and could put a record into one, so
 * what is searched counts only as far as it proves itself: a chunk's bytes have its name as their
 * SHA-256, whoever put them there; a tombstone proves nothing.
 */
final class ChunkScan {
  private static final System.Logger LOG = System.getLogger(ChunkScan.class.getName());

  /** Work beyond reading once, per byte of the file and in all: a search ends, however planted. */
  private static final long WORK_PER_BYTE = 8;

  private static final long WORK_MIN_BYTES = 64 << 20;
  private static final int WINDOW_BYTES_MAX =
      ChunkFormat.RECORD_HEADER_BYTES + ChunkFormat.CHUNK_BYTES_MAX;

  /** Receives the records, each once, in the order of their places. */
  interface Found {
    /** The next in order, its header right; if not whole, its data isn't what the header says. */
    void inOrder(int offset, ChunkFormat.RecordHeader header, boolean isWhole);

    /** A chunk whose bytes have this name, where no header can be relied upon. */
    void byName(int offset, ChunkId id, int lengthBytes);

    /** The last in order: its header is right, but the file ends inside it. */
    void torn(int offset, ChunkFormat.RecordHeader header);
  }

  private final DiskFile file;
  private final String path;
  private final long fileBytes;
  private final Found found;

  /** Holds the largest record, so that each is whole in the window at some time. */
  private final byte[] window;

  private long windowStart;
  private int windowBytes;
  private long workBytes;
  private int position = ChunkFormat.SEGMENT_HEADER_BYTES;
  private int number;
  private boolean isInOrder = true;

  ChunkScan(DiskFile file, String path, Found found) {
    this.file = file;
    this.path = path;
    this.fileBytes = file.size();
    this.found = found;
    window = new byte[(int) Math.min(WINDOW_BYTES_MAX, fileBytes)];
  }

  /**
   * Reads the file; returns whether all that may be a record is in order, each header right. If so,
   * nothing behind the last of them is one.
   */
  boolean run() {
    if (followOrder()) {
      search();
    }
    return isInOrder;
  }

  /** Returns whether there is anything behind the order to look at. */
  private boolean followOrder() {
    while (true) {
      Optional<ChunkFormat.RecordHeader> header = header(position);
      if (header.isPresent() && header.get().number() == number) {
        var record = header.get();
        int at = fill(position, ChunkFormat.RECORD_HEADER_BYTES + record.lengthBytes());
        if (at < 0) {
          found.torn(position, record);
          return false;
        }
        int dataAt = at + ChunkFormat.RECORD_HEADER_BYTES;
        boolean isWhole = Crc.of(window, dataAt, record.lengthBytes()) == record.dataCrc();
        found.inOrder(position, record, isWhole);
        position += ChunkFormat.RECORD_HEADER_BYTES + record.lengthBytes();
      } else if (!takeUnderBadHeader()) {
        return true;
      }
      number++;
    }
  }

  /** Takes every whole record from here on, wherever it begins. */
  private void search() {
    int from = position;
    while (nextMagic()) {
      Optional<ChunkFormat.RecordHeader> header = header(position);
      if (header.isEmpty() || !isPlausible(header.get(), from)) {
        position++;
        continue;
      }
      isInOrder = false;
      var record = header.get();
      if (!isNamed(record)) {
        // Perhaps damaged, perhaps planted: its length isn't to be followed.
        position++;
        continue;
      }
      take(record.id(), record.lengthBytes());
      while (header(position).isEmpty() && takeUnderBadHeader()) {
        // The order goes on as far as it proves itself.
      }
    }
  }

  /** Numbers count up, one a record: others are leftovers or planted. */
  private boolean isPlausible(ChunkFormat.RecordHeader header, int from) {
    int moreCount = (position - from) / ChunkFormat.RECORD_HEADER_BYTES;
    return header.number() >= number && header.number() - number <= moreCount;
  }

  private boolean isNamed(ChunkFormat.RecordHeader record) {
    if (record.state() != ChunkFormat.STATE_LIVE || !mayWork(record.lengthBytes())) {
      return false;
    }
    int at = fill(position, ChunkFormat.RECORD_HEADER_BYTES + record.lengthBytes());
    return at >= 0
        && ChunkId.nameOf(window, at + ChunkFormat.RECORD_HEADER_BYTES, record.lengthBytes())
            .equals(record.id());
  }

  private void take(ChunkId id, int lengthBytes) {
    isInOrder = false;
    found.byName(position, id, lengthBytes);
    position += ChunkFormat.RECORD_HEADER_BYTES + lengthBytes;
  }

  /**
   * Takes the chunk here if what is left of its header proves it: by the name or the CRC that
   * stands there with the length that stands there, or by both with whatever length they fit.
   */
  private boolean takeUnderBadHeader() {
    int dataBytesMax =
        (int)
            Math.min(
                ChunkFormat.CHUNK_BYTES_MAX,
                fileBytes - position - ChunkFormat.RECORD_HEADER_BYTES);
    if (dataBytesMax < 1 || !mayWork(2L * dataBytesMax)) {
      return false;
    }
    int at = fill(position, ChunkFormat.RECORD_HEADER_BYTES + dataBytesMax);
    if (at < 0) {
      return false;
    }
    int dataAt = at + ChunkFormat.RECORD_HEADER_BYTES;
    var claimed = ChunkFormat.claimedByRecordHeader(window, at);
    int lengthBytes = claimed.lengthBytes();
    if (lengthBytes >= 1 && lengthBytes <= dataBytesMax) {
      ChunkId name = ChunkId.nameOf(window, dataAt, lengthBytes);
      if (name.equals(claimed.id()) || Crc.of(window, dataAt, lengthBytes) == claimed.dataCrc()) {
        take(name, lengthBytes);
        return true;
      }
    }
    lengthBytes = fittingLength(dataAt, dataBytesMax, claimed);
    if (lengthBytes > 0) {
      take(claimed.id(), lengthBytes);
    }
    return lengthBytes > 0;
  }

  /** The length with which the data has the CRC and the name claimed, 0 if there is none. */
  private int fittingLength(int dataAt, int maxBytes, ChunkFormat.RecordHeader claimed) {
    var crc = new CRC32C();
    var hash = new Sha256();
    int hashedBytes = 0;
    for (int lengthBytes = 1; lengthBytes <= maxBytes; lengthBytes++) {
      crc.update(window[dataAt + lengthBytes - 1]);
      if ((int) crc.getValue() == claimed.dataCrc()) {
        hash.update(window, dataAt + hashedBytes, lengthBytes - hashedBytes);
        hashedBytes = lengthBytes;
        if (ChunkId.of(hash.digestSoFar()).equals(claimed.id())) {
          return lengthBytes;
        }
      }
    }
    return 0;
  }

  private boolean mayWork(long bytes) {
    long limitBytes = WORK_PER_BYTE * fileBytes + WORK_MIN_BYTES;
    boolean mayBefore = workBytes <= limitBytes;
    workBytes += bytes;
    if (mayBefore && workBytes > limitBytes) {
      LOG.log(
          System.Logger.Level.WARNING,
          "search of a damaged segment ended early: the rest doesn't count, path=" + path);
    }
    return workBytes <= limitBytes;
  }

  /** Goes on to the next place where a record's magic stands; says whether there is one. */
  private boolean nextMagic() {
    while (true) {
      int at = fill(position, ChunkFormat.RECORD_HEADER_BYTES);
      if (at < 0) {
        return false;
      }
      int end = windowBytes - ChunkFormat.RECORD_HEADER_BYTES;
      for (int i = at; i <= end; i++) {
        if (ChunkFormat.isRecordMagic(window, i)) {
          position = (int) (windowStart + i);
          return true;
        }
      }
      position = (int) (windowStart + end + 1);
    }
  }

  private Optional<ChunkFormat.RecordHeader> header(int headerAt) {
    int at = fill(headerAt, ChunkFormat.RECORD_HEADER_BYTES);
    return at < 0 ? Optional.empty() : ChunkFormat.readRecordHeader(window, at);
  }

  /** Brings a range into the window; returns where it is there, -1 if the file ends before. */
  private int fill(long from, int lengthBytes) {
    if (from < windowStart || from + lengthBytes > windowStart + windowBytes) {
      if (from + lengthBytes > fileBytes) {
        return -1;
      }
      windowStart = from;
      windowBytes = file.read(from, ByteBuffer.wrap(window));
    }
    return from + lengthBytes <= windowStart + windowBytes ? (int) (from - windowStart) : -1;
  }
}
