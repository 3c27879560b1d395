package holdfast.process;

import holdfast.client.fuse.binding.FileCalls;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.StringJoiner;
import jnr.constants.platform.Errno;
import jnr.ffi.LibraryLoader;
import jnr.ffi.Runtime;

/**
 * System calls on files with their exact errnos, which Java's own classes hide. A result below 0 is
 * an errno, negated. The numbers are those of Linux on x86-64.
 */
final class Posix {
  static final int O_WRONLY = 1;
  static final int O_RDWR = 2;
  static final int O_CREAT = 0100;
  static final int O_EXCL = 0200;
  static final int O_TRUNC = 01000;
  static final int O_APPEND = 02000;
  static final int O_DIRECTORY = 0200000;
  static final int O_NOFOLLOW = 0400000;

  /** For {@link Times#mtimeNs}: now, and as it is. */
  static final int UTIME_NOW = (1 << 30) - 1;

  static final int UTIME_OMIT = (1 << 30) - 2;

  static final int TYPE_MASK = 0170000;
  static final int REGULAR = 0100000;
  static final int DIRECTORY = 0040000;
  static final int SYMBOLIC_LINK = 0120000;

  static final int ESTALE = 116;

  private static final int AT_FDCWD = -100;
  private static final int AT_SYMLINK_NOFOLLOW = 0x100;
  private static final int AT_EMPTY_PATH = 0x1000;
  private static final int STATX_BASIC = 0x7ff;
  private static final int STATX_BYTES = 256;
  private static final int TARGET_BYTES_MAX = 4_096;
  private static final int LISTING_BYTES = 32_768;
  private static final int ENTRY_NAME_AT = 19;

  private static final FileCalls CALLS =
      LibraryLoader.create(FileCalls.class).failImmediately().load("libc.so.6");

  private Posix() {}

  /** What statx says of an inode. */
  record Stat(long inode, int mode, int linkCount, int uid, int gid, long sizeBytes, Times times) {
    int type() {
      return mode & TYPE_MASK;
    }
  }

  /** A modification time as timespec has it. */
  record Times(long mtimeS, int mtimeNs) {}

  /** One name of a directory, with the type that the listing gives. */
  record Entry(String name, long inode, int type) {}

  /** A result of 0 or more, or an errno, negated; what came with it, if anything. */
  record Answer<T>(long result, T value) {}

  /** "ENOENT", or the number itself if it isn't an error. */
  static String describe(long result) {
    return result < 0 ? Errno.valueOf(-result).name() : Long.toString(result);
  }

  /** Flags of open by name. */
  static String flags(int flags) {
    var names = new StringJoiner("|");
    names.add((flags & O_RDWR) != 0 ? "RDWR" : (flags & O_WRONLY) != 0 ? "WRONLY" : "RDONLY");
    int[] bits = {O_CREAT, O_EXCL, O_TRUNC, O_APPEND, O_DIRECTORY, O_NOFOLLOW};
    String[] words = {"CREAT", "EXCL", "TRUNC", "APPEND", "DIRECTORY", "NOFOLLOW"};
    for (int i = 0; i < bits.length; i++) {
      if ((flags & bits[i]) != 0) {
        names.add(words[i]);
      }
    }
    return names.toString();
  }

  private static long checked(long result) {
    return result >= 0 ? result : -Runtime.getSystemRuntime().getLastError();
  }

  static long open(String path, int flags, int mode) {
    return checked(CALLS.open(path, flags, mode));
  }

  static long close(int fd) {
    return checked(CALLS.close(fd));
  }

  static Answer<byte[]> pread(int fd, long offset, int lengthBytes) {
    byte[] target = new byte[lengthBytes];
    return cut(checked(CALLS.pread(fd, target, lengthBytes, offset)), target);
  }

  static Answer<byte[]> read(int fd, int lengthBytes) {
    byte[] target = new byte[lengthBytes];
    return cut(checked(CALLS.read(fd, target, lengthBytes)), target);
  }

  private static Answer<byte[]> cut(long count, byte[] target) {
    return new Answer<>(count, java.util.Arrays.copyOf(target, (int) Math.max(0, count)));
  }

  static long pwrite(int fd, byte[] source, long offset) {
    return checked(CALLS.pwrite(fd, source, source.length, offset));
  }

  static long write(int fd, byte[] source) {
    return checked(CALLS.write(fd, source, source.length));
  }

  static long ftruncate(int fd, long sizeBytes) {
    return checked(CALLS.ftruncate(fd, sizeBytes));
  }

  static long truncate(String path, long sizeBytes) {
    return checked(CALLS.truncate(path, sizeBytes));
  }

  static long rename(String from, String to) {
    return checked(CALLS.rename(from, to));
  }

  static long link(String from, String to) {
    return checked(CALLS.link(from, to));
  }

  static long unlink(String path) {
    return checked(CALLS.unlink(path));
  }

  static long mkdir(String path, int mode) {
    return checked(CALLS.mkdir(path, mode));
  }

  static long rmdir(String path) {
    return checked(CALLS.rmdir(path));
  }

  static long symlink(String target, String path) {
    return checked(CALLS.symlink(target, path));
  }

  static Answer<String> readlink(String path) {
    byte[] target = new byte[TARGET_BYTES_MAX];
    long count = checked(CALLS.readlink(path, target, target.length));
    String text = new String(target, 0, (int) Math.max(0, count), StandardCharsets.UTF_8);
    return new Answer<>(count, text);
  }

  static long chmod(String path, int mode) {
    return checked(CALLS.chmod(path, mode));
  }

  static long fchmod(int fd, int mode) {
    return checked(CALLS.fchmod(fd, mode));
  }

  /** Sets the modification time, of a symbolic link itself too; the access time stays. */
  static long utimens(String path, Times times) {
    return checked(CALLS.utimensat(AT_FDCWD, path, timespecs(times), AT_SYMLINK_NOFOLLOW));
  }

  static long futimens(int fd, Times times) {
    return checked(CALLS.futimens(fd, timespecs(times)));
  }

  private static byte[] timespecs(Times times) {
    return ByteBuffer.allocate(4 * Long.BYTES)
        .order(ByteOrder.nativeOrder())
        .putLong(0)
        .putLong(UTIME_OMIT)
        .putLong(times.mtimeS())
        .putLong(times.mtimeNs())
        .array();
  }

  /** Of the path's last component itself, also if it is a symbolic link. */
  static Answer<Stat> lstat(String path) {
    return statx(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW);
  }

  static Answer<Stat> stat(String path) {
    return statx(AT_FDCWD, path, 0);
  }

  static Answer<Stat> fstat(int fd) {
    return statx(fd, "", AT_EMPTY_PATH);
  }

  private static Answer<Stat> statx(int directoryFd, String path, int flags) {
    byte[] target = new byte[STATX_BYTES];
    long result = checked(CALLS.statx(directoryFd, path, flags, STATX_BASIC, target));
    if (result < 0) {
      return new Answer<>(result, null);
    }
    // struct statx is laid out alike on every architecture.
    ByteBuffer in = ByteBuffer.wrap(target).order(ByteOrder.nativeOrder());
    return new Answer<>(
        0,
        new Stat(
            in.getLong(32),
            Short.toUnsignedInt(in.getShort(28)),
            in.getInt(16),
            in.getInt(20),
            in.getInt(24),
            in.getLong(40),
            new Times(in.getLong(112), in.getInt(120))));
  }

  /**
   * All names but "." and "..", from the directory's start, in the order of the kernel. The handle
   * ends at the start: any other position means something to its own file system only.
   */
  static Answer<List<Entry>> list(int fd) {
    var entries = new ArrayList<Entry>();
    byte[] target = new byte[LISTING_BYTES];
    long count = checked(CALLS.lseek(fd, 0, 0));
    if (count < 0) {
      return new Answer<>(count, List.of());
    }
    while ((count = checked(CALLS.getdents64(fd, target, target.length))) > 0) {
      ByteBuffer in = ByteBuffer.wrap(target).order(ByteOrder.nativeOrder());
      // struct linux_dirent64 { u64 ino; s64 off; u16 reclen; u8 type; char name[]; }
      for (int at = 0; at < count; at += in.getShort(at + 16)) {
        int end = at + ENTRY_NAME_AT;
        while (target[end] != 0) {
          end++;
        }
        int start = at + ENTRY_NAME_AT;
        var name = new String(target, start, end - start, StandardCharsets.UTF_8);
        if (!name.equals(".") && !name.equals("..")) {
          entries.add(new Entry(name, in.getLong(at), in.get(at + 18)));
        }
      }
    }
    CALLS.lseek(fd, 0, 0);
    return new Answer<>(count, entries);
  }

  static long fsync(int fd) {
    return checked(CALLS.fsync(fd));
  }

  static long fdatasync(int fd) {
    return checked(CALLS.fdatasync(fd));
  }
}
