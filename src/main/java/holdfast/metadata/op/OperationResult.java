package holdfast.metadata.op;

import holdfast.model.ErrorCode;
import holdfast.model.HoldfastException;
import holdfast.util.ByteReader;
import holdfast.util.ByteWriter;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** The outcome of an operation: the same bytes on every peer, and again for every retry. */
public sealed interface OperationResult {
  /** Longest text of a failure, in bytes of UTF-8. */
  int TEXT_MAX_BYTES = 300;

  /** Most inodes a result tells of besides the main one. */
  int OTHERS_MAX = 4;

  /**
   * It happened.
   *
   * @param attributes of what was created, changed, moved or unlinked, afterwards; after the last
   *     unlink its link count is 0
   * @param others every other inode that changed, afterwards: parents first (the one that has the
   *     name now before the one that had it), then what a rename replaced (link count 0 if it is
   *     gone) or exchanged
   */
  record Done(Attributes attributes, List<Attributes> others) implements OperationResult {
    /** Takes a copy. */
    public Done {
      others = List.copyOf(others);
      Checks.check(
          others.size() <= OTHERS_MAX,
          "check result: expected=at most %s others, was=%s",
          OTHERS_MAX,
          others.size());
    }
  }

  /** Nothing changed, for this reason. */
  record Failed(ErrorCode code, String text) implements OperationResult {
    /** Cuts the text to {@value #TEXT_MAX_BYTES} bytes. */
    public Failed {
      text = cut(text);
    }
  }

  /**
   * The result if it happened.
   *
   * @throws HoldfastException with the code and text if it failed
   */
  default Done orThrow() {
    return switch (this) {
      case Done done -> done;
      case Failed failed -> throw new HoldfastException(failed.code(), failed.text());
    };
  }

  /** Appends a tag and the fields. */
  default void write(ByteWriter out) {
    switch (this) {
      case Done done -> {
        out.u8(0);
        done.attributes().write(out);
        out.u8(done.others().size());
        for (Attributes other : done.others()) {
          other.write(out);
        }
      }
      case Failed failed -> out.u8(1).u16(failed.code().wire()).text(failed.text());
    }
  }

  /** As {@link #write}, into an array of its own. */
  default byte[] toBytes() {
    var out = new ByteWriter(256);
    write(out);
    return out.toBytes();
  }

  /**
   * Reads what {@link #write} wrote.
   *
   * @throws ByteReader.Malformed if it is no result
   */
  static OperationResult read(ByteReader in) {
    return Checks.decoding(
        () -> {
          int tag = in.u8();
          return switch (tag) {
            case 0 -> readDone(in);
            case 1 -> new Failed(ErrorCode.ofWire(in.u16()), in.text(TEXT_MAX_BYTES));
            default ->
                throw new ByteReader.Malformed("read result: expected=tag 0 or 1, was=" + tag);
          };
        });
  }

  private static Done readDone(ByteReader in) {
    var attributes = Attributes.read(in);
    int count = in.u8();
    Checks.check(
        count <= OTHERS_MAX, "read result: expected=at most %s others, was=%s", OTHERS_MAX, count);
    var others = new ArrayList<Attributes>(count);
    for (int i = 0; i < count; i++) {
      others.add(Attributes.read(in));
    }
    return new Done(attributes, others);
  }

  /** At most {@link #TEXT_MAX_BYTES} bytes of valid UTF-8: a cut character goes whole. */
  static String cut(String text) {
    byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
    if (bytes.length <= TEXT_MAX_BYTES) {
      return new String(bytes, StandardCharsets.UTF_8);
    }
    int end = TEXT_MAX_BYTES;
    while (end > 0 && (bytes[end] & 0xC0) == 0x80) {
      end--;
    }
    return new String(Arrays.copyOf(bytes, end), StandardCharsets.UTF_8);
  }
}
