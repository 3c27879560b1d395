package holdfast.storage;

import holdfast.model.ErrorCode;
import holdfast.model.StorageException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;

/** A file channel as a {@link DiskFile}. */
final class NioFile implements DiskFile {
  /**
   * Heap buffers go through a direct buffer of the same size that the JDK keeps for each thread:
   * pieces of this size bound it.
   */
  static final int PIECE_BYTES = 256 * 1024;

  private final NioDisk disk;
  private final String name;
  private final FileChannel channel;

  /** Device and inode number; null where the file system has none that last. */
  private final Object keyOrNull;

  NioFile(NioDisk disk, String name, FileChannel channel) {
    this.disk = disk;
    this.name = name;
    this.channel = channel;
    this.keyOrNull = keyOrNull();
  }

  private Object keyOrNull() {
    if (!disk.hasLastingIds()) {
      return null;
    }
    Path path = Path.of(disk.path(name));
    try {
      return Files.readAttributes(path, BasicFileAttributes.class).fileKey();
    } catch (IOException e) {
      System.getLogger(NioFile.class.getName())
          .log(System.Logger.Level.DEBUG, "look at file: path={0}, was={1}", path, e.toString());
      return null;
    }
  }

  @Override
  public String name() {
    return name;
  }

  @Override
  public int read(long position, ByteBuffer into) {
    int start = into.position();
    try {
      while (into.hasRemaining()) {
        int pieceBytes = Math.min(into.remaining(), PIECE_BYTES);
        var piece = into.slice(into.position(), pieceBytes);
        int readBytes = channel.read(piece, position + into.position() - start);
        if (readBytes < 0) {
          break;
        }
        into.position(into.position() + readBytes);
      }
    } catch (IOException e) {
      throw failure("read file", e);
    }
    return into.position() - start;
  }

  @Override
  public void write(long position, ByteBuffer from) {
    int start = from.position();
    try {
      while (from.hasRemaining()) {
        int pieceBytes = Math.min(from.remaining(), PIECE_BYTES);
        var piece = from.slice(from.position(), pieceBytes);
        int writtenBytes = channel.write(piece, position + from.position() - start);
        from.position(from.position() + writtenBytes);
      }
    } catch (IOException e) {
      throw writeFailure(from.remaining(), e);
    }
  }

  @Override
  public void force() {
    try {
      channel.force(false);
    } catch (IOException e) {
      throw failure("force file", e);
    }
  }

  @Override
  public boolean isInPlace() {
    return keyOrNull == null ? disk.exists(name) : keyOrNull.equals(keyOrNull());
  }

  @Override
  public void truncate(long sizeBytes) {
    try {
      channel.truncate(sizeBytes);
    } catch (IOException e) {
      throw failure("truncate file", e);
    }
  }

  @Override
  public long size() {
    try {
      return channel.size();
    } catch (IOException e) {
      throw failure("size file", e);
    }
  }

  @Override
  public Region map(long position, long lengthBytes) {
    long sizeBytes = size();
    if (lengthBytes > Integer.MAX_VALUE || position + lengthBytes > sizeBytes) {
      throw new StorageException(
          ErrorCode.INVALID,
          "map file: expected=%d bytes at %d, was=a file of %d, path=%s"
              .formatted(lengthBytes, position, sizeBytes, disk.path(name)));
    }
    try {
      var map = channel.map(FileChannel.MapMode.READ_ONLY, position, lengthBytes);
      return new NioRegion(disk.path(name), map);
    } catch (IOException e) {
      throw failure("map file", e);
    }
  }

  @Override
  public void close() {
    try {
      channel.close();
    } catch (IOException e) {
      System.getLogger(NioFile.class.getName())
          .log(System.Logger.Level.WARNING, "close file: path=" + disk.path(name), e);
    }
  }

  private StorageException writeFailure(int leftBytes, IOException e) {
    StorageException failure = failure("write file", e);
    boolean isFull = disk.freeBytes() < leftBytes;
    // The system's text may come in the user's language, so the free space is asked as well.
    return isFull && failure.code() == ErrorCode.STORE_FAILED
        ? new StorageException(ErrorCode.NO_SPACE, failure.getMessage(), e)
        : failure;
  }

  private StorageException failure(String verb, IOException e) {
    return NioDisk.failure(verb, Path.of(disk.path(name)), e);
  }
}
