package holdfast.peer.view;

import holdfast.model.HoldfastException;

/** Receives events for the operator. Called on the loop; must not block. */
public interface PeerListener {
  /** Something worth a line in the log. */
  void onNote(String text);

  /**
   * This peer's operation log failed, or the peer found a bug in itself: it takes no part any more,
   * and only a restart helps. Comes once at most.
   */
  void onStopped(HoldfastException why);
}
