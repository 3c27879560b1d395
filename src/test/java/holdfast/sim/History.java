package holdfast.sim;

import java.util.ArrayList;
import java.util.BitSet;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

/**
 * What clients asked of names and were told, and whether some order of these calls explains it:
 * each call at one moment between its start and its end (linearizability), name by name. One kind
 * is freer: what a client answered from what it knew comes after every change that was acknowledged
 * before, and after its own calls, but not after others' questions: who asks the pool sees a change
 * that not everybody has confirmed yet.
 */
public final class History {
  /** What was asked. */
  public enum Kind {
    CREATE,
    UNLINK,
    LOOKUP,
    /** As a lookup, but answered from what the client knew. */
    KEPT
  }

  /** What was told. */
  public enum Told {
    /** It happened, or the name is there. */
    YES,
    /** The name was taken, or isn't there. */
    NO,
    /** Nothing: it may have happened, may happen later, or never. */
    NOTHING
  }

  /** One call. */
  public static final class Call {
    private final Kind kind;
    private final String client;
    private final long startNs;
    private long endNs = Long.MAX_VALUE;
    private Told told = Told.NOTHING;
    private long inode;

    private boolean isQuestion() {
      return kind == Kind.LOOKUP || kind == Kind.KEPT;
    }

    private Call(Kind kind, String client, long startNs) {
      this.kind = kind;
      this.client = client;
      this.startNs = startNs;
    }

    /** It ended with this answer; {@code aboutInode} 0 if it names none. */
    public void end(Told answer, long aboutInode, long nowNs) {
      told = answer;
      inode = aboutInode;
      endNs = nowNs;
    }

    @Override
    public String toString() {
      return String.format(
          "%s %s [%.3f, %s] %s %x",
          client,
          kind,
          startNs / 1e9,
          told == Told.NOTHING ? "?" : String.format("%.3f", endNs / 1e9),
          told,
          inode);
    }
  }

  private record Visited(BitSet done, long state) {}

  private static final long ABSENT = 0;
  private static final int STEPS_MAX = 2_000_000;

  private final Map<String, List<Call>> calls = new TreeMap<>();

  public Call begin(String name, Kind kind, String client, long nowNs) {
    var call = new Call(kind, client, nowNs);
    calls.computeIfAbsent(name, n -> new ArrayList<>()).add(call);
    return call;
  }

  public int callCount() {
    return calls.values().stream().mapToInt(List::size).sum();
  }

  public Set<String> names() {
    return calls.keySet();
  }

  /** Throws with the name's calls if no order explains them. */
  public void check() {
    calls.forEach(
        (name, all) -> {
          var relevant =
              all.stream().filter(call -> !call.isQuestion() || call.told != Told.NOTHING).toList();
          if (!new Search(relevant).isExplained()) {
            var text = new StringBuilder("history of " + name + " has no order:");
            relevant.forEach(call -> text.append("\n  ").append(call));
            throw new CheckFailure(text.toString());
          }
        });
  }

  /** A depth-first search for an order, with what was tried before remembered. */
  private static final class Search {
    private final List<Call> calls;
    private final Set<Long> createdInodes = new HashSet<>();
    private final Set<Visited> visited = new HashSet<>();
    private int steps;

    private Search(List<Call> calls) {
      this.calls = calls;
      calls.stream()
          .filter(call -> call.kind == Kind.CREATE && call.told == Told.YES)
          .forEach(call -> createdInodes.add(call.inode));
    }

    private boolean isExplained() {
      return search(new BitSet(), ABSENT);
    }

    private boolean search(BitSet done, long state) {
      if (++steps > STEPS_MAX) {
        throw new IllegalStateException("check history: expected=fewer steps, calls=" + calls);
      }
      if (!visited.add(new Visited((BitSet) done.clone(), state))) {
        return false;
      }
      long firstEndNs = Long.MAX_VALUE;
      boolean isComplete = true;
      for (int i = 0; i < calls.size(); i++) {
        if (!done.get(i) && calls.get(i).told != Told.NOTHING) {
          isComplete = false;
          firstEndNs = Math.min(firstEndNs, calls.get(i).endNs);
        }
      }
      if (isComplete) {
        return true;
      }
      for (int i = 0; i < calls.size(); i++) {
        if (!done.get(i) && mayBeNext(calls.get(i), done, firstEndNs)) {
          Long after = after(i, state);
          if (after != null) {
            done.set(i);
            if (search(done, after)) {
              return true;
            }
            done.clear(i);
          }
        }
      }
      return false;
    }

    /** Whether no call that is left has to come before this one. */
    private boolean mayBeNext(Call call, BitSet done, long firstEndNs) {
      if (call.startNs <= firstEndNs) {
        return true;
      }
      if (call.kind != Kind.KEPT) {
        return false;
      }
      for (int i = 0; i < calls.size(); i++) {
        Call other = calls.get(i);
        boolean isFree = other.isQuestion() && !other.client.equals(call.client);
        if (!done.get(i) && other.told != Told.NOTHING && !isFree && other.endNs < call.startNs) {
          return false;
        }
      }
      return true;
    }

    /** The state after this call, or null if it can't have been told that then. */
    private Long after(int index, long state) {
      Call call = calls.get(index);
      boolean isThere = state != ABSENT;
      if (call.told == Told.NOTHING) {
        if (call.kind == Kind.CREATE) {
          return isThere ? null : Long.valueOf(-1 - index);
        }
        return isThere ? Long.valueOf(ABSENT) : null;
      }
      if (call.told == Told.NO) {
        boolean wantsThere = call.kind == Kind.CREATE;
        return wantsThere == isThere ? Long.valueOf(state) : null;
      }
      return switch (call.kind) {
        case CREATE -> isThere ? null : Long.valueOf(call.inode);
        case UNLINK -> isThere && fits(call, state) ? Long.valueOf(ABSENT) : null;
        case LOOKUP, KEPT -> isThere && fits(call, state) ? Long.valueOf(call.inode) : null;
      };
    }

    /** A negative state was made by a call that nobody knows the inode of. */
    private boolean fits(Call call, long state) {
      return state < 0 ? !createdInodes.contains(call.inode) : state == call.inode;
    }
  }
}
