package holdfast.util;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Sizes as people write them. */
final class ByteSizeTest {
  @ParameterizedTest
  @CsvSource({
    "4096, 4096",
    "0, 0",
    "1k, 1024",
    "64MiB, 67108864",
    "64 mib, 67108864",
    "500M, 524288000",
    "500MB, 500000000",
    "1.5GiB, 1610612736",
    "2TB, 2000000000000",
    "4194304T, 4611686018427387904"
  })
  void sizeIsRead(String text, long sizeBytes) {
    assertEquals(sizeBytes, ByteSize.parse(text));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"", "lots", "-1", "1.2.3G", "12X", "5 PiBs", "4194305T", "9999999999999999999"})
  void nonsenseIsRefusedWithTheTextAndExamples(String text) {
    var failure = assertThrows(IllegalArgumentException.class, () -> ByteSize.parse(text));

    assertTrue(failure.getMessage().endsWith("was=" + text), failure.getMessage());
    assertTrue(failure.getMessage().contains("64GiB"), failure.getMessage());
  }

  @Test
  void sizeIsWrittenWithOneDecimalAtMost() {
    assertEquals("0 B", ByteSize.format(0));
    assertEquals("1023 B", ByteSize.format(1_023));
    assertEquals("1 KiB", ByteSize.format(1_024));
    assertEquals("1.5 GiB", ByteSize.format(1_610_612_736L));
    assertEquals("4 EiB", ByteSize.format(ByteSize.MAX_BYTES));
  }
}
