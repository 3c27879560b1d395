package holdfast.sim;

import holdfast.consensus.HardState;
import holdfast.consensus.InitialState;
import holdfast.consensus.LogEntry;
import holdfast.consensus.Recovery;
import holdfast.consensus.SnapshotMeta;
import holdfast.model.ChunkLoss;
import holdfast.model.ErrorCode;
import holdfast.model.LogId;
import holdfast.model.StorageException;
import holdfast.port.OperationLog;
import java.io.ByteArrayOutputStream;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.SplittableRandom;
import java.util.TreeMap;
import java.util.function.Consumer;

/**
 * An operation log in memory with a disk's delays. What was written survives its process; after a
 * loss of power a prefix of what wasn't forced survives, and the mark says so.
 */
public final class MemoryLog implements OperationLog {
  private static final long WRITE_NS = SimWorld.MS / 20;
  private static final long FORCE_NS = 2 * SimWorld.MS;

  /** What is on the disk: outlives the process. */
  public static final class Platter {
    private Optional<LogId> log = Optional.empty();
    private HardState hardState = HardState.INITIAL;
    private final TreeMap<Long, LogEntry> entries = new TreeMap<>();
    private final TreeMap<Long, Snapshot> snapshots = new TreeMap<>();
    private long forcedIndex;
    private final long incarnation;
    private final TreeMap<LogId, Left> aside = new TreeMap<>();
    private Recovery recovery = Recovery.NONE;
    private long lossCount;
    private long runNumber;
    private int lossNoteCount;
    private Lacking lacking = Lacking.NONE;
    private byte[] knownRuns = new byte[0];
    private ChunkLoss chunkLoss = ChunkLoss.NONE;
    private boolean failing;

    /** An empty disk; two disks of one peer never have the same first incarnation. */
    public Platter(long incarnation) {
      this.incarnation = incarnation;
    }

    /** A folder of which only the key is left. */
    public Platter emptied() {
      return new Platter(incarnation);
    }

    /** People accept what was given up. */
    public void deleteNotesOfGivenUp() {
      lossNoteCount = 0;
    }

    /** What a backup made now would bring back. */
    public Platter copy() {
      var copy = new Platter(incarnation);
      copy.log = log;
      copy.hardState = hardState;
      copy.entries.putAll(entries);
      copy.snapshots.putAll(snapshots);
      copy.forcedIndex = forcedIndex;
      copy.aside.putAll(aside);
      copy.recovery = recovery;
      copy.lacking = lacking;
      copy.lossNoteCount = lossNoteCount;
      copy.runNumber = runNumber;
      copy.knownRuns = knownRuns;
      copy.chunkLoss = chunkLoss;
      return copy;
    }

    /** The machine lost power. */
    public void losePower(SplittableRandom random) {
      if (log.isEmpty()) {
        return;
      }
      long last = entries.isEmpty() ? forcedIndex : entries.lastKey();
      long kept = last > forcedIndex ? random.nextLong(forcedIndex, last + 1) : last;
      entries.tailMap(kept, false).clear();
      lost(Recovery.Cause.POWER_CUT, false);
    }

    /** Something may be missing from now on. */
    public void lost(Recovery.Cause cause, boolean isVoteLost) {
      long nonce = incarnation << Integer.SIZE | ++lossCount;
      recovery =
          new Recovery(nonce, cause, isVoteLost).and(recovery.cause(), recovery.isVoteLost());
    }

    /** From now on every write fails. */
    public void fail() {
      failing = true;
    }

    /** The disk was repaired; what it holds may not be all. */
    public void repair() {
      failing = false;
      lost(Recovery.Cause.POWER_CUT, false);
    }
  }

  private record Snapshot(SnapshotMeta meta, byte[] bytes) {}

  /** What is kept of a log that was left. */
  private record Left(TreeMap<Long, LogEntry> entries, TreeMap<Long, Snapshot> snapshots) {
    Aside end(LogId log) {
      if (!entries.isEmpty()) {
        LogEntry last = entries.lastEntry().getValue();
        return new Aside(log, last.index(), last.term());
      }
      SnapshotMeta meta = snapshots.lastEntry().getValue().meta();
      return new Aside(log, meta.index(), meta.term());
    }
  }

  private final SimLoop loop;
  private final Platter platter;
  private final SplittableRandom random;
  private ByteArrayOutputStream receiving = new ByteArrayOutputStream();
  private long busyUntilNs;

  /** What waits to be saved of other peers' runs; null for nothing. */
  private Runnable nextRuns;

  public MemoryLog(SimWorld world, SimLoop loop, Platter platter) {
    this.loop = loop;
    this.platter = platter;
    this.random = world.split();
    platter.runNumber++;
    if (!platter.entries.isEmpty()) {
      platter.forcedIndex = platter.entries.lastKey();
    }
  }

  @Override
  public Recovered atStart() {
    var newest = platter.snapshots.lastEntry();
    var meta = newest == null ? SnapshotMeta.NONE : newest.getValue().meta();
    return new Recovered(
        platter.log,
        platter.incarnation,
        new InitialState(platter.hardState, meta, entriesBehind(meta), platter.recovery),
        newest == null ? 0 : newest.getValue().bytes().length,
        platter.aside.entrySet().stream().map(left -> left.getValue().end(left.getKey())).toList(),
        platter.runNumber,
        platter.lossNoteCount,
        platter.lacking,
        platter.knownRuns);
  }

  /** None if they don't join on: a snapshot came from elsewhere, and the crash before its reset. */
  private List<LogEntry> entriesBehind(SnapshotMeta meta) {
    var entries = platter.entries;
    LogEntry covered = entries.get(meta.index());
    boolean joins =
        covered == null
            ? !entries.isEmpty() && entries.firstKey() == meta.index() + 1
            : covered.term() == meta.term();
    return joins ? List.copyOf(entries.tailMap(meta.index(), false).values()) : List.of();
  }

  @Override
  public void begin(LogId log, InitialState initial, Consumer<StorageException> done) {
    write(
        "begin log",
        FORCE_NS,
        done,
        () -> {
          if (platter.log.isPresent()) {
            throw new StorageException(
                ErrorCode.INVALID, "begin log: expected=none, was=" + platter.log.get());
          }
          platter.log = Optional.of(log);
          platter.hardState = initial.hardState();
          initial.entries().forEach(entry -> platter.entries.put(entry.index(), entry));
          platter.forcedIndex = platter.entries.isEmpty() ? 0 : platter.entries.lastKey();
        });
  }

  @Override
  public void switchTo(
      long runNumber,
      LogId log,
      HardState hardState,
      SnapshotMeta base,
      SnapshotSource sourceOrNull,
      Consumer<StorageException> done) {
    write(
        "switch log",
        2 * FORCE_NS,
        done,
        () -> {
          if (platter.log.filter(log::equals).isPresent()) {
            throw new StorageException(
                ErrorCode.INVALID, "switch log: expected=another one, was=" + log);
          }
          platter.runNumber = Math.max(platter.runNumber, runNumber);
          if (!platter.entries.isEmpty() || !platter.snapshots.isEmpty()) {
            platter.aside.put(
                platter.log.orElseThrow(),
                new Left(new TreeMap<>(platter.entries), new TreeMap<>(platter.snapshots)));
          }
          platter.log = Optional.of(log);
          platter.hardState = hardState;
          platter.entries.clear();
          platter.snapshots.clear();
          platter.forcedIndex = base.index();
          if (sourceOrNull != null) {
            store(new Snapshot(base, bytes(sourceOrNull)));
          }
        });
  }

  @Override
  public void dropAside(LogId log, Consumer<StorageException> done) {
    write("drop log", WRITE_NS, done, () -> platter.aside.remove(log));
  }

  @Override
  public void recovered(long nonce, Consumer<StorageException> done) {
    write(
        "clear mark",
        FORCE_NS,
        done,
        () -> {
          if (platter.recovery.nonce() == nonce) {
            platter.recovery = Recovery.NONE;
          }
        });
  }

  /**
   * Only files are damaged: who denies a chunk here has lost it to a power cut, or never had it.
   */
  @Override
  public ChunkLoss chunkLoss() {
    return platter.chunkLoss;
  }

  @Override
  public void settleChunks(ChunkLoss expected, ChunkLoss next, Consumer<StorageException> done) {
    beside(
        "settle chunks",
        () -> {
          platter.chunkLoss = platter.chunkLoss.equals(expected) ? next : platter.chunkLoss;
          done.accept(null);
        });
  }

  @Override
  public void settleLacking(String lossNoteOrNull, Consumer<StorageException> done) {
    write(
        "settle what is lacking",
        FORCE_NS,
        done,
        () -> {
          platter.lacking = Lacking.NONE;
          platter.lossNoteCount += lossNoteOrNull == null ? 0 : 1;
        });
  }

  @Override
  public void noteLoss(String what, Consumer<StorageException> done) {
    write("give up", FORCE_NS, done, () -> platter.lossNoteCount++);
  }

  @Override
  public void lost(
      long runNumber,
      Lacking lacking,
      String why,
      Consumer<Recovery> marked,
      Consumer<StorageException> failed) {
    write(
        "mark loss",
        FORCE_NS,
        reason -> {
          if (reason == null) {
            marked.accept(platter.recovery);
          } else {
            failed.accept(reason);
          }
        },
        () -> {
          platter.lost(Recovery.Cause.DAMAGE, true);
          platter.lacking = lacking;
          platter.runNumber = Math.max(platter.runNumber, runNumber);
        });
  }

  @Override
  public void saveKnownRuns(byte[] known, Consumer<StorageException> done) {
    boolean isWaiting = nextRuns != null;
    nextRuns =
        () -> {
          platter.knownRuns = known;
          done.accept(null);
        };
    if (!isWaiting) {
      beside(
          "save runs",
          () -> {
            Runnable last = nextRuns;
            nextRuns = null;
            last.run();
          });
    }
  }

  @Override
  public void persistHardState(HardState state, Consumer<StorageException> done) {
    write("persist term", FORCE_NS, done, () -> platter.hardState = state);
  }

  @Override
  public void append(long truncateFrom, List<LogEntry> entries, Consumer<StorageException> done) {
    write(
        "append log",
        WRITE_NS,
        done,
        () -> {
          if (truncateFrom > 0) {
            platter.entries.tailMap(truncateFrom, true).clear();
            platter.forcedIndex = Math.min(platter.forcedIndex, truncateFrom - 1);
          }
          entries.forEach(entry -> platter.entries.put(entry.index(), entry));
        });
  }

  @Override
  public void reset(SnapshotMeta snapshot, Consumer<StorageException> done) {
    write(
        "reset log",
        FORCE_NS,
        done,
        () -> {
          platter.entries.clear();
          platter.forcedIndex = snapshot.index();
        });
  }

  @Override
  public void compact(long upToIndex, Consumer<StorageException> done) {
    write(
        "compact log",
        WRITE_NS,
        done,
        () -> {
          // The log reaches back to the older of two snapshots, should the newest be unreadable.
          long olderIndex = platter.snapshots.size() < 2 ? 0 : platter.snapshots.firstKey();
          platter.entries.headMap(Math.min(upToIndex, olderIndex), true).clear();
        });
  }

  @Override
  public void force(Consumer<StorageException> done) {
    write(
        "force log",
        FORCE_NS,
        done,
        () -> {
          if (!platter.entries.isEmpty()) {
            platter.forcedIndex = platter.entries.lastKey();
          }
        });
  }

  @Override
  public void saveSnapshot(SnapshotMeta meta, SnapshotSource source, SnapshotSaved saved) {
    Optional<LogId> log = platter.log;
    loop.postAfter(
        random.nextLong(5 * SimWorld.MS, 300 * SimWorld.MS),
        "save snapshot",
        () -> {
          byte[] bytes = bytes(source);
          if (!platter.log.equals(log)) {
            saved.onFailure(new StorageException(ErrorCode.INVALID, "save snapshot: log left"));
            return;
          }
          store(new Snapshot(meta, bytes));
          saved.onSaved(bytes.length);
        });
  }

  private static byte[] bytes(SnapshotSource source) {
    var bytes = new ByteArrayOutputStream();
    for (byte[] piece = source.next(); piece != null; piece = source.next()) {
      bytes.writeBytes(piece);
    }
    return bytes.toByteArray();
  }

  private void store(Snapshot snapshot) {
    platter.snapshots.put(snapshot.meta().index(), snapshot);
    while (platter.snapshots.size() > 2) {
      platter.snapshots.pollFirstEntry();
    }
  }

  @Override
  public void readSnapshot(long snapshotIndex, long offset, int maxBytes, SnapshotPiece piece) {
    loop.postAfter(
        SimWorld.MS,
        "read snapshot",
        () -> {
          Snapshot found = platter.snapshots.get(snapshotIndex);
          if (found == null || offset > found.bytes().length) {
            piece.onFailure(new StorageException(ErrorCode.NOT_FOUND, "read snapshot: gone"));
            return;
          }
          int from = (int) offset;
          int mostBytes = Math.min(maxBytes, SNAPSHOT_PIECE_BYTES_MAX);
          int to = Math.min(found.bytes().length, from + mostBytes);
          piece.onBytes(Arrays.copyOfRange(found.bytes(), from, to), found.bytes().length);
        });
  }

  @Override
  public void storeSnapshotPiece(
      SnapshotMeta meta,
      long totalBytes,
      long offset,
      byte[] bytes,
      Consumer<StorageException> done) {
    loop.postAfter(
        SimWorld.MS,
        "store snapshot",
        () -> {
          if (offset == 0) {
            receiving = new ByteArrayOutputStream();
          }
          if (receiving.size() != offset) {
            done.accept(new StorageException(ErrorCode.INVALID, "store snapshot: gap"));
            return;
          }
          receiving.writeBytes(bytes);
          if (receiving.size() == totalBytes) {
            store(new Snapshot(meta, receiving.toByteArray()));
          }
          done.accept(null);
        });
  }

  @Override
  public void discardSnapshot(long snapshotIndex) {
    receiving = new ByteArrayOutputStream();
  }

  /** Beside the log's writes: neither waits for the other, and a failure fails nothing else. */
  private void beside(String what, Runnable task) {
    loop.postAfter(random.nextLong(FORCE_NS / 2, 2 * FORCE_NS), what, task);
  }

  /** One after the other, each after its time. */
  private void write(String what, long costNs, Consumer<StorageException> done, Runnable task) {
    long startNs = Math.max(loop.nowNs(), busyUntilNs);
    busyUntilNs = startNs + random.nextLong(costNs / 2, costNs * 2);
    loop.postAfter(
        busyUntilNs - loop.nowNs(),
        what,
        () -> {
          if (platter.failing) {
            done.accept(new StorageException(ErrorCode.STORE_FAILED, what + ": disk failed"));
            return;
          }
          try {
            task.run();
          } catch (StorageException refused) {
            done.accept(refused);
            return;
          }
          done.accept(null);
        });
  }
}
