package holdfast.sim;

import holdfast.model.ErrorCode;
import holdfast.storage.DiskFile;
import holdfast.storage.Region;
import java.nio.ByteBuffer;
import java.nio.channels.NonWritableChannelException;
import java.util.Arrays;
import java.util.Objects;

/** An open simulated file. */
final class SimHandle implements DiskFile {
  private final SimDisk disk;
  private final String name;
  private final SimFile file;
  private final boolean isWritable;
  private final long generation;
  private boolean isClosed;

  SimHandle(SimDisk disk, String name, SimFile file, boolean isWritable, long generation) {
    this.disk = disk;
    this.name = name;
    this.file = file;
    this.isWritable = isWritable;
    this.generation = generation;
  }

  @Override
  public String name() {
    return name;
  }

  @Override
  public int read(long position, ByteBuffer into) {
    return disk.locked(
        () -> {
          requireOpen("read file");
          byte[] bytes = new byte[into.remaining()];
          int count = file.read(position, bytes, 0, bytes.length);
          into.put(bytes, 0, count);
          return count;
        });
  }

  @Override
  public void write(long position, ByteBuffer from) {
    disk.locked(
        () -> {
          requireWritable("write file");
          byte[] bytes = new byte[from.remaining()];
          from.get(bytes);
          return disk.change(
              "write", name + position + " " + bytes.length, () -> write(position, bytes));
        });
  }

  private Void write(long position, byte[] bytes) {
    long roomBytes = disk.roomBytes() + file.size() - position;
    if (disk.isWriteToFail()) {
      writePart(position, bytes, disk.random().nextInt(bytes.length + 1));
      throw disk.failure(ErrorCode.STORE_FAILED, "write file", name);
    }
    if (bytes.length > roomBytes && position + bytes.length > file.size()) {
      writePart(position, bytes, (int) Math.max(0, roomBytes));
      throw disk.failure(ErrorCode.NO_SPACE, "write file", name);
    }
    file.write(position, bytes);
    return null;
  }

  private void writePart(long position, byte[] bytes, int length) {
    if (length > 0) {
      file.write(position, Arrays.copyOf(bytes, length));
    }
  }

  @Override
  public void force() {
    disk.locked(
        () -> {
          requireOpen("force file");
          return disk.change(
              "force",
              name,
              () -> {
                if (disk.isForceToFail(name)) {
                  file.failForce(disk.random());
                  throw disk.failure(ErrorCode.STORE_FAILED, "force file", name);
                }
                file.force();
                return null;
              });
        });
  }

  @Override
  public boolean isInPlace() {
    return disk.stands(name, file);
  }

  @Override
  public void truncate(long sizeBytes) {
    disk.locked(
        () -> {
          requireWritable("truncate file");
          return disk.change(
              "truncate",
              name + sizeBytes,
              () -> {
                if (sizeBytes < file.size()) {
                  file.truncate(sizeBytes);
                }
                return null;
              });
        });
  }

  @Override
  public long size() {
    return disk.locked(
        () -> {
          requireOpen("size file");
          return (long) file.size();
        });
  }

  @Override
  public Region map(long position, long lengthBytes) {
    return disk.locked(
        () -> {
          requireOpen("map file");
          if (position + lengthBytes > file.size()) {
            throw disk.failure(ErrorCode.INVALID, "map file", name);
          }
          return new SimRegion(position, lengthBytes, disk.handleOpened());
        });
  }

  @Override
  public void close() {
    disk.locked(
        () -> {
          if (!isClosed) {
            isClosed = true;
            disk.handleClosed(generation);
          }
          return null;
        });
  }

  private void requireOpen(String verb) {
    disk.requireCurrent(generation);
    if (isClosed) {
      throw disk.failure(ErrorCode.STORE_FAILED, verb, name);
    }
  }

  private void requireWritable(String verb) {
    requireOpen(verb);
    if (!isWritable) {
      throw new NonWritableChannelException();
    }
  }

  /** A mapped range: reads what the file holds now. */
  private final class SimRegion implements Region {
    private final long start;
    private final long lengthBytes;
    private final long ownGeneration;
    private int references = 1;

    SimRegion(long start, long lengthBytes, long ownGeneration) {
      this.start = start;
      this.lengthBytes = lengthBytes;
      this.ownGeneration = ownGeneration;
    }

    @Override
    public long lengthBytes() {
      return lengthBytes;
    }

    @Override
    public boolean acquire() {
      return disk.locked(
          () -> {
            references += references > 0 ? 1 : 0;
            return references > 0;
          });
    }

    @Override
    public void read(long offset, byte[] into, int intoOffset, int length) {
      disk.locked(
          () -> {
            disk.requireCurrent(ownGeneration);
            if (references == 0) {
              throw disk.failure(ErrorCode.STORE_FAILED, "read region", name);
            }
            Objects.checkFromIndexSize(offset, length, lengthBytes);
            if (file.read(start + offset, into, intoOffset, length) != length) {
              throw disk.failure(ErrorCode.STORE_FAILED, "read region", name);
            }
            return null;
          });
    }

    @Override
    public void close() {
      disk.locked(
          () -> {
            if (references > 0 && --references == 0) {
              disk.handleClosed(ownGeneration);
            }
            return null;
          });
    }
  }
}
