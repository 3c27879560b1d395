package holdfast.network.discovery;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import org.junit.jupiter.api.Test;

/** docs/discovery.md says what the code does. */
class DiscoveryDocumentTest {
  @Test
  void datagramsAreTheDocumentedOnes() throws Exception {
    var text = Files.readString(Path.of("docs/discovery.md"));

    assertThat(text)
        .contains(
            Datagram.TYPE_REQUEST
                + " REQUEST, "
                + Datagram.TYPE_ANSWER
                + " ANSWER, "
                + Datagram.TYPE_ANNOUNCE
                + " ANNOUNCE")
        .contains("to " + Datagram.REQUEST_PLAIN_BYTES + " or more")
        .contains("below " + Datagram.REQUEST_MIN_BYTES + " bytes")
        .contains("fewer than " + HintFilter.ANSWERS_PER_SECOND_MAX + " answers")
        .contains("At most " + HintFilter.HINTS_PER_SECOND_MAX + " hints")
        .contains("last " + String.format(Locale.ROOT, "%,d", ReplayWindow.NONCES_MAX) + " nonces")
        .contains("UDP port " + DiscoveryOptions.DEFAULT_PORT);
  }
}
