package holdfast.storage;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import holdfast.model.ErrorCode;
import holdfast.model.StorageException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The machine's file system. */
final class NioDiskTest extends DiskContractTest {
  @TempDir Path directory;

  @Override
  Disk disk() {
    return NioDisk.open(directory);
  }

  @Test
  void pageThatCannotBeReadIsAStorageError() {
    var disk = disk();
    var file = disk.open("a", Disk.Mode.CREATE);
    file.write(0, ByteBuffer.allocate(1 << 20));
    var region = file.map(0, 1 << 20);
    byte[] into = new byte[1 << 19];

    file.truncate(0);

    for (int i = 0; i < 100; i++) {
      assertEquals(
          ErrorCode.STORE_FAILED, codeOf(() -> region.read(1 << 18, into, 0, into.length)));
    }
    file.close();
    region.close();
  }

  @Test
  void directoryIsMadeForItsOwnerOnly() throws IOException {
    NioDisk.open(directory.resolve("new"));

    assertEquals(
        "rwx------",
        PosixFilePermissions.toString(Files.getPosixFilePermissions(directory.resolve("new"))));
  }

  @Test
  void lockShutsOutAnotherProcess() throws IOException, InterruptedException {
    var held = disk().lock("lock", "pid 17");

    var other = startLocker("pid 18");

    String answer = new String(other.getInputStream().readAllBytes()).strip();
    assertTrue(other.waitFor(30, TimeUnit.SECONDS));
    held.close();
    assertTrue(answer.contains("locked by another peer (pid 17)"), answer);
  }

  @Test
  void lockEndsWithItsProcess() throws IOException, InterruptedException {
    var other = startLocker("pid 18");
    assertTrue(other.waitFor(30, TimeUnit.SECONDS));

    disk().lock("lock", "pid 19").close();

    assertEquals("pid 19", Files.readString(directory.resolve("lock")));
  }

  private Process startLocker(String holder) throws IOException {
    return new ProcessBuilder(
            Path.of(System.getProperty("java.home"), "bin", "java").toString(),
            "-XX:TieredStopAtLevel=1",
            "-cp",
            classPath(),
            Locker.class.getName(),
            directory.toString(),
            holder)
        .redirectErrorStream(true)
        .start();
  }

  private static String classPath() {
    return pathOf(Locker.class) + ":" + pathOf(NioDisk.class);
  }

  /** The folder a class file lies in, whether it is on the class path or patched into a module. */
  private static String pathOf(Class<?> type) {
    String file = type.getName().replace('.', '/') + ".class";
    String path = type.getResource("/" + file).getPath();
    return path.substring(0, path.length() - file.length());
  }

  /** The other process: tries to lock, says what happened, and dies without unlocking. */
  static final class Locker {
    private Locker() {}

    /** Takes the directory and the holder's text. */
    public static void main(String[] args) {
      try {
        NioDisk.open(Path.of(args[0])).lock("lock", args[1]);
        System.out.println("locked");
      } catch (StorageException e) {
        System.out.println(e.getMessage());
      }
    }
  }

  @Test
  void aCopiedFolderHasAnotherId(@TempDir Path parent) throws IOException {
    Path folder = Files.createDirectory(parent.resolve("original"));
    long id = NioDisk.open(folder).folderId();
    Files.createDirectory(parent.resolve("copy"));
    Path moved = Files.move(folder, parent.resolve("moved"));

    boolean isLasting = id != 0;
    assertEquals(id, NioDisk.open(moved).folderId());
    assertEquals(isLasting, id != NioDisk.open(parent.resolve("copy")).folderId());
  }
}
