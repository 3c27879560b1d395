package holdfast.protocol;

import holdfast.model.InstanceId;
import holdfast.model.LogId;
import holdfast.util.ByteReader;
import holdfast.util.ByteWriter;

/**
 * A mark of how far a peer had come: each start of it and each change of logs counts its run number
 * up, and under one number term and log only grow, from no log to its first one. Who comes back
 * with less has a folder that is older than it was.
 *
 * @param run number of the run, from 1; 0 for one whose folder is damaged, older or a copy and that
 *     has promised nothing: nobody needs to know of it
 * @param instance the process of that run
 * @param log the log it followed; {@link LogId#NONE} for none
 * @param term the term it was in
 * @param settledIndex it had forced, and knew to be committed, everything up to here: none of it is
 *     ever cut
 */
public record RunMark(long run, InstanceId instance, LogId log, long term, long settledIndex) {
  /** No peer starts so often; a higher number is malformed, and none can be passed by one lie. */
  public static final long RUN_MAX = 1L << 48;

  /**
   * At each change of logs the number goes to the next multiple of this: whoever comes with a
   * folder from before has a number that was taken, however often it starts.
   */
  static final long RUNS_PER_LOG = 1L << 16;

  /** Encoded size. */
  public static final int BYTES = 8 + InstanceId.BYTES + LogId.BYTES + 16;

  /** Reads what {@link #write} wrote; throws {@link ByteReader.Malformed}. */
  public static RunMark read(ByteReader in) {
    var mark = new RunMark(in.u64(), InstanceId.read(in), LogId.read(in), in.u64(), in.u64());
    boolean isPossible =
        mark.run() >= 0 && mark.run() <= RUN_MAX && mark.term() >= 0 && mark.settledIndex() >= 0;
    if (!isPossible) {
      throw new ByteReader.Malformed("read run mark: expected=possible numbers, was=" + mark);
    }
    return mark;
  }

  /** The run of encoded marks; 0 where that can't be read. */
  public static long runOf(byte[] bytes) {
    try {
      return bytes.length == 0 ? 0 : read(new ByteReader(bytes)).run();
    } catch (ByteReader.Malformed e) {
      return 0; // who uses the mark says so
    }
  }

  /** Appends the {@value #BYTES} bytes. */
  public void write(ByteWriter out) {
    out.u64(run);
    instance.write(out);
    log.write(out);
    out.u64(term).u64(settledIndex);
  }

  /** The number of a run from when it follows another log. */
  public static long inNextLog(long run) {
    return (run / RUNS_PER_LOG + 1) * RUNS_PER_LOG;
  }

  /** Whether there was more of the log that the other one is in, or a later term of it. */
  public boolean isFurther(RunMark other) {
    boolean isOfIt = log.equals(other.log) || other.log.equals(LogId.NONE);
    return isOfIt && (term > other.term || settledIndex > other.settledIndex);
  }

  /** This run, as if it had had what another one of the same peer had of its log, too. */
  public RunMark with(RunMark other) {
    boolean isOfIt = log.equals(other.log) || log.equals(LogId.NONE);
    return isOfIt
        ? new RunMark(
            run,
            instance,
            other.log,
            Math.max(term, other.term),
            Math.max(settledIndex, other.settledIndex))
        : this;
  }

  /**
   * Whether this says more than another mark of the same peer; of two marks one at most does. Under
   * one number a process has no log, and then one: each later log has a number of its own.
   */
  public boolean isBeyond(RunMark other) {
    if (run != other.run || !instance.equals(other.instance)) {
      return run > other.run;
    }
    return log.equals(other.log)
        ? term > other.term || settledIndex > other.settledIndex
        : other.log.equals(LogId.NONE);
  }
}
