package holdfast.process;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HashMap;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;

/**
 * Reads which chunks a peer's directory holds, by {@code docs/disk-format.md} and not by the code
 * that wrote them. A chunk counts when its bytes hash to its name.
 */
final class Segments {
  private static final int SEGMENT_HEADER_BYTES = 64;
  private static final int RECORD_HEADER_BYTES = 56;
  private static final int RECORD_MAGIC = 0x48464352;
  private static final int STATE_LIVE = 1;
  private static final int CHUNK_BYTES_MAX = 4_210_688;

  private Segments() {}

  /** How many of these directories hold each chunk that any of them holds. */
  static Map<String, Integer> copies(List<Path> directories) {
    var copies = new HashMap<String, Integer>();
    for (Path directory : directories) {
      chunks(directory).forEach(chunk -> copies.merge(chunk, 1, Integer::sum));
    }
    return copies;
  }

  /** Names of the whole chunks in a peer's directory, in hexadecimal. */
  static Set<String> chunks(Path directory) {
    var live = new HashSet<String>();
    try (Stream<Path> files = Files.list(directory)) {
      files
          .filter(file -> file.getFileName().toString().matches("chunks-[0-9a-f]{16}\\.seg"))
          .sorted()
          .forEach(file -> read(file, live));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return live;
  }

  private static void read(Path file, Set<String> live) {
    try (var channel = FileChannel.open(file)) {
      var header = ByteBuffer.allocate(RECORD_HEADER_BYTES);
      long offset = SEGMENT_HEADER_BYTES;
      while (fill(channel, header.clear(), offset) && header.getInt(0) == RECORD_MAGIC) {
        byte[] id = new byte[32];
        header.get(8, id);
        int length = header.getInt(40);
        if (length < 0 || length > CHUNK_BYTES_MAX) {
          throw new AssertionError("read " + file + ": length=" + length + ", offset=" + offset);
        }
        String name = HexFormat.of().formatHex(id);
        var chunk = ByteBuffer.allocate(length);
        if (header.get(4 + 1) != STATE_LIVE) {
          live.remove(name);
        } else if (fill(channel, chunk, offset + RECORD_HEADER_BYTES)
            && name.equals(sha256(chunk.array()))) {
          live.add(name);
        }
        offset += RECORD_HEADER_BYTES + length;
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static boolean fill(FileChannel channel, ByteBuffer buffer, long offset)
      throws IOException {
    while (buffer.hasRemaining()) {
      if (channel.read(buffer, offset + buffer.position()) < 0) {
        return false;
      }
    }
    return true;
  }

  private static String sha256(byte[] bytes) {
    try {
      return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(bytes));
    } catch (NoSuchAlgorithmException e) {
      throw new AssertionError(e);
    }
  }
}
