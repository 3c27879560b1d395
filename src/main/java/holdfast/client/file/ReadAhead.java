package holdfast.client.file;

import holdfast.client.pool.Deadline;

/** Fetches blocks in the background before a sequential reader asks for them. Any thread. */
final class ReadAhead {
  /** How far a sequential reader is read ahead, in bytes. */
  static final int AHEAD_BYTES = 8 << 20;

  /** How far out of order the reads of one sequential reader may come, in bytes. */
  private static final int AHEAD_SLACK_BYTES = 512 << 10;

  private final ChunkReader reader;

  ReadAhead(ChunkReader reader) {
    this.reader = reader;
  }

  /** Notes a read of the handle, and starts fetching what it will probably read next. */
  void after(FileHandle handle, long offset, int lengthBytes, Deadline deadline) {
    if (lengthBytes > 0 && reader.mayReadAhead()) {
      handle
          .file()
          .ahead(handle, offset, lengthBytes, AHEAD_BYTES, AHEAD_SLACK_BYTES)
          .forEach(extent -> reader.blocks(extent, deadline));
    }
  }
}
