package holdfast.client.file;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * An open file byte by byte, as slow and as plain as can be: layers of what the pool has, what a
 * commit in flight has claimed, what is uploaded, in flight and just written, one over the other.
 */
final class ImageModel {
  static final int CAPACITY_BYTES = 24_000;
  static final short NONE = -1;
  static final short HOLE = 256;

  /** What the pool has, as far as is known. */
  byte[] base = {};

  /** What the commit in flight has claimed of the view. */
  short[] claimed = layer();

  /** What programs have changed and is uploaded. */
  short[] view = layer();

  /** What is being uploaded, in the order of writing. */
  final List<short[]> pieces = new ArrayList<>();

  /** What was just written. */
  short[] dirty = layer();

  int sizeBytes;

  /** The lowest size that was set and isn't committed. */
  int cutBytes = Integer.MAX_VALUE;

  /** Which append each byte came by that isn't committed; 0: none. */
  int[] append = new int[CAPACITY_BYTES];

  static short[] layer() {
    var layer = new short[CAPACITY_BYTES];
    Arrays.fill(layer, NONE);
    return layer;
  }

  /** What programs read. */
  byte[] bytes() {
    var bytes = new byte[sizeBytes];
    for (int i = 0; i < sizeBytes; i++) {
      bytes[i] = at(i);
    }
    return bytes;
  }

  private byte at(int i) {
    short found = dirty[i];
    for (int piece = pieces.size() - 1; piece >= 0 && found == NONE; piece--) {
      found = pieces.get(piece)[i];
    }
    found = found == NONE ? view[i] : found;
    found = found == NONE ? claimed[i] : found;
    if (found == NONE) {
      return i < base.length ? base[i] : 0;
    }
    return found == HOLE ? 0 : (byte) found;
  }

  boolean isUnsaved() {
    return sizeBytes != base.length || has(claimed) || has(view) || !pieces.isEmpty() || has(dirty);
  }

  static boolean has(short[] layer) {
    return end(layer) > 0;
  }

  private static int end(short[] layer) {
    int end = CAPACITY_BYTES;
    while (end > 0 && layer[end - 1] == NONE) {
      end--;
    }
    return end;
  }

  private static int dataEnd(short[] layer) {
    int end = CAPACITY_BYTES;
    while (end > 0 && (layer[end - 1] == NONE || layer[end - 1] == HOLE)) {
      end--;
    }
    return end;
  }

  void write(int offset, byte[] source, int appendId) {
    for (int i = 0; i < source.length; i++) {
      dirty[offset + i] = (short) (source[i] & 0xFF);
      append[offset + i] = appendId > 0 ? appendId : append[offset + i];
    }
    sizeBytes = Math.max(sizeBytes, offset + source.length);
  }

  void resize(int newBytes) {
    int end = Math.max(sizeBytes, base.length);
    if (newBytes < end) {
      cutBytes = Math.min(cutBytes, newBytes);
      dropAll(newBytes, CAPACITY_BYTES);
      for (int i = newBytes; i < CAPACITY_BYTES; i++) {
        view[i] = i < end || view[i] != NONE ? HOLE : NONE;
        append[i] = 0;
      }
    }
    sizeBytes = newBytes;
  }

  void punch(int from, int to) {
    int end = Math.min(to, sizeBytes);
    if (from < end) {
      dropAll(from, end);
      Arrays.fill(view, from, end, HOLE);
    }
  }

  /** Nothing of this range is pending any more. */
  private void dropAll(int from, int to) {
    Arrays.fill(dirty, from, to, NONE);
    pieces.forEach(piece -> Arrays.fill(piece, from, to, NONE));
  }

  /** What was just written of these ranges is being uploaded. */
  void start(List<Ranges.Range> parts) {
    short[] piece = layer();
    for (Ranges.Range part : parts) {
      int from = (int) part.from();
      System.arraycopy(dirty, from, piece, from, (int) part.lengthBytes());
      Arrays.fill(dirty, from, (int) part.to(), NONE);
    }
    pieces.add(piece);
  }

  /** The first piece is in the view. */
  void apply() {
    short[] piece = pieces.removeFirst();
    for (int i = 0; i < CAPACITY_BYTES; i++) {
      view[i] = piece[i] == NONE ? view[i] : piece[i];
    }
  }

  void revert() {
    claimed = layer();
    view = layer();
    pieces.forEach(piece -> Arrays.fill(piece, NONE));
    dirty = layer();
    Arrays.fill(append, 0);
    cutBytes = Integer.MAX_VALUE;
    sizeBytes = base.length;
  }

  /** A commit takes these ranges out of the view. */
  void claim(List<Ranges.Range> ranges) {
    for (Ranges.Range range : ranges) {
      int from = (int) range.from();
      int count = (int) Math.min(range.lengthBytes(), CAPACITY_BYTES - from);
      System.arraycopy(view, from, claimed, from, count);
      Arrays.fill(view, from, from + count, NONE);
    }
    cutBytes = Integer.MAX_VALUE;
  }

  /** It hasn't happened. */
  void restore(int claimedCutBytes) {
    for (int i = 0; i < CAPACITY_BYTES; i++) {
      view[i] = view[i] == NONE ? claimed[i] : view[i];
    }
    claimed = layer();
    cutBytes = Math.min(cutBytes, claimedCutBytes);
  }

  /** It has happened. */
  void committed(byte[] newBase) {
    base = newBase;
    claimed = layer();
    dropHolesBehindBase();
  }

  /** What is a hole behind the end needs no saying. */
  void dropHolesBehindBase() {
    for (int i = base.length; i < CAPACITY_BYTES; i++) {
      view[i] = view[i] == HOLE && append[i] == 0 ? NONE : view[i];
    }
  }

  /** The same bytes with what is claimed laid over them, for a file of this size. */
  byte[] withClaimed(int newBytes) {
    byte[] after = Arrays.copyOf(base, newBytes);
    for (int i = 0; i < newBytes; i++) {
      after[i] = claimed[i] == NONE ? after[i] : claimed[i] == HOLE ? 0 : (byte) claimed[i];
    }
    return after;
  }

  private int pendingEnd() {
    return pieces.stream().mapToInt(ImageModel::dataEnd).reduce(dataEnd(dirty), Math::max);
  }

  private int lastAppend() {
    int last = CAPACITY_BYTES - 1;
    while (last >= 0 && append[last] == 0) {
      last--;
    }
    return last;
  }

  /** Whether a newer version of this size would move what was appended. */
  boolean moves(int newerBytes) {
    return cutBytes == Integer.MAX_VALUE && lastAppend() >= 0 && newerBytes != base.length;
  }

  /** Another version is the base of what is here; {@code done}: appends that it has already. */
  void rebase(byte[] newer, boolean[] done) {
    if (moves(newer.length)) {
      move(newer, done);
    } else if (cutBytes == Integer.MAX_VALUE) {
      boolean isLonger = sizeBytes > base.length;
      int ownEnd = isLonger ? sizeBytes : Math.max(dataEnd(view), pendingEnd());
      sizeBytes = Math.max(newer.length, ownEnd);
      Arrays.fill(view, sizeBytes, CAPACITY_BYTES, NONE);
    } else {
      for (int i = cutBytes; i < newer.length; i++) {
        view[i] = view[i] == NONE ? HOLE : view[i];
      }
    }
    base = newer;
  }

  private void move(byte[] newer, boolean[] done) {
    int last = lastAppend();
    int lastFrom = last;
    while (lastFrom > 0 && append[lastFrom - 1] != 0) {
      lastFrom--;
    }
    short[] others = view.clone();
    for (int i = 0; i <= last; i++) {
      others[i] = append[i] == 0 ? others[i] : NONE;
    }
    int start = lastFrom > base.length ? lastFrom : Math.max(dataEnd(others), pendingEnd());
    start = Math.max(newer.length, sizeBytes > last + 1 ? sizeBytes : start);
    var newAppend = new int[CAPACITY_BYTES];
    int to = start;
    for (int i = start; i < CAPACITY_BYTES; i++) {
      others[i] = NONE;
    }
    for (int i = 0; i <= last; i++) {
      if (append[i] != 0 && !done[i]) {
        others[to] = view[i];
        newAppend[to] = append[i];
        to++;
      }
    }
    view = others;
    append = newAppend;
    sizeBytes = to;
  }
}
