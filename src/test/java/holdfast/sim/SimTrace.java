package holdfast.sim;

import java.util.ArrayDeque;

/** What happened, as a running hash and, if asked for, as lines on standard error. */
public final class SimTrace {
  private static final int LAST_MAX = 60;

  private final boolean printing;
  private final ArrayDeque<String> last = new ArrayDeque<>();
  private long hash = 0xCBF2_9CE4_8422_2325L;
  private long count;

  SimTrace(boolean printing) {
    this.printing = printing;
  }

  void add(long timeNs, String where, String what) {
    count++;
    mix(timeNs);
    mix(where.hashCode());
    mix(what.hashCode());
  }

  /** A line for people, about what matters: it counts for the hash too. */
  public void note(long timeNs, String text) {
    add(timeNs, "note", text);
    String line = String.format("%12.6f %s", timeNs / 1e9, text);
    if (last.size() == LAST_MAX) {
      last.removeFirst();
    }
    last.addLast(line);
    if (printing) {
      System.err.println(line);
    }
  }

  /** The same for the same seed, on every machine. */
  public long hash() {
    return hash;
  }

  /** Number of events so far. */
  public long count() {
    return count;
  }

  /** The last notes, for a failure's message. */
  public String tail() {
    return String.join("\n", last);
  }

  private void mix(long value) {
    hash = (hash ^ value) * 0x9E37_79B9_7F4A_7C15L;
    hash ^= hash >>> 29;
  }
}
