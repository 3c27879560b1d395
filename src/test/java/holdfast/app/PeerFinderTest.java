package holdfast.app;

import static org.assertj.core.api.Assertions.assertThat;

import holdfast.model.ErrorCode;
import holdfast.model.HoldfastException;
import java.io.IOException;
import java.net.ConnectException;
import java.net.NoRouteToHostException;
import java.net.SocketTimeoutException;
import java.net.UnknownHostException;
import org.junit.jupiter.api.Test;

/** Why an address was dialled in vain, as people say it. */
class PeerFinderTest {
  private static String words(IOException cause) {
    return PeerFinder.words(new HoldfastException(ErrorCode.UNREACHABLE, "raw", cause));
  }

  @Test
  void whatTheSystemRefusesIsToldInItsWords() {
    assertThat(words(new UnknownHostException("nowhere: Name or service not known")))
        .isEqualTo("unknown host");
    assertThat(words(new SocketTimeoutException("Connect timed out"))).isEqualTo("no answer");
    assertThat(words(new ConnectException("Connection refused"))).isEqualTo("connection refused");
    assertThat(words(new NoRouteToHostException("No route to host"))).isEqualTo("no route to host");
  }

  @Test
  void whatTheOtherSideSaysIsToldAsItIs() {
    assertThat(words(new ConnectException())).isEqualTo("raw");
    assertThat(PeerFinder.words(new HoldfastException(ErrorCode.REFUSED, "a stranger")))
        .isEqualTo("a stranger");
  }
}
