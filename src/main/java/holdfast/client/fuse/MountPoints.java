package holdfast.client.fuse;

import holdfast.model.ErrorCode;
import holdfast.model.HoldfastException;
import holdfast.model.StorageException;
import holdfast.util.NamedThreads;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/**
 * Finds and checks a place to mount at, with one clear line for everything that can be wrong. Never
 * hangs on a mount whose process doesn't answer.
 */
final class MountPoints {
  private static final Logger LOG = System.getLogger("holdfast.client.fuse");
  private static final Path DEVICE = Path.of("/dev/fuse");

  /** A mount whose process died answers at once; on a busy machine the asking thread is slower. */
  private static final Duration PROBE_TIMEOUT = Duration.ofSeconds(5);

  private static final int LINK_DEPTH_MAX = 8;

  private final NamedThreads threads;
  private final Unmount unmount;

  MountPoints(NamedThreads threads, Unmount unmount) {
    this.threads = threads;
    this.unmount = unmount;
  }

  /**
   * The absolute path by which the mount table knows this place, without touching what is mounted
   * there (a stale or hanging mount fails or hangs every stat).
   *
   * @throws StorageException {@code NOT_FOUND} if the directory it lies in isn't there
   */
  static Path resolve(Path path) {
    Path place = path.toAbsolutePath().normalize();
    try {
      for (int depth = 0; depth < LINK_DEPTH_MAX; depth++) {
        if (place.getParent() == null) {
          return place;
        }
        place = place.getParent().toRealPath().resolve(place.getFileName());
        if (MountTable.read().at(place).isPresent() || !Files.isSymbolicLink(place)) {
          return place;
        }
        place = place.resolveSibling(Files.readSymbolicLink(place)).normalize();
      }
    } catch (IOException e) {
      throw missing(path, e);
    }
    throw new StorageException(
        ErrorCode.INVALID,
        "mount: expected=a directory, was=too many symbolic links, path=" + path);
  }

  /** Checks that one can mount here, clearing a stale mount first; returns the resolved path. */
  Path prepare(Path path) {
    checkDevice(path);
    Path place = resolve(path);
    var mounted = MountTable.read().at(place);
    if (mounted.isPresent()) {
      refuseUnlessStale(place, mounted.get());
      LOG.log(
          Level.WARNING,
          "mount {0}: clearing the stale mount of a process that died, was={1}",
          place,
          mounted.get().description());
      unmount.detach(place);
    }
    checkDirectory(place);
    return place;
  }

  /** The same without a change: a stale mount stays. */
  void check(Path path) {
    checkDevice(path);
    Path place = resolve(path);
    var mounted = MountTable.read().at(place);
    if (mounted.isPresent()) {
      refuseUnlessStale(place, mounted.get());
    } else {
      checkDirectory(place);
    }
  }

  private static void checkDevice(Path path) {
    if (!Files.exists(DEVICE)) {
      throw new HoldfastException(
          ErrorCode.UNSUPPORTED,
          "mount "
              + path
              + ": expected=the device "
              + DEVICE
              + ", was=missing; load it with: modprobe fuse");
    }
    if (!Unmount.isRoot() && !(Files.isReadable(DEVICE) && Files.isWritable(DEVICE))) {
      throw new HoldfastException(
          ErrorCode.NOT_PERMITTED,
          "mount "
              + path
              + ": expected=a device "
              + DEVICE
              + " that every user may open, was=not permitted; as root: chmod 666 "
              + DEVICE);
    }
  }

  private void refuseUnlessStale(Path place, MountTable.Entry entry) {
    if (!entry.isFuse() || !isStale(place)) {
      throw new HoldfastException(
          ErrorCode.BUSY,
          "mount "
              + place
              + ": expected=nothing mounted there, was="
              + entry.description()
              + (entry.type().equals(MountTable.TYPE)
                  ? "; unmount it first: holdfast umount " + place
                  : "; choose another directory"));
    }
  }

  /**
   * Asks on a thread of its own: where a frozen process has mounted, the question never returns.
   */
  private boolean isStale(Path place) {
    LibC.statisticsErrno(DEVICE); // loads the library, which isn't what is timed
    var answer = new CompletableFuture<Integer>();
    threads.startPlatform(
        "fuse-probe",
        () -> {
          try {
            answer.complete(LibC.statisticsErrno(place));
          } catch (RuntimeException | LinkageError e) {
            answer.completeExceptionally(e);
          }
        });
    try {
      return answer.get(PROBE_TIMEOUT.toMillis(), TimeUnit.MILLISECONDS) == LibC.ENOTCONN;
    } catch (TimeoutException e) {
      return false;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return false;
    } catch (ExecutionException e) {
      throw new HoldfastException(
          ErrorCode.INTERNAL, "mount " + place + ": failed to look at what is mounted", e);
    }
  }

  private static void checkDirectory(Path place) {
    if (!Files.exists(place, LinkOption.NOFOLLOW_LINKS)) {
      throw missing(place, null);
    }
    if (!Files.isDirectory(place)) {
      throw new StorageException(
          ErrorCode.NOT_DIRECTORY, "mount " + place + ": expected=a directory, was=something else");
    }
    try (var entries = Files.newDirectoryStream(place)) {
      if (entries.iterator().hasNext()) {
        throw new StorageException(
            ErrorCode.NOT_EMPTY,
            "mount "
                + place
                + ": expected=an empty directory, was=not empty; its content would be hidden,"
                + " choose or make another one");
      }
    } catch (IOException | UncheckedIOException e) {
      throw new StorageException(
          ErrorCode.ACCESS_DENIED,
          "mount " + place + ": expected=a readable directory, was=" + e.getMessage(),
          e);
    }
    if (!Files.isWritable(place)) {
      throw new StorageException(
          ErrorCode.ACCESS_DENIED,
          "mount " + place + ": expected=a directory you may write to, was=not permitted");
    }
  }

  private static StorageException missing(Path path, Throwable cause) {
    return new StorageException(
        ErrorCode.NOT_FOUND,
        "mount "
            + path
            + ": expected=an existing directory, was=missing; make it: mkdir -p "
            + path,
        cause);
  }
}
