package holdfast.network;

import holdfast.util.ByteWriter;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/**
 * The requests of the other side that a session hasn't answered, or not sent all of the answer to:
 * tells it every half second which of them have moved. On the control connection, so that it isn't
 * behind bulk. Loop only.
 */
final class InboundRequests {
  private static final long TELL_EVERY_NS = TimeUnit.MILLISECONDS.toNanos(500);

  private final SessionHost host;
  private final Connection control;
  private final Map<Integer, InboundRequest> open = new HashMap<>();
  private boolean isTelling;

  InboundRequests(SessionHost host, Connection control) {
    this.host = host;
    this.control = control;
  }

  /** Begins to watch one. */
  void add(int number, InboundRequest request) {
    open.put(number, request);
    if (!isTelling) {
      isTelling = true;
      tellLater();
    }
  }

  private void tellLater() {
    host.loop().at(host.loop().nowNs() + TELL_EVERY_NS, "tell progress", this::tell);
  }

  private void tell() {
    open.values().removeIf(InboundRequest::isOver);
    if (open.isEmpty() || !control.isOpen()) {
      open.clear();
      isTelling = false;
      return;
    }
    open.forEach(
        (number, request) -> {
          if (request.hasMoved()) {
            byte[] count = new ByteWriter(8).u64(request.movedCount()).toBytes();
            // Where the queue is full the next one says as much.
            control.offer(new Outgoing.Frame(SessionFrames.PROGRESS, number, count));
          }
        });
    tellLater();
  }
}
