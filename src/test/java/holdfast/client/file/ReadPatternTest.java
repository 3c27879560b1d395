package holdfast.client.file;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

/** Who reads on is read ahead for, in large steps; who jumps isn't. */
final class ReadPatternTest {
  private static final int READ = 100;
  private static final int AHEAD = 1_000;
  private static final int SLACK = 200;

  private final ReadPattern pattern = new ReadPattern();

  private Ranges.Range read(long offset) {
    return pattern.ahead(offset, READ, AHEAD, SLACK);
  }

  private static void expectNothing(Ranges.Range ahead) {
    assertEquals(0, ahead.lengthBytes());
  }

  @Test
  void theSecondReadInARowIsReadAheadFor() {
    expectNothing(read(0));

    assertEquals(new Ranges.Range(200, 1_200), read(100));
  }

  @Test
  void aReaderThatJumpsIsntReadAheadFor() {
    for (int i = 0; i < 10; i++) {
      expectNothing(read(i * 10_000L + 5_000));
    }
  }

  @Test
  void readsSlightlyOutOfOrderAreSequential() {
    expectNothing(read(100));

    assertEquals(new Ranges.Range(200, 1_200), read(0));
    expectNothing(read(200));
    expectNothing(read(320));
  }

  @Test
  void itIsReadAheadInLargeStepsAndNothingTwice() {
    read(0);
    long to = read(100).to();
    int steps = 0;

    for (long offset = 200; offset < 10_000; offset += READ) {
      Ranges.Range ahead = read(offset);
      if (ahead.lengthBytes() > 0) {
        steps++;
        assertEquals(to, ahead.from());
        assertTrue(ahead.lengthBytes() >= AHEAD / 4, "length " + ahead.lengthBytes());
        to = ahead.to();
      }
      assertTrue(to > offset + READ, "read ahead up to " + to + ", read " + offset);
    }

    assertTrue(steps > 10, "steps " + steps);
  }

  @Test
  void afterAJumpItBeginsAnewThere() {
    read(0);
    read(100);

    expectNothing(read(50_000));
    expectNothing(read(50_100));
    assertEquals(new Ranges.Range(50_300, 51_300), read(50_200));

    expectNothing(read(0));
    expectNothing(read(100));
    assertEquals(new Ranges.Range(300, 1_300), read(200), "what is cached may be gone by now");
  }

  @Test
  void onlyAJumpBeyondTheSlackIsOne() {
    read(0);
    assertEquals(READ + SLACK + READ, read(READ + SLACK).from());
    var other = new ReadPattern();
    other.ahead(0, READ, AHEAD, SLACK);

    expectNothing(other.ahead(READ + SLACK + 1, READ, AHEAD, SLACK));
  }
}
