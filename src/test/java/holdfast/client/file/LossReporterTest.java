package holdfast.client.file;

import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import holdfast.model.ErrorCode;
import holdfast.model.HoldfastException;
import org.junit.jupiter.api.Test;

/** Each handle of a file tells once what was lost, and an fsync whatever a write has told. */
final class LossReporterTest {
  private final Losses losses = new Losses();
  private final Losses.Reporter handle = losses.reporter();

  private void lose(ErrorCode code) {
    losses.add(new HoldfastException(code, "planted"));
  }

  private static void expectLoss(Runnable call) {
    assertEquals(ErrorCode.STORE_FAILED, assertThrows(HoldfastException.class, call::run).code());
  }

  private static void expectNone(Runnable call) {
    assertDoesNotThrow(call::run);
  }

  @Test
  void nothingIsToldWhereNothingIsLost() {
    handle.noteWrite();

    expectNone(handle::onWrite);
    expectNone(handle::onForce);
    expectNone(handle::onClose);
  }

  @Test
  void aWriteTellsALossOnce() {
    lose(ErrorCode.STORE_FAILED);

    expectLoss(handle::onWrite);
    expectNone(handle::onWrite);

    lose(ErrorCode.STORE_FAILED);

    expectLoss(handle::onWrite);
  }

  @Test
  void anFsyncTellsALossOnceThoughAWriteOrACloseToldIt() {
    lose(ErrorCode.STORE_FAILED);
    expectLoss(handle::onWrite);

    expectLoss(handle::onForce);
    expectNone(handle::onForce);

    lose(ErrorCode.STORE_FAILED);
    expectLoss(handle::onClose);

    expectLoss(handle::onForce);
    expectNone(handle::onForce);
  }

  @Test
  void aWriteDoesntTellWhatAnFsyncTold() {
    lose(ErrorCode.STORE_FAILED);
    expectLoss(handle::onForce);

    expectNone(handle::onWrite);
  }

  /** It may be a child that closes what it inherited, and looks at no answer. */
  @Test
  void everyCloseOfAHandleThatWasWrittenThroughTellsALossUntilAnFsyncDoes() {
    handle.noteWrite();
    lose(ErrorCode.STORE_FAILED);
    expectLoss(handle::onWrite);

    expectLoss(handle::onClose);
    expectLoss(handle::onClose);

    expectLoss(handle::onForce);
    expectNone(handle::onClose);
  }

  @Test
  void aHandleThatNothingWasWrittenThroughTellsALossAtOneClose() {
    lose(ErrorCode.STORE_FAILED);

    expectLoss(handle::onClose);
    expectNone(handle::onClose);
  }

  @Test
  void aCloseDoesntTellWhatWasLostBeforeTheHandleWasOpened() {
    lose(ErrorCode.STORE_FAILED);
    Losses.Reporter later = losses.reporter();
    later.noteWrite();

    expectNone(later::onWrite);
    expectNone(later::onClose);
  }

  @Test
  void eachHandleTellsALoss() {
    Losses.Reporter other = losses.reporter();
    lose(ErrorCode.STORE_FAILED);

    expectLoss(handle::onForce);
    expectLoss(other::onWrite);
    expectLoss(other::onForce);
    expectNone(handle::onForce);
  }

  /** As Linux has it: who opens the file later hears of what nobody has heard of. */
  @Test
  void aLaterHandlesFsyncTellsALossThatNoFsyncHasTold() {
    lose(ErrorCode.STORE_FAILED);
    expectLoss(handle::onWrite);
    Losses.Reporter second = losses.reporter();

    expectLoss(second::onForce);

    Losses.Reporter third = losses.reporter();
    expectNone(third::onForce);
    expectLoss(handle::onForce);
  }

  @Test
  void whatIsToldIsTheLastLossAsOneThatIsFinal() {
    lose(ErrorCode.STORE_FAILED);
    lose(ErrorCode.TIMED_OUT);

    var told = assertThrows(HoldfastException.class, handle::onWrite);

    assertEquals(ErrorCode.STORE_FAILED, told.code(), "after a timeout all would still be here");
    assertEquals("gave up: planted", told.getMessage());

    lose(ErrorCode.NO_SPACE);

    assertEquals(ErrorCode.NO_SPACE, assertThrows(HoldfastException.class, handle::onWrite).code());
  }

  @Test
  void aCallTellsWhatWasLostWhileItRan() {
    lose(ErrorCode.STORE_FAILED);
    long before = losses.count();

    expectNone(() -> losses.throwSince(before));

    lose(ErrorCode.STORE_FAILED);

    expectLoss(() -> losses.throwSince(before));
    assertEquals(before + 1, losses.count());
  }
}
