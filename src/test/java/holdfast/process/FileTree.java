package holdfast.process;

import holdfast.process.Posix.Answer;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Random;
import java.util.stream.Collectors;

/** One side of the model test: a directory, and what is open in it. */
final class FileTree {
  private static final int CLOSED = -1;

  private final String root;
  private final int[] fds = new int[OperationGenerator.SLOTS];

  FileTree(String root) {
    this.root = root;
    Arrays.fill(fds, CLOSED);
  }

  /**
   * What an operation did, as far as both sides must agree.
   *
   * @param text the result or errno, and the attributes or names that came with it
   * @param data what was read
   */
  record Outcome(long result, String text, byte[] data) {
    private static final byte[] NONE = {};

    static Outcome of(long result) {
      return new Outcome(result, Posix.describe(result), NONE);
    }

    boolean isSameAs(Outcome other) {
      return text.equals(other.text) && Arrays.equals(data, other.data);
    }

    /** What it has, and for data where it begins to differ from the other's. */
    String describeBeside(Outcome other) {
      if (data.length == 0) {
        return text;
      }
      int at = Arrays.mismatch(data, other.data);
      return text
          + (at < 0
              ? " same data"
              : at < data.length
                  ? " with 0x%02x at byte %d of the data".formatted(data[at], at)
                  : " ending at byte " + at + " of the data");
    }
  }

  boolean isOpen(int slot) {
    return fds[slot] != CLOSED;
  }

  /** The path of a name below the root. */
  String at(String path) {
    return root + "/" + path;
  }

  Outcome run(FileOperation operation) {
    return switch (operation) {
      case FileOperation.OnHandle onHandle -> runOnHandle(onHandle, fds[onHandle.slot()]);
      case FileOperation.OnPath onPath -> runOnPath(onPath);
    };
  }

  private Outcome runOnHandle(FileOperation.OnHandle operation, int fd) {
    return switch (operation) {
      case FileOperation.Close close -> {
        fds[close.slot()] = CLOSED;
        yield Outcome.of(Posix.close(fd));
      }
      case FileOperation.Read read -> data(Posix.pread(fd, read.offset(), read.lengthBytes()));
      case FileOperation.ReadOn read -> data(Posix.read(fd, read.lengthBytes()));
      case FileOperation.Write write ->
          Outcome.of(Posix.pwrite(fd, bytes(write.seed(), write.lengthBytes()), write.offset()));
      case FileOperation.WriteOn write ->
          Outcome.of(Posix.write(fd, bytes(write.seed(), write.lengthBytes())));
      case FileOperation.TruncateOpen truncate ->
          Outcome.of(Posix.ftruncate(fd, truncate.sizeBytes()));
      case FileOperation.ChangeModeOpen change -> Outcome.of(Posix.fchmod(fd, change.mode()));
      case FileOperation.SetTimesOpen set -> Outcome.of(Posix.futimens(fd, set.times()));
      case FileOperation.StatOpen stat -> attributes(Posix.fstat(fd));
      case FileOperation.ListOpen list -> names(Posix.list(fd));
      case FileOperation.Sync sync ->
          Outcome.of(sync.dataOnly() ? Posix.fdatasync(fd) : Posix.fsync(fd));
    };
  }

  private Outcome runOnPath(FileOperation.OnPath operation) {
    return switch (operation) {
      case FileOperation.Open open -> open(open);
      case FileOperation.Truncate truncate ->
          Outcome.of(Posix.truncate(at(truncate.path()), truncate.sizeBytes()));
      case FileOperation.Rename rename ->
          Outcome.of(Posix.rename(at(rename.from()), at(rename.to())));
      case FileOperation.Link link -> Outcome.of(Posix.link(at(link.from()), at(link.to())));
      case FileOperation.Unlink unlink -> Outcome.of(Posix.unlink(at(unlink.path())));
      case FileOperation.MakeDirectory make ->
          Outcome.of(Posix.mkdir(at(make.path()), make.mode()));
      case FileOperation.RemoveDirectory remove -> Outcome.of(Posix.rmdir(at(remove.path())));
      case FileOperation.SymbolicLink link ->
          Outcome.of(Posix.symlink(link.target(), at(link.path())));
      case FileOperation.ReadLink link -> {
        Answer<String> target = Posix.readlink(at(link.path()));
        String text = Posix.describe(target.result()) + " " + target.value();
        yield new Outcome(target.result(), text, Outcome.NONE);
      }
      case FileOperation.ChangeMode change ->
          Outcome.of(Posix.chmod(at(change.path()), change.mode()));
      case FileOperation.SetTimes set -> Outcome.of(Posix.utimens(at(set.path()), set.times()));
      case FileOperation.Stat stat ->
          attributes(
              stat.isFollowed() ? Posix.stat(at(stat.path())) : Posix.lstat(at(stat.path())));
      case FileOperation.ListPath list -> list(at(list.path()));
    };
  }

  private Outcome open(FileOperation.Open open) {
    long result = Posix.open(at(open.path()), open.flags(), open.mode());
    if (result >= 0) {
      fds[open.slot()] = (int) result;
      return Outcome.of(0); // the number itself says nothing
    }
    return Outcome.of(result);
  }

  private static Outcome data(Answer<byte[]> answer) {
    return new Outcome(answer.result(), Posix.describe(answer.result()), answer.value());
  }

  /** What both sides must agree on; of a directory's size and of times nobody set they needn't. */
  static Outcome attributes(Answer<Posix.Stat> answer) {
    if (answer.result() < 0) {
      return Outcome.of(answer.result());
    }
    Posix.Stat stat = answer.value();
    boolean isNow = stat.times().mtimeS() >= OperationGenerator.TIME_LAST_S;
    String text =
        "mode=0%o, links=%d, owner=%d:%d, size=%s, mtime=%s"
            .formatted(
                stat.mode(),
                stat.linkCount(),
                stat.uid(),
                stat.gid(),
                stat.type() == Posix.DIRECTORY ? "any" : Long.toString(stat.sizeBytes()),
                isNow
                    ? "of a change"
                    : "%d.%09d".formatted(stat.times().mtimeS(), stat.times().mtimeNs()));
    return new Outcome(0, text, Outcome.NONE);
  }

  private static Outcome list(String path) {
    long fd = Posix.open(path, Posix.O_DIRECTORY, 0);
    if (fd < 0) {
      return Outcome.of(fd);
    }
    Outcome names = names(Posix.list((int) fd));
    Posix.close((int) fd);
    return names;
  }

  private static Outcome names(Answer<List<Posix.Entry>> answer) {
    String text =
        answer.value().stream()
            .sorted(Comparator.comparing(Posix.Entry::name))
            .map(entry -> entry.name() + ":" + entry.type())
            .collect(Collectors.joining(" "));
    return new Outcome(
        answer.result(), Posix.describe(answer.result()) + " [" + text + "]", Outcome.NONE);
  }

  private static byte[] bytes(long seed, int lengthBytes) {
    byte[] bytes = new byte[lengthBytes];
    new Random(seed).nextBytes(bytes);
    return bytes;
  }
}
