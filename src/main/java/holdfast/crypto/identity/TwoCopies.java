package holdfast.crypto.identity;

import holdfast.model.ErrorCode;
import holdfast.model.StorageException;
import holdfast.util.Invariants;
import holdfast.util.Sha256;
import java.lang.System.Logger.Level;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.Optional;

/**
 * A small private file of which there are two, NAME and NAME.copy, each with a checksum and a
 * revision of its own (docs/disk-format-home.md): one of them may be damaged. Blocks on the disk;
 * any thread, but whoever writes or mends makes sure that nobody else does so at once. Whoever only
 * reads may do so meanwhile.
 *
 * @param <T> what the content means
 */
final class TwoCopies<T> {
  /** What the second copy's name ends in. */
  static final String COPY_SUFFIX = ".copy";

  /** Format version of the files of a home: written, and the only one read. */
  static final int FORMAT_VERSION = 2;

  /** Size of what follows the content. */
  static final int TRAILER_BYTES = 100;

  private static final System.Logger LOG = System.getLogger(TwoCopies.class.getName());
  private static final String TRAILER_BEGIN = "# holdfast home ";
  private static final int BEGIN_CHARS = TRAILER_BEGIN.length();
  private static final int VERSION_CHARS = 1;
  private static final int REVISION_CHARS = 16;
  private static final int SUM_CHARS = 64;
  private static final int HEX = 16;

  private final Path file;
  private final Path copy;
  private final int contentBytesMax;
  private final Form<T> form;
  private final String remedy;

  /** What a file's content must be. */
  interface Form<T> {
    /** What it means; throws STORE_FAILED if it isn't what it should be. */
    T read(byte[] content, Path file);
  }

  /**
   * What was read.
   *
   * @param revision counts up with each change, from 1
   */
  record Loaded<T>(long revision, T value) {}

  /** One of the two as it was found: a value, or why there is none. */
  private record Found<T>(Path file, byte[] content, Loaded<T> loaded, StorageException damage) {
    boolean isWhole() {
      return loaded != null;
    }

    boolean isMissing() {
      return loaded == null && damage == null;
    }

    String state() {
      return isMissing() ? "missing" : isWhole() ? "older" : damage.getMessage();
    }
  }

  /**
   * @param remedy what to do when both are damaged, for people
   */
  TwoCopies(Path file, int contentBytesMax, Form<T> form, String remedy) {
    this.file = file;
    this.copy = file.resolveSibling(file.getFileName() + COPY_SUFFIX);
    this.contentBytesMax = contentBytesMax;
    this.form = form;
    this.remedy = remedy;
  }

  /** What to do when both are damaged, for people. */
  String remedy() {
    return remedy;
  }

  /** Whether one of the two is there, whole or not. */
  boolean exists() {
    return PrivateFile.exists(file) || PrivateFile.exists(copy);
  }

  /**
   * The newer of the whole ones; empty if neither file is there. Changes nothing.
   *
   * @throws StorageException STORE_FAILED if files are there and none is whole, or the two
   *     contradict each other; ACCESS_DENIED if others may use one; UNSUPPORTED if another version
   *     wrote them
   */
  Optional<Loaded<T>> load() {
    var first = find(file, null);
    return Optional.ofNullable(best(first, find(copy, first))).map(Found::loaded);
  }

  /** As {@link #load}; writes the other one again where it is damaged, older or missing. */
  Optional<Loaded<T>> loadAndMend() {
    var first = find(file, null);
    var second = find(copy, first);
    var best = best(first, second);
    if (best == null) {
      return Optional.empty();
    }
    var other = best == first ? second : first;
    if (!other.isWhole() || other.loaded().revision() != best.loaded().revision()) {
      mend(other, best);
    }
    return Optional.of(best.loaded());
  }

  private void mend(Found<T> other, Found<T> good) {
    try {
      PrivateFile.replace(other.file(), encode(good.loaded().revision(), good.content()));
      LOG.log(
          Level.WARNING,
          "copied "
              + good.file().getFileName()
              + " to "
              + other.file()
              + ", which was: "
              + other.state());
    } catch (StorageException e) {
      // One whole copy is enough to go on with.
      LOG.log(
          Level.WARNING,
          "only one whole copy is left: path="
              + good.file()
              + "; the other was "
              + other.state()
              + ", and it can't be written: "
              + e.getMessage());
    }
  }

  /** Writes both, one after the other; both are on disk when this returns. */
  void write(long revision, byte[] content) {
    Invariants.check(revision > 0, "revision %s", revision);
    Invariants.check(content.length <= contentBytesMax, "content of %s bytes", content.length);
    byte[] bytes = encode(revision, content);
    PrivateFile.replace(file, bytes);
    PrivateFile.replace(copy, bytes);
  }

  /** As {@link #write}, for what may be lost: a power cut may damage both. Waits for no disk. */
  void writeUnforced(long revision, byte[] content) {
    byte[] bytes = encode(revision, content);
    PrivateFile.replaceUnforced(file, bytes);
    PrivateFile.replaceUnforced(copy, bytes);
  }

  private Found<T> best(Found<T> first, Found<T> second) {
    if (first.isWhole() && second.isWhole()) {
      boolean isSameRevision = first.loaded().revision() == second.loaded().revision();
      if (isSameRevision && !Arrays.equals(first.content(), second.content())) {
        throw new StorageException(
            ErrorCode.STORE_FAILED,
            "load %s: expected=the same in it and in %s, was=different; both are whole:"
                    .formatted(file.getFileName(), copy.getFileName())
                + " remove the one that doesn't belong here, path="
                + file);
      }
      return first.loaded().revision() >= second.loaded().revision() ? first : second;
    }
    if (first.isWhole() || second.isWhole()) {
      return first.isWhole() ? first : second;
    }
    if (first.isMissing() && second.isMissing()) {
      return null;
    }
    refuseOlder(first, second);
    throw new StorageException(
        ErrorCode.STORE_FAILED,
        "load %s: expected=it or %s whole, was=both damaged (%s; %s), path=%s; %s"
            .formatted(
                file.getFileName(),
                copy.getFileName(),
                first.state(),
                second.state(),
                file,
                remedy));
  }

  /** Version 1 had one file and no trailer. */
  private void refuseOlder(Found<T> first, Found<T> second) {
    if (!second.isMissing() || first.content() == null) {
      return;
    }
    try {
      form.read(first.content(), file);
    } catch (StorageException e) {
      return;
    }
    throw new StorageException(
        ErrorCode.UNSUPPORTED,
        "load "
            + file.getFileName()
            + ": expected=home format 2, was=1, or damaged at its end, path="
            + file
            + "; if an older holdfast made it run that one, otherwise "
            + remedy);
  }

  /** Looks at one; what says the same as the one looked at before needn't be understood again. */
  private Found<T> find(Path one, Found<T> beforeOrNull) {
    if (!PrivateFile.exists(one)) {
      return new Found<>(one, null, null, null);
    }
    byte[] bytes = null;
    try {
      bytes = PrivateFile.read(one, contentBytesMax + TRAILER_BYTES);
      long revision = revision(bytes, one);
      byte[] content = Arrays.copyOf(bytes, bytes.length - TRAILER_BYTES);
      boolean isSame =
          beforeOrNull != null
              && beforeOrNull.isWhole()
              && Arrays.equals(beforeOrNull.content(), content);
      T value = isSame ? beforeOrNull.loaded().value() : form.read(content, one);
      return new Found<>(one, content, new Loaded<>(revision, value), null);
    } catch (StorageException e) {
      if (e.code() != ErrorCode.STORE_FAILED) {
        throw e;
      }
      return new Found<>(one, bytes, null, e);
    }
  }

  static byte[] encode(long revision, byte[] content) {
    byte[] begin =
        "%s%d %016x "
            .formatted(TRAILER_BEGIN, FORMAT_VERSION, revision)
            .getBytes(StandardCharsets.US_ASCII);
    String sum = HexFormat.of().formatHex(Sha256.of(content, begin));
    byte[] bytes = Arrays.copyOf(content, content.length + TRAILER_BYTES);
    System.arraycopy(begin, 0, bytes, content.length, begin.length);
    byte[] end = (sum + "\n").getBytes(StandardCharsets.US_ASCII);
    System.arraycopy(end, 0, bytes, content.length + begin.length, end.length);
    return bytes;
  }

  /** The revision in a whole file's trailer. */
  private static long revision(byte[] bytes, Path file) {
    int contentBytes = bytes.length - TRAILER_BYTES;
    if (contentBytes < 0) {
      throw damaged(file, bytes.length + " bytes");
    }
    var trailer = new String(bytes, contentBytes, TRAILER_BYTES, StandardCharsets.ISO_8859_1);
    int sumAt = TRAILER_BYTES - 1 - SUM_CHARS;
    byte[] summed = Arrays.copyOf(bytes, contentBytes + sumAt);
    String sum = HexFormat.of().formatHex(Sha256.of(summed)) + "\n";
    if (!trailer.startsWith(TRAILER_BEGIN) || !trailer.substring(sumAt).equals(sum)) {
      throw damaged(file, "another");
    }
    String version = trailer.substring(BEGIN_CHARS, BEGIN_CHARS + VERSION_CHARS);
    if (!version.equals(Integer.toString(FORMAT_VERSION))) {
      throw new StorageException(
          ErrorCode.UNSUPPORTED,
          "load "
              + file.getFileName()
              + ": expected=home format 2, was="
              + version
              + " (written by a newer holdfast: update this one), path="
              + file);
    }
    int revisionAt = BEGIN_CHARS + VERSION_CHARS + 1;
    return Long.parseUnsignedLong(trailer, revisionAt, revisionAt + REVISION_CHARS, HEX);
  }

  private static StorageException damaged(Path file, String was) {
    return new StorageException(
        ErrorCode.STORE_FAILED,
        "check %s: expected=its checksum at its end, was=%s".formatted(file.getFileName(), was));
  }
}
