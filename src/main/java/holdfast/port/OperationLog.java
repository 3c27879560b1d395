package holdfast.port;

import holdfast.consensus.HardState;
import holdfast.consensus.InitialState;
import holdfast.consensus.LogEntry;
import holdfast.consensus.Recovery;
import holdfast.consensus.SnapshotMeta;
import holdfast.model.ChunkLoss;
import holdfast.model.LogId;
import holdfast.model.StorageException;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;

/**
 * The port to the operation log, term and vote, and the snapshots on this peer's disk.
 *
 * <p>Called on the loop; every method returns at once. Writes ({@link #atStart}, {@link
 * #persistHardState}, {@link #append}, {@link #reset}, {@link #compact}, {@link #force}) are
 * carried out one at a time in the order of the calls; snapshots beside them, in their own order,
 * so that none of them delays an append. {@link #begin}, {@link #switchTo}, {@link #dropAside} and
 * {@link #recovered} are writes of the first kind. Callbacks come on the loop; {@code done} gets
 * null when it is done.
 *
 * <p>After the first failed write or force every later one fails too: the log's owner stops, and
 * the next start has to recover ({@link holdfast.consensus.Recovery}).
 */
public interface OperationLog {
  /** Most bytes one {@link #readSnapshot} or {@link #storeSnapshotPiece} carries. */
  int SNAPSHOT_PIECE_BYTES_MAX = 128 * 1_024;

  /** Most bytes {@link #saveKnownRuns} takes. */
  int KNOWN_BYTES_MAX = 128 * 1_024;

  /** What the disk had when it was opened. */
  Recovered atStart();

  /**
   * Begins a log in an empty directory: its id, term and vote, and first entries; forced when done.
   * Fails with INVALID, and changes nothing, where the directory has a log already.
   */
  void begin(LogId log, InitialState initial, Consumer<StorageException> done);

  /**
   * Leaves this directory's log for another one. What the old log and its snapshots hold is set
   * aside (renamed, not copied), and stays until {@link #dropAside}. The new log goes on after
   * {@code base} with this term and vote; {@code sourceOrNull} becomes its snapshot at {@code
   * base}, null where {@code base} is {@link SnapshotMeta#NONE}. All of it is forced when done;
   * after a crash in between the directory has the old log or the new one, whole.
   *
   * @param runNumber this run has at least this number from before the new log is there
   */
  void switchTo(
      long runNumber,
      LogId log,
      HardState hardState,
      SnapshotMeta base,
      SnapshotSource sourceOrNull,
      Consumer<StorageException> done);

  /** Deletes what was set aside of a log, if anything was: all of it is in the log now followed. */
  void dropAside(LogId log, Consumer<StorageException> done);

  /**
   * Forgets, durably, that something may be missing: what was lost under this nonce is here again,
   * or of a log that was left. Does nothing if the directory's loss has another nonce by now.
   */
  void recovered(long nonce, Consumer<StorageException> done);

  /**
   * Marks, durably, that something may be missing, the vote included, and that this run has a
   * number of at least {@code runNumber}; {@code marked} gets the mark.
   *
   * @param lacking remembered until {@link #settleLacking}
   * @param why for people
   */
  void lost(
      long runNumber,
      Lacking lacking,
      String why,
      Consumer<Recovery> marked,
      Consumer<StorageException> failed);

  /** What this peer may have lost of its chunks, as its directory says now. */
  ChunkLoss chunkLoss();

  /**
   * Puts {@code next} in the place of {@link #chunkLoss}, durably, unless that isn't {@code
   * expected} any more: for what is settled, found or known more exactly. A failure fails nothing
   * else.
   */
  void settleChunks(ChunkLoss expected, ChunkLoss next, Consumer<StorageException> done);

  /**
   * Forgets, durably, what was here once ({@link Lacking}).
   *
   * @param lossNoteOrNull null if the log that is followed has it; else a note for people, that the
   *     pool goes on without it: durable before, it counts in {@link Recovered#lossNoteCount} until
   *     they delete it
   */
  void settleLacking(String lossNoteOrNull, Consumer<StorageException> done);

  /**
   * Leaves a note for people, that something that was here once is lost: durable, and before what a
   * later call writes. It counts in {@link Recovered#lossNoteCount} until they delete it.
   */
  void noteLoss(String what, Consumer<StorageException> done);

  /**
   * Replaces what is known of other peers' runs, at most {@value #KNOWN_BYTES_MAX} bytes; forced.
   * Beside the log's writes and the snapshots, and kept up by neither; a failure fails nothing
   * else. Of calls that wait only the last is carried out and answered.
   */
  void saveKnownRuns(byte[] known, Consumer<StorageException> done);

  /** Writes and forces term and vote. */
  void persistHardState(HardState state, Consumer<StorageException> done);

  /**
   * Drops every entry from {@code truncateFrom} on (0: none), then writes these (page cache), one
   * at least.
   */
  void append(long truncateFrom, List<LogEntry> entries, Consumer<StorageException> done);

  /** Drops every entry; the log goes on after this snapshot, which is durable. */
  void reset(SnapshotMeta snapshot, Consumer<StorageException> done);

  /** Drops the entries up to this index, or fewer: a durable snapshot covers them. */
  void compact(long upToIndex, Consumer<StorageException> done);

  /** Forces everything written by earlier calls. */
  void force(Consumer<StorageException> done);

  /**
   * Writes a snapshot of this log, piece after piece off the loop, and forces it. Older ones than
   * the one before it go.
   */
  void saveSnapshot(SnapshotMeta meta, SnapshotSource source, SnapshotSaved saved);

  /** Reads from the snapshot of this index, at most {@value #SNAPSHOT_PIECE_BYTES_MAX} bytes. */
  void readSnapshot(long snapshotIndex, long offset, int maxBytes, SnapshotPiece piece);

  /**
   * Stores a piece of a snapshot received from the leader; {@code offset} 0 starts anew. With the
   * last piece it is checked, forced and takes its name before {@code done} gets null.
   */
  void storeSnapshotPiece(
      SnapshotMeta meta,
      long totalBytes,
      long offset,
      byte[] bytes,
      Consumer<StorageException> done);

  /** Drops what was received of a snapshot that isn't needed any more. */
  void discardSnapshot(long snapshotIndex);

  /**
   * @param log the log's id; empty in an empty directory
   * @param incarnation this peer's incarnation in consensus
   * @param initial term, vote, newest whole snapshot, the entries, all forced, and whether
   *     something may be missing
   * @param snapshotBytes size of that snapshot's content, 0 without one
   * @param aside what is kept of logs that were left, in no order
   * @param runNumber which run of this folder this is: more at each start, durable since
   * @param lossNoteCount how often a damaged part of the log was abandoned: shown as long as they
   *     haven't deleted the notes of it
   * @param lacking what was here once, if the folder is known to be older than that
   * @param knownRuns what was saved last of other peers' runs; empty for nothing
   */
  record Recovered(
      Optional<LogId> log,
      long incarnation,
      InitialState initial,
      long snapshotBytes,
      List<Aside> aside,
      long runNumber,
      int lossNoteCount,
      Lacking lacking,
      byte[] knownRuns) {
    /** Freezes the list. */
    public Recovered {
      aside = List.copyOf(aside);
    }
  }

  /** That this log was here up to this entry once; index 0 for nothing. */
  record Lacking(LogId log, long index) {
    /** Nothing is known to be lacking. */
    public static final Lacking NONE = new Lacking(LogId.NONE, 0);
  }

  /** A log that was left and is kept aside, and the last entry known of it. */
  record Aside(LogId log, long lastIndex, long lastTerm) {}

  /** The content of a snapshot. Called on a disk thread, by one thread at a time. */
  interface SnapshotSource {
    /** The next bytes, 1 to {@value #SNAPSHOT_PIECE_BYTES_MAX}; null when there are no more. */
    byte[] next();
  }

  /** What becomes of a snapshot being saved. */
  interface SnapshotSaved {
    /** It is durable and has this many bytes of content. */
    void onSaved(long sizeBytes);

    /** It is not; the one before it still is. */
    void onFailure(StorageException why);
  }

  /** What becomes of reading a piece of a snapshot. */
  interface SnapshotPiece {
    /**
     * The bytes: at least one unless this is the end; fewer than asked for where that is simpler.
     */
    void onBytes(byte[] bytes, long totalBytes);

    /** There is no such snapshot any more, or it is unreadable. */
    void onFailure(StorageException why);
  }
}
