package holdfast.consensus;

/**
 * The bounds and timeouts of a core; checked when made. Times in milliseconds of the injected
 * monotonic clock.
 *
 * @param heartbeatMs between two heartbeats of a leader
 * @param electionTimeoutMinMs a voter that heard from a leader within this refuses to vote
 * @param electionTimeoutMaxMs a voter asks for an election after a random time between the two
 * @param leaseMs for how long after sending an acknowledged heartbeat a leader answers reads
 *     without asking; below {@code electionTimeoutMinMs} by the margin for clocks that run unevenly
 * @param quorumTimeoutMs a leader that has not heard from a quorum for this long steps down (or, in
 *     a pair, takes its partner's vote)
 * @param appendBytesMax encoded entries in one Append message, unless a single entry has more
 * @param inflightMessagesMax Append messages on their way to one member
 * @param inflightBytesMax bytes of entries on their way to one member
 * @param snapshotChunkBytes bytes of a snapshot in one message
 * @param uncommittedBytesMax a leader refuses proposals beyond this many uncommitted bytes
 * @param logEntriesMax entries kept in memory: beyond it proposals are refused and appends dropped
 * @param logBytesMax the same in bytes
 * @param snapshotEntries a snapshot is asked for when this many entries stand after the last one
 * @param snapshotBytes the same in bytes
 * @param retainBytes entries before the snapshot kept for members that are a little behind
 * @param waitingReadsMax reads that wait for a quorum's confirmation
 * @param promoteLagEntries how far behind the commit index a follower may be to get a vote
 * @param startWaitMs who may lack more than a power cut takes (a damaged, older or copied folder)
 *     waits so long for others before it counts as an end of the log
 * @param wideningMaxMs elections and silences last longer, by at most so much, where disks, the
 *     network or this process are measured to be slow
 * @param measuredForMs what was measured counts for one to two times as long
 */
public record RaftConfig(
    int heartbeatMs,
    int electionTimeoutMinMs,
    int electionTimeoutMaxMs,
    int leaseMs,
    int quorumTimeoutMs,
    int appendBytesMax,
    int inflightMessagesMax,
    int inflightBytesMax,
    int snapshotChunkBytes,
    int uncommittedBytesMax,
    int logEntriesMax,
    int logBytesMax,
    int snapshotEntries,
    int snapshotBytes,
    int retainBytes,
    int waitingReadsMax,
    int promoteLagEntries,
    int startWaitMs,
    int wideningMaxMs,
    int measuredForMs) {
  /** What a pool on a LAN runs with. */
  public static final RaftConfig DEFAULT =
      new RaftConfig(
          150, 1_000, 2_000, 800, 1_500, 160 << 10, 64, 4 << 20, 128 << 10, 16 << 20, 400_000,
          96 << 20, 100_000, 32 << 20, 4 << 20, 10_000, 1_000, 60_000, 8_000, 30_000);

  /**
   * Checks each number against its range.
   *
   * @throws IllegalArgumentException naming the parameter, its value and the range
   */
  public RaftConfig {
    range("heartbeatMs", heartbeatMs, 1, 10_000);
    range("electionTimeoutMinMs", electionTimeoutMinMs, 3L * heartbeatMs, 600_000);
    range("electionTimeoutMaxMs", electionTimeoutMaxMs, electionTimeoutMinMs + 1L, 1_200_000);
    range("leaseMs", leaseMs, 0, electionTimeoutMinMs * 9L / 10);
    range("quorumTimeoutMs", quorumTimeoutMs, electionTimeoutMinMs, 1_200_000);
    range("appendBytesMax", appendBytesMax, 1, 160 << 10);
    range("inflightMessagesMax", inflightMessagesMax, 1, 4_096);
    range("inflightBytesMax", inflightBytesMax, 1, 256 << 20);
    range("snapshotChunkBytes", snapshotChunkBytes, 1, RaftMessage.SNAPSHOT_CHUNK_BYTES_MAX);
    range("uncommittedBytesMax", uncommittedBytesMax, 1, logBytesMax / 2);
    range("logEntriesMax", logEntriesMax, 16, 100_000_000);
    range("logBytesMax", logBytesMax, 1_024, 1 << 30);
    range("snapshotEntries", snapshotEntries, 1, logEntriesMax / 2);
    range("snapshotBytes", snapshotBytes, 1, logBytesMax / 2);
    range("retainBytes", retainBytes, 0, logBytesMax / 4);
    range("waitingReadsMax", waitingReadsMax, 1, 1_000_000);
    range("promoteLagEntries", promoteLagEntries, 0, 1_000_000);
    range("startWaitMs", startWaitMs, electionTimeoutMaxMs, 3_600_000);
    range("wideningMaxMs", wideningMaxMs, 0, 60_000);
    range("measuredForMs", measuredForMs, heartbeatMs, 600_000);
  }

  private static void range(String name, long value, long min, long max) {
    if (value < min || value > max) {
      throw new IllegalArgumentException(
          "check " + name + ": expected=" + min + " to " + max + ", was=" + value);
    }
  }
}
