package holdfast.storage;

import holdfast.model.ErrorCode;
import holdfast.model.StorageException;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.function.Consumer;

/**
 * A disk of which forces fail as told, each once and without a word the next time, as Linux does;
 * and on which something else may happen meanwhile.
 */
final class FailingDisk implements Disk {
  private final Disk disk;
  private ErrorCode nextForceOrNull;
  private boolean isDirectoryBroken;
  private String unreadable = "";
  private String uncreatable = "";
  private volatile Consumer<String> onRename = to -> {};

  FailingDisk(Disk disk) {
    this.disk = disk;
  }

  /** The next force of a file fails so. */
  void failNextForce(ErrorCode code) {
    nextForceOrNull = code;
  }

  /** A sector of this file can't be read, until another file takes its name. */
  void breakSector(String name) {
    unreadable = name;
  }

  /** Whether forces of the directory fail. */
  void breakDirectory(boolean isBroken) {
    isDirectoryBroken = isBroken;
  }

  /** No file of this name can be made; an empty one: every file can. */
  void breakCreation(String name) {
    uncreatable = name;
  }

  /** Before a file gets another name this gets that name. */
  void onRename(Consumer<String> hook) {
    onRename = hook;
  }

  @Override
  public DiskFile open(String name, Mode mode) {
    if (mode == Mode.CREATE && name.equals(uncreatable)) {
      throw new StorageException(ErrorCode.STORE_FAILED, "create file: planted");
    }
    return new FailingFile(disk.open(name, mode));
  }

  @Override
  public void forceDirectory() {
    if (isDirectoryBroken) {
      throw new StorageException(ErrorCode.STORE_FAILED, "force directory: planted");
    }
    disk.forceDirectory();
  }

  @Override
  public void rename(String from, String to) {
    onRename.accept(to);
    disk.rename(from, to);
    unreadable = to.equals(unreadable) ? "" : unreadable;
  }

  @Override
  public boolean delete(String name) {
    return disk.delete(name);
  }

  @Override
  public boolean exists(String name) {
    return disk.exists(name);
  }

  @Override
  public List<String> list() {
    return disk.list();
  }

  @Override
  public long folderId() {
    return disk.folderId();
  }

  @Override
  public long freeBytes() {
    return disk.freeBytes();
  }

  @Override
  public long totalBytes() {
    return disk.totalBytes();
  }

  @Override
  public DiskLock lock(String name, String holder) {
    return disk.lock(name, holder);
  }

  @Override
  public String path(String name) {
    return disk.path(name);
  }

  private final class FailingFile implements DiskFile {
    private final DiskFile file;

    FailingFile(DiskFile file) {
      this.file = file;
    }

    @Override
    public void force() {
      if (nextForceOrNull != null) {
        var code = nextForceOrNull;
        nextForceOrNull = null;
        throw new StorageException(code, "force file: planted");
      }
      file.force();
    }

    @Override
    public boolean isInPlace() {
      return file.isInPlace();
    }

    @Override
    public String name() {
      return file.name();
    }

    @Override
    public int read(long position, ByteBuffer into) {
      if (name().equals(unreadable)) {
        throw new StorageException(ErrorCode.STORE_FAILED, "read file: planted");
      }
      return file.read(position, into);
    }

    @Override
    public void write(long position, ByteBuffer from) {
      file.write(position, from);
    }

    @Override
    public void truncate(long sizeBytes) {
      file.truncate(sizeBytes);
    }

    @Override
    public long size() {
      return file.size();
    }

    @Override
    public Region map(long position, long lengthBytes) {
      return file.map(position, lengthBytes);
    }

    @Override
    public void close() {
      file.close();
    }
  }
}
