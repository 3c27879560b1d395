package holdfast.crypto.identity;

import holdfast.crypto.CipherSuite;
import holdfast.crypto.Role;
import holdfast.model.ErrorCode;
import holdfast.model.NodeId;
import holdfast.model.StorageException;
import java.io.IOException;
import java.lang.System.Logger.Level;
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
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Supplier;

/**
 * Opens and keeps one {@code $HOLDFAST_HOME}: its key, its pool file, remembered addresses. All
 * processes of a home share them; what is made or changed is made under a lock that holds between
 * processes, and is on disk when the call returns, remembered addresses aside. Thread-safe; every
 * method may block on the disk and on other processes of this home for as long as these make a key
 * (a second).
 */
public final class HoldfastHome {
  /** Name of the home's own key file: the node key of all its client processes. */
  public static final String KEY_FILE_NAME = "home.key";

  /** Name of the file with remembered addresses. */
  public static final String ADDRESSES_FILE_NAME = "addresses";

  /** Addresses remembered, at most: the latest. */
  public static final int ADDRESSES_MAX = 64;

  private static final System.Logger LOG = System.getLogger(HoldfastHome.class.getName());
  private static final String LOCK_FILE_NAME = "lock";

  /** Revisions of the key file: before and after the pool file beside it was made. */
  private static final long NO_POOL_YET = 1;

  private static final long HAS_POOL = 2;
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
   * Opens a home; makes its directory, its key and a pool of its own where they don't exist yet. Of
   * each file there are two; where one is damaged it is written again from the other.
   *
   * @param suite what the pool is sealed with if it is made now
   * @throws StorageException ACCESS_DENIED if other users may enter the home or use its files,
   *     UNSUPPORTED if another version wrote them, STORE_FAILED if both of a kind are damaged or
   *     missing, the key isn't one of the pool's, or the disk fails
   */
  public static HoldfastHome open(Path directory, CipherSuite suite, SecureRandom random) {
    PrivateFile.makeDirectory(directory);
    return locked(directory, () -> openLocked(directory, suite, random));
  }

  private static HoldfastHome openLocked(Path directory, CipherSuite suite, SecureRandom random) {
    var keys =
        NodeKey.files(
            directory.resolve(KEY_FILE_NAME),
            "copy home.key from another machine of yours in this pool, or from a backup; without it"
                + " keep this home: its pool file has the data keys",
            random);
    var pools = PoolFile.files(directory);
    if (keys.exists() || pools.exists()) {
      PrivateFile.checkMode(directory, "chmod 700 ");
    } else {
      PrivateFile.closeToOthers(directory);
    }
    var loadedKey = keys.loadAndMend();
    var loadedPool = pools.loadAndMend();
    if (loadedKey.isEmpty() && loadedPool.isPresent()) {
      throw missing(directory, KEY_FILE_NAME, PoolFile.FILE_NAME, keys.remedy());
    }
    boolean hadPool = loadedKey.isPresent() && loadedKey.get().revision() >= HAS_POOL;
    if (hadPool && loadedPool.isEmpty()) {
      throw missing(directory, PoolFile.FILE_NAME, KEY_FILE_NAME, pools.remedy());
    }
    NodeKey key = loadedKey.map(TwoCopies.Loaded::value).orElseGet(() -> NodeKey.generate(random));
    if (loadedKey.isEmpty()) {
      keys.write(NO_POOL_YET, key.pem());
    }
    if (loadedPool.isEmpty()) {
      pools.write(1, PoolFile.create(key.publicKey(), suite, random).encode());
    } else if (!loadedPool.get().value().members().homes().containsKey(key.id())) {
      throw new StorageException(
          ErrorCode.STORE_FAILED,
          "open home: expected=the key of a home of pool "
              + loadedPool.get().value().id()
              + ", was=another one ("
              + key.id()
              + "), path="
              + directory
              + "; copy home.key and pool from the same machine");
    }
    if (!hadPool) {
      // From now on a pool file that isn't there has been lost, and isn't made again.
      keys.write(HAS_POOL, key.pem());
    }
    var home = new HoldfastHome(directory, key, random);
    home.mendAddresses();
    return home;
  }

  private static StorageException missing(
      Path directory, String missing, String there, String remedy) {
    return new StorageException(
        ErrorCode.STORE_FAILED,
        "open home: expected=%s beside %s, was=neither it nor %s, path=%s; %s"
            .formatted(missing, there, missing + TwoCopies.COPY_SUFFIX, directory, remedy));
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
    return loadedPool().value();
  }

  private TwoCopies.Loaded<PoolFile> loadedPool() {
    var files = PoolFile.files(directory);
    return files
        .load()
        .orElseThrow(() -> missing(directory, PoolFile.FILE_NAME, KEY_FILE_NAME, files.remedy()));
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
          var loaded = loadedPool();
          var pool = loaded.value();
          if (pool.founder().isEmpty() && pool.madeHere()) {
            pool = pool.withFounder(peer);
            PoolFile.files(directory).write(loaded.revision() + 1, pool.encode());
          }
          return pool.founder().filter(peer::equals).isPresent();
        });
  }

  /** Remembered peer addresses (HOST:PORT), latest first: hints, perhaps stale. */
  public List<String> addresses() {
    return loadedAddresses().map(TwoCopies.Loaded::value).orElse(List.of());
  }

  private TwoCopies<List<String>> addressFiles() {
    return new TwoCopies<>(
        directory.resolve(ADDRESSES_FILE_NAME),
        ADDRESSES_BYTES_MAX,
        (content, file) -> lines(content),
        "delete both: peers are found by broadcast or --peer");
  }

  /** Empty if there are none or both copies are damaged: they are only hints. */
  private Optional<TwoCopies.Loaded<List<String>>> loadedAddresses() {
    try {
      return addressFiles().load();
    } catch (StorageException e) {
      requireOnlyDamaged(e);
      return Optional.empty();
    }
  }

  /** With the lock held. Addresses without a whole copy are forgotten, never a reason to stop. */
  private void mendAddresses() {
    try {
      addressFiles().loadAndMend();
    } catch (StorageException e) {
      requireOnlyDamaged(e);
      LOG.log(Level.WARNING, "remembered addresses are forgotten: " + e.getMessage());
      addressFiles().writeUnforced(1, new byte[0]);
    }
  }

  private static void requireOnlyDamaged(StorageException e) {
    if (e.code() == ErrorCode.ACCESS_DENIED) {
      throw e;
    }
  }

  private static List<String> lines(byte[] content) {
    var text = new String(content, StandardCharsets.UTF_8);
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
          var before = loadedAddresses();
          var remembered = before.map(TwoCopies.Loaded::value).orElse(List.of());
          var known = new LinkedHashSet<String>();
          known.add(hostPort);
          known.addAll(remembered);
          var kept = new ArrayList<>(known).subList(0, Math.min(known.size(), ADDRESSES_MAX));
          if (!kept.equals(remembered)) {
            byte[] text = (String.join("\n", kept) + "\n").getBytes(StandardCharsets.UTF_8);
            // Starts of other processes wait for this lock: not for a busy disk, for mere hints.
            addressFiles()
                .writeUnforced(before.map(TwoCopies.Loaded::revision).orElse(0L) + 1, text);
          }
          return null;
        });
  }

  private static boolean isAddress(String line) {
    return line.length() <= ADDRESS_CHARS_MAX
        && line.indexOf(':') > 0
        && line.chars().allMatch(c -> c > ' ' && c < 0x7F);
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
