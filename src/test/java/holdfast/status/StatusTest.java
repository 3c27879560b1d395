package holdfast.status;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import holdfast.model.LogId;
import holdfast.model.NodeId;
import holdfast.model.PoolId;
import holdfast.protocol.PoolStatus;
import java.io.IOException;
import java.util.ArrayDeque;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

/** The status as text and as JSON. */
final class StatusTest {
  private static PoolStatus status(boolean isSafe, boolean isStale, PoolStatus.Repair repair) {
    return new PoolStatus(
        new PoolId(1, 2, 3, 4),
        isSafe,
        "a \"summary\"",
        isStale,
        3,
        2,
        600_000,
        List.of(
            new PoolStatus.Peer(
                new NodeId(5, 6, 7, 8),
                "127.0.0.1:8000",
                "up",
                1 << 30,
                1 << 29,
                12,
                true,
                false,
                0)),
        new PoolStatus.Copies(12, isSafe ? 0 : 4, 0),
        repair,
        new PoolStatus.Log("leader", 99, false, new LogId(9, 10)),
        0);
  }

  @Test
  void jsonHasEveryPromisedField() throws IOException {
    var fields = fields(StatusJson.of(status(true, false, new PoolStatus.Repair(true, 5_000, -1))));

    assertEquals("true", fields.get("safe"));
    assertEquals("a \"summary\"", fields.get("summary"));
    assertEquals("3", fields.get("replicas"));
    assertEquals("2", fields.get("minCopies"));
    assertEquals("127.0.0.1:8000", fields.get("peers.address"));
    assertEquals("up", fields.get("peers.state"));
    assertEquals("1073741824", fields.get("peers.capacityBytes"));
    assertEquals("536870912", fields.get("peers.usedBytes"));
    assertEquals("12", fields.get("peers.chunks"));
    assertEquals(new NodeId(5, 6, 7, 8).toString(), fields.get("peers.id"));
    assertEquals("12", fields.get("copies.chunks"));
    assertEquals("0", fields.get("copies.missing"));
    assertEquals("0", fields.get("copies.unreadable"));
    assertEquals("true", fields.get("repair.active"));
    assertEquals("5000", fields.get("repair.bytesLeft"));
    assertEquals("-1", fields.get("repair.secondsLeft"));
    assertEquals("leader", fields.get("log.leader"));
    assertEquals("99", fields.get("log.index"));
    assertEquals("false", fields.get("log.forked"));
    assertEquals(new LogId(9, 10).toString(), fields.get("log.lineage"));
    assertEquals("0", fields.get("conflicts"));
    assertEquals(new PoolId(1, 2, 3, 4).toString(), fields.get("pool"));
  }

  @Test
  void textSaysFirstWhetherTheDataIsSafe() {
    String safe = StatusText.of(status(true, false, new PoolStatus.Repair(false, 0, 0)));
    String unsafe = StatusText.of(status(false, true, new PoolStatus.Repair(true, 1 << 20, 7)));

    assertTrue(safe.startsWith("SAFE: a \"summary\"\n"), safe);
    assertFalse(safe.contains("repair"), safe);
    assertTrue(safe.contains(" 50.0%"), safe);
    assertTrue(unsafe.startsWith("NOT SAFE: "), unsafe);
    assertTrue(unsafe.contains("no leader answers"), unsafe);
    assertTrue(unsafe.contains("repair: copying, 1 MiB to go, about 7 s left"), unsafe);
    assertTrue(unsafe.contains("4 copies missing"), unsafe);
  }

  /** Scalar fields by their path; array elements share their array's. */
  private static Map<String, String> fields(String json) throws IOException {
    var fields = new TreeMap<String, String>();
    var path = new ArrayDeque<String>();
    try (JsonParser parser = new JsonFactory().createParser(json)) {
      String name = "";
      for (JsonToken token = parser.nextToken(); token != null; token = parser.nextToken()) {
        switch (token) {
          case FIELD_NAME -> name = parser.currentName();
          case START_OBJECT, START_ARRAY -> {
            path.addLast(name);
            name = "";
          }
          case END_OBJECT, END_ARRAY -> path.removeLast();
          default -> {
            var parts = new java.util.ArrayList<>(path);
            parts.add(name);
            parts.removeIf(String::isEmpty);
            fields.put(String.join(".", parts), parser.getText());
          }
        }
      }
    }
    return fields;
  }
}
