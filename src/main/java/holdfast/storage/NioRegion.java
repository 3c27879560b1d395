package holdfast.storage;

import holdfast.model.ErrorCode;
import holdfast.model.StorageException;
import java.nio.MappedByteBuffer;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;

/**
 * A read-only memory map. The last reference only drops the buffer: the collector unmaps it, since
 * Java 21 has no supported way to do so at once (docs/disk-format.md, "Memory maps").
 */
final class NioRegion implements Region {
  private final String path;
  private final long lengthBytes;
  private final AtomicReference<MappedByteBuffer> map;
  private final AtomicInteger references = new AtomicInteger(1);

  NioRegion(String path, MappedByteBuffer map) {
    this.path = path;
    this.lengthBytes = map.capacity();
    this.map = new AtomicReference<>(map);
  }

  @Override
  public long lengthBytes() {
    return lengthBytes;
  }

  @Override
  public boolean acquire() {
    return references.getAndUpdate(count -> count == 0 ? 0 : count + 1) > 0;
  }

  @Override
  public void read(long offset, byte[] into, int intoOffset, int lengthBytes) {
    MappedByteBuffer buffer = map.get();
    if (buffer == null) {
      throw new StorageException(
          ErrorCode.STORE_FAILED, "read region: expected=open, was=closed, path=" + path);
    }
    try {
      buffer.get(Math.toIntExact(offset), into, intoOffset, lengthBytes);
    } catch (InternalError e) {
      // The kernel answered SIGBUS: the page can't be read from the disk, or the file was cut.
      throw new StorageException(
          ErrorCode.STORE_FAILED,
          "read region: expected=%d bytes at %d, was=a page fault that failed, path=%s"
              .formatted(lengthBytes, offset, path),
          e);
    }
  }

  @Override
  public void close() {
    if (references.getAndUpdate(count -> Math.max(0, count - 1)) == 1) {
      map.set(null);
    }
  }
}
