package holdfast.process;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.UserDefinedFileAttributeView;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;

/** Known bytes and names are neither on the peers' disks nor on the wire. */
@Tag("process")
@Timeout(value = 120, unit = TimeUnit.SECONDS, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class SecrecyProcessTest {
  private static final String WORD = "plaintext-marker-7f3c";
  private static final String NAME = "wellknownname";
  private static final String TARGET = "wellknowntarget";
  private static final String ATTRIBUTE = "wellknownattribute";
  private static final String VALUE = "wellknownvalue";
  private static final int LARGE_LINES = 500_000;
  private static final int LONG_VALUE_WORDS = 3_000;

  @RegisterExtension final Pools pools = new Pools();

  @Test
  void neitherContentsNorNamesAreOnDiskOrOnTheWire() throws Exception {
    Assumptions.assumeTrue(
        "root".equals(System.getProperty("user.name")), "only root may capture packets");
    Pool pool = pools.empty();
    Path capture = pool.work().resolve("capture.pcap");
    Launched tcpdump = capture(pool, capture);
    for (int peer = 1; peer <= 3; peer++) {
      pool.startPeer(peer);
    }
    Path mount = pool.mount("mnt");

    writeAndRead(pool, mount);
    pool.expectCopies(3);
    pool.umount(mount);
    tcpdump.signal("INT");
    tcpdump.awaitExit(Duration.ofSeconds(20));

    Path plain = pool.work().resolve(NAME + "-large");
    assertThat(occurrences(plain, WORD)).as("the search finds what is there").isPositive();
    assertThat(Files.size(capture)).as("bodies were captured").isGreaterThan(Files.size(plain));
    var searched = new ArrayList<Path>(List.of(capture));
    for (int peer = 1; peer <= 3; peer++) {
      try (Stream<Path> files = Files.walk(pool.storage(peer))) {
        files.filter(Files::isRegularFile).forEach(searched::add);
      }
    }
    for (Path file : searched) {
      for (String secret : List.of(WORD, NAME, TARGET, ATTRIBUTE, VALUE)) {
        assertThat(occurrences(file, secret)).as("%s in %s", secret, file).isZero();
        assertThat(file.getFileName().toString()).doesNotContain(secret);
      }
    }
  }

  private static Launched capture(Pool pool, Path file) throws IOException {
    var command =
        new ArrayList<>(
            List.of("tcpdump", "-i", "lo", "-U", "-B", "65536", "-s", "0", "-Z", "root", "-w"));
    command.add(file.toString());
    command.add("port " + pool.discoveryPort());
    for (int peer = 1; peer <= 3; peer++) {
      command.set(command.size() - 1, command.getLast() + " or port " + pool.port(peer));
    }
    Launched tcpdump =
        Launched.start("tcpdump", pool.logs(), pool.work(), pool.environment(), command);
    Await.until(
        "tcpdump to listen",
        Duration.ofSeconds(20),
        () -> tcpdump.err().contains("listening on"),
        tcpdump::err);
    return tcpdump;
  }

  /** A large, a small and an empty file, a directory and a link; by mount and by put. */
  private static void writeAndRead(Pool pool, Path mount) throws Exception {
    Path plain = pool.work().resolve(NAME + "-large");
    Files.writeString(plain, (WORD + "\n").repeat(LARGE_LINES));
    Path folder = Files.createDirectory(mount.resolve(NAME + "-folder"));
    Files.copy(plain, folder.resolve(NAME + "-large"));
    Files.writeString(folder.resolve(NAME + "-small"), WORD);
    Files.createFile(folder.resolve(NAME + "-empty"));
    Files.createSymbolicLink(folder.resolve(NAME + "-link"), Path.of(TARGET));
    setAttributes(folder.resolve(NAME + "-large"));
    Files.move(folder.resolve(NAME + "-small"), folder.resolve(NAME + "-moved"));
    pool.holdfast("put", plain.toString(), "/" + NAME + "-put").expectDone("put");
    assertThat(pool.holdfast("ls", "/" + NAME + "-folder").out()).contains(NAME + "-moved");
    assertThat(folder.resolve(NAME + "-large")).hasSameBinaryContentAs(plain);
    assertThat(mount.resolve(NAME + "-put")).hasSameBinaryContentAs(plain);
    assertThat(folder.resolve(NAME + "-moved")).hasContent(WORD);
  }

  /** A short value and one that takes several records; read back, and one removed. */
  private static void setAttributes(Path file) throws IOException {
    var attributes = Files.getFileAttributeView(file, UserDefinedFileAttributeView.class);
    byte[] longValue = (VALUE + " ").repeat(LONG_VALUE_WORDS).getBytes(StandardCharsets.UTF_8);
    attributes.write(ATTRIBUTE, ByteBuffer.wrap(VALUE.getBytes(StandardCharsets.UTF_8)));
    attributes.write(ATTRIBUTE + "-long", ByteBuffer.wrap(longValue));
    attributes.write(ATTRIBUTE + "-gone", ByteBuffer.wrap(longValue));
    attributes.delete(ATTRIBUTE + "-gone");
    var read = ByteBuffer.allocate(longValue.length);
    attributes.read(ATTRIBUTE + "-long", read);
    assertThat(read.array()).isEqualTo(longValue);
    assertThat(attributes.list()).containsExactlyInAnyOrder(ATTRIBUTE, ATTRIBUTE + "-long");
  }

  private static long occurrences(Path file, String text) throws IOException {
    byte[] wanted = text.getBytes(StandardCharsets.UTF_8);
    byte[] buffer = new byte[1 << 20];
    long count = 0;
    try (var in = Files.newInputStream(file)) {
      int kept = 0;
      int read = in.read(buffer);
      while (read > 0) {
        int end = kept + read;
        String piece = new String(buffer, 0, end, StandardCharsets.ISO_8859_1);
        for (int at = piece.indexOf(text); at >= 0; at = piece.indexOf(text, at + 1)) {
          count++;
        }
        kept = Math.min(end, wanted.length - 1);
        System.arraycopy(buffer, end - kept, buffer, 0, kept);
        read = in.read(buffer, kept, buffer.length - kept);
      }
    }
    return count;
  }
}
