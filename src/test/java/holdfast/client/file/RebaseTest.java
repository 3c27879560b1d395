package holdfast.client.file;

import static holdfast.client.file.ImageText.extent;
import static holdfast.client.file.ImageText.extents;
import static org.junit.jupiter.api.Assertions.assertEquals;

import holdfast.metadata.op.Extent;
import java.util.List;
import org.junit.jupiter.api.Test;

/**
 * Versions as text: small letters are bytes that the pool had, capitals were written here, digits
 * appended; an underscore is a hole that was made here, a minus one within what was appended.
 */
final class RebaseTest {
  private static final long NOT_CUT = Long.MAX_VALUE;

  private static Rebase.Mine mine(int baseBytes, String view) {
    return mine(baseBytes, view, NOT_CUT, 0, List.of());
  }

  private static Rebase.Mine mine(
      int baseBytes, String view, long cutBytes, long pendingEnd, List<Ranges.Range> done) {
    var written = new Ranges();
    var appended = new Ranges();
    for (int i = 0; i < view.length(); i++) {
      char each = view.charAt(i);
      if (Character.isDigit(each) || each == '-') {
        appended.add(i, i + 1);
      }
      if (!Character.isLowerCase(each) && each != '.') {
        written.add(i, i + 1);
      }
    }
    return new Rebase.Mine(
        baseBytes,
        extents(view.replace('_', '.').replace('-', '.')),
        view.length(),
        cutBytes,
        written,
        appended.list(),
        done,
        pendingEnd);
  }

  private static Rebase over(String newer, Rebase.Mine mine) {
    return Rebase.of(mine, newer.length(), extents(newer));
  }

  private static String text(Rebase rebase) {
    return ImageText.text(rebase.view(), rebase.sizeBytes());
  }

  private static List<Ranges.Range> ranges(long from, long to) {
    return List.of(new Ranges.Range(from, to));
  }

  @Test
  void whereNothingWasWrittenTheNewerVersionIsAsItIs() {
    Rebase shorter = over("bb", mine(4, "aaaa"));
    Rebase longer = over("bbbbbb", mine(4, "aaaa"));

    assertEquals("bb", text(shorter));
    assertEquals("bbbbbb", text(longer));
    assertEquals(List.of(), longer.written().list());
    assertEquals(Rebase.NOT_MOVED, longer.appendsFrom());
  }

  @Test
  void whatWasWrittenStaysAtItsOffset() {
    Rebase rebase = over("bbbbbb", mine(4, "aXXa"));

    assertEquals("bXXbbb", text(rebase));
    assertEquals(ranges(1, 3), rebase.written().list());
  }

  @Test
  void aHoleThatWasMadeStaysAtItsOffset() {
    Rebase rebase = over("bbbbbb", mine(4, "a__a"));

    assertEquals("b..bbb", text(rebase));
    assertEquals(ranges(1, 3), rebase.written().list());
  }

  @Test
  void whatWasWrittenBehindTheNewerEndMakesTheFileReachThere() {
    assertEquals("b.XX", text(over("b", mine(6, "aaXXaa"))));
    assertEquals("b...", text(over("b", mine(4, "aaaa", NOT_CUT, 4, List.of()))), "in flight");
    assertEquals("bbb..", text(over("bbb", mine(2, "aa..."))), "made longer here");
  }

  @Test
  void aCutCutsTheNewerVersion() {
    Rebase rebase = over("bbbbbb", mine(4, "aX", 2, 0, List.of()));

    assertEquals("bX", text(rebase));
    assertEquals(ranges(1, 6), rebase.written().list(), "with what was cut off of it");
  }

  @Test
  void whatTheNewerVersionHasBehindACutDoesntReturnWhenTheFileGrew() {
    Rebase rebase = over("bbbbbb", mine(4, "aa..X", 2, 0, List.of()));

    assertEquals("bb..X", text(rebase));
    assertEquals(ranges(2, 6), rebase.written().list());
  }

  @Test
  void whatWasAppendedStaysBehindACut() {
    Rebase rebase = over("bbbbbb", mine(4, "aa11", 2, 0, List.of()));

    assertEquals("bb11", text(rebase));
    assertEquals(Rebase.NOT_MOVED, rebase.appendsFrom());
  }

  @Test
  void whatWasAppendedGoesBehindTheNewerEndInOrder() {
    Rebase longer = over("bbbbbb", mine(4, "aaaa1223"));
    Rebase shorter = over("b", mine(4, "aaaa1223"));

    assertEquals("bbbbbb1223", text(longer));
    assertEquals(6, longer.appendsFrom());
    assertEquals(ranges(6, 10), longer.written().list());
    assertEquals("b1223", text(shorter));
  }

  @Test
  void whatWasAppendedStaysBehindAVersionOfTheSameSize() {
    Rebase rebase = over("bb", mine(2, "aa11"));

    assertEquals("bb11", text(rebase));
    assertEquals(Rebase.NOT_MOVED, rebase.appendsFrom());
    assertEquals(ranges(2, 4), rebase.written().list());
  }

  @Test
  void whatWasWrittenBeyondTheEndBetweenTwoAppendsStaysBeforeBoth() {
    Rebase little = over("bbb", mine(2, "aa11.X22"));
    Rebase much = over("bbbbbbbb", mine(2, "aa11.X22"));

    assertEquals("bbb..X1122", text(little), "without a gap between the two");
    assertEquals(6, little.appendsFrom());
    assertEquals("bbbbbXbb1122", text(much));
    assertEquals(8, much.appendsFrom());
  }

  @Test
  void whatAFileWasMadeLongerByBetweenTwoAppendsStaysBeforeBoth() {
    assertEquals("bbb...1122", text(over("bbb", mine(2, "aa11..22"))));
  }

  @Test
  void whatWasAppendedStaysBehindWhatMadeTheFileLongerAfterwards() {
    assertEquals("bbb...X11", text(over("bbb", mine(2, "aa11..X"))));
    assertEquals("bbb....11", text(over("bbb", mine(2, "aa11..."))));
  }

  @Test
  void whatTheNewerVersionHasAlreadyIsntAppendedAgain() {
    Rebase.Mine mine = mine(2, "aa112233", NOT_CUT, 0, ranges(2, 4));

    Rebase rebase = over("aa11bbb", mine);

    assertEquals("aa11bbb2233", text(rebase));
    assertEquals(7, rebase.appendsFrom());
    assertEquals(ranges(7, 11), rebase.written().list());
  }

  @Test
  void aHoleInWhatWasAppendedMovesWithIt() {
    Rebase rebase = over("bbb", mine(2, "aa1-12"));

    assertEquals("bbb1.12", text(rebase));
    assertEquals(ranges(3, 7), rebase.written().list());
  }

  @Test
  void whatMovesIsTheSamePartOfItsChunk() {
    Rebase rebase = over("bbb", mine(2, "aa1122"));

    Extent first = rebase.view().get(1);
    assertEquals(3, first.fileOffset());
    assertEquals(extent(2, 4, '1').chunkOffset(), first.chunkOffset());
    assertEquals(extent(2, 4, '1').chunk(), first.chunk());
    assertEquals(extent(2, 4, '1').salt(), first.salt());
  }

  /** It zeroed what another client appended afterwards. */
  @Test
  void aHoleBehindTheNewerEndIsNoneInWhatOthersAppendThere() {
    Rebase rebase = over("bb", mine(6, "aaa___"));
    Rebase moved = over("bb", mine(6, "aaa___11"));

    assertEquals("bb", text(rebase));
    assertEquals(List.of(), rebase.written().list());
    assertEquals("bb11", text(moved));
    assertEquals(ranges(2, 4), moved.written().list());
  }

  @Test
  void aHoleThatEndsTheFileHereDoesntMakeTheNewerVersionLonger() {
    Rebase rebase = over("bbb", mine(6, "aa____"));

    assertEquals("bb.", text(rebase));
    assertEquals(ranges(2, 3), rebase.written().list());
  }

  @Test
  void whatWasDoneHereIsLeftAsItWas() {
    Rebase.Mine mine = mine(4, "aX__11");

    over("b", mine); // which moves what was appended
    over("bbbb", mine); // which doesn't
    Rebase.Mine other = mine(4, "aX__");
    over("b", other);

    assertEquals(ranges(1, 4), other.written().list());
    assertEquals(mine(4, "aX__11").view(), mine.view());
    assertEquals(ranges(1, 6), mine.written().list());
    assertEquals(ranges(4, 6), mine.appended());
  }
}
