package holdfast.network;

import holdfast.port.Loop;
import holdfast.port.NodeService;
import holdfast.util.NamedThreads;

/** The interface of the transport to its sessions: what one needs from it and nothing else. */
interface SessionHost {
  Loop loop();

  /** Runs a task on the loop, also when that is overrun: then out of order. */
  void post(Runnable task);

  NamedThreads threads();

  NetworkLimits limits();

  BodyPermits permits();

  NodeService service();

  /** Attaches one more connection; ends in the session's attach or attachFailed, on the loop. */
  void openBulk(Session session);

  /** Nothing comes on the session, though it was asked for. On the loop. */
  void onSessionSilent(Session session);

  /** The session is over. On the loop. */
  void onSessionOver(Session session);
}
