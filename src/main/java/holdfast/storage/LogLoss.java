package holdfast.storage;

import holdfast.consensus.Configuration;
import holdfast.model.ErrorCode;
import holdfast.model.NodeId;
import holdfast.model.StorageException;

/**
 * A finding that the log lacks something at start, for whoever decides whether to go on.
 *
 * @param why what is damaged or missing
 * @param lastIndex the last entry that is left, with all before it
 * @param configuration the newest one that can be read, of the log or of what is damaged; nobody if
 *     there is none
 * @param path of the directory
 */
public record LogLoss(String why, long lastIndex, Configuration configuration, String path) {
  /** Decides over a start. */
  @FunctionalInterface
  public interface Judge {
    /**
     * Whether nobody else can restore what is lost; throws {@link StorageException} to refuse the
     * start, and then nothing has been changed. Called on the thread that opens the log.
     */
    boolean isAccepted(LogLoss loss);
  }

  /**
   * Goes on where others can restore what is lost; a peer that is alone refuses, unless it was told
   * to go on with what is left.
   */
  public static Judge judge(NodeId self, boolean isDamageAccepted) {
    return loss -> {
      var voters = loss.configuration().voters();
      boolean isAlone = voters.size() == 1 && voters.getFirst().node().equals(self);
      boolean isNothingLeft = loss.lastIndex() == 0;
      if (isAlone && (isNothingLeft || !isDamageAccepted)) {
        throw new StorageException(
            ErrorCode.STORE_FAILED,
            ("open log: expected=a whole log, was=damaged (%s), path=%s; this peer is the only"
                 + " voter of its pool, so nobody else can give back what is missing: put the files"
                 + " back from a copy; %s")
                .formatted(
                    loss.why(),
                    loss.path(),
                    isNothingLeft
                        ? "nothing is left to go on with"
                        : ("or start with --accept-damage to go on with what is left, which is"
                                + " everything up to entry %d (the damaged files are kept)")
                            .formatted(loss.lastIndex())));
      }
      return isAlone;
    };
  }
}
