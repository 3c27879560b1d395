package holdfast.peer.view;

import holdfast.model.ErrorCode;
import holdfast.model.HoldfastException;
import holdfast.port.Body;
import holdfast.port.Transport;
import holdfast.protocol.Reply;
import java.util.function.BiConsumer;
import java.util.function.Consumer;

/**
 * Unites the two ways in which a request fails, a failure as reply and no reply, for callers that
 * treat both alike.
 */
public final class Replies {
  private Replies() {}

  /** Calls one of the two, once. */
  public static Transport.ReplyHandler handler(
      BiConsumer<Reply, Body> onReply, Consumer<HoldfastException> onFailure) {
    return handler(onReply, onFailure, () -> {});
  }

  /** Calls one of the first two, once, and the third when something moves before. */
  public static Transport.ReplyHandler handler(
      BiConsumer<Reply, Body> onReply, Consumer<HoldfastException> onFailure, Runnable onProgress) {
    return new Transport.ReplyHandler() {
      @Override
      public void onProgress() {
        onProgress.run();
      }

      @Override
      public void onReply(Reply reply, Body bodyOrNull) {
        if (reply instanceof Reply.Failure failure) {
          onFailure.accept(new HoldfastException(failure.code(), failure.text()));
        } else {
          onReply.accept(reply, bodyOrNull);
        }
      }

      @Override
      public void onFailure(HoldfastException why) {
        onFailure.accept(why);
      }
    };
  }

  public static HoldfastException error(ErrorCode code, String text) {
    return new HoldfastException(code, text);
  }
}
