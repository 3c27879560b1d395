package holdfast.peer.member;

import holdfast.model.ErrorCode;
import holdfast.peer.state.Command;
import holdfast.peer.state.Leadership;
import holdfast.peer.state.RaftDriver;
import java.util.HashSet;
import java.util.Set;

/**
 * The leader's proposals whose outcome isn't known: nothing is proposed twice at a time, however
 * often its reason is looked at. Ends with the term. Loop thread.
 */
final class InFlightProposals {
  private final Leadership leadership;
  private final Set<Object> keys = new HashSet<>();
  private long term = -1;

  InFlightProposals(Leadership leadership) {
    this.leadership = leadership;
  }

  /** What was in flight in an earlier term isn't waited for. */
  void startTerm(long newTerm) {
    term = newTerm;
    keys.clear();
  }

  boolean contains(Object key) {
    return keys.contains(key);
  }

  /**
   * False if it is in flight; else it is from now on, until what {@link #ending} gave is called.
   */
  boolean add(Object key) {
    return keys.add(key);
  }

  void propose(Object key, Command command) {
    propose(key, command, RaftDriver.Proposed.IGNORED);
  }

  /** Proposes unless the same thing is in flight. */
  void propose(Object key, Command command, RaftDriver.Proposed then) {
    if (add(key)) {
      leadership.driver().propose(command.toBytes(), false, ending(key, then));
    }
  }

  /** Calls {@code then} after noting that the key is no longer in flight. */
  RaftDriver.Proposed ending(Object key, RaftDriver.Proposed then) {
    long startedIn = term;
    return new RaftDriver.Proposed() {
      @Override
      public void onApplied(long index) {
        end();
        then.onApplied(index);
      }

      @Override
      public void onFailure(ErrorCode code, String text) {
        end();
        then.onFailure(code, text);
      }

      private void end() {
        if (startedIn == term) {
          keys.remove(key);
        }
      }
    };
  }
}
