package holdfast.network;

import static org.assertj.core.api.Assertions.assertThat;

import holdfast.model.ChunkId;
import holdfast.model.ErrorCode;
import holdfast.model.HoldfastException;
import holdfast.model.NetworkException;
import holdfast.port.Body;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(20)
class OutboxTest {
  private static final long STALL_NS = TimeUnit.MILLISECONDS.toNanos(50);
  private static final ChunkId CHUNK = new ChunkId(1, 2, 3, 4);
  private static final int PIECE = BodyHeader.PIECE_MAX_BYTES;

  private final AtomicLong nowNs = new AtomicLong();
  private final Outbox outbox = new Outbox(nowNs::get, STALL_NS);
  private final List<String> told = new ArrayList<>();

  @Test
  void framesPassBetweenThePiecesOfABody() throws Exception {
    outbox.offer(body("a", Body.whole(new byte[2 * PIECE + 1])));

    assertThat(piece(outbox.take())).isEqualTo("a 0+" + PIECE);
    outbox.offer(frame(9));
    assertThat(outbox.take()).isInstanceOf(Outbox.Step.Frames.class);
    assertThat(piece(outbox.take())).isEqualTo("a " + PIECE + "+" + PIECE);
    assertThat(piece(outbox.take())).isEqualTo("a " + 2 * PIECE + "+1");
  }

  @Test
  void onlyWholePiecesAndTheLastOneOfAnArrivingBodyAreSent() throws Exception {
    var arriving = Body.arriving(new byte[PIECE + 10], PIECE + 10);
    outbox.offer(body("a", arriving));
    outbox.offer(body("b", Body.whole(new byte[5])));

    arriving.advance(PIECE - 1);
    assertThat(piece(outbox.take())).isEqualTo("b 0+5");
    arriving.advance(1);
    assertThat(piece(outbox.take())).isEqualTo("a 0+" + PIECE);
    arriving.advance(10);
    assertThat(piece(outbox.take())).isEqualTo("a " + PIECE + "+10");
  }

  @Test
  void aSourceThatFailsMidwayEndsInAnAbortAndTheNextBodyFollows() throws Exception {
    var arriving = Body.arriving(new byte[2 * PIECE], 2 * PIECE);
    outbox.offer(body("a", arriving));
    outbox.offer(body("b", Body.whole(new byte[5])));
    arriving.advance(PIECE);
    assertThat(piece(outbox.take())).isEqualTo("b 0+5");
    assertThat(piece(outbox.take())).isEqualTo("a 0+" + PIECE);

    arriving.fail(failure(ErrorCode.CHUNK_CORRUPT));
    var abort = (Outbox.Step.Abort) outbox.take();

    assertThat(abort.offsetBytes()).isEqualTo(PIECE);
    assertThat(abort.why().code()).isEqualTo(ErrorCode.CHUNK_CORRUPT);
    assertThat(told).containsExactly("a ended");
  }

  @Test
  void aSourceThatFailsBeforeItsFirstPieceSendsNothing() throws Exception {
    var arriving = Body.arriving(new byte[10], 10);
    outbox.offer(body("a", arriving));
    arriving.fail(failure(ErrorCode.CHUNK_CORRUPT));
    outbox.offer(body("b", Body.whole(new byte[5])));

    assertThat(piece(outbox.take())).isEqualTo("b 0+5");
    assertThat(told).containsExactly("a unsent CHUNK_CORRUPT", "a ended");
  }

  @Test
  void aSourceThatStallsIsAborted() throws Exception {
    var arriving = Body.arriving(new byte[2 * PIECE], 2 * PIECE);
    outbox.offer(body("a", arriving));
    arriving.advance(PIECE);
    assertThat(piece(outbox.take())).isEqualTo("a 0+" + PIECE);

    nowNs.addAndGet(STALL_NS);
    var abort = (Outbox.Step.Abort) outbox.take();

    assertThat(abort.why().code()).isEqualTo(ErrorCode.TIMED_OUT);
  }

  @Test
  void aCancelledBodyIsDroppedOrAborted() throws Exception {
    var first = body("a", Body.whole(new byte[2 * PIECE]));
    var second = body("b", Body.whole(new byte[PIECE]));
    outbox.offer(first);
    outbox.offer(second);
    assertThat(piece(outbox.take())).isEqualTo("a 0+" + PIECE);

    outbox.cancel(first, failure(ErrorCode.TIMED_OUT));
    outbox.cancel(second, failure(ErrorCode.TIMED_OUT));
    outbox.offer(body("c", Body.whole(new byte[3])));

    assertThat(outbox.take()).isInstanceOf(Outbox.Step.Abort.class);
    assertThat(piece(outbox.take())).isEqualTo("c 0+3");
    assertThat(told).containsExactly("a ended", "b unsent TIMED_OUT", "b ended");
  }

  @Test
  void whatDoesNotFitIsRefused() {
    for (int i = 0; i < Outbox.FRAMES_MAX; i++) {
      assertThat(outbox.offer(frame(i))).isTrue();
    }
    assertThat(outbox.offer(frame(0))).isFalse();

    for (int i = 0; i < Outbox.BODIES_MAX; i++) {
      assertThat(outbox.offer(body("x", Body.whole(new byte[1])))).isTrue();
    }
    assertThat(outbox.offer(body("x", Body.whole(new byte[1])))).isFalse();
  }

  @Test
  void theQueueIsBoundedInBytesToo() {
    var large = new Outgoing.Frame(16, 1, new byte[1 << 20]);
    int count = 0;
    while (outbox.offer(large)) {
      count++;
    }
    assertThat(count).isEqualTo(15);
  }

  @Test
  void closingLetsGoOfEveryBody() throws Exception {
    outbox.offer(body("a", Body.whole(new byte[2 * PIECE])));
    outbox.offer(body("b", Body.whole(new byte[5])));
    outbox.take();

    outbox.close();

    assertThat(told).containsExactlyInAnyOrder("a ended", "b ended");
    assertThat(outbox.take()).isNull();
    assertThat(outbox.offer(frame(1))).isFalse();
  }

  @Test
  void closeIsTheLastFrame() throws Exception {
    outbox.offer(frame(1));
    outbox.end();

    assertThat(outbox.offer(frame(2))).isFalse();
    assertThat(outbox.take()).isInstanceOf(Outbox.Step.Frames.class);
    assertThat(outbox.take()).isInstanceOf(Outbox.Step.End.class);
  }

  private Outgoing.WithBody body(String name, Body body) {
    return new Outgoing.WithBody(
        new Outgoing.Frame(16, name.charAt(0), new byte[1]),
        false,
        CHUNK,
        true,
        body,
        why -> told.add(name + " unsent " + why.code()),
        () -> told.add(name + " ended"));
  }

  private static Outgoing.Frame frame(int request) {
    return new Outgoing.Frame(16, request, new byte[1]);
  }

  private static String piece(Outbox.Step step) {
    var piece = (Outbox.Step.Piece) step;
    return (char) piece.outgoing().message().request()
        + " "
        + piece.offsetBytes()
        + "+"
        + piece.countBytes();
  }

  private static HoldfastException failure(ErrorCode code) {
    return new NetworkException(code, "test: expected=nothing");
  }
}
