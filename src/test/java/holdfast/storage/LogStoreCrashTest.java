package holdfast.storage;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import holdfast.consensus.Endpoint;
import holdfast.consensus.HardState;
import holdfast.consensus.LogEntry;
import holdfast.model.LogId;
import holdfast.model.NodeId;
import holdfast.sim.SimDisk;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.Test;

/**
 * Crashes at every kind of moment: the log found is one that could have been asked for, holds all
 * that was forced (or, when only the process died, all that was written), and no loss is reported.
 */
final class LogStoreCrashTest {
  private static final int ROUND_COUNT = 8;
  private static final int CHANGES_MAX = 120;
  private static final int STEPS_MAX = 100;
  private static final int SEGMENT_BYTES = 2_000;
  private static final int PAYLOAD_BYTES_LIMIT = 900;

  @Test
  void forcedEntriesAndVotesSurviveSystemCrashes() {
    Seeds.run(seed -> new Run(seed, true).go());
  }

  @Test
  void writtenEntriesAndVotesSurviveProcessCrashes() {
    Seeds.run(seed -> new Run(seed, false).go());
  }

  /** A log as it should be: entries behind a start. */
  private record Model(
      LogId log, HardState hard, long start, long startTerm, List<LogEntry> entries) {
    Model with(List<LogEntry> others) {
      return new Model(log, hard, start, startTerm, others);
    }

    long last() {
      return start + entries.size();
    }

    long term(long index) {
      return index == start ? startTerm : entries.get((int) (index - start) - 1).term();
    }
  }

  private static final LogEntry.Kind[] KINDS = LogEntry.Kind.values();

  /** One seed. */
  private static final class Run {
    private final Random random;
    private final SimDisk disk;
    private final boolean isSystemCrash;

    /** Before and after the step under way; the same between steps. */
    private Model before = new Model(new LogId(1, 1), hard(0), 0, 0, List.of());

    private Model after = before;

    /** Up to here entries can't be missing. */
    private long sure;

    private int lossCount;

    Run(long seed, boolean isSystemCrash) {
      this.random = new Random(seed);
      this.disk = new SimDisk("sim", seed);
      this.isSystemCrash = isSystemCrash;
    }

    void go() {
      for (int round = 0; round < ROUND_COUNT; round++) {
        disk.losePowerAt(1 + random.nextInt(CHANGES_MAX));
        try (var store = open()) {
          check(store);
          for (int step = 0; step < STEPS_MAX; step++) {
            step(store);
            before = after;
            sure = isSystemCrash ? store.forcedIndex() : after.last();
            assertTrue(store.forcedIndex() <= after.last());
            assertEquals(after.last(), store.lastIndex());
          }
        } catch (SimDisk.PowerLost e) {
          // The point of it.
        }
        if (isSystemCrash) {
          disk.crash();
        } else {
          disk.restart();
        }
      }
      try (var store = open()) {
        check(store);
      }
      assertEquals(0, disk.openHandleCount());
      assertEquals(0, lossCount);
    }

    private LogStore open() {
      var openedAfter =
          !disk.exists(LogFormat.STATE.name()) && !disk.exists(LogFormat.STATE.copyName())
              ? OpenedAfter.FRESH
              : isSystemCrash ? OpenedAfter.SYSTEM_CRASH : OpenedAfter.PROCESS_CRASH;
      return TestLogs.open(
          disk,
          openedAfter,
          (cause, isVoteLost, why) -> lossCount++,
          new LogId(1, 1),
          SEGMENT_BYTES);
    }

    private void step(LogStore store) {
      switch (random.nextInt(12)) {
        case 0 -> vote(store);
        case 1 -> truncateFrom(store);
        case 2 -> truncatePrefix(store);
        case 3 -> {
          if (random.nextInt(5) == 0) {
            reset(store);
          }
        }
        case 4, 5 -> {
          store.force();
          if (random.nextBoolean()) {
            store.noteForced();
          }
        }
        case 6 -> read(store);
        default -> append(store);
      }
    }

    private void append(LogStore store) {
      var batch = new ArrayList<LogEntry>();
      long term = Math.max(1, after.term(after.last()));
      for (int i = random.nextInt(4); i >= 0; i--) {
        term += random.nextInt(3) == 0 ? 1 : 0;
        byte[] payload = new byte[random.nextInt(PAYLOAD_BYTES_LIMIT)];
        random.nextBytes(payload);
        long index = after.last() + batch.size() + 1;
        batch.add(new LogEntry(index, term, KINDS[random.nextInt(KINDS.length)], payload));
      }
      var entries = new ArrayList<>(after.entries());
      entries.addAll(batch);
      after = after.with(entries);
      store.append(batch);
    }

    private void truncateFrom(LogStore store) {
      if (after.entries().isEmpty()) {
        return;
      }
      int keep = Math.max(0, after.entries().size() - 1 - random.nextInt(8));
      long index = after.start() + keep + 1;
      sure = Math.min(sure, index - 1);
      after = after.with(after.entries().subList(0, keep));
      store.truncateFrom(index);
    }

    private void truncatePrefix(LogStore store) {
      int drop = random.nextInt(after.entries().size() + 1);
      long upTo = after.start() + drop;
      after =
          new Model(
              after.log(),
              after.hard(),
              upTo,
              after.term(upTo),
              after.entries().subList(drop, after.entries().size()));
      store.truncatePrefix(upTo);
    }

    private void reset(LogStore store) {
      long start = after.last() + random.nextInt(10) - Math.min(after.last(), 5);
      start = Math.max(0, start);
      sure = 0;
      var log = new LogId(random.nextInt(), 1);
      after = new Model(log, hard(after.hard().term() + 1), start, random.nextInt(5), List.of());
      store.reset(log, after.hard(), start, after.startTerm(), List.of());
    }

    private void vote(LogStore store) {
      var hard = hard(after.hard().term() + 1);
      after = new Model(after.log(), hard, after.start(), after.startTerm(), after.entries());
      store.saveHardState(hard);
    }

    private void read(LogStore store) {
      long index = after.start() + 1 + random.nextInt(after.entries().size() + 1);
      int maxBytes = random.nextInt(5_000);
      var read = store.read(index, maxBytes);
      assertEquals(index <= after.last(), !read.isEmpty());
      assertSame(after, index, read);
      int sumBytes =
          read.stream().mapToInt(e -> e.payload().length + LogFormat.ENTRY_HEADER_BYTES).sum();
      assertTrue(read.size() <= 1 || sumBytes <= maxBytes);
    }

    /** The log found must be a prefix of the one before or after the step the power went in. */
    private void check(LogStore store) {
      var found = store.read(store.startIndex() + 1, Integer.MAX_VALUE);
      assertEquals(store.lastIndex(), store.startIndex() + found.size());
      var hard = store.hardState();
      boolean isAfter =
          store.logId().equals(after.log())
              && hard.equals(after.hard())
              && store.startIndex() == after.start();
      Model model = isAfter ? after : before;
      if (isAfter && store.startIndex() == before.start() && store.lastIndex() > after.last()) {
        model = before;
      }
      assertEquals(model.log(), store.logId());
      assertEquals(model.hard(), hard);
      assertEquals(model.start(), store.startIndex());
      assertEquals(model.startTerm(), store.term(store.startIndex()));
      assertTrue(store.lastIndex() <= model.last());
      assertTrue(
          store.lastIndex() >= Math.min(sure, model.last()),
          "last=%d, sure=%d".formatted(store.lastIndex(), sure));
      assertSame(model, store.startIndex() + 1, found);
      before = model.with(model.entries().subList(0, found.size()));
      after = before;
      sure = before.last();
    }

    private static void assertSame(Model model, long fromIndex, List<LogEntry> found) {
      for (int i = 0; i < found.size(); i++) {
        var expected = model.entries().get((int) (fromIndex - model.start()) - 1 + i);
        assertEquals(expected.index(), found.get(i).index());
        assertEquals(expected.term(), found.get(i).term());
        assertEquals(expected.kind(), found.get(i).kind());
        assertArrayEquals(expected.payload(), found.get(i).payload());
      }
    }

    private static HardState hard(long term) {
      var vote = new Endpoint(new NodeId(term, 2, 3, 4), term + 7);
      return new HardState(term, term % 2 == 0 ? Optional.empty() : Optional.of(vote));
    }
  }
}
