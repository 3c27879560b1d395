package holdfast.network;

import holdfast.model.HostPort;
import holdfast.model.NodeId;
import java.util.List;

/** The way to a node, for one who dials it. */
sealed interface Route {
  /** A name for logs. */
  String name();

  /** To one of its addresses. */
  record Direct(HostPort address) implements Route {
    @Override
    public String name() {
      return address.toString();
    }
  }

  /** Through another peer, which passes bytes on: docs/sessions.md. */
  record Through(Relay relay, NodeId target) implements Route {
    @Override
    public String name() {
      return target.shortForm() + " through " + relay.session().remote().node().shortForm();
    }
  }

  /**
   * A peer that may be asked to pass bytes on.
   *
   * @param session a direct one with it
   * @param addresses where it is reached, the best first; not empty
   */
  record Relay(Authenticated session, List<HostPort> addresses) {}
}
