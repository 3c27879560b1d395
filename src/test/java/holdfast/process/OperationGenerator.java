package holdfast.process;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;

/**
 * Makes operations of the model test from a seed, without looking at what they do. Names are few,
 * so that they collide; offsets and lengths lie near the borders of blocks and windows.
 */
final class OperationGenerator {
  /** Files that are open at once. */
  static final int SLOTS = 6;

  /** Times that a test sets lie in this range; those of changes are later. */
  static final long TIME_FIRST_S = 1_000_000_000L;

  static final long TIME_LAST_S = 1_100_000_000L;

  private static final String LONG_NAME = "n".repeat(255);
  private static final List<String> FILE_NAMES = List.of("a", "b", "c", "é");
  private static final List<String> DIRECTORY_NAMES = List.of("x", "y");
  private static final int[] DEPTHS = {0, 0, 0, 0, 1, 1, 1, 2};
  private static final int BLOCK_BYTES = 64 << 10;
  private static final int WINDOW_BYTES = 4 << 20;
  private static final int SMALL_BYTES_MAX = 300;
  private static final int LENGTH_BYTES_MAX = 300_000;

  private final Random random;
  private final Random mounts;
  private final int mountCount;

  private OperationGenerator(long seed, int mountCount) {
    random = new Random(seed);
    mounts = new Random(~seed); // its own: the operations are the same whatever the mounts
    this.mountCount = mountCount;
  }

  /** An operation, and the mount on which it is to run if it may. */
  record Step(FileOperation operation, int mount) {
    @Override
    public String toString() {
      return mount + ": " + operation;
    }
  }

  static List<Step> steps(long seed, int count, int mountCount) {
    var generator = new OperationGenerator(seed, mountCount);
    var steps = new ArrayList<Step>(count);
    for (int i = 0; i < count; i++) {
      steps.add(generator.next());
    }
    return steps;
  }

  private Step next() {
    FileOperation operation = random.nextInt(100) < 65 ? onHandle() : onPath();
    return new Step(operation, mounts.nextInt(mountCount));
  }

  private FileOperation onHandle() {
    int slot = random.nextInt(SLOTS);
    int kind = random.nextInt(100);
    if (kind < 17) {
      return new FileOperation.Open(slot, path(), openFlags(), mode());
    } else if (kind < 24) {
      return new FileOperation.Close(slot);
    } else if (kind < 42) {
      return new FileOperation.Read(slot, offset(), lengthBytes());
    } else if (kind < 45) {
      return new FileOperation.ReadOn(slot, lengthBytes());
    } else if (kind < 70) {
      return new FileOperation.Write(slot, offset(), lengthBytes(), random.nextLong());
    } else if (kind < 76) {
      return new FileOperation.WriteOn(slot, lengthBytes(), random.nextLong());
    } else if (kind < 82) {
      return new FileOperation.TruncateOpen(slot, offset());
    } else if (kind < 84) {
      return new FileOperation.ChangeModeOpen(slot, mode());
    } else if (kind < 88) {
      return new FileOperation.SetTimesOpen(slot, times());
    } else if (kind < 95) {
      return new FileOperation.StatOpen(slot);
    } else if (kind < 97) {
      return new FileOperation.ListOpen(slot);
    }
    return new FileOperation.Sync(slot, random.nextBoolean());
  }

  private FileOperation onPath() {
    int kind = random.nextInt(100);
    if (kind < 8) {
      return new FileOperation.Truncate(path(), offset());
    } else if (kind < 20) {
      return new FileOperation.Rename(path(), path());
    } else if (kind < 25) {
      return new FileOperation.Rename(directory(), directory());
    } else if (kind < 35) {
      return new FileOperation.Link(path(), path());
    } else if (kind < 44) {
      return new FileOperation.Unlink(path());
    } else if (kind < 53) {
      return new FileOperation.MakeDirectory(directory(), mode());
    } else if (kind < 59) {
      return new FileOperation.RemoveDirectory(directory());
    } else if (kind < 63) {
      return new FileOperation.SymbolicLink(any(), path());
    } else if (kind < 66) {
      return new FileOperation.ReadLink(path());
    } else if (kind < 72) {
      return new FileOperation.ChangeMode(any(), mode());
    } else if (kind < 79) {
      return new FileOperation.SetTimes(any(), times());
    } else if (kind < 92) {
      return new FileOperation.Stat(any(), random.nextBoolean());
    }
    return new FileOperation.ListPath(random.nextInt(4) == 0 ? "." : directory());
  }

  private String any() {
    return random.nextInt(3) == 0 ? directory() : path();
  }

  /** The path of what is mostly a file or nothing. */
  private String path() {
    return parents() + name(FILE_NAMES, DIRECTORY_NAMES);
  }

  /** The path of what is mostly a directory or nothing. */
  private String directory() {
    return parents() + name(DIRECTORY_NAMES, FILE_NAMES);
  }

  private String parents() {
    var path = new StringBuilder();
    int depth = DEPTHS[random.nextInt(DEPTHS.length)];
    for (int i = 0; i < depth; i++) {
      path.append(name(DIRECTORY_NAMES, FILE_NAMES)).append('/');
    }
    return path.toString();
  }

  private String name(List<String> names, List<String> others) {
    int rare = random.nextInt(200);
    if (rare < 2) {
      return rare == 0 ? LONG_NAME : LONG_NAME + "n";
    }
    List<String> chosen = rare < 16 ? others : names;
    return chosen.get(random.nextInt(chosen.size()));
  }

  private int openFlags() {
    int flags = new int[] {0, Posix.O_WRONLY, Posix.O_RDWR, Posix.O_RDWR}[random.nextInt(4)];
    flags |= random.nextInt(100) < 70 ? Posix.O_CREAT : 0;
    flags |= random.nextInt(100) < 15 ? Posix.O_EXCL : 0;
    flags |= random.nextInt(100) < 8 ? Posix.O_TRUNC : 0;
    flags |= random.nextInt(100) < 20 ? Posix.O_APPEND : 0;
    flags |= random.nextInt(100) < 4 ? Posix.O_NOFOLLOW : 0;
    // With O_CREAT, what kernels make of it has changed.
    boolean isCreated = (flags & Posix.O_CREAT) != 0;
    flags |= !isCreated && random.nextInt(100) < 5 ? Posix.O_DIRECTORY : 0;
    // Without O_CREAT, what O_EXCL means is undefined.
    return isCreated ? flags : flags & ~Posix.O_EXCL;
  }

  private int mode() {
    int mode = random.nextInt(01000);
    return random.nextInt(10) == 0 ? mode | random.nextInt(010) << 9 : mode;
  }

  private Posix.Times times() {
    int kind = random.nextInt(10);
    if (kind == 0) {
      return new Posix.Times(0, Posix.UTIME_NOW);
    } else if (kind == 1) {
      return new Posix.Times(0, Posix.UTIME_OMIT);
    }
    long range = TIME_LAST_S - TIME_FIRST_S;
    return new Posix.Times(
        TIME_FIRST_S + random.nextInt((int) range), random.nextInt(1_000_000_000));
  }

  private long offset() {
    int kind = random.nextInt(100);
    if (kind < 15) {
      return 0;
    } else if (kind < 45) {
      return random.nextInt(4_096);
    } else if (kind < 65) {
      return near((long) BLOCK_BYTES * random.nextInt(5));
    } else if (kind < 85) {
      return random.nextInt(4 * BLOCK_BYTES);
    } else if (kind < 95) {
      return near((long) WINDOW_BYTES * (1 + random.nextInt(2)));
    }
    return random.nextInt(3 * WINDOW_BYTES);
  }

  private long near(long border) {
    int distance = random.nextInt(4) == 0 ? random.nextInt(BLOCK_BYTES) : random.nextInt(3);
    return Math.max(0, border + (random.nextBoolean() ? distance : -distance));
  }

  private int lengthBytes() {
    int kind = random.nextInt(100);
    if (kind < 2) {
      return 0;
    } else if (kind < 50) {
      return 1 + random.nextInt(SMALL_BYTES_MAX);
    } else if (kind < 65) {
      return 1 + random.nextInt(2 * 4_096);
    } else if (kind < 90) {
      return (int) near((long) BLOCK_BYTES * (1 + random.nextInt(3)));
    }
    return 1 + random.nextInt(LENGTH_BYTES_MAX);
  }
}
