package holdfast.client.file;

import holdfast.client.api.PoolFileSystem;
import holdfast.client.kernel.PageInvalidations;
import holdfast.client.pool.Deadline;
import holdfast.client.pool.Deadlines;
import holdfast.client.pool.SaveFailure;
import holdfast.model.ErrorCode;
import holdfast.model.HoldfastException;
import java.lang.System.Logger.Level;

/**
 * Serves read(2), write(2) and fsync(2) of open files, by handle. Blocks; any thread but the loop.
 */
public final class FileIo {
  private static final System.Logger LOG = System.getLogger(FileIo.class.getName());

  private final OpenFileTable files;
  private final ChunkReader reader;
  private final ReadAhead readAhead;
  private final WritePipeline pipeline;
  private final Allocation allocation;
  private final PageInvalidations pages;
  private final Deadlines deadlines;
  private final boolean isReadOnly;

  public FileIo(
      OpenFileTable files,
      ChunkReader reader,
      WritePipeline pipeline,
      Allocation allocation,
      PageInvalidations pages,
      Deadlines deadlines,
      boolean isReadOnly) {
    this.files = files;
    this.reader = reader;
    this.readAhead = new ReadAhead(reader);
    this.pipeline = pipeline;
    this.allocation = allocation;
    this.pages = pages;
    this.deadlines = deadlines;
    this.isReadOnly = isReadOnly;
  }

  /** See {@link PoolFileSystem#read}. */
  public int read(long handle, long offset, byte[] target, int targetOffset, int length) {
    FileHandle open = files.handle(handle);
    open.checkLock();
    Deadline deadline = deadlines.begin();
    FileImage.Gaps gaps = open.file().read(offset, target, targetOffset, length);
    readAhead.after(open, offset, gaps.lengthBytes(), deadline);
    for (var extent : gaps.extents()) {
      reader.read(
          extent, target, targetOffset + (int) (extent.fileOffset() - offset), deadlines, deadline);
    }
    return gaps.lengthBytes();
  }

  /** See {@link PoolFileSystem#write}. */
  public int write(long handle, long offset, byte[] source, int sourceOffset, int length) {
    if (length > 0) {
      write(files.handle(handle), false, offset, source, sourceOffset, length);
    }
    return length;
  }

  /** See {@link PoolFileSystem#append}. */
  public int append(long handle, long kernelEnd, byte[] source, int sourceOffset, int length) {
    FileHandle open = files.handle(handle);
    if (length == 0) {
      return 0;
    }
    long end = write(open, true, kernelEnd, source, sourceOffset, length);
    if (end != kernelEnd) {
      open.file().setStalePages();
      pages.dropSoon(open.inode());
    }
    return length;
  }

  private long write(
      FileHandle open, boolean isAppend, long offset, byte[] source, int sourceOffset, int length) {
    return pipeline.write(
        open,
        isAppend,
        offset,
        source,
        sourceOffset,
        length,
        () -> files.all().forEach(pipeline::saveAll),
        deadlines.begin());
  }

  /** See {@link PoolFileSystem#allocate}. */
  public void allocate(long handle, int mode, long offset, long lengthBytes) {
    FileHandle open = files.handle(handle);
    allocation.allocate(open, mode, offset, lengthBytes, deadlines.begin());
  }

  /** See {@link PoolFileSystem#flush}. */
  public void flush(long handle) {
    FileHandle open = files.handle(handle);
    // It can't be opened again: what is unsaved may stay here.
    if (open.file().links().isNameless()) {
      open.report(false);
    } else {
      save(open, false);
    }
  }

  /** See {@link PoolFileSystem#fsync}. */
  public void fsync(long handle) {
    save(files.handle(handle), true);
  }

  private void save(FileHandle open, boolean forced) {
    try {
      if (!isReadOnly) {
        open.file().endAppend(open);
        pipeline.flush(open.file(), forced, deadlines.begin());
      }
    } catch (HoldfastException e) {
      // What was dropped is the worse failure, and this handle must report it.
      open.report(forced);
      HoldfastException failure = SaveFailure.of(e);
      if (failure.code() == ErrorCode.STORE_FAILED) {
        // EIO says nothing of why: whoever looks for it finds it here.
        LOG.log(
            Level.WARNING,
            "save file: inode={0}: {1}",
            Long.toString(open.inode()),
            e.getMessage());
      }
      throw failure;
    }
    open.report(forced);
  }
}
