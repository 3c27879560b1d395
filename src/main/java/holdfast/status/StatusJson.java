package holdfast.status;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import holdfast.protocol.PoolStatus;
import java.io.IOException;
import java.io.StringWriter;
import java.io.UncheckedIOException;

/** The status for programs: one JSON object whose fields README and docs promise. */
public final class StatusJson {
  private StatusJson() {}

  /** The object, on several lines. */
  public static String of(PoolStatus status) {
    var text = new StringWriter();
    try (JsonGenerator json = new JsonFactory().createGenerator(text)) {
      json.useDefaultPrettyPrinter();
      json.writeStartObject();
      json.writeStringField("pool", status.pool().toString());
      json.writeBooleanField("safe", status.safe());
      json.writeStringField("summary", status.summary());
      json.writeBooleanField("stale", status.stale());
      json.writeNumberField("replicas", status.replicas());
      json.writeNumberField("minCopies", status.minCopies());
      json.writeNumberField("downOutMs", status.downOutMs());
      json.writeArrayFieldStart("peers");
      for (PoolStatus.Peer peer : status.peers()) {
        peer(json, peer);
      }
      json.writeEndArray();
      json.writeObjectFieldStart("copies");
      json.writeNumberField("chunks", status.copies().chunks());
      json.writeNumberField("missing", status.copies().missing());
      json.writeNumberField("unreadable", status.copies().unreadable());
      json.writeEndObject();
      json.writeObjectFieldStart("repair");
      json.writeBooleanField("active", status.repair().active());
      json.writeNumberField("bytesLeft", status.repair().bytesLeft());
      json.writeNumberField("secondsLeft", status.repair().secondsLeft());
      json.writeEndObject();
      json.writeObjectFieldStart("log");
      json.writeStringField("leader", status.log().leader());
      json.writeNumberField("index", status.log().index());
      json.writeBooleanField("forked", status.log().forked());
      json.writeStringField("lineage", status.log().lineage().toString());
      json.writeEndObject();
      json.writeNumberField("conflicts", status.conflicts());
      json.writeEndObject();
    } catch (IOException e) {
      throw new UncheckedIOException("a string takes everything", e);
    }
    return text.toString();
  }

  private static void peer(JsonGenerator json, PoolStatus.Peer peer) throws IOException {
    json.writeStartObject();
    json.writeStringField("id", peer.node().toString());
    json.writeStringField("address", peer.address());
    json.writeStringField("state", peer.state());
    json.writeNumberField("capacityBytes", peer.capacityBytes());
    json.writeNumberField("usedBytes", peer.usedBytes());
    json.writeNumberField("chunks", peer.chunks());
    json.writeBooleanField("voter", peer.voter());
    json.writeBooleanField("recovering", peer.recovering());
    json.writeNumberField("logsAside", peer.logsAside());
    json.writeEndObject();
  }
}
