package holdfast.crypto.seal;

import holdfast.util.ByteReader;
import holdfast.util.ByteWriter;

/**
 * The sum mod 2^256 of the extent terms of a file ({@link Tags#extentTerm}): adding or removing an
 * extent needs none of the others. Immutable.
 */
public record ExtentSum(long a, long b, long c, long d) {
  /** Encoded size in bytes. */
  public static final int BYTES = 32;

  /** The sum of no extents. */
  public static final ExtentSum ZERO = new ExtentSum(0, 0, 0, 0);

  /** Reads exactly {@value #BYTES} bytes. */
  public static ExtentSum of(byte[] bytes) {
    var in = new ByteReader(bytes);
    var sum = new ExtentSum(in.u64(), in.u64(), in.u64(), in.u64());
    in.end();
    return sum;
  }

  /** The {@value #BYTES} bytes, big-endian. */
  public byte[] toBytes() {
    return new ByteWriter(BYTES).u64(a).u64(b).u64(c).u64(d).toBytes();
  }

  /** This sum with {@code term} added. */
  public ExtentSum plus(ExtentSum term) {
    long newD = d + term.d;
    long carryD = Long.compareUnsigned(newD, d) < 0 ? 1 : 0;
    long newC = c + term.c + carryD;
    long carryC = carries(c, term.c, newC) ? 1 : 0;
    long newB = b + term.b + carryC;
    long carryB = carries(b, term.b, newB) ? 1 : 0;
    return new ExtentSum(a + term.a + carryB, newB, newC, newD);
  }

  /** This sum with {@code term} removed. */
  public ExtentSum minus(ExtentSum term) {
    var inverted = new ExtentSum(~term.a, ~term.b, ~term.c, ~term.d);
    return plus(inverted).plus(new ExtentSum(0, 0, 0, 1));
  }

  private static boolean carries(long x, long y, long sum) {
    return ((x & y) | ((x | y) & ~sum)) < 0;
  }
}
