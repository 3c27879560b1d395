package holdfast.storage;

import java.util.List;

/**
 * The port through which all of this package reaches a disk: one flat directory of files.
 *
 * <p>Every method may block for as long as the disk does and throws {@link
 * holdfast.model.StorageException}: NO_SPACE when the disk is full (or over quota), NOT_FOUND,
 * EXISTS or BUSY where said, STORE_FAILED for all else. Safe on several threads. Threads inside are
 * never interrupted: a channel would be closed for everyone.
 *
 * <p>Names are plain file names of at most {@value #NAME_CHARS_MAX} characters, no separators.
 *
 * <p>Durability: creating, renaming and deleting survive a crash of the system only once {@link
 * #forceDirectory} has returned, and before that any of them may or may not have happened. What is
 * inside a file survives once {@link DiskFile#force} has returned. All survive a crash of the
 * process alone.
 */
public interface Disk {
  /** Longest file name. */
  int NAME_CHARS_MAX = 255;

  /** How a file is opened. */
  enum Mode {
    /** Existing, for reading only; NOT_FOUND if it isn't there. */
    READ,
    /** Existing, for reading and writing; NOT_FOUND if it isn't there. */
    WRITE,
    /** New and empty, for reading and writing; EXISTS if it is there. */
    CREATE
  }

  /** Opens a file; the caller closes it. */
  DiskFile open(String name, Mode mode);

  /** Gives a file another name, replacing what had it, atomically. NOT_FOUND without the first. */
  void rename(String from, String to);

  /** Deletes a file if it exists; says whether it did. Open handles and regions stay usable. */
  boolean delete(String name);

  /** Whether a file of this name exists. */
  boolean exists(String name);

  /** The names of all files, sorted. */
  List<String> list();

  /** Returns when all creations, renames and deletions so far are durable. */
  void forceDirectory();

  /** Bytes that can still be written, as the file system says. */
  long freeBytes();

  /** Size of the file system in bytes. */
  long totalBytes();

  /**
   * Locks the directory through this file against other processes until closed or the process ends,
   * and writes {@code holder} into it. BUSY, with the holder's text, if another has it.
   */
  DiskLock lock(String name, String holder);

  /**
   * What the file system calls the directory itself, lastingly: another number for each copy of it,
   * the same after every mount. 0 where there is no such thing.
   */
  long folderId();

  /** How this file is called in messages: its path. */
  String path(String name);
}
