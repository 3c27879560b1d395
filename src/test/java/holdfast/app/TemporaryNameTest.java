package holdfast.app;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class TemporaryNameTest {
  @Test
  void whoFindsOneSeesWhatItIs() {
    assertThat(TemporaryName.of("report.odt", "put", 0x1234L))
        .isEqualTo(".report.odt.holdfast-put-0000000000001234");
  }

  @ParameterizedTest
  @ValueSource(strings = {"a", "ü", "𝄞", "漢"})
  void theLongestNameStillFits(String letter) {
    String wanted = letter.repeat(255 / letter.getBytes(UTF_8).length);

    String name = TemporaryName.of(wanted, "put", -1);

    assertThat(name.getBytes(UTF_8).length).isBetween(100, 143);
    assertThat(new String(name.getBytes(UTF_8), UTF_8)).isEqualTo(name);
    assertThat(TemporaryName.isOne(name, wanted, "put")).isTrue();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "a",
        ".a.holdfast-put-",
        ".a.holdfast-put-123",
        ".a.holdfast-put-000000000000123G",
        ".a.holdfast-put-00000000000012345",
        ".b.holdfast-put-0000000000001234",
        ".a.holdfast-get-0000000000001234",
        "a.holdfast-put-0000000000001234"
      })
  void nothingElseIsTakenForOne(String name) {
    assertThat(TemporaryName.isOne(name, "a", "put")).isFalse();
  }
}
