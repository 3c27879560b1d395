package holdfast.network;

import holdfast.model.ErrorCode;
import holdfast.model.HoldfastException;
import holdfast.model.NetworkException;
import holdfast.port.Body;
import holdfast.util.MonotonicClock;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;

/**
 * The bounded queue of what one connection has yet to write. Any thread offers; the connection's
 * writer takes. Frames go first, then one piece of one body; one body is in flight at a time, and
 * one that is all there starts before one that still arrives.
 */
final class Outbox {
  /** Most frames waiting; beyond it offers are refused. */
  static final int FRAMES_MAX = 4_096;

  /** Most bytes of frames waiting. */
  static final int FRAMES_MAX_BYTES = 16 << 20;

  /** Most bodies waiting. */
  static final int BODIES_MAX = 64;

  /** What the writer does next. */
  sealed interface Step {
    /** Write these frames. */
    record Frames(List<Outgoing.Frame> frames) implements Step {}

    /** Write one piece of a body, behind its message when it is the first. */
    record Piece(Outgoing.WithBody outgoing, int offsetBytes, int countBytes) implements Step {
      /** True when the body ends with it. */
      boolean isLast() {
        return offsetBytes + countBytes == outgoing.body().lengthBytes();
      }
    }

    /** Write that no more of a body comes. */
    record Abort(Outgoing.WithBody outgoing, int offsetBytes, HoldfastException why)
        implements Step {}

    /** Write CLOSE and stop. */
    record End() implements Step {}
  }

  private final MonotonicClock clock;
  private final long bodyStallNs;
  private final ReentrantLock lock = new ReentrantLock();
  private final Condition changed = lock.newCondition();
  private final ArrayDeque<Outgoing.Frame> frames = new ArrayDeque<>();
  private final ArrayDeque<Outgoing.WithBody> bodies = new ArrayDeque<>();
  private final ArrayList<Runnable> toRun = new ArrayList<>();
  private int framesBytes;

  /** Bytes of bodies handed to the writer so far. */
  private long sentBytes;

  private Outgoing.WithBody current;
  private boolean isEnding;
  private boolean isClosed;

  Outbox(MonotonicClock clock, long bodyStallNs) {
    this.clock = clock;
    this.bodyStallNs = bodyStallNs;
  }

  /** Queues a frame; false when the queue is full or closed. Never blocks. */
  boolean offer(Outgoing.Frame frame) {
    lock.lock();
    try {
      if (isEnding
          || isClosed
          || frames.size() >= FRAMES_MAX
          || framesBytes + frame.sizeBytes() > FRAMES_MAX_BYTES) {
        return false;
      }
      frames.add(frame);
      framesBytes += frame.sizeBytes();
      changed.signal();
      return true;
    } finally {
      lock.unlock();
    }
  }

  /** Queues a message with a body; false when the queue is full or closed. Never blocks. */
  boolean offer(Outgoing.WithBody outgoing) {
    lock.lock();
    try {
      if (isEnding || isClosed || bodies.size() >= BODIES_MAX) {
        return false;
      }
      bodies.add(outgoing);
      changed.signal();
    } finally {
      lock.unlock();
    }
    Body body = outgoing.body();
    if (!body.isComplete()) {
      body.onProgress(this::wake);
      // What arrived before the line above has woken nobody.
      wake();
    }
    body.whenEnded(whyOrNull -> sourceEnded(outgoing, whyOrNull));
    return true;
  }

  /** Sends no more of a body: what has not started is dropped, what has is aborted. */
  void cancel(Outgoing.WithBody outgoing, HoldfastException why) {
    lock.lock();
    try {
      outgoing.failLocked(why);
      changed.signal();
    } finally {
      lock.unlock();
    }
  }

  /** Bytes of bodies sent until this one was, itself included; rises until then. */
  long sentFor(Outgoing.WithBody outgoing) {
    lock.lock();
    try {
      return outgoing.isSentLocked() ? outgoing.sentUpToLocked() : sentBytes;
    } finally {
      lock.unlock();
    }
  }

  /** Bodies waiting or in flight: what a new one would wait for. */
  int bodyCount() {
    lock.lock();
    try {
      return bodies.size() + (current == null ? 0 : 1);
    } finally {
      lock.unlock();
    }
  }

  /** Takes no more; what is queued as frames is still written, then CLOSE. */
  void end() {
    lock.lock();
    try {
      isEnding = true;
      changed.signal();
    } finally {
      lock.unlock();
    }
  }

  /** Takes and gives no more; every body is let go of. */
  void close() {
    var dropped = new ArrayList<Outgoing.WithBody>();
    lock.lock();
    try {
      if (isClosed) {
        return;
      }
      isClosed = true;
      frames.clear();
      dropped.addAll(bodies);
      bodies.clear();
      if (current != null) {
        dropped.add(current);
        current = null;
      }
      changed.signalAll();
    } finally {
      lock.unlock();
    }
    runCallbacks();
    dropped.forEach(outgoing -> outgoing.onEnded().run());
  }

  /** The writer's next step; waits for one. Null once closed. */
  Step take() throws InterruptedException {
    while (true) {
      Step step;
      lock.lock();
      try {
        step = nextLocked();
        if (step == null && toRun.isEmpty() && !isClosed) {
          awaitLocked();
        }
      } finally {
        lock.unlock();
      }
      runCallbacks();
      if (step != null) {
        return step;
      }
      if (isClosedNow()) {
        return null;
      }
    }
  }

  private boolean isClosedNow() {
    lock.lock();
    try {
      return isClosed;
    } finally {
      lock.unlock();
    }
  }

  private void awaitLocked() throws InterruptedException {
    if (current == null && bodies.isEmpty()) {
      changed.await();
    } else {
      changed.awaitNanos(bodyStallNs);
    }
  }

  private Step nextLocked() {
    if (isClosed) {
      return null;
    }
    if (!frames.isEmpty()) {
      var all = List.copyOf(frames);
      frames.clear();
      framesBytes = 0;
      return new Step.Frames(all);
    }
    if (isEnding) {
      return new Step.End();
    }
    if (current == null) {
      current = chooseLocked();
      if (current == null) {
        return null;
      }
      current.startLocked(clock.nowNs());
    }
    return pieceLocked(current);
  }

  private Step pieceLocked(Outgoing.WithBody outgoing) {
    long nowNs = clock.nowNs();
    int offsetBytes = outgoing.sentBytesLocked();
    int countBytes = outgoing.failureLocked() == null ? outgoing.pieceBytesLocked() : 0;
    if (countBytes > 0) {
      sentBytes += countBytes;
      outgoing.sentLocked(countBytes, nowNs, sentBytes);
      if (offsetBytes + countBytes == outgoing.body().lengthBytes()) {
        current = null;
      }
      return new Step.Piece(outgoing, offsetBytes, countBytes);
    }
    if (outgoing.failureLocked() == null && nowNs - outgoing.progressNsLocked() >= bodyStallNs) {
      outgoing.failLocked(
          new NetworkException(
              ErrorCode.TIMED_OUT,
              "send body: expected=more bytes from its source, was=silence, body="
                  + outgoing.body()));
    }
    HoldfastException why = outgoing.failureLocked();
    if (why == null) {
      return null;
    }
    current = null;
    if (outgoing.isStartedLocked()) {
      toRun.add(outgoing.onEnded());
      return new Step.Abort(outgoing, offsetBytes, why);
    }
    dropLocked(outgoing, why);
    return null;
  }

  private Outgoing.WithBody chooseLocked() {
    Outgoing.WithBody chosen = null;
    for (var waiting = bodies.iterator(); waiting.hasNext(); ) {
      Outgoing.WithBody outgoing = waiting.next();
      if (outgoing.failureLocked() != null) {
        waiting.remove();
        dropLocked(outgoing, outgoing.failureLocked());
      } else if (outgoing.isAllThereLocked()) {
        chosen = outgoing;
        break;
      } else if (chosen == null && outgoing.pieceBytesLocked() > 0) {
        chosen = outgoing;
      }
    }
    bodies.remove(chosen);
    return chosen;
  }

  private void dropLocked(Outgoing.WithBody outgoing, HoldfastException why) {
    toRun.add(() -> outgoing.onUnsent().accept(why));
    toRun.add(outgoing.onEnded());
  }

  private void runCallbacks() {
    List<Runnable> now;
    lock.lock();
    try {
      now = List.copyOf(toRun);
      toRun.clear();
    } finally {
      lock.unlock();
    }
    now.forEach(Runnable::run);
  }

  private void sourceEnded(Outgoing.WithBody outgoing, HoldfastException whyOrNull) {
    lock.lock();
    try {
      outgoing.endSourceLocked(whyOrNull);
      changed.signal();
    } finally {
      lock.unlock();
    }
  }

  private void wake() {
    lock.lock();
    try {
      changed.signal();
    } finally {
      lock.unlock();
    }
  }
}
