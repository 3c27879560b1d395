package holdfast.process;

import holdfast.process.FileTree.Outcome;
import holdfast.process.OperationGenerator.Step;
import holdfast.process.Posix.Answer;
import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.Comparator;
import java.util.Deque;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Runs operations on a local directory and on the mounts of a pool, one after the other, and
 * compares what they did and, now and then, everything there is.
 *
 * <p>With several mounts, an inode that is open on one of them is used on that one only, by
 * whatever name: what another mount sees of it before it is closed isn't promised. Everything else
 * runs on either: what one mount has closed, renamed, created or removed the other sees at once.
 */
final class ModelRun {
  private static final int HISTORY = 30;
  private static final int COMPARE_EVERY = 500;
  private static final int PART_BYTES = 1 << 20;
  private static final int FREE = -1;
  private static final boolean SHOWS_GAPS = Boolean.getBoolean("gaps");

  private final FileTree local;
  private final List<FileTree> mounts;

  /** By slot: the mount whose handle it is, and the local inode. */
  private final int[] owners = new int[OperationGenerator.SLOTS];

  private final long[] inodes = new long[OperationGenerator.SLOTS];
  private final Deque<String> history = new ArrayDeque<>();
  private int runCount;
  private int doneCount;

  /**
   * Where the sides went apart.
   *
   * @param number of the operation, from 0
   * @param kind of the operation, for telling one failure from another
   */
  record Difference(int number, String kind, String text, List<String> history) {}

  ModelRun(FileTree local, List<FileTree> mounts) {
    this.local = local;
    this.mounts = mounts;
    Arrays.fill(owners, FREE);
  }

  /** Runs all; null if the sides agree. Everything is closed at the end. */
  Difference run(List<Step> steps) {
    try {
      for (int number = 0; number < steps.size(); number++) {
        Step step = steps.get(number);
        String why = run(number, step);
        if (why == null && (number + 1) % COMPARE_EVERY == 0) {
          why = compare(".", step.mount(), new HashMap<>());
        }
        if (why != null) {
          return difference(number, step, why);
        }
      }
      Step last = steps.getLast();
      String why = compare(".", last.mount(), new HashMap<>());
      why = why == null ? closeAll() : why;
      why = why == null ? compare(".", last.mount(), new HashMap<>()) : why;
      return why == null ? null : difference(steps.size() - 1, last, why);
    } finally {
      closeAll();
    }
  }

  /** How many operations ran, and how many of them did something. */
  String describeCounts() {
    return runCount + " run, " + doneCount + " without an error";
  }

  private Difference difference(int number, Step step, String why) {
    String kind = why.startsWith("tree") ? "tree" : step.operation().getClass().getSimpleName();
    return new Difference(number, kind, why, List.copyOf(history));
  }

  private String closeAll() {
    String why = null;
    for (int slot = 0; slot < owners.length; slot++) {
      if (owners[slot] != FREE) {
        String difference = both(-1, new FileOperation.Close(slot), owners[slot]);
        why = why == null ? difference : why;
      }
    }
    return why;
  }

  /** Null if both sides did the same, or if there is nothing to do it on. */
  private String run(int number, Step step) {
    return switch (step.operation()) {
      case FileOperation.OnHandle onHandle -> {
        int slot = openSlot(onHandle.slot());
        yield slot < 0 ? null : both(number, onHandle.on(slot), owners[slot]);
      }
      case FileOperation.OnPath onPath -> {
        String why = null;
        if (onPath instanceof FileOperation.Open open && owners[open.slot()] != FREE) {
          why = both(number, new FileOperation.Close(open.slot()), owners[open.slot()]);
        }
        yield why != null ? why : runOnPath(number, onPath, step.mount());
      }
    };
  }

  /**
   * The kernel can't rename a directory (or onto one) that another mount has moved, while something
   * in it is open here and nobody has looked at its new name (docs/posix.md). Nothing else is
   * excused, and after a look the result must be the right one.
   */
  private Outcome runOn(FileTree mount, FileOperation operation) {
    Outcome found = mount.run(operation);
    boolean isUnseen = found.result() == -Posix.ESTALE && mounts.size() > 1;
    if (operation instanceof FileOperation.Rename rename && isUnseen && !SHOWS_GAPS) {
      rename.paths().forEach(path -> Posix.lstat(mount.at(path)));
      return mount.run(operation);
    }
    return found;
  }

  private String runOnPath(int number, FileOperation.OnPath operation, int wantedMount) {
    Set<Integer> holders = new HashSet<>();
    for (String path : operation.paths()) {
      holders.addAll(holders(Posix.lstat(local.at(path))));
      holders.addAll(holders(Posix.stat(local.at(path))));
    }
    if (holders.size() > 1) {
      return null; // no mount may do it
    }
    int mount = holders.isEmpty() ? wantedMount : holders.iterator().next();
    String why = both(number, operation, mount);
    if (operation instanceof FileOperation.Open open && local.isOpen(open.slot())) {
      owners[open.slot()] = mount;
      inodes[open.slot()] = Posix.stat(local.at(open.path())).value().inode();
    }
    return why;
  }

  /** The mounts on which an inode is open. */
  private Set<Integer> holders(Answer<Posix.Stat> stat) {
    var holders = new HashSet<Integer>();
    for (int slot = 0; slot < owners.length; slot++) {
      if (stat.result() >= 0 && owners[slot] != FREE && inodes[slot] == stat.value().inode()) {
        holders.add(owners[slot]);
      }
    }
    return holders;
  }

  private int openSlot(int first) {
    for (int i = 0; i < owners.length; i++) {
      int slot = (first + i) % owners.length;
      if (owners[slot] != FREE) {
        return slot;
      }
    }
    return -1;
  }

  private String both(int number, FileOperation operation, int mount) {
    Outcome wanted = local.run(operation);
    Outcome found = runOn(mounts.get(mount), operation);
    if (operation instanceof FileOperation.Close close) {
      owners[close.slot()] = FREE;
    }
    runCount++;
    doneCount += wanted.result() >= 0 ? 1 : 0;
    if (history.size() == HISTORY) {
      history.removeFirst();
    }
    history.add(number + ", mount " + mount + ": " + operation + " -> " + wanted.text());
    return wanted.isSameAs(found)
        ? null
        : "expected=" + wanted.describeBeside(found) + ", was=" + found.describeBeside(wanted);
  }

  /** Compares what is at a path, and below it; {@code seen} has the mount's inode by the local. */
  private String compare(String path, int wantedMount, Map<Long, Long> seen) {
    Answer<Posix.Stat> wanted = Posix.lstat(local.at(path));
    Set<Integer> holders = holders(wanted);
    if (wanted.result() < 0 || holders.size() > 1) {
      return null;
    }
    FileTree mount = mounts.get(holders.isEmpty() ? wantedMount : holders.iterator().next());
    Answer<Posix.Stat> found = Posix.lstat(mount.at(path));
    String wantedText = FileTree.attributes(wanted).text();
    String foundText = FileTree.attributes(found).text();
    if (!wantedText.equals(foundText)) {
      return "tree, attributes of " + path + ": expected=" + wantedText + ", was=" + foundText;
    }
    Long inode = seen.put(wanted.value().inode(), found.value().inode());
    if (inode != null && inode != found.value().inode()) {
      return "tree, inode of " + path + ": expected=" + inode + ", was=" + found.value().inode();
    }
    return switch (wanted.value().type()) {
      case Posix.DIRECTORY -> compareNames(path, mount, wantedMount, seen);
      case Posix.SYMBOLIC_LINK -> compareOne(new FileOperation.ReadLink(path), mount);
      default -> compareContent(path, mount);
    };
  }

  private String compareOne(FileOperation operation, FileTree mount) {
    Outcome wanted = local.run(operation);
    Outcome found = mount.run(operation);
    return wanted.isSameAs(found)
        ? null
        : "tree, " + operation + ": expected=" + wanted.text() + ", was=" + found.text();
  }

  private String compareNames(String path, FileTree mount, int wantedMount, Map<Long, Long> seen) {
    String why = compareOne(new FileOperation.ListPath(path), mount);
    if (why != null) {
      return why;
    }
    int fd = (int) Posix.open(local.at(path), Posix.O_DIRECTORY, 0);
    List<Posix.Entry> entries = Posix.list(fd).value();
    Posix.close(fd);
    entries.sort(Comparator.comparing(Posix.Entry::name));
    for (Posix.Entry entry : entries) {
      String child = path.equals(".") ? entry.name() : path + "/" + entry.name();
      why = compare(child, wantedMount, seen);
      if (why != null) {
        return why;
      }
    }
    return null;
  }

  private String compareContent(String path, FileTree mount) {
    int wantedFd = (int) Posix.open(local.at(path), 0, 0);
    int foundFd = (int) Posix.open(mount.at(path), 0, 0);
    try {
      int count = PART_BYTES;
      for (long offset = 0; count == PART_BYTES; offset += count) {
        Answer<byte[]> wanted = Posix.pread(wantedFd, offset, PART_BYTES);
        Answer<byte[]> found = Posix.pread(foundFd, offset, PART_BYTES);
        int at = Arrays.mismatch(wanted.value(), found.value());
        if (wanted.result() != found.result() || at >= 0) {
          return "tree, content of %s from %d: expected=%s, was=%s, first difference at %d"
              .formatted(
                  path,
                  offset,
                  Posix.describe(wanted.result()),
                  Posix.describe(found.result()),
                  offset + at);
        }
        count = (int) wanted.result();
      }
      return null;
    } finally {
      Posix.close(wantedFd);
      Posix.close(foundFd);
    }
  }
}
