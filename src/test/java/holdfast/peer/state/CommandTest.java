package holdfast.peer.state;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import holdfast.metadata.op.Operation;
import holdfast.metadata.op.RequestId;
import holdfast.model.ClientId;
import holdfast.model.HostPort;
import holdfast.model.NodeId;
import holdfast.placement.PeerEntry;
import holdfast.placement.PeerState;
import holdfast.placement.PoolSettings;
import holdfast.util.ByteReader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.TreeMap;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

class CommandTest {
  private static final Path DOCUMENT = Path.of("docs", "architecture-peer.md");
  private static final Pattern ROW = Pattern.compile("\\| `(\\w+)` \\| (\\d+) \\|.*");
  private static final NodeId NODE = new NodeId(1, 2, 3, 4);
  private static final ClientId CLIENT = new ClientId(5, 6);

  private static final List<Command> ALL =
      List.of(
          new Command.ChangeNamespace(new RequestId(CLIENT, 7, 6), new Operation.Pin(8, 9)),
          new Command.CreatePool(PoolSettings.DEFAULT, 1, 2, 3),
          new Command.ListPeer(
              new PeerEntry(
                  NODE, new HostPort("10.0.0.1", 8000), 1 << 20, 1, "h", "z", PeerState.UP, 3)),
          new Command.SetPeerState(NODE, PeerState.DOWN),
          new Command.ChangeSettings(PoolSettings.DEFAULT),
          new Command.SetDataKey(10),
          new Command.AdvanceEpoch(11),
          new Command.BeginSession(CLIENT),
          new Command.EndSession(CLIENT),
          new Command.RemoveOrphans(List.of(12L, 13L)),
          new Command.Settled(14),
          new Command.Revert(15, 16, 17),
          new Command.SetLease(2_000));

  @Test
  void whatWasWrittenIsReadAndACutIsMalformed() {
    for (Command command : ALL) {
      byte[] bytes = command.toBytes();

      assertEquals(command, Command.of(bytes));
      byte[] cut = Arrays.copyOf(bytes, bytes.length - 1);
      assertThrows(ByteReader.Malformed.class, () -> Command.of(cut), command::toString);
      byte[] longer = Arrays.copyOf(bytes, bytes.length + 1);
      assertThrows(ByteReader.Malformed.class, () -> Command.of(longer), command::toString);
    }
    assertThrows(ByteReader.Malformed.class, () -> Command.of(new byte[] {14}));
  }

  @Test
  void theDocumentsTagsAreThoseInTheCode() throws IOException {
    var documented = new TreeMap<Integer, String>();
    for (String line : Files.readAllLines(DOCUMENT)) {
      var row = ROW.matcher(line);
      if (row.matches()) {
        documented.put(Integer.valueOf(row.group(2)), row.group(1));
      }
    }
    var coded = new TreeMap<Integer, String>();
    ALL.forEach(
        command -> coded.put((int) command.toBytes()[0], command.getClass().getSimpleName()));

    assertEquals(coded, documented);
    assertEquals(Command.class.getPermittedSubclasses().length, ALL.size());
  }
}
