package holdfast.client.file;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

/** An open file that has no name any more is pinned once, and let go once. */
final class LinkStateTest {
  private final LinkState link = new LinkState();

  @Test
  void aFileThatHasItsNameIsntPinned() {
    assertFalse(link.isNameless());
    assertFalse(link.isPinned());
    assertFalse(link.closed());
  }

  @Test
  void whoHearsFirstThatTheNameIsGoneAsksForThePin() {
    assertTrue(link.lostName(false));

    assertTrue(link.isNameless());
    assertTrue(link.isPinned());
    assertFalse(link.lostName(false), "it is heard of twice, and asked for once");
  }

  @Test
  void aRemovalThatHasPinnedTheFileNeedsNoOtherRequest() {
    assertFalse(link.lostName(true));

    assertTrue(link.isPinned());
    assertFalse(link.lostName(false));
  }

  @Test
  void aPinThatCouldntBeAskedForIsAskedForAgain() {
    link.lostName(false);

    link.pinFailed();

    assertFalse(link.isPinned());
    assertTrue(link.lostName(false));
  }

  @Test
  void whatWasPinnedIsLetGoAtTheLastCloseAndNotPinnedAgain() {
    link.lostName(false);

    assertTrue(link.closed());

    assertFalse(link.isPinned());
    assertFalse(link.lostName(false));
    assertFalse(link.isPinned());
    assertFalse(link.closed());
  }

  @Test
  void whatThePoolDoesntKnowIsntLetGo() {
    link.lostName(false);

    assertFalse(link.gone(), "it had no name");

    assertFalse(link.closed());
  }

  @Test
  void aFileThatIsGoneHadItsNameUntilThen() {
    assertTrue(link.gone());

    assertTrue(link.isNameless());
    assertFalse(link.gone());
  }

  @Test
  void aNameThatIsFoundAfterALostSessionNeverWasRemoved() {
    link.lostName(false);
    link.sessionLost();
    assertTrue(link.isNameless(), "as far as is known");

    link.foundNamed();

    assertFalse(link.isNameless());
  }

  @Test
  void aNameThatIsFoundInTheSameSessionWasReadBeforeItsRemoval() {
    link.lostName(false);

    link.foundNamed();

    assertTrue(link.isNameless());
  }

  @Test
  void aNameThatIsGoneAlsoInTheNextSessionIsGone() {
    link.lostName(false);
    link.sessionLost();
    link.lostName(false);

    link.foundNamed();

    assertTrue(link.isNameless());
  }

  @Test
  void aFileThatIsGoneHasNoNameInAnySession() {
    link.gone();
    link.sessionLost();

    link.foundNamed();

    assertTrue(link.isNameless());
  }
}
