package holdfast.app;

import holdfast.model.ErrorCode;
import holdfast.model.HoldfastException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileTime;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/** The source of a command that reads: a local file, or standard input. Failures are in words. */
final class LocalSource implements AutoCloseable {
  private static final int MODE_MASK = 0777;

  private final String name;
  private final InputStream stream;
  private final Path pathOrNull;
  private final FileChannel channelOrNull;
  private final Version before;
  private long readBytes;

  /** What distinguishes one state of a file from the next. */
  private record Version(Object fileKey, int mode, long sizeBytes, FileTime modified) {
    static final Version NONE = new Version("", 0, 0, FileTime.fromMillis(0));

    static Version of(Path path) throws IOException {
      Map<String, Object> found =
          Files.readAttributes(path, "unix:mode,size,lastModifiedTime,fileKey");
      return new Version(
          found.get("fileKey"),
          (Integer) found.get("mode") & MODE_MASK,
          (Long) found.get("size"),
          (FileTime) found.get("lastModifiedTime"));
    }
  }

  private LocalSource(
      String name, InputStream stream, Path pathOrNull, FileChannel channelOrNull, Version before) {
    this.name = name;
    this.stream = stream;
    this.pathOrNull = pathOrNull;
    this.channelOrNull = channelOrNull;
    this.before = before;
  }

  static LocalSource standardInput() {
    return new LocalSource("standard input", System.in, null, null, Version.NONE);
  }

  /** Opens a file. */
  static LocalSource open(Path path) {
    try {
      Version before = Version.of(path);
      var channel = FileChannel.open(path, StandardOpenOption.READ);
      return new LocalSource(path.toString(), null, path, channel, before);
    } catch (IOException e) {
      throw LocalFailure.of("read " + path, e);
    }
  }

  boolean isFile() {
    return pathOrNull != null;
  }

  /**
   * A file's permission bits, without those that change the user or group: its owner isn't kept.
   */
  int mode() {
    return before.mode();
  }

  /** A file's time of last change. */
  long mtimeNs() {
    return before.modified().to(TimeUnit.NANOSECONDS);
  }

  /** Reads what comes next; negative at the end. */
  int read(byte[] buffer) {
    try {
      int count =
          channelOrNull == null ? stream.read(buffer) : channelOrNull.read(ByteBuffer.wrap(buffer));
      readBytes += Math.max(0, count);
      return count;
    } catch (IOException e) {
      throw LocalFailure.of("read " + name, e);
    }
  }

  /**
   * Fails if what was read is no state that the file ever had: it was written, cut or extended
   * meanwhile. A new file that has taken its name since doesn't matter.
   */
  void checkUnchanged() {
    if (pathOrNull == null) {
      return;
    }
    try {
      long endBytes = channelOrNull.size();
      // What the kernel makes up while it is read, below /proc, has no size.
      boolean isMadeUp = before.sizeBytes() == 0 && endBytes == 0;
      boolean isOther = !isMadeUp && (endBytes != before.sizeBytes() || readBytes != endBytes);
      if (isOther || isWrittenSince()) {
        throw new HoldfastException(
            ErrorCode.STALE_VERSION,
            "read "
                + name
                + ": expected=a file that nobody writes, was="
                + before.sizeBytes()
                + " bytes when it was opened, "
                + readBytes
                + " read, "
                + endBytes
                + " at the end");
      }
    } catch (IOException e) {
      throw LocalFailure.of("read " + name, e);
    }
  }

  private boolean isWrittenSince() throws IOException {
    try {
      Version now = Version.of(pathOrNull);
      boolean isSame = now.fileKey().equals(before.fileKey());
      return isSame && before.sizeBytes() > 0 && !now.modified().equals(before.modified());
    } catch (NoSuchFileException e) {
      return false;
    }
  }

  @Override
  public void close() {
    if (channelOrNull != null) {
      try {
        channelOrNull.close();
      } catch (IOException e) {
        throw LocalFailure.of("close " + name, e);
      }
    }
  }
}
