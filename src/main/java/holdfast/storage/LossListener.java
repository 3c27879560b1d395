package holdfast.storage;

/** Is told when something that may have been acknowledged is lost. */
@FunctionalInterface
public interface LossListener {
  /**
   * Called before a damaged log is cut, and at once when a write or force of the log failed. When
   * it returns, the peer's next start knows of the loss (a new incarnation, forced). Called on the
   * thread of the failing call; may block on the disk; never throws.
   */
  void lost(String why);
}
