package holdfast.crypto.identity;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import holdfast.crypto.CipherSuite;
import holdfast.crypto.Role;
import holdfast.crypto.identity.Fixtures.FixedRandom;
import holdfast.model.ErrorCode;
import holdfast.model.PoolId;
import holdfast.model.StorageException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.SecureRandom;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class HoldfastHomeTest {
  private static final int PROCESS_COUNT = 3;
  private static final PoolId POOL = new PoolId(1, 2, 3, 4);

  @TempDir Path folder;

  /** Opens the home named by its argument and prints what it found: run as a process of its own. */
  public static final class Opener {
    private Opener() {}

    public static void main(String[] args) {
      var random = new SecureRandom();
      var home = HoldfastHome.open(Path.of(args[0]), CipherSuite.FERNET, random);
      boolean isFounder = home.claimFounder(NodeKey.generate(random).id());
      System.out.println(home.pool().id() + " " + home.key().id() + " " + isFounder);
    }
  }

  /** A home with the fixed key, so that no test waits for a new one. */
  private HoldfastHome open() throws IOException {
    var directory = folder.resolve("home");
    if (!Files.exists(directory)) {
      Files.createDirectory(directory);
      Files.setPosixFilePermissions(directory, PosixFilePermissions.fromString("rwx------"));
      Fixtures.save(Fixtures.HOME, directory.resolve(HoldfastHome.KEY_FILE_NAME));
    }
    return HoldfastHome.open(directory, CipherSuite.AES_256_GCM, new FixedRandom("home"));
  }

  private static Path location(Class<?> type) throws Exception {
    return Path.of(type.getProtectionDomain().getCodeSource().getLocation().toURI());
  }

  private static String mode(Path file) throws IOException {
    return PosixFilePermissions.toString(Files.getPosixFilePermissions(file));
  }

  private static Path copyOf(Path file) {
    return file.resolveSibling(file.getFileName() + TwoCopies.COPY_SUFFIX);
  }

  private static StorageException failure(HoldfastHome home) {
    return assertThrows(StorageException.class, home::pool);
  }

  @Test
  void processesStartedAtOnceShareOneKeyOnePoolAndOneFounder() throws Exception {
    var directory = folder.resolve("raced");
    var processes = new ArrayList<Process>();
    var java = Path.of(System.getProperty("java.home"), "bin", "java").toString();
    var path = location(HoldfastHome.class) + ":" + location(Opener.class) + ":target/test-classes";
    for (int i = 0; i < PROCESS_COUNT; i++) {
      var command = List.of(java, "-cp", path, Opener.class.getName(), directory.toString());
      var process = new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT);
      processes.add(process.start());
    }
    var homes = new TreeSet<String>();
    int founderCount = 0;
    for (var process : processes) {
      String line = process.inputReader(StandardCharsets.US_ASCII).readLine();
      assertTrue(process.waitFor(60, TimeUnit.SECONDS));
      assertEquals(0, process.exitValue());
      homes.add(line.substring(0, line.lastIndexOf(' ')));
      founderCount += line.endsWith("true") ? 1 : 0;
    }

    assertEquals(1, homes.size(), homes.toString());
    assertEquals(1, founderCount);
    assertEquals("rwx------", mode(directory));
    var names = List.of("pool", "pool.copy", "home.key", "home.key.copy", "lock");
    for (String name : names) {
      assertEquals("rw-------", mode(directory.resolve(name)), name);
    }
  }

  @Test
  void aHomeOpenedAgainIsTheSame() throws IOException {
    var made = open();
    var again = open();

    assertEquals(made.pool().id(), again.pool().id());
    assertEquals(Fixtures.HOME.id(), again.key().id());
    assertEquals(CipherSuite.AES_256_GCM, again.pool().suite());
    assertTrue(again.pool().madeHere());
    assertEquals(made.pool().dataKey(), again.pool().dataKey());
    assertArrayEquals(made.pool().members().digest(), again.pool().members().digest());
    var certificate = again.certify(Fixtures.PEER.id(), Role.PEER);
    assertTrue(certificate.isSignedBy(again.pool().root()));
  }

  @Test
  void theFirstPeerToClaimFoundsThePoolAndStaysItsFounder() throws IOException {
    var home = open();

    assertTrue(home.claimFounder(Fixtures.PEER.id()));
    assertFalse(home.claimFounder(Fixtures.OTHER.id()));
    assertTrue(open().claimFounder(Fixtures.PEER.id()));
  }

  @Test
  void aHomeThatDidNotMakeThePoolNamesNoFounder() throws IOException {
    var home = open();
    var pool = home.pool();
    var joined =
        new PoolFile(
            pool.root(),
            pool.random(),
            false,
            pool.suite(),
            pool.secrets(),
            pool.members(),
            pool.dataKeys(),
            pool.founder());
    PoolFile.files(home.directory()).write(2, joined.encode());

    assertFalse(home.claimFounder(Fixtures.PEER.id()));
    assertTrue(home.pool().founder().isEmpty());
  }

  @Test
  void corruptTooNewAndOpenToOthersAreThreeErrors() throws IOException {
    var home = open();
    var file = home.directory().resolve(PoolFile.FILE_NAME);
    Files.delete(copyOf(file));
    byte[] good = Files.readAllBytes(file);
    for (int at : new int[] {0, 5, 20, good.length / 2, good.length - 1}) {
      byte[] bad = good.clone();
      bad[at] ^= 1;
      Files.write(file, bad);
      assertThrows(StorageException.class, home::pool, "byte " + at);
    }
    Files.write(file, Arrays.copyOf(good, good.length - 1));
    assertEquals(ErrorCode.STORE_FAILED, failure(home).code());
    byte[] content = Arrays.copyOf(good, good.length - TwoCopies.TRAILER_BYTES);
    Files.write(file, TwoCopies.encode(1, new byte[0]));
    assertTrue(failure(home).getMessage().contains("no pool file"));
    byte[] newer = content.clone();
    newer[5] = 2;
    Files.write(file, TwoCopies.encode(1, newer));
    assertEquals(ErrorCode.UNSUPPORTED, failure(home).code());
    assertTrue(failure(home).getMessage().contains("expected=format 1, was=2"));
    Files.write(file, good);
    Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rw-r-----"));
    assertEquals(ErrorCode.ACCESS_DENIED, failure(home).code());
    assertTrue(failure(home).getMessage().contains("chmod 600 " + file));
    Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rw-------"));
    Files.write(copyOf(file), good);
    Files.setPosixFilePermissions(copyOf(file), PosixFilePermissions.fromString("rw----r--"));
    assertEquals(ErrorCode.ACCESS_DENIED, failure(home).code());
  }

  @Test
  void aDirectoryOthersMayEnterIsClosedWhileEmptyAndRefusedLater() throws IOException {
    var home = open();
    var shared = PosixFilePermissions.fromString("rwxr-xr-x");
    Files.setPosixFilePermissions(home.directory(), shared);

    var failure = assertThrows(StorageException.class, this::open);
    assertEquals(ErrorCode.ACCESS_DENIED, failure.code());
    assertTrue(failure.getMessage().contains("chmod 700 " + home.directory()));
  }

  @Test
  void aPoolFileWithoutItsKeyIsNotTakenOver() throws IOException {
    var home = open();
    var key = home.directory().resolve(HoldfastHome.KEY_FILE_NAME);
    Files.delete(key);
    Files.delete(copyOf(key));

    assertThrows(StorageException.class, this::open);
  }

  @Test
  void aKeyFileOpenToOthersOrDamagedIsRefused() throws IOException {
    var directory = Files.createDirectory(folder.resolve("peer"));
    NodeKey.save(Fixtures.PEER, directory.resolve(NodeKey.FILE_NAME), POOL, new FixedRandom("s"));
    var file = directory.resolve(NodeKey.FILE_NAME);
    var random = new FixedRandom("salt");
    assertEquals(Fixtures.PEER.id(), NodeKey.loadOrCreate(directory, POOL, true, random).id());
    Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rw-r--r--"));
    var open =
        assertThrows(
            StorageException.class, () -> NodeKey.loadOrCreate(directory, POOL, true, random));
    assertEquals(ErrorCode.ACCESS_DENIED, open.code());
    Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rw-------"));
    Files.writeString(file, Files.readString(file).replaceFirst("MII", "MIJ"));
    Files.copy(file, copyOf(file), StandardCopyOption.REPLACE_EXISTING);
    var damaged =
        assertThrows(
            StorageException.class, () -> NodeKey.loadOrCreate(directory, POOL, true, random));
    assertEquals(ErrorCode.STORE_FAILED, damaged.code());
  }

  @Test
  void theLatest64AddressesAreRemembered() throws IOException {
    var home = open();
    assertEquals(List.of(), home.addresses());
    for (int i = 0; i < 70; i++) {
      home.rememberAddress("10.0.0.1:" + (8000 + i));
    }
    home.rememberAddress("10.0.0.1:8060");

    var known = home.addresses();
    assertEquals(HoldfastHome.ADDRESSES_MAX, known.size());
    assertEquals("10.0.0.1:8060", known.get(0));
    assertEquals("10.0.0.1:8069", known.get(1));
    assertFalse(known.contains("10.0.0.1:8000"));
    assertThrows(IllegalArgumentException.class, () -> home.rememberAddress("no port"));
    byte[] lines = "nonsense\n\na:1\n".getBytes(StandardCharsets.US_ASCII);
    Files.write(
        home.directory().resolve(HoldfastHome.ADDRESSES_FILE_NAME), TwoCopies.encode(999, lines));
    assertEquals(List.of("a:1"), home.addresses());
  }

  @Test
  void theHomeIsWhereTheVariableSaysOrInTheUsersOwn() {
    var user = Path.of("/u");
    assertEquals(Path.of("/x"), HoldfastHome.directory(Map.of("HOLDFAST_HOME", "/x"), user));
    assertEquals(Path.of("/u/.holdfast"), HoldfastHome.directory(Map.of(), user));
  }
}
