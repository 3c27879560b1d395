package holdfast.process;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Duration;
import java.util.HexFormat;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/** Files and trees of the tests, and the longest call made on them. */
final class Trees {
  private static final int CALL_BYTES = 131_072;

  /** Longest single call since {@link #resetLongestCall}. */
  private long longestCallNs;

  private String longestCall = "none";

  /** Writes a file of random bytes that a seed gives again. */
  static void writeRandom(Path file, long sizeBytes, long seed) throws IOException {
    var random = new Random(seed);
    byte[] buffer = new byte[CALL_BYTES];
    try (OutputStream out = Files.newOutputStream(file)) {
      for (long left = sizeBytes; left > 0; left -= buffer.length) {
        random.nextBytes(buffer);
        out.write(buffer, 0, (int) Math.min(left, buffer.length));
      }
    }
  }

  static void copy(Path from, Path to) throws IOException {
    try (Stream<Path> files = Files.walk(from)) {
      for (Path file : (Iterable<Path>) files::iterator) {
        Path target = to.resolve(from.relativize(file).toString());
        Files.copy(file, target, LinkOption.NOFOLLOW_LINKS, StandardCopyOption.REPLACE_EXISTING);
      }
    }
  }

  static void delete(Path tree) throws IOException {
    Files.walkFileTree(
        tree,
        new SimpleFileVisitor<>() {
          @Override
          public FileVisitResult visitFile(Path file, BasicFileAttributes attributes)
              throws IOException {
            Files.delete(file);
            return FileVisitResult.CONTINUE;
          }

          @Override
          public FileVisitResult postVisitDirectory(Path folder, IOException e) throws IOException {
            Files.delete(folder);
            return FileVisitResult.CONTINUE;
          }
        });
  }

  void resetLongestCall() {
    longestCallNs = 0;
    longestCall = "none";
  }

  /** Fails if any call since the last reset took longer. */
  void expectCallsWithin(Duration limit) {
    if (longestCallNs > limit.toNanos()) {
      throw new AssertionError(
          "longest call: expected=" + limit + " at most, was=" + describeLongestCall());
    }
  }

  String describeLongestCall() {
    return TimeUnit.NANOSECONDS.toMillis(longestCallNs) + " ms: " + longestCall;
  }

  /** Reads a whole file, each call measured; SHA-256 in hexadecimal. */
  String sha256(Path file) throws Exception {
    MessageDigest digest = digest();
    byte[] buffer = new byte[CALL_BYTES];
    try (InputStream in = timed("open " + file, () -> Files.newInputStream(file))) {
      int count = 0;
      for (long offset = 0; count >= 0; offset += count) {
        digest.update(buffer, 0, count);
        count = timed("read " + file + " at " + offset, () -> in.read(buffer));
      }
    }
    return HexFormat.of().formatHex(digest.digest());
  }

  /** Writes a file of random bytes, each call measured; SHA-256 in hexadecimal. */
  String write(Path file, long sizeBytes, long seed) throws Exception {
    MessageDigest digest = digest();
    var random = new Random(seed);
    byte[] buffer = new byte[CALL_BYTES];
    OutputStream out = timed("create " + file, () -> Files.newOutputStream(file));
    try {
      for (long left = sizeBytes; left > 0; left -= buffer.length) {
        random.nextBytes(buffer);
        int count = (int) Math.min(left, buffer.length);
        digest.update(buffer, 0, count);
        timed(
            "write " + file,
            () -> {
              out.write(buffer, 0, count);
              return null;
            });
      }
    } finally {
      timed(
          "close " + file,
          () -> {
            out.close();
            return null;
          });
    }
    return HexFormat.of().formatHex(digest.digest());
  }

  /** Fails unless both trees have the same names, kinds, sizes and bytes; all calls measured. */
  void expectSame(Path wanted, Path found) throws Exception {
    BasicFileAttributes kind = attributes(wanted);
    BasicFileAttributes foundKind = timed("stat " + found, () -> attributes(found));
    if (kind.isSymbolicLink()) {
      String target = timed("readlink " + found, () -> Files.readSymbolicLink(found).toString());
      expectEqual("target of " + found, Files.readSymbolicLink(wanted).toString(), target);
    } else if (kind.isDirectory()) {
      expectEqual("names in " + found, names(wanted), timed("list " + found, () -> names(found)));
      try (Stream<Path> children = Files.list(wanted)) {
        for (Path child : (Iterable<Path>) children::iterator) {
          expectSame(child, found.resolve(child.getFileName()));
        }
      }
    } else {
      expectEqual("size of " + found, kind.size() + "", foundKind.size() + "");
      expectEqual("SHA-256 of " + found, new Trees().sha256(wanted), sha256(found));
    }
  }

  private static void expectEqual(String what, String wanted, String found) {
    if (!wanted.equals(found)) {
      throw new AssertionError(what + ": expected=" + wanted + ", was=" + found);
    }
  }

  private static BasicFileAttributes attributes(Path file) throws IOException {
    return Files.readAttributes(file, BasicFileAttributes.class, LinkOption.NOFOLLOW_LINKS);
  }

  private static String names(Path directory) throws IOException {
    try (Stream<Path> children = Files.list(directory)) {
      return children.map(child -> child.getFileName().toString()).sorted().toList().toString();
    }
  }

  /** Runs one call and remembers it if it is the longest. */
  <T> T timed(String what, Callable<T> call) throws Exception {
    long startNs = System.nanoTime();
    try {
      return call.call();
    } finally {
      long elapsedNs = System.nanoTime() - startNs;
      if (elapsedNs > longestCallNs) {
        longestCallNs = elapsedNs;
        longestCall = what;
      }
    }
  }

  private static MessageDigest digest() {
    try {
      return MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new AssertionError(e);
    }
  }
}
