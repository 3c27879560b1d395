package holdfast.metadata.op;

import holdfast.model.Bits128;
import holdfast.util.ByteReader;

/** A client's keyed tag over a file's content or a directory entry: peers store it unread. */
public record Tag(long high, long low) implements Bits128<Tag> {
  /** Sixteen zero bytes: no tag. */
  public static final Tag ZERO = new Tag(0, 0);

  /** Reads exactly {@value #BYTES} bytes. */
  public static Tag of(byte[] bytes) {
    return Bits128.of(bytes, Tag::new);
  }

  /** Reads the next {@value #BYTES} bytes. */
  public static Tag read(ByteReader in) {
    return Bits128.read(in, Tag::new);
  }

  @Override
  public String toString() {
    return hex();
  }
}
