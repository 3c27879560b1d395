package holdfast.port;

import holdfast.model.HoldfastException;
import holdfast.protocol.Reply;
import java.util.function.LongSupplier;

/**
 * The callback for the reply to one request. Any thread; the first call counts, later ones are
 * dropped.
 */
public interface Responder {
  /**
   * Says what moves while this request is worked on: a number that rises with the work done for it,
   * or before it in its queue, and never with time alone. The asker hears of it now and then, and
   * waits for as long as it rises. Another one takes the place of the last. Loop thread.
   *
   * @param count read on the loop thread, until the reply
   */
  default void working(LongSupplier count) {}

  /** Answers, with the bytes that belong to it or null. */
  void reply(Reply reply, Body bodyOrNull);

  /** Answers that it failed: a {@link Reply.Failure} without a hint who leads. */
  default void fail(HoldfastException why) {
    reply(new Reply.Failure(why.code(), String.valueOf(why.getMessage()), null), null);
  }
}
