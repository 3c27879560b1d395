package holdfast.network;

import static org.assertj.core.api.Assertions.assertThat;

import holdfast.crypto.handshake.FrameFormat;
import holdfast.crypto.handshake.HandshakeFormat;
import holdfast.port.Body;
import holdfast.port.Transport;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** docs/sessions.md says what the code does. */
class NetworkDocumentsTest {
  @Test
  void frameTypesAreTheDocumentedOnes() throws Exception {
    var rows = rowsOf("docs/sessions.md");

    assertThat(rows.get("" + SessionFrames.CLOSE)).startsWith("CLOSE");
    assertThat(rows.get("" + SessionFrames.BODY)).startsWith("BODY");
    assertThat(rows.get("" + SessionFrames.PING)).startsWith("PING");
    assertThat(rows.get("" + SessionFrames.PONG)).startsWith("PONG");
    assertThat(rows.get("" + SessionFrames.BULK_WANTED)).startsWith("BULK_WANTED");
    assertThat(rows.get("" + SessionFrames.PROGRESS)).startsWith("PROGRESS");
    assertThat(rows.get("" + SessionFrames.RELAY)).startsWith("RELAY");
    assertThat(rows.get("" + SessionFrames.RELAYED)).startsWith("RELAYED");
    assertThat(rows.get("" + FrameFormat.TYPE_REKEY)).startsWith("REKEY");
  }

  @Test
  void limitsAreTheDocumentedOnes() throws Exception {
    var rows = rowsOf("docs/sessions.md");
    var limits = NetworkLimits.standard();

    assertRow(rows, "connections without a valid M1", StrangerGate.STRANGERS_MAX);
    assertRow(rows, "… from one address (IPv6: /64)", StrangerGate.STRANGERS_PER_ADDRESS_MAX);
    assertRow(rows, "handshakes with a valid M1", StrangerGate.PROVED_MAX);
    assertRow(rows, "… of one address", StrangerGate.PROVED_PER_ADDRESS_MAX);
    assertRow(
        rows,
        "connections of all kinds before their handshake is done",
        StrangerGate.CONNECTIONS_MAX);
    assertRow(rows, "valid M1 a second and address", StrangerGate.HELLOS_PER_SECOND_MAX);
    assertRow(rows, "handshakes waiting for the RSA thread", RsaQueue.WAITING_MAX);
    assertRow(rows, "sessions of a node", NodeTransport.SESSIONS_MAX);
    assertRow(rows, "dials under way", Dialer.DIALS_MAX);
    assertRow(rows, "requests pending in a node, in a session", Transport.REQUESTS_MAX);
    assertRow(rows, "relayed connections of a relay", Relays.RELAYS_MAX);
    assertRow(rows, "… of one asker", Relays.OF_ASKER_MAX);
    assertRow(
        rows,
        "connections of one session for relays, those without RELAY included",
        Relays.OF_SESSION_MAX);
    assertThat(Files.readString(Path.of("docs/sessions.md")))
        .contains("At most " + Link.RELAYS_ASKED_MAX + " relays are asked")
        .contains("after " + DialRace.SECOND_AFTER_NS / 1_000_000 + " ms without an answer");
    assertRow(rows, "frames queued on a connection", Outbox.FRAMES_MAX);
    assertRow(rows, "bodies queued on a connection", Outbox.BODIES_MAX);
    assertRow(rows, "requests waiting for a bulk connection", Session.BULK_WAITING_MAX);
    assertRow(rows, "messages of a connection waiting for the loop", Session.TASKS_MAX);
    assertRow(rows, "client's request", limits.clientBodiesMax());
    assertRow(rows, "peer's replica request", limits.replicaBodiesMax());
    assertRow(rows, "reply to an own request", limits.fetchedBodiesMax());
    assertThat(limits.handshakeSilenceNs()).isEqualTo(5_000_000_000L);
    assertThat(rows.get("silence in a handshake")).isEqualTo("5 s");
    assertThat(rows.get("silence after BULK_WANTED")).isEqualTo("5 s");
    assertThat(limits.handshakeSilenceNs() / Silence.LOOKS).isEqualTo(1_000_000_000L);
    assertThat(Files.readString(Path.of("docs/protocol-handshake.md")))
        .contains("hence " + grouped(HandshakeFormat.PLACE_MAX) + " at most")
        .contains("WAIT, responder to initiator, " + HandshakeFormat.WAIT_BYTES + " bytes")
        .contains("the " + (HandshakeFormat.WAITS_MAX + 1) + "th WAIT");
    assertThat(SocketInput.STRANGER_BYTES_MAX).isEqualTo(8 << 10);
    assertThat(Files.readString(Path.of("docs/sessions.md")))
        .contains("1 to " + grouped(Body.MAX_BYTES))
        .contains("1 to " + grouped(BodyHeader.PIECE_MAX_BYTES));
  }

  private static void assertRow(Map<String, String> rows, String name, int bound) {
    assertThat(rows.get(name)).as(name).isNotNull().startsWith(grouped(bound));
  }

  private static String grouped(int number) {
    return String.format(java.util.Locale.ROOT, "%,d", number);
  }

  /** Rows of the tables: the first cell, and the second. */
  private static Map<String, String> rowsOf(String file) throws Exception {
    var rows = new HashMap<String, String>();
    for (String line : Files.readAllLines(Path.of(file))) {
      if (line.startsWith("|")) {
        String[] cells = line.split("\\|", -1);
        rows.put(cells[1].strip(), cells[2].strip());
      }
    }
    return rows;
  }
}
