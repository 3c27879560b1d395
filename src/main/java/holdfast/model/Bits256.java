package holdfast.model;

import holdfast.util.ByteReader;
import holdfast.util.ByteWriter;
import java.util.HexFormat;

/**
 * A value of 256 bits that has a type of its own: its bytes, order and text. A record implements
 * it, so that nothing is held but four longs, and one kind of id is never taken for another.
 *
 * @param <T> the record itself
 */
public interface Bits256<T extends Bits256<T>> extends Comparable<T> {
  /** Encoded size in bytes. */
  int BYTES = 32;

  /** The first eight bytes. */
  long a();

  /** The second eight bytes. */
  long b();

  /** The third eight bytes. */
  long c();

  /** The last eight bytes. */
  long d();

  /** Reads exactly {@value #BYTES} bytes. */
  static <T> T of(byte[] bytes, Maker<T> maker) {
    var in = new ByteReader(bytes);
    T value = read(in, maker);
    in.end();
    return value;
  }

  /** Reads the next {@value #BYTES} bytes. */
  static <T> T read(ByteReader in, Maker<T> maker) {
    return maker.make(in.u64(), in.u64(), in.u64(), in.u64());
  }

  /** Appends the {@value #BYTES} bytes. */
  default void write(ByteWriter out) {
    out.u64(a()).u64(b()).u64(c()).u64(d());
  }

  /** The {@value #BYTES} bytes, big-endian. */
  default byte[] toBytes() {
    return new ByteWriter(BYTES).u64(a()).u64(b()).u64(c()).u64(d()).toBytes();
  }

  /** Lower-case hexadecimal. */
  default String hex() {
    return HexFormat.of().formatHex(toBytes());
  }

  /** Base32 in lower case, in groups joined by hyphens: for what people type and compare. */
  default String base32() {
    return Base32.groups(toBytes());
  }

  /** The first group of {@link #base32}: enough to tell the nodes of a pool apart. */
  default String shortForm() {
    return base32().substring(0, Base32.GROUP_CHARS);
  }

  /** In the order of the bytes. */
  @Override
  default int compareTo(T other) {
    int order = Long.compareUnsigned(a(), other.a());
    order = order != 0 ? order : Long.compareUnsigned(b(), other.b());
    order = order != 0 ? order : Long.compareUnsigned(c(), other.c());
    return order != 0 ? order : Long.compareUnsigned(d(), other.d());
  }

  /** A record's constructor. */
  interface Maker<T> {
    /** Makes a value of its four quarters. */
    T make(long a, long b, long c, long d);
  }
}
