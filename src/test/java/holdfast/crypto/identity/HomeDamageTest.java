package holdfast.crypto.identity;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import holdfast.crypto.CipherSuite;
import holdfast.crypto.Hashes;
import holdfast.crypto.identity.Fixtures.FixedRandom;
import holdfast.model.ErrorCode;
import holdfast.model.PoolId;
import holdfast.model.StorageException;
import holdfast.util.Sha256;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import java.util.logging.Handler;
import java.util.logging.Level;
import java.util.logging.LogRecord;
import java.util.logging.Logger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.AnnotatedElementContext;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.io.TempDirFactory;

/**
 * Files of a home and a peer's key, damaged everywhere: one whole copy is enough and mends the
 * other, without any the start is refused by a sentence; never another key, never a new pool.
 */
class HomeDamageTest {
  private static final String ADDRESS = "10.0.0.1:8000";
  private static final int ZEROED_BYTES = 256;

  /** Bits flipped in both copies at once: one of so many bytes. */
  private static final int BOTH_STEP = 97;

  /** Whole starts: with damage at one of so many bytes. */
  private static final int START_STEP = 127;

  /** A folder that needs no disk, if the machine has one. */
  static final class InMemory implements TempDirFactory {
    private static final Path MEMORY = Path.of("/dev/shm");

    @Override
    public Path createTempDirectory(AnnotatedElementContext element, ExtensionContext context)
        throws IOException {
      return Files.isWritable(MEMORY)
          ? Files.createTempDirectory(MEMORY, "holdfast")
          : Files.createTempDirectory("holdfast");
    }
  }

  /** Thousands of starts: in memory where there is such a folder. */
  @TempDir(factory = InMemory.class)
  Path folder;

  private Path home;
  private Path storage;
  private PoolId pool;
  private final StringBuilder logged = new StringBuilder();
  private final Logger logger = Logger.getLogger("holdfast.crypto");
  private final Handler handler =
      new Handler() {
        @Override
        public void publish(LogRecord line) {
          logged.append(line.getLevel()).append(' ').append(line.getMessage()).append('\n');
        }

        @Override
        public void flush() {}

        @Override
        public void close() {}
      };

  /** A change of a file's bytes; null removes it. */
  private interface Damage {
    byte[] to(byte[] whole);
  }

  @BeforeEach
  void makeHome() throws IOException {
    home = privateDirectory("home");
    storage = privateDirectory("storage");
    Fixtures.save(Fixtures.HOME, home.resolve("home.key"));
    var opened = openHome();
    pool = opened.pool().id();
    saveNodeKey(Fixtures.PEER, storage, pool);
    opened.rememberAddress(ADDRESS);
    assertTrue(opened.claimFounder(Fixtures.PEER.id()));
    logger.setLevel(Level.WARNING);
    logger.setUseParentHandlers(false);
    logger.addHandler(handler);
  }

  @AfterEach
  void letLoggerGo() {
    logger.removeHandler(handler);
    logger.setUseParentHandlers(true);
    logger.setLevel(null);
  }

  private static void saveNodeKey(NodeKey key, Path directory, PoolId pool) {
    NodeKey.save(key, directory.resolve("node.key"), pool, new FixedRandom("node key"));
  }

  private Path privateDirectory(String name) throws IOException {
    var mode = PosixFilePermissions.fromString("rwx------");
    return Files.createDirectory(folder.resolve(name), PosixFilePermissions.asFileAttribute(mode));
  }

  private HoldfastHome openHome() {
    return HoldfastHome.open(home, CipherSuite.FERNET, new FixedRandom("home"));
  }

  private NodeKey openNodeKey() {
    return NodeKey.loadOrCreate(storage, pool, false, new FixedRandom("storage"));
  }

  private void openAll() {
    var opened = openHome();
    assertEquals(Fixtures.HOME.id(), opened.key().id());
    assertEquals(pool, opened.pool().id());
    assertTrue(opened.pool().founder().isPresent());
    assertEquals(Fixtures.PEER.id(), openNodeKey().id());
  }

  private List<Path> files() {
    return List.of(
        home.resolve("home.key"),
        home.resolve("pool"),
        home.resolve("addresses"),
        storage.resolve("node.key"));
  }

  /** Those without which nothing starts. */
  private List<Path> neededFiles() {
    return List.of(home.resolve("home.key"), home.resolve("pool"), storage.resolve("node.key"));
  }

  private static Path copyOf(Path file) {
    return file.resolveSibling(file.getFileName() + ".copy");
  }

  private static void write(Path file, byte[] bytesOrNull) throws IOException {
    if (bytesOrNull == null) {
      Files.delete(file);
    } else {
      Files.write(file, bytesOrNull);
      Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rw-------"));
    }
  }

  /** Damages one copy, starts, and checks that it was told once and mended. */
  private void checkOne(Path file, Path damaged, Damage damage) throws IOException {
    byte[] whole = Files.readAllBytes(file);
    assertArrayEquals(whole, Files.readAllBytes(copyOf(file)));
    write(damaged, damage.to(whole.clone()));
    logged.setLength(0);

    openAll();

    assertArrayEquals(whole, Files.readAllBytes(damaged), damaged.toString());
    assertEquals(List.of(ADDRESS), openHome().addresses());
    assertEquals(
        "rw-------", PosixFilePermissions.toString(Files.getPosixFilePermissions(damaged)));
    assertEquals(1, logged.toString().lines().count(), logged.toString());
    assertTrue(logged.toString().contains(damaged.toString()), logged.toString());
  }

  private void checkEither(Path file, Damage damage) throws IOException {
    checkOne(file, file, damage);
    checkOne(file, copyOf(file), damage);
  }

  /** Damages both, and checks that the start is refused and changes nothing. */
  private void checkBoth(Path file, Damage first, Damage second) throws IOException {
    byte[] whole = Files.readAllBytes(file);
    byte[] one = first.to(whole.clone());
    byte[] other = second.to(whole.clone());
    write(file, one);
    write(copyOf(file), other);

    var refused = assertThrows(StorageException.class, this::openAll);

    String name = file.getFileName().toString();
    String text = refused.getMessage();
    assertTrue(
        refused.code() == ErrorCode.STORE_FAILED || refused.code() == ErrorCode.UNSUPPORTED, text);
    assertTrue(text.contains(name) && text.contains("path=" + file.getParent()), text);
    assertTrue(text.contains(name.equals("node.key") ? "a backup of" : "copy " + name), text);
    assertFalse(text.contains("\n"), text);
    assertArrayEquals(one, bytes(file));
    assertArrayEquals(other, bytes(copyOf(file)));
    Files.deleteIfExists(file);
    Files.deleteIfExists(copyOf(file));
    write(file, whole);
    write(copyOf(file), whole);
    openAll();
  }

  private static byte[] bytes(Path file) throws IOException {
    return Files.exists(file) ? Files.readAllBytes(file) : null;
  }

  private static Damage flip(int at) {
    return bytes -> {
      bytes[at] ^= (byte) (1 << at % 8);
      return bytes;
    };
  }

  private static Damage zero(int from, int lengthBytes) {
    return bytes -> {
      Arrays.fill(bytes, from, Math.min(bytes.length, from + lengthBytes), (byte) 0);
      return bytes;
    };
  }

  private static Damage cut(int length) {
    return bytes -> Arrays.copyOf(bytes, length);
  }

  private static final Damage REMOVED = bytes -> null;

  /** What reads the two files, without the rest of a start. */
  private TwoCopies<?> reader(Path file) {
    return switch (file.getFileName().toString()) {
      case "pool" -> PoolFile.files(home);
      case "addresses" -> new TwoCopies<>(file, 1_000, (content, one) -> content, "");
      default ->
          new TwoCopies<>(
              file, 9_000, (content, one) -> NodeKey.parse(Fixtures.ascii(content), one), "");
    };
  }

  /** As {@link #checkOne}, for every place: without the rest of a start. */
  private void checkRead(Path file, Path damaged, byte[] whole, Damage damage) throws IOException {
    write(damaged, damage.to(whole.clone()));
    logged.setLength(0);

    assertTrue(reader(file).loadAndMend().isPresent());

    assertArrayEquals(whole, Files.readAllBytes(damaged), damaged.toString());
    assertEquals(1, logged.toString().lines().count(), logged.toString());
  }

  @Test
  void flippedByteOfOneCopyIsMendedFromTheOther() throws IOException {
    for (Path file : files()) {
      byte[] whole = Files.readAllBytes(file);
      for (int at = 0; at < whole.length; at++) {
        checkRead(file, file, whole, flip(at));
        checkRead(file, copyOf(file), whole, flip(at));
        if (at % START_STEP == 0) {
          checkEither(file, flip(at));
        }
      }
    }
  }

  @Test
  void copyCutToAnyLengthIsMended() throws IOException {
    for (Path file : files()) {
      byte[] whole = Files.readAllBytes(file);
      for (int length = 0; length < whole.length; length++) {
        checkRead(file, file, whole, cut(length));
        checkRead(file, copyOf(file), whole, cut(length));
        if (length % START_STEP == 0) {
          checkEither(file, cut(length));
        }
      }
    }
  }

  @Test
  void zeroedOrRemovedCopyIsMended() throws IOException {
    for (Path file : files()) {
      checkEither(file, REMOVED);
      checkEither(file, zero(0, Integer.MAX_VALUE / 2));
      for (int from = 0; from < Files.size(file); from += ZEROED_BYTES) {
        checkEither(file, zero(from, ZEROED_BYTES));
      }
    }
  }

  @Test
  void damageInBothCopiesIsRefusedByASentence() throws IOException {
    for (Path file : neededFiles()) {
      int size = (int) Files.size(file);
      for (int at = 0; at < size; at += BOTH_STEP) {
        checkBoth(file, flip(at), flip(size - 1 - at));
        checkBoth(file, cut(at), flip(at));
      }
      checkBoth(file, REMOVED, flip(3));
      checkBoth(file, flip(3), REMOVED);
      checkBoth(file, REMOVED, cut(size - 1));
      checkBoth(file, zero(0, size), zero(0, size));
      checkBoth(file, REMOVED, REMOVED);
    }
  }

  @Test
  void addressesWithoutAWholeCopyAreForgottenAndToldOfAndRememberedAgain() throws IOException {
    var file = home.resolve("addresses");
    write(file, flip(0).to(Files.readAllBytes(file)));
    write(copyOf(file), flip(5).to(Files.readAllBytes(copyOf(file))));

    openAll();

    assertTrue(logged.toString().contains("addresses are forgotten"), logged.toString());
    assertEquals(List.of(), openHome().addresses());
    openHome().rememberAddress(ADDRESS);
    assertEquals(List.of(ADDRESS), openHome().addresses());
    assertArrayEquals(Files.readAllBytes(file), Files.readAllBytes(copyOf(file)));
  }

  @Test
  void newerOfTwoWholeCopiesCounts() throws IOException {
    var file = home.resolve("pool");
    byte[] before = Files.readAllBytes(file);
    var content = Arrays.copyOf(before, before.length - TwoCopies.TRAILER_BYTES);
    byte[] newer = TwoCopies.encode(7, content);
    for (Path one : List.of(file, copyOf(file))) {
      write(file, before);
      write(copyOf(file), before);
      write(one, newer);

      openAll();

      assertArrayEquals(newer, Files.readAllBytes(file));
      assertArrayEquals(newer, Files.readAllBytes(copyOf(file)));
    }
  }

  @Test
  void twoWholeKeysThatDifferAreRefused() throws IOException {
    var file = storage.resolve("node.key");
    Path other = privateDirectory("other");
    saveNodeKey(Fixtures.OTHER, other, pool);
    write(file, Files.readAllBytes(other.resolve("node.key")));

    var refused = assertThrows(StorageException.class, this::openNodeKey);

    assertTrue(refused.getMessage().contains("remove the one that doesn't belong"));
  }

  @Test
  void keyOfAnotherHomeIsRefused() throws IOException {
    Fixtures.save(Fixtures.OTHER, home.resolve("home.key"));

    var refused = assertThrows(StorageException.class, this::openHome);

    assertTrue(refused.getMessage().contains("was=another one"), refused.getMessage());
    assertTrue(refused.getMessage().contains("from the same machine"), refused.getMessage());
  }

  private static byte[] body(byte[] pem) {
    return Hashes.ascii(Fixtures.ascii(pem).replaceAll("-----[A-Z ]+-----", ""));
  }

  @Test
  void keyThatDoesNotVerifyWhatItSignsIsRefused() throws IOException {
    byte[] der = Base64.getMimeDecoder().decode(Fixtures.ascii(body(Fixtures.PEER.pem())));
    int refusedCount = 0;
    for (int at = 600; at < der.length; at += 97) {
      byte[] bad = der.clone();
      bad[at] ^= 8;
      String text =
          "pool "
              + Fixtures.hex(pool.toBytes())
              + "\n-----BEGIN PRIVATE KEY-----\n"
              + Base64.getMimeEncoder().encodeToString(bad)
              + "\n-----END PRIVATE KEY-----\n";
      byte[] file = TwoCopies.encode(1, Hashes.ascii(text));
      write(storage.resolve("node.key"), file);
      write(copyOf(storage.resolve("node.key")), file);
      try {
        assertEquals(Fixtures.PEER.id(), openNodeKey().id());
      } catch (StorageException e) {
        assertEquals(ErrorCode.STORE_FAILED, e.code());
        refusedCount++;
      }
    }
    assertTrue(refusedCount > 5, "refused " + refusedCount);
  }

  @Test
  void homeOfFormatOneIsRefusedBySentence() throws IOException {
    for (Path file : neededFiles()) {
      byte[] now = Files.readAllBytes(file);
      checkBoth(file, cut(now.length - TwoCopies.TRAILER_BYTES), REMOVED);
    }
    var file = home.resolve("pool");
    byte[] now = Files.readAllBytes(file);
    write(file, Arrays.copyOf(now, now.length - TwoCopies.TRAILER_BYTES));
    write(copyOf(file), null);
    var refused = assertThrows(StorageException.class, this::openAll);
    assertEquals(ErrorCode.UNSUPPORTED, refused.code());
    assertTrue(refused.getMessage().contains("expected=home format 2, was=1"));
  }

  @Test
  void homeOfANewerFormatIsRefused() throws IOException {
    var file = home.resolve("home.key");
    byte[] now = Files.readAllBytes(file);
    int sumAt = now.length - 65;
    now[now.length - TwoCopies.TRAILER_BYTES + 16] = '3';
    String sum = Fixtures.hex(Sha256.of(Arrays.copyOf(now, sumAt)));
    System.arraycopy(Hashes.ascii(sum), 0, now, sumAt, 64);
    write(file, now);

    var refused = assertThrows(StorageException.class, this::openHome);

    assertEquals(ErrorCode.UNSUPPORTED, refused.code());
    assertTrue(refused.getMessage().contains("update this one"), refused.getMessage());
  }

  @Test
  void firstStartThatDiedBeforeThePoolFileWasMadeGoesOn() throws IOException {
    Files.delete(home.resolve("pool"));
    Files.delete(copyOf(home.resolve("pool")));
    Fixtures.save(Fixtures.HOME, home.resolve("home.key"));

    var opened = openHome();

    assertEquals(Fixtures.HOME.id(), opened.key().id());
    assertTrue(opened.pool().members().homes().containsKey(Fixtures.HOME.id()));
  }

  @Test
  void directoryOfAnotherPoolIsRefused() {
    var other = new PoolId(1, 2, 3, 4);

    var refused =
        assertThrows(
            StorageException.class,
            () -> NodeKey.loadOrCreate(storage, other, true, new FixedRandom("other")));

    assertTrue(refused.getMessage().contains("a key of the home's pool " + other));
    assertTrue(refused.getMessage().contains("was=one of pool " + pool), refused.getMessage());
    assertTrue(refused.getMessage().contains("set HOLDFAST_HOME"), refused.getMessage());
  }

  @Test
  void keyIsMadeInAnEmptyDirectoryOnly() throws IOException {
    var empty = privateDirectory("empty");
    var random = new FixedRandom("empty");

    var refused =
        assertThrows(
            StorageException.class, () -> NodeKey.loadOrCreate(empty, pool, false, random));

    assertTrue(refused.getMessage().contains("the key that this directory's data belongs to"));
    assertFalse(Files.exists(empty.resolve("node.key")));
  }
}
