package holdfast.crypto.identity;

import holdfast.model.ErrorCode;
import holdfast.model.StorageException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.EnumSet;
import java.util.Set;

/** Creates and checks files and directories that only their owner may touch. Blocks on the disk. */
final class PrivateFile {
  private static final Set<PosixFilePermission> FILE_MODE =
      PosixFilePermissions.fromString("rw-------");
  private static final Set<PosixFilePermission> DIRECTORY_MODE =
      PosixFilePermissions.fromString("rwx------");
  private static final Set<PosixFilePermission> OWNER =
      EnumSet.of(
          PosixFilePermission.OWNER_READ,
          PosixFilePermission.OWNER_WRITE,
          PosixFilePermission.OWNER_EXECUTE);
  private static final String TEMPORARY_SUFFIX = ".new";

  private PrivateFile() {}

  static boolean exists(Path file) {
    return Files.exists(file, LinkOption.NOFOLLOW_LINKS);
  }

  /** Reads a file of at most {@code maxBytes} that no other user may read or write. */
  static byte[] read(Path file, int maxBytes) {
    try {
      checkMode(file, "chmod 600 ");
      long sizeBytes = Files.size(file);
      if (sizeBytes > maxBytes) {
        throw new StorageException(
            ErrorCode.STORE_FAILED,
            "read file: expected=at most "
                + maxBytes
                + " bytes, was="
                + sizeBytes
                + ", path="
                + file);
      }
      return Files.readAllBytes(file);
    } catch (IOException e) {
      throw failed("read file", file, e);
    }
  }

  /** Replaces or makes a file, mode 0600; it is on disk, with its name, when this returns. */
  static void replace(Path file, byte[] content) {
    replace(file, content, true);
  }

  /** As {@link #replace(Path, byte[])}; after a power cut it may be anything, or not there. */
  static void replaceUnforced(Path file, byte[] content) {
    replace(file, content, false);
  }

  private static void replace(Path file, byte[] content, boolean isForced) {
    var temporary = file.resolveSibling(file.getFileName() + TEMPORARY_SUFFIX);
    try {
      Files.deleteIfExists(temporary);
      try (var channel =
          FileChannel.open(
              temporary,
              Set.of(StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE),
              PosixFilePermissions.asFileAttribute(FILE_MODE))) {
        var buffer = ByteBuffer.wrap(content);
        while (buffer.hasRemaining()) {
          channel.write(buffer);
        }
        if (isForced) {
          channel.force(true);
        }
      }
      Files.move(
          temporary, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
      if (isForced) {
        forceDirectory(file.toAbsolutePath().getParent());
      }
    } catch (IOException e) {
      throw failed("write file", file, e);
    }
  }

  /** Makes a directory and its parents, mode 0700, unless it is there; true if it was made. */
  static boolean makeDirectory(Path directory) {
    try {
      var parent = directory.toAbsolutePath().getParent();
      if (parent != null) {
        Files.createDirectories(parent);
      }
      Files.createDirectory(directory, PosixFilePermissions.asFileAttribute(DIRECTORY_MODE));
      return true;
    } catch (FileAlreadyExistsException e) {
      if (!Files.isDirectory(directory)) {
        throw failed("make directory", directory, e);
      }
      return false;
    } catch (IOException e) {
      throw failed("make directory", directory, e);
    }
  }

  /** Takes a directory that holds no secret yet from other users. */
  static void closeToOthers(Path directory) {
    try {
      Files.setPosixFilePermissions(directory, DIRECTORY_MODE);
    } catch (IOException e) {
      throw failed("set mode 0700", directory, e);
    }
  }

  /** Refuses a file or directory that others than its owner may use. */
  static void checkMode(Path path, String remedy) {
    try {
      var mode = Files.getPosixFilePermissions(path);
      if (!OWNER.containsAll(mode)) {
        throw new StorageException(
            ErrorCode.ACCESS_DENIED,
            "check mode: expected=usable by its owner only ("
                + remedy
                + path
                + "), was="
                + PosixFilePermissions.toString(mode)
                + ", path="
                + path);
      }
    } catch (IOException | UnsupportedOperationException e) {
      throw failed("check mode", path, e);
    }
  }

  static StorageException failed(String verb, Path path, Exception cause) {
    return new StorageException(
        ErrorCode.STORE_FAILED, verb + ": expected=done, was=" + cause + ", path=" + path, cause);
  }

  private static void forceDirectory(Path directory) throws IOException {
    try (var channel = FileChannel.open(directory, StandardOpenOption.READ)) {
      channel.force(true);
    }
  }
}
