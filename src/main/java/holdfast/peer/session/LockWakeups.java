package holdfast.peer.session;

import holdfast.model.ClientId;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;

/**
 * Remembers which clients were refused a lock of which file: the leader notifies them when it may
 * be free. A client that isn't notified, because the leader is a new one or there were too many,
 * tries again by itself. Loop thread.
 */
final class LockWakeups {
  /** Files beyond which refusals aren't noted. */
  static final int FILES_MAX = 4_096;

  private final Map<Long, Set<ClientId>> refused = new HashMap<>();

  /** A client didn't get a lock. */
  void refused(long inode, ClientId client) {
    if (refused.size() < FILES_MAX || refused.containsKey(inode)) {
      refused.computeIfAbsent(inode, key -> new HashSet<>()).add(client);
    }
  }

  /**
   * Something was released: who is to be notified. They are noted anew if they are refused again.
   */
  Set<ClientId> freed(long inode) {
    Set<ClientId> clients = refused.remove(inode);
    return clients == null ? Set.of() : clients;
  }

  /** Files that somebody was refused a lock of. */
  Set<Long> files() {
    return Set.copyOf(refused.keySet());
  }

  void clear() {
    refused.clear();
  }
}
