package holdfast.model;

import holdfast.util.ByteReader;
import holdfast.util.ByteWriter;
import java.util.HexFormat;

/**
 * A value of 128 bits that has a type of its own: its bytes, order and text. A record implements
 * it, so that nothing is held but two longs, and one kind of id is never taken for another.
 *
 * @param <T> the record itself
 */
public interface Bits128<T extends Bits128<T>> extends Comparable<T> {
  /** Encoded size in bytes. */
  int BYTES = 16;

  /** The first eight bytes. */
  long high();

  /** The last eight bytes. */
  long low();

  /** Reads exactly {@value #BYTES} bytes. */
  static <T> T of(byte[] bytes, Maker<T> maker) {
    var in = new ByteReader(bytes);
    T value = read(in, maker);
    in.end();
    return value;
  }

  /** Reads the next {@value #BYTES} bytes. */
  static <T> T read(ByteReader in, Maker<T> maker) {
    return maker.make(in.u64(), in.u64());
  }

  /** Appends the {@value #BYTES} bytes. */
  default void write(ByteWriter out) {
    out.u64(high()).u64(low());
  }

  /** The {@value #BYTES} bytes, big-endian. */
  default byte[] toBytes() {
    return new ByteWriter(BYTES).u64(high()).u64(low()).toBytes();
  }

  /** Lower-case hexadecimal. */
  default String hex() {
    return HexFormat.of().formatHex(toBytes());
  }

  /** In the order of the bytes. */
  @Override
  default int compareTo(T other) {
    int order = Long.compareUnsigned(high(), other.high());
    return order != 0 ? order : Long.compareUnsigned(low(), other.low());
  }

  /** A record's constructor. */
  interface Maker<T> {
    /** Makes a value of its two halves. */
    T make(long high, long low);
  }
}
