package holdfast.client.fuse;

import com.kenai.jffi.MemoryIO;

/**
 * Reads and writes raw memory by address, in the machine's byte order. Nothing is checked:
 * addresses are libfuse's.
 */
final class NativeMemory {
  private static final MemoryIO MEMORY = MemoryIO.getInstance();

  private NativeMemory() {}

  /** New zeroed memory; it is the caller's to {@link #free}. */
  static long allocate(long sizeBytes) {
    long address = MEMORY.allocateMemory(sizeBytes, true);
    if (address == 0) {
      throw new OutOfMemoryError("allocate native memory: was=none left, bytes=" + sizeBytes);
    }
    return address;
  }

  /** A new zero-terminated copy of a path; the caller's to {@link #free}. */
  static long allocatePath(String text) {
    byte[] bytes = text.getBytes(MountTable.PATH_CHARSET);
    long address = allocate(bytes.length + 1L);
    putBytes(address, bytes, 0, bytes.length);
    return address;
  }

  static void free(long address) {
    MEMORY.freeMemory(address);
  }

  static short getShort(long address) {
    return MEMORY.getShort(address);
  }

  static int getInt(long address) {
    return MEMORY.getInt(address);
  }

  static long getLong(long address) {
    return MEMORY.getLong(address);
  }

  static void putShort(long address, short value) {
    MEMORY.putShort(address, value);
  }

  static void putInt(long address, int value) {
    MEMORY.putInt(address, value);
  }

  static void putLong(long address, long value) {
    MEMORY.putLong(address, value);
  }

  static void putDouble(long address, double value) {
    MEMORY.putDouble(address, value);
  }

  static void getBytes(long address, byte[] target, int offset, int length) {
    MEMORY.getByteArray(address, target, offset, length);
  }

  static void putBytes(long address, byte[] source, int offset, int length) {
    MEMORY.putByteArray(address, source, offset, length);
  }

  static void putZero(long address) {
    MEMORY.putByte(address, (byte) 0);
  }

  /** The bytes up to a zero byte, in a new array. */
  static byte[] getString(long address) {
    return MEMORY.getZeroTerminatedByteArray(address);
  }
}
