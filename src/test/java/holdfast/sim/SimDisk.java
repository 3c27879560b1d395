package holdfast.sim;

import holdfast.model.ErrorCode;
import holdfast.model.StorageException;
import holdfast.storage.Disk;
import holdfast.storage.DiskFile;
import holdfast.storage.DiskLock;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Supplier;

/**
 * A disk in memory that forgets on {@link #crash} what was not forced, and only that.
 *
 * <p>Each unforced write is kept, lost, or torn into sectors of {@value #SECTOR_BYTES} bytes; each
 * unforced creation, rename and deletion happened or didn't. {@link #restart} is the death of the
 * process alone: nothing written is lost. Both make all handles, regions and locks useless.
 * Failures can be planted: writes, forces, a full disk, bit flips, power lost at the n-th change.
 * The same seed and calls give the same disk. Safe on several threads.
 */
public final class SimDisk implements Disk {
  /** Writes are torn at multiples of this. */
  public static final int SECTOR_BYTES = 512;

  private static final long TOTAL_BYTES_DEFAULT = 1L << 40;
  private static final int NEVER = -1;

  /** The power went: the node that called is dead until {@link SimDisk#crash}. */
  public static final class PowerLost extends RuntimeException {
    private static final long serialVersionUID = 1L;

    PowerLost() {
      super("power lost");
    }
  }

  private final String label;
  private final Random random;
  private final ReentrantLock lock = new ReentrantLock();
  private final Map<String, SimFile> files = new TreeMap<>();
  private final Map<String, SimFile> durableFiles = new TreeMap<>();
  private final List<DirectoryChange> pending = new ArrayList<>();
  private final Map<String, String> locks = new TreeMap<>();
  private long folderId = 1;
  private long generation;
  private long changeCount;
  private long traceHash;
  private int openHandleCount;
  private long totalBytes = TOTAL_BYTES_DEFAULT;
  private long powerOffAt = NEVER;
  private boolean isPowerLost;
  private int writesUntilFailure = NEVER;
  private int forcesUntilFailure = NEVER;
  private long forceCount;
  private String forceToFailOrNull;

  /** One unforced change of a name; {@code from} or {@code to} may be null. */
  private record DirectoryChange(String from, String to, SimFile file) {}

  /** An empty disk; {@code label} stands in messages. */
  public SimDisk(String label, long seed) {
    this.label = label;
    this.random = new Random(seed);
  }

  // What the tests do to it.

  /** The system goes down and up again; returns with what a start then finds. */
  public void crash() {
    locked(
        () -> {
          int policy = random.nextInt(4);
          for (DirectoryChange change : pending) {
            if (survives(policy)) {
              apply(change, durableFiles);
            }
          }
          durableFiles.values().stream().distinct().forEach(file -> file.crash(random, policy));
          files.clear();
          files.putAll(durableFiles);
          pending.clear();
          forgetProcess();
          return null;
        });
  }

  /** The process dies, the system stays up: all that was written is there, nothing is durable. */
  public void restart() {
    locked(
        () -> {
          forgetProcess();
          return null;
        });
  }

  /** Loses the power at the n-th change from now (1 is the next one), done or half done. */
  public void losePowerAt(long changes) {
    locked(() -> powerOffAt = changeCount + changes);
  }

  /** Whether the power went. */
  public boolean isPowerLost() {
    return locked(() -> isPowerLost);
  }

  /** Lets the write after {@code writes} further ones fail, a part of it written. */
  public void failWriteAfter(int writes) {
    locked(() -> writesUntilFailure = writes);
  }

  /** Lets the force after {@code forces} further ones fail; what it was for is partly lost. */
  public void failForceAfter(int forces) {
    locked(() -> forcesUntilFailure = forces);
  }

  /** Lets the next force of a file whose name begins so fail; what it was for is partly lost. */
  public void failForceOf(String namePrefix) {
    locked(() -> forceToFailOrNull = namePrefix);
  }

  /** Whether a planted failure of a force is still to come. */
  public boolean isForcePlanted() {
    return locked(() -> forceToFailOrNull != null || forcesUntilFailure >= 0);
  }

  /** Sets the size of the disk: writes beyond it fail with NO_SPACE. */
  public void totalBytes(long sizeBytes) {
    locked(() -> totalBytes = sizeBytes);
  }

  /** From now on this is another folder with the same content. */
  public void folderId(long id) {
    locked(() -> folderId = id);
  }

  /** Flips one bit of a file, on disk and in the cache. */
  public void flipBit(String name, long bitPosition) {
    locked(
        () -> {
          find(name).flipBit(bitPosition);
          return null;
        });
  }

  /** Size of a file in bytes. */
  public long sizeBytes(String name) {
    return locked(() -> (long) find(name).size());
  }

  /** Number of changes so far: writes, forces, cuts, creations, renames, deletions. */
  public long changeCount() {
    return locked(() -> changeCount);
  }

  /** Number of forces so far, of files and of the directory. */
  public long forceCount() {
    return locked(() -> forceCount);
  }

  /** Differs if what was done to the disk differs, in whatever order of names or sizes. */
  public long traceHash() {
    return locked(() -> traceHash);
  }

  /** Handles and regions that are open. */
  public int openHandleCount() {
    return locked(() -> openHandleCount);
  }

  // The port.

  @Override
  public DiskFile open(String name, Mode mode) {
    return locked(
        () -> {
          checkName(name);
          requirePower();
          if (mode == Mode.CREATE) {
            if (files.containsKey(name)) {
              throw failure(ErrorCode.EXISTS, "open file", name);
            }
            return change(
                "create",
                name,
                () -> {
                  var file = new SimFile();
                  record(new DirectoryChange(null, name, file));
                  return handle(name, file, true);
                });
          }
          return handle(name, find(name), mode == Mode.WRITE);
        });
  }

  @Override
  public void rename(String from, String to) {
    locked(
        () -> {
          checkName(to);
          requirePower();
          var file = find(from);
          return change("rename", from + to, () -> record(new DirectoryChange(from, to, file)));
        });
  }

  @Override
  public boolean delete(String name) {
    return locked(
        () -> {
          requirePower();
          var file = files.get(name);
          return file != null
              && change("delete", name, () -> record(new DirectoryChange(name, null, file)));
        });
  }

  /** Whether this name is the file's. */
  boolean stands(String name, SimFile file) {
    return locked(() -> files.get(name) == file);
  }

  @Override
  public boolean exists(String name) {
    return locked(
        () -> {
          requirePower();
          return files.containsKey(name);
        });
  }

  @Override
  public List<String> list() {
    return locked(
        () -> {
          requirePower();
          return List.copyOf(files.keySet());
        });
  }

  @Override
  public void forceDirectory() {
    locked(
        () -> {
          requirePower();
          return change(
              "force directory",
              "",
              () -> {
                failPlannedForce("force directory", "");
                durableFiles.clear();
                durableFiles.putAll(files);
                pending.clear();
                return null;
              });
        });
  }

  @Override
  public long freeBytes() {
    return locked(() -> Math.max(0, totalBytes - usedBytes()));
  }

  @Override
  public long totalBytes() {
    return locked(() -> totalBytes);
  }

  @Override
  public DiskLock lock(String name, String holder) {
    return locked(
        () -> {
          requirePower();
          if (locks.containsKey(name)) {
            throw new StorageException(
                ErrorCode.BUSY,
                "lock storage directory: expected=no other peer, was=locked by another peer ("
                    + locks.get(name)
                    + "), path="
                    + label);
          }
          if (!files.containsKey(name)) {
            record(new DirectoryChange(null, name, new SimFile()));
          }
          locks.put(name, holder);
          long ours = generation;
          return () ->
              locked(
                  () -> {
                    if (ours == generation) {
                      locks.remove(name);
                    }
                    return null;
                  });
        });
  }

  @Override
  public long folderId() {
    return locked(() -> folderId);
  }

  @Override
  public String path(String name) {
    return label + "/" + name;
  }

  // What handles use.

  <T> T locked(Supplier<T> body) {
    lock.lock();
    try {
      return body.get();
    } finally {
      lock.unlock();
    }
  }

  /** Counts a change and does it, unless the power goes right now: then perhaps. */
  <T> T change(String what, String name, Supplier<T> body) {
    changeCount++;
    traceHash = traceHash * 1_000_003 + what.hashCode() * 31L + name.hashCode();
    if (changeCount == powerOffAt) {
      isPowerLost = true;
      if (random.nextBoolean()) {
        body.get();
      }
      throw new PowerLost();
    }
    return body.get();
  }

  void requireCurrent(long handleGeneration) {
    requirePower();
    if (handleGeneration != generation) {
      throw new PowerLost();
    }
  }

  boolean isCurrent(long handleGeneration) {
    return handleGeneration == generation;
  }

  void handleClosed(long handleGeneration) {
    if (handleGeneration == generation) {
      openHandleCount--;
    }
  }

  long handleOpened() {
    openHandleCount++;
    return generation;
  }

  /** Bytes a file may grow by. */
  long roomBytes() {
    return Math.max(0, totalBytes - usedBytes());
  }

  boolean isWriteToFail() {
    return writesUntilFailure >= 0 && writesUntilFailure-- == 0;
  }

  boolean isForceToFail(String name) {
    forceCount++;
    if (forceToFailOrNull != null && name.startsWith(forceToFailOrNull)) {
      forceToFailOrNull = null;
      return true;
    }
    return forcesUntilFailure >= 0 && forcesUntilFailure-- == 0;
  }

  Random random() {
    return random;
  }

  StorageException failure(ErrorCode code, String verb, String name) {
    return new StorageException(
        code, verb + ": expected=success, was=" + code + ", path=" + path(name));
  }

  private void failPlannedForce(String verb, String name) {
    if (isForceToFail(name)) {
      throw failure(ErrorCode.STORE_FAILED, verb, name);
    }
  }

  private SimHandle handle(String name, SimFile file, boolean isWritable) {
    return new SimHandle(this, name, file, isWritable, handleOpened());
  }

  private boolean record(DirectoryChange change) {
    apply(change, files);
    pending.add(change);
    return true;
  }

  private static void apply(DirectoryChange change, Map<String, SimFile> names) {
    if (change.from() != null && names.get(change.from()) == change.file()) {
      names.remove(change.from());
    }
    if (change.to() != null) {
      names.put(change.to(), change.file());
    }
  }

  /** Policies 0 and 1 keep or lose all, the others toss for each. */
  private boolean survives(int policy) {
    return policy == 0 || policy != 1 && random.nextBoolean();
  }

  private void forgetProcess() {
    generation++;
    locks.clear();
    openHandleCount = 0;
    isPowerLost = false;
    powerOffAt = NEVER;
    writesUntilFailure = NEVER;
    forcesUntilFailure = NEVER;
    forceToFailOrNull = null;
  }

  private long usedBytes() {
    return files.values().stream().mapToLong(SimFile::size).sum();
  }

  private SimFile find(String name) {
    var file = files.get(name);
    if (file == null) {
      throw failure(ErrorCode.NOT_FOUND, "find file", name);
    }
    return file;
  }

  private void requirePower() {
    if (isPowerLost) {
      throw new PowerLost();
    }
  }

  private static void checkName(String name) {
    if (name.isEmpty() || name.length() > NAME_CHARS_MAX || name.indexOf('/') >= 0) {
      throw new StorageException(
          ErrorCode.INVALID, "name file: expected=a plain file name, was=" + name);
    }
  }
}
