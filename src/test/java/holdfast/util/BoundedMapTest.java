package holdfast.util;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class BoundedMapTest {

  @Test
  void oneMoreDropsWhatWasPutInFirst() {
    var dropped = new ArrayList<String>();
    BoundedMap<Integer, String> map = BoundedMap.of(2, dropped::add);

    map.put(1, "a");
    map.put(2, "b");
    map.get(1);
    map.put(2, "c"); // no other key: nothing goes
    map.put(3, "d");

    assertEquals(List.of("a"), dropped);
    assertEquals(List.of(2, 3), List.copyOf(map.keySet()));
  }

  @Test
  void byUseWhatWasAskedForStays() {
    BoundedMap<Integer, String> map = BoundedMap.byUse(2);

    map.put(1, "a");
    map.put(2, "b");
    map.get(1);
    map.put(3, "c");

    assertEquals(List.of(1, 3), List.copyOf(map.keySet()));
  }
}
