package holdfast.protocol;

import static org.junit.jupiter.api.Assertions.assertEquals;

import holdfast.model.ErrorCode;
import holdfast.port.Body;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.TreeMap;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/** docs/protocol.md says what the code does. */
final class ProtocolDocumentTest {
  private static final Path DOCUMENT = Path.of("docs", "protocol.md");
  private static final Pattern MESSAGE =
      Pattern.compile("\\| (\\d+) \\| (\\w+) \\| (request|reply|notice) \\|.*");
  private static final Pattern ERROR =
      Pattern.compile("\\| (\\d+) \\| `([A-Z_]+)` \\| (\\d+) \\| ([a-z ]+) \\|.*");
  private static final Pattern LIMIT = Pattern.compile("\\| ([a-z ]+) \\| ([\\d,]+) \\|");

  @Test
  void everyMessageHasItsRowAndEveryRowItsMessage() throws IOException {
    var documented = new TreeMap<Integer, String>();
    for (String line : Files.readAllLines(DOCUMENT)) {
      var row = MESSAGE.matcher(line);
      if (row.matches()) {
        documented.put(Integer.valueOf(row.group(1)), row.group(2) + " " + row.group(3));
      }
    }
    var coded = new TreeMap<Integer, String>();
    for (Class<?> kind : new Class<?>[] {Request.class, Reply.class, Notice.class}) {
      for (Class<?> type : kind.getPermittedSubclasses()) {
        String text = type.getSimpleName() + " " + kind.getSimpleName().toLowerCase();
        coded.put(typeOf(type), text);
      }
    }

    assertEquals(coded, documented);
  }

  /** The type of a class of messages: by a sample where there is one. */
  private static int typeOf(Class<?> type) {
    if (type == Reply.Summary.class) {
      return MessageCodec.typeOf(MessageSamples.summary());
    }
    if (type == Notice.Consensus.class) {
      return NoticeCodec.typeOf(new Notice.Consensus(null));
    }
    return MessageCodecTest.samples().stream()
        .filter(type::isInstance)
        .mapToInt(MessageCodec::typeOf)
        .findFirst()
        .orElseThrow(() -> new AssertionError("no sample of " + type));
  }

  @Test
  void errorCodesAreThoseInTheCode() throws IOException {
    var documented = new TreeMap<Integer, String>();
    for (String line : Files.readAllLines(DOCUMENT)) {
      var row = ERROR.matcher(line);
      if (row.matches()) {
        documented.put(
            Integer.valueOf(row.group(1)), row.group(2) + " " + row.group(3) + " " + row.group(4));
      }
    }
    var coded = new TreeMap<Integer, String>();
    for (ErrorCode code : ErrorCode.values()) {
      String retry = code.retry().name().toLowerCase().replace('_', ' ');
      coded.put(code.wire(), code.name() + " " + code.errno() + " " + retry);
    }

    assertEquals(coded, documented);
  }

  @Test
  void limitsAreThoseInTheCode() throws IOException {
    var documented = new TreeMap<String, Long>();
    for (String line : Files.readAllLines(DOCUMENT)) {
      var row = LIMIT.matcher(line);
      if (row.matches()) {
        documented.put(row.group(1), Long.valueOf(row.group(2).replace(",", "")));
      }
    }
    var coded = new TreeMap<String, Long>();
    coded.put("largest payload of a frame", (long) MessageCodec.PAYLOAD_MAX_BYTES);
    coded.put("most entries of a list", (long) Request.LIST_MAX);
    coded.put("largest body", (long) Body.MAX_BYTES);
    coded.put("longest failure text", (long) Reply.TEXT_MAX_BYTES);
    coded.put("most peers of a pool", (long) PoolStatus.PEERS_MAX);

    assertEquals(coded, documented);
  }
}
