package holdfast.peer.state;

import holdfast.model.LogId;
import holdfast.model.NodeId;
import holdfast.protocol.Reply.Compared.Relation;
import holdfast.protocol.Request;
import holdfast.util.ByteReader;
import holdfast.util.ByteWriter;
import java.util.ArrayList;
import java.util.List;

/**
 * The history of the log that is followed: which logs ended before it, and at which indexes the
 * terms of each began. With it a peer that comes back with an earlier log learns whether all that
 * it holds went on. Immutable; part of the replicated state.
 *
 * @param ended the logs before this one, oldest first; at most {@value #ENDED_MAX}
 * @param terms where the terms of the present log begin; at most {@value #TERMS_MAX}
 */
record Lineage(List<Ended> ended, List<TermStart> terms) {
  /** Most ended logs remembered; beyond it the oldest is forgotten. */
  static final int ENDED_MAX = 16;

  /**
   * Most terms remembered of a log; beyond it the oldest is forgotten. What ends before the oldest
   * that is known passes for a part of the log: so many leaders have gone on without it.
   */
  static final int TERMS_MAX = 256;

  /** Most bytes encoded. */
  static final int ENCODED_MAX_BYTES = 8 + (ENDED_MAX + 1) * (128 + TERMS_MAX * 16);

  /** Of the first log. */
  static final Lineage FIRST = new Lineage(List.of(), List.of());

  /** The first entry of a term. */
  record TermStart(long term, long index) {}

  /**
   * A log that ended because every voter's vote, too many of them with a loss, elected a founder.
   *
   * @param lastIndex its last entry, by the founder, who held the most of it
   * @param founder who was elected
   * @param electedTerm in which term
   */
  record Ended(
      LogId log,
      long lastIndex,
      long lastTerm,
      NodeId founder,
      long electedTerm,
      List<TermStart> terms) {
    /** Freezes the list. */
    Ended {
      terms = List.copyOf(terms);
    }
  }

  /** Freezes the lists. */
  Lineage {
    ended = List.copyOf(ended);
    terms = List.copyOf(terms);
  }

  /** With an entry of the present log. */
  Lineage with(long index, long term) {
    if (!terms.isEmpty() && terms.getLast().term() >= term) {
      return this;
    }
    List<TermStart> more = new ArrayList<>(terms);
    more.add(new TermStart(term, index));
    return new Lineage(ended, more.subList(Math.max(0, more.size() - TERMS_MAX), more.size()));
  }

  /** The lineage of the log that goes on after the present one. */
  Lineage next(LogId log, long lastIndex, long lastTerm, NodeId founder, long electedTerm) {
    List<Ended> more = new ArrayList<>(ended);
    more.add(new Ended(log, lastIndex, lastTerm, founder, electedTerm, terms));
    return new Lineage(more.subList(Math.max(0, more.size() - ENDED_MAX), more.size()), List.of());
  }

  /** What the asker's log is to {@code own}, whose lineage this is. */
  Relation relationTo(LogId own, Request.CompareLog held) {
    if (held.log().equals(own)) {
      return Relation.SAME;
    }
    for (Ended end : ended) {
      if (end.log().equals(held.log())) {
        return isHeld(end, held) ? Relation.HELD : Relation.LACKING;
      }
    }
    return Relation.UNKNOWN;
  }

  private static boolean isHeld(Ended end, Request.CompareLog held) {
    if (held.lastIndex() <= end.lastIndex() && isIn(end, held.lastIndex(), held.lastTerm())) {
      return true;
    }
    // Who voted for the founder abandoned what it had beyond the founder's log, unless it knows
    // that
    // it was committed.
    return isByVote(end, held) && held.commitIndex() <= end.lastIndex();
  }

  private static boolean isByVote(Ended end, Request.CompareLog held) {
    return end.founder().equals(held.votedForOrNull()) && end.electedTerm() == held.term();
  }

  /** The last entry of a log that ended; 0 if nothing is known of that log. */
  long endOf(LogId log) {
    return ended.stream()
        .filter(end -> end.log().equals(log))
        .mapToLong(Ended::lastIndex)
        .findFirst()
        .orElse(0);
  }

  /** Whether the vote that the asker names is one of those by which its log ended. */
  boolean isEndedByVote(Request.CompareLog held) {
    return ended.stream().anyMatch(end -> end.log().equals(held.log()) && isByVote(end, held));
  }

  /** Whether the log had this entry; older than all that is remembered of it passes for it. */
  private static boolean isIn(Ended end, long index, long term) {
    TermStart there = null;
    for (TermStart start : end.terms()) {
      there = start.index() <= index ? start : there;
    }
    return there == null || there.term() == term;
  }

  void write(ByteWriter out) {
    out.u32(ended.size());
    for (Ended end : ended) {
      end.log().write(out);
      out.u64(end.lastIndex()).u64(end.lastTerm());
      end.founder().write(out);
      out.u64(end.electedTerm());
      write(out, end.terms());
    }
    write(out, terms);
  }

  private static void write(ByteWriter out, List<TermStart> terms) {
    out.u32(terms.size());
    terms.forEach(start -> out.u64(start.term()).u64(start.index()));
  }

  /** Reads what {@link #write} made; throws {@link ByteReader.Malformed}. */
  static Lineage read(ByteReader in) {
    int count = in.count(ENDED_MAX);
    List<Ended> ended = new ArrayList<>(count);
    for (int i = 0; i < count; i++) {
      ended.add(
          new Ended(LogId.read(in), in.u64(), in.u64(), NodeId.read(in), in.u64(), readTerms(in)));
    }
    return new Lineage(ended, readTerms(in));
  }

  private static List<TermStart> readTerms(ByteReader in) {
    int count = in.count(TERMS_MAX);
    List<TermStart> terms = new ArrayList<>(count);
    for (int i = 0; i < count; i++) {
      var start = new TermStart(in.u64(), in.u64());
      boolean rises =
          terms.isEmpty()
              || start.term() > terms.getLast().term() && start.index() > terms.getLast().index();
      if (!rises) {
        throw new ByteReader.Malformed(
            "read lineage: expected=rising terms, was=" + start + " after " + terms.getLast());
      }
      terms.add(start);
    }
    return terms;
  }
}
