package holdfast.port;

import holdfast.model.HoldfastException;
import holdfast.protocol.Reply;

/**
 * The callback for the reply to one request. Any thread; the first call counts, later ones are
 * dropped.
 */
public interface Responder {
  /** Answers, with the bytes that belong to it or null. */
  void reply(Reply reply, Body bodyOrNull);

  /** Answers that it failed: a {@link Reply.Failure} without a hint who leads. */
  default void fail(HoldfastException why) {
    reply(new Reply.Failure(why.code(), String.valueOf(why.getMessage()), null), null);
  }
}
