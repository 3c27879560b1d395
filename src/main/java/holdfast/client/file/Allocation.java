package holdfast.client.file;

import holdfast.client.api.PoolFileSystem;
import holdfast.client.api.PoolSpace;
import holdfast.client.pool.Deadline;
import holdfast.client.pool.FreeSpace;
import holdfast.metadata.op.Extent;
import holdfast.model.ErrorCode;
import holdfast.model.HoldfastException;

/**
 * Serves fallocate(2): longer files, holes and zeros. Space isn't reserved, only looked for: a
 * chunk takes its room when it is stored, wherever its name puts it. Blocks; any thread but the
 * loop.
 */
final class Allocation {
  private final WritePipeline pipeline;
  private final FreeSpace freeSpace;

  Allocation(WritePipeline pipeline, FreeSpace freeSpace) {
    this.pipeline = pipeline;
    this.freeSpace = freeSpace;
  }

  void allocate(FileHandle handle, int mode, long offset, long lengthBytes, Deadline deadline) {
    OpenFile file = handle.file();
    long lossCount = handle.checkBeforeChange();
    if (offset < 0 || lengthBytes <= 0) {
      throw new HoldfastException(
          ErrorCode.INVALID,
          "allocate: expected=a range, was=offset " + offset + " length " + lengthBytes);
    }
    if (offset > Extent.FILE_MAX_BYTES - lengthBytes) {
      throw new HoldfastException(
          ErrorCode.TOO_LARGE, "allocate: expected=an end of at most 4 EiB, was=offset " + offset);
    }
    long end = offset + lengthBytes;
    switch (mode) {
      case 0 -> {
        checkRoom(file, offset, end);
        change(file, end, end, true, lossCount, deadline);
      }
      case PoolFileSystem.ALLOCATE_KEEP_SIZE -> checkRoom(file, offset, end);
      case PoolFileSystem.ALLOCATE_PUNCH_HOLE | PoolFileSystem.ALLOCATE_KEEP_SIZE,
          PoolFileSystem.ALLOCATE_ZERO_RANGE | PoolFileSystem.ALLOCATE_KEEP_SIZE ->
          change(file, offset, end, false, lossCount, deadline);
      case PoolFileSystem.ALLOCATE_ZERO_RANGE ->
          change(file, offset, end, true, lossCount, deadline);
      default ->
          throw new HoldfastException(
              ErrorCode.UNSUPPORTED, "allocate: expected=a known mode, was=" + mode);
    }
  }

  /** Makes the range a hole as far as the file reaches, and lets the file reach its end. */
  private void change(
      OpenFile file, long offset, long end, boolean mayGrow, long lossCount, Deadline deadline) {
    long sizeBytes = file.status().sizeBytes();
    if (offset < sizeBytes || mayGrow && end > sizeBytes) {
      pipeline.punch(file, offset, end, mayGrow, lossCount, deadline);
    }
  }

  private void checkRoom(OpenFile file, long offset, long end) {
    long wantedBytes = end - offset - file.status().allocatedBytes(offset, end);
    PoolSpace room = freeSpace.now();
    if (wantedBytes / room.blockSizeBytes() > room.availableBlockCount()) {
      throw new HoldfastException(
          ErrorCode.NO_SPACE,
          "allocate: expected=room for "
              + wantedBytes
              + " bytes, was="
              + room.availableBlockCount()
              + " blocks of "
              + room.blockSizeBytes());
    }
  }
}
