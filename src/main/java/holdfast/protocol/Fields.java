package holdfast.protocol;

import holdfast.util.ByteReader;
import holdfast.util.ByteWriter;
import java.util.ArrayList;
import java.util.List;
import java.util.function.BiConsumer;
import java.util.function.Function;

/** The field forms that the codecs share: lists and optional fields. */
final class Fields {
  private Fields() {}

  static <T> void list(
      ByteWriter out, List<T> items, int maxCount, BiConsumer<ByteWriter, T> write) {
    holdfast.util.Invariants.check(
        items.size() <= maxCount,
        "encode list: expected=%s at most, was=%s",
        maxCount,
        items.size());
    out.u32(items.size());
    for (T item : items) {
      write.accept(out, item);
    }
  }

  static <T> List<T> list(ByteReader in, int maxCount, Function<ByteReader, T> read) {
    int count = in.count(maxCount);
    var items = new ArrayList<T>(Math.min(count, in.remaining()));
    for (int i = 0; i < count; i++) {
      items.add(read.apply(in));
    }
    return List.copyOf(items);
  }

  static <T> void optional(ByteWriter out, T itemOrNull, BiConsumer<ByteWriter, T> write) {
    out.bool(itemOrNull != null);
    if (itemOrNull != null) {
      write.accept(out, itemOrNull);
    }
  }

  static <T> T optional(ByteReader in, Function<ByteReader, T> read) {
    return in.bool() ? read.apply(in) : null;
  }
}
