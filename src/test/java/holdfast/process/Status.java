package holdfast.process;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** What {@code holdfast status --json} said. */
final class Status {
  private final Map<?, ?> fields;
  private final String text;

  private Status(Map<?, ?> fields, String text) {
    this.fields = fields;
    this.text = text;
  }

  static Status parse(String json) throws IOException {
    try (JsonParser parser = new JsonFactory().createParser(json)) {
      parser.nextToken();
      return new Status((Map<?, ?>) value(parser), json);
    }
  }

  private static Object value(JsonParser parser) throws IOException {
    return switch (parser.currentToken()) {
      case START_OBJECT -> {
        var object = new LinkedHashMap<String, Object>();
        while (parser.nextToken() != JsonToken.END_OBJECT) {
          String name = parser.currentName();
          parser.nextToken();
          object.put(name, value(parser));
        }
        yield object;
      }
      case START_ARRAY -> {
        var array = new ArrayList<Object>();
        while (parser.nextToken() != JsonToken.END_ARRAY) {
          array.add(value(parser));
        }
        yield array;
      }
      case VALUE_NUMBER_INT -> parser.getLongValue();
      case VALUE_TRUE, VALUE_FALSE -> parser.getBooleanValue();
      default -> parser.getText();
    };
  }

  private Object at(Map<?, ?> object, String name) {
    Object found = object.get(name);
    if (found == null) {
      throw new AssertionError("status has no field " + name + ": " + text);
    }
    return found;
  }

  boolean isSafe() {
    return (Boolean) at(fields, "safe");
  }

  String pool() {
    return (String) at(fields, "pool");
  }

  int replicas() {
    return (int) (long) (Long) at(fields, "replicas");
  }

  long chunkCount() {
    return (Long) at((Map<?, ?>) at(fields, "copies"), "chunks");
  }

  long missingCount() {
    return (Long) at((Map<?, ?>) at(fields, "copies"), "missing");
  }

  boolean isRepairing() {
    return (Boolean) at((Map<?, ?>) at(fields, "repair"), "active");
  }

  String leader() {
    return (String) at((Map<?, ?>) at(fields, "log"), "leader");
  }

  /** Address to state, in the order given. */
  Map<String, String> states() {
    var states = new LinkedHashMap<String, String>();
    for (Object peer : (List<?>) at(fields, "peers")) {
      var object = (Map<?, ?>) peer;
      states.put((String) at(object, "address"), (String) at(object, "state"));
    }
    return states;
  }

  /** Peers in this state. */
  long count(String state) {
    return states().values().stream().filter(state::equals).count();
  }

  /** The peer with this address. */
  String idAt(String address) {
    for (Object peer : (List<?>) at(fields, "peers")) {
      var object = (Map<?, ?>) peer;
      if (address.equals(at(object, "address"))) {
        return (String) at(object, "id");
      }
    }
    throw new AssertionError("status has no peer at " + address + ": " + text);
  }

  @Override
  public String toString() {
    return text;
  }
}
