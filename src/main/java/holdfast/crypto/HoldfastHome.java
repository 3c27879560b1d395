package holdfast.crypto;

import holdfast.model.ErrorCode;
import holdfast.model.NodeId;
import holdfast.model.StorageException;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.SecureRandom;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Supplier;

/**
 * One {@code $HOLDFAST_HOME}: its key, its pool file, remembered addresses. All processes of a home
 * share them; what is made or changed is made under a lock that holds between processes, and is on
 * disk when the call returns. Thread-safe; every method may block on the disk and on other
 * processes of this home for as long as these make a key (a second).
 */
public final class HoldfastHome {
  /** Name of the home's own key file: the node key of all its client processes. */
  public static final String KEY_FILE_NAME = "home.key";

  /** Name of the file with remembered addresses. */
  public static final String ADDRESSES_FILE_NAME = "addresses";

  /** Addresses remembered, at most: the latest. */
  public static final int ADDRESSES_MAX = 64;

  private static final String LOCK_FILE_NAME = "lock";
  private static final int ADDRESS_CHARS_MAX = 300;
  private static final int ADDRESSES_BYTES_MAX = 64 * 1024;

  /** File locks hold between processes only; this one holds between threads of this process. */
  private static final ReentrantLock IN_PROCESS = new ReentrantLock();

  private final Path directory;
  private final NodeKey key;
  private final SecureRandom random;

  private HoldfastHome(Path directory, NodeKey key, SecureRandom random) {
    this.directory = directory;
    this.key = key;
    this.random = random;
  }

  /** $HOLDFAST_HOME, or .holdfast in {@code userHome} where that isn't set. */
  public static Path directory(Map<String, String> environment, Path userHome) {
    var named = environment.get("HOLDFAST_HOME");
    return named == null || named.isEmpty() ? userHome.resolve(".holdfast") : Path.of(named);
  }

  /**
   * Opens a home; makes its directory, its key and a pool of its own where they don't exist yet.
   *
   * @param suite what the pool is sealed with if it is made now
   * @throws StorageException ACCESS_DENIED if other users may enter the home or use its files,
   *     UNSUPPORTED if a newer version wrote them, STORE_FAILED if they are corrupt or the disk
   *     fails
   */
  public static HoldfastHome open(Path directory, CipherSuite suite, SecureRandom random) {
    PrivateFile.makeDirectory(directory);
    return locked(
        directory,
        () -> {
          var keyFile = directory.resolve(KEY_FILE_NAME);
          var poolFile = directory.resolve(PoolFile.FILE_NAME);
          boolean hasKey = PrivateFile.exists(keyFile);
          boolean hasPool = PrivateFile.exists(poolFile);
          if (hasKey || hasPool) {
            PrivateFile.checkMode(directory, "chmod 700 ");
          } else {
            PrivateFile.closeToOthers(directory);
          }
          if (hasPool && !hasKey) {
            throw new StorageException(
                ErrorCode.STORE_FAILED,
                "open home: expected=its key beside its pool file, was=no "
                    + KEY_FILE_NAME
                    + ", path="
                    + directory);
          }
          var home = new HoldfastHome(directory, openKey(keyFile, random), random);
          if (!hasPool) {
            var pool = PoolFile.create(home.key.publicKey(), suite, random);
            PrivateFile.replace(poolFile, pool.encode());
          }
          home.pool();
          return home;
        });
  }

  /** The directory. */
  public Path directory() {
    return directory;
  }

  /** The home's key, which is the node key of all its client processes. */
  public NodeKey key() {
    return key;
  }

  /** The pool file as it is now; read anew by each call. */
  public PoolFile pool() {
    return PoolFile.load(directory.resolve(PoolFile.FILE_NAME));
  }

  /** This home's certificate for a node of its own: a peer's key, or its own key as a client. */
  public Certificate certify(NodeId node, Role role) {
    return Certificate.issue(pool().id(), node, role, key, random);
  }

  /**
   * Decides once and for all which peer founds this pool's log: if this home made the pool and no
   * founder is set, {@code peer} becomes it.
   *
   * @return true if {@code peer} is the founder
   */
  public boolean claimFounder(NodeId peer) {
    return locked(
        directory,
        () -> {
          var pool = pool();
          if (pool.founder().isEmpty() && pool.madeHere()) {
            pool = pool.withFounder(peer);
            PrivateFile.replace(directory.resolve(PoolFile.FILE_NAME), pool.encode());
          }
          return pool.founder().filter(peer::equals).isPresent();
        });
  }

  /** Remembered peer addresses (HOST:PORT), latest first: hints, perhaps stale. */
  public List<String> addresses() {
    var file = directory.resolve(ADDRESSES_FILE_NAME);
    if (!PrivateFile.exists(file)) {
      return List.of();
    }
    var text = new String(PrivateFile.read(file, ADDRESSES_BYTES_MAX), StandardCharsets.UTF_8);
    var known = text.lines().map(String::strip).filter(HoldfastHome::isAddress).distinct();
    return known.limit(ADDRESSES_MAX).toList();
  }

  /** Remembers an address a handshake succeeded with; the oldest beyond 64 is forgotten. */
  public void rememberAddress(String hostPort) {
    if (!isAddress(hostPort)) {
      throw new IllegalArgumentException("remember address: expected=HOST:PORT, was=" + hostPort);
    }
    locked(
        directory,
        () -> {
          var known = new LinkedHashSet<String>();
          known.add(hostPort);
          known.addAll(addresses());
          var kept = new ArrayList<>(known).subList(0, Math.min(known.size(), ADDRESSES_MAX));
          if (!kept.equals(addresses())) {
            byte[] text = (String.join("\n", kept) + "\n").getBytes(StandardCharsets.UTF_8);
            PrivateFile.replace(directory.resolve(ADDRESSES_FILE_NAME), text);
          }
          return null;
        });
  }

  private static boolean isAddress(String line) {
    return line.length() <= ADDRESS_CHARS_MAX
        && line.indexOf(':') > 0
        && line.chars().allMatch(c -> c > ' ' && c < 0x7F);
  }

  private static NodeKey openKey(Path file, SecureRandom random) {
    if (PrivateFile.exists(file)) {
      return NodeKey.load(file);
    }
    var made = NodeKey.generate(random);
    made.save(file);
    return made;
  }

  private static <T> T locked(Path directory, Supplier<T> body) {
    var file = directory.resolve(LOCK_FILE_NAME);
    var mode = PosixFilePermissions.fromString("rw-------");
    IN_PROCESS.lock();
    try (var channel =
            FileChannel.open(
                file,
                Set.of(StandardOpenOption.CREATE, StandardOpenOption.WRITE),
                PosixFilePermissions.asFileAttribute(mode));
        var lock = channel.lock()) {
      if (!lock.isValid()) {
        throw new IOException("lock is not valid");
      }
      return body.get();
    } catch (IOException e) {
      throw PrivateFile.failed("lock home", directory, e);
    } finally {
      IN_PROCESS.unlock();
    }
  }
}
