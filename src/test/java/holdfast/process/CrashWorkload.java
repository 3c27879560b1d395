package holdfast.process;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.TreeSet;

/**
 * One thread's changes in a folder of its own, until a call fails, and what must be there
 * afterwards: exactly what the calls that returned left, and of the one that didn't any state
 * between before and after.
 */
final class CrashWorkload implements Runnable {
  private static final int NAMES = 40;
  private static final int BYTES_MAX = 400_000;
  private static final int PERMISSIONS = 0644;

  /**
   * What one file may hold.
   *
   * @param settled bytes that are promised; null if the file may be absent
   * @param written all that was ever given to write; equal to {@code settled} if nothing is under
   *     way
   * @param isPatched {@code written} replaces bytes of {@code settled}, instead of following them
   */
  private record Content(byte[] settled, byte[] written, boolean isPatched) {
    static Content of(byte[] bytes) {
      return new Content(bytes, bytes, false);
    }

    boolean mayBeAbsent() {
      return settled == null;
    }

    boolean allows(byte[] found) {
      if (isPatched) {
        if (found.length != written.length) {
          return false;
        }
        for (int i = 0; i < found.length; i++) {
          if (found[i] != written[i] && found[i] != settled[i]) {
            return false;
          }
        }
        return true;
      }
      int least = settled == null ? 0 : settled.length;
      int different = Arrays.mismatch(found, written);
      return found.length >= least && (different == -1 || different == found.length);
    }
  }

  /** A call didn't do what it should; expected once the mount is dead, and only then. */
  private static final class CallFailed extends Exception {
    private static final long serialVersionUID = 1;

    CallFailed(String message) {
      super(message);
    }
  }

  private final Random random;
  private final String folderName;
  private final Map<String, Content> contents = new TreeMap<>();

  /** A rename under way: exactly one of the two names is there, or the second holds the first's. */
  private String renamedFrom;

  private String renamedTo;
  private Content replaced;

  private Path folder;
  private int openFd = -1;
  private volatile int stepCount;
  private volatile String end = "running";

  CrashWorkload(long seed, String folderName) {
    this.random = new Random(seed);
    this.folderName = folderName;
  }

  /** Where it works next, a new mount each time. */
  void on(Path mount) {
    folder = mount.resolve(folderName);
  }

  int stepCount() {
    return stepCount;
  }

  /** The call that ended it, and how. */
  String end() {
    return end;
  }

  @Override
  public void run() {
    end = "running";
    try {
      while (true) {
        step();
        stepCount++;
      }
    } catch (CallFailed e) {
      end = e.getMessage();
      if (openFd >= 0) {
        // Of a dead mount: only the descriptor is to be had back, there is nothing else to close.
        Posix.close(openFd);
        openFd = -1;
      }
    }
  }

  private void step() throws CallFailed {
    String name = "file" + random.nextInt(NAMES);
    Content old = contents.get(name);
    if (old == null) {
      create(name);
      return;
    }
    switch (random.nextInt(6)) {
      case 0 -> replace(name, old);
      case 1 -> append(name, old, true);
      case 2 -> append(name, old, false);
      case 3 -> patch(name, old);
      case 4 -> rename(name, "file" + random.nextInt(NAMES));
      default -> remove(name, old);
    }
  }

  private byte[] randomBytes() {
    // Most files are small, as most files are.
    int boundBytes = random.nextInt(3) == 0 ? BYTES_MAX : 5_000;
    byte[] bytes = new byte[1 + random.nextInt(boundBytes)];
    random.nextBytes(bytes);
    return bytes;
  }

  private void create(String name) throws CallFailed {
    byte[] bytes = randomBytes();
    contents.put(name, new Content(null, bytes, false));
    int fd = open(name, Posix.O_WRONLY | Posix.O_CREAT | Posix.O_EXCL);
    contents.put(name, new Content(new byte[0], bytes, false));
    write(fd, bytes);
    settle(fd, name, bytes, random.nextBoolean());
  }

  /** Forces it, or not, and closes it: what is written is promised after either. */
  private void settle(int fd, String name, byte[] bytes, boolean isForced) throws CallFailed {
    if (isForced) {
      check("fsync " + name, Posix.fsync(fd));
      contents.put(name, Content.of(bytes));
    }
    openFd = -1;
    check("close " + name, Posix.close(fd));
    contents.put(name, Content.of(bytes));
  }

  private void append(String name, Content old, boolean isForced) throws CallFailed {
    byte[] more = randomBytes();
    byte[] bytes = Arrays.copyOf(old.settled(), old.settled().length + more.length);
    System.arraycopy(more, 0, bytes, old.settled().length, more.length);
    if (bytes.length > 4 * BYTES_MAX) {
      remove(name, old);
      return;
    }
    int fd = open(name, Posix.O_WRONLY | Posix.O_APPEND);
    contents.put(name, new Content(old.settled(), bytes, false));
    write(fd, more);
    settle(fd, name, bytes, isForced);
  }

  private void patch(String name, Content old) throws CallFailed {
    byte[] more = randomBytes();
    int at = random.nextInt(old.settled().length);
    byte[] bytes = old.settled().clone();
    int count = Math.min(more.length, bytes.length - at);
    System.arraycopy(more, 0, bytes, at, count);
    int fd = open(name, Posix.O_WRONLY);
    contents.put(name, new Content(old.settled(), bytes, true));
    writeAt(fd, Arrays.copyOf(more, count), at);
    settle(fd, name, bytes, true);
  }

  /** As an editor saves. */
  private void replace(String name, Content old) throws CallFailed {
    String temporary = name + ".tmp";
    Content leftBehind = contents.get(temporary);
    if (leftBehind != null) {
      remove(temporary, leftBehind);
    }
    create(temporary);
    Content fresh = contents.get(temporary);
    beginRename(temporary, name, old);
    check("rename " + temporary, Posix.rename(path(temporary), path(name)));
    endRename(fresh);
  }

  private void rename(String from, String to) throws CallFailed {
    if (from.equals(to)) {
      return;
    }
    Content moved = contents.get(from);
    beginRename(from, to, contents.get(to));
    check("rename " + from, Posix.rename(path(from), path(to)));
    endRename(moved);
  }

  private void beginRename(String from, String to, Content old) {
    renamedFrom = from;
    renamedTo = to;
    replaced = old;
  }

  private void endRename(Content moved) {
    contents.remove(renamedFrom);
    contents.put(renamedTo, moved);
    renamedFrom = null;
  }

  private void remove(String name, Content old) throws CallFailed {
    contents.put(name, new Content(null, old.settled(), false));
    check("unlink " + name, Posix.unlink(path(name)));
    contents.remove(name);
  }

  private int open(String name, int flags) throws CallFailed {
    openFd = (int) check("open " + name, Posix.open(path(name), flags, PERMISSIONS));
    return openFd;
  }

  /** A call that the mount's death cuts short says how far it came: the next one fails. */
  private static void write(int fd, byte[] bytes) throws CallFailed {
    for (int at = 0; at < bytes.length; ) {
      byte[] rest = Arrays.copyOfRange(bytes, at, bytes.length);
      at += (int) check("write", Posix.write(fd, rest));
    }
  }

  private static void writeAt(int fd, byte[] bytes, int offset) throws CallFailed {
    for (int at = 0; at < bytes.length; ) {
      byte[] rest = Arrays.copyOfRange(bytes, at, bytes.length);
      at += (int) check("pwrite", Posix.pwrite(fd, rest, offset + at));
    }
  }

  private String path(String name) {
    return folder.resolve(name).toString();
  }

  private static long check(String what, long result) throws CallFailed {
    if (result < 0) {
      throw new CallFailed(what + ": was=" + Posix.describe(result));
    }
    return result;
  }

  /** Fails unless the folder on this mount has what was promised, and goes on from what it has. */
  void expectKept(Path mount) throws IOException {
    on(mount);
    var found = new TreeSet<>(Arrays.asList(folder.toFile().list()));
    settleRename(found);
    for (String name : found) {
      if (!contents.containsKey(name)) {
        throw new AssertionError(
            "list " + folder + ": expected=no " + name + ", was=there; " + end);
      }
    }
    for (String name : new TreeSet<>(contents.keySet())) {
      Content wanted = contents.get(name);
      if (!found.contains(name)) {
        if (!wanted.mayBeAbsent()) {
          throw new AssertionError(
              "list " + folder + ": expected=" + name + ", was=absent; " + end);
        }
        contents.remove(name);
        continue;
      }
      byte[] bytes = Files.readAllBytes(folder.resolve(name));
      if (!wanted.allows(bytes)) {
        throw new AssertionError(describe(name, wanted, bytes));
      }
      contents.put(name, Content.of(bytes));
      if (bytes.length == 0) {
        Files.delete(folder.resolve(name));
        contents.remove(name);
      }
    }
  }

  /** Whether a rename under way happened is read from the first name: never both, never none. */
  private void settleRename(TreeSet<String> found) {
    if (renamedFrom == null) {
      return;
    }
    if (!found.contains(renamedFrom)) {
      endRename(contents.get(renamedFrom));
    } else if (replaced == null && found.contains(renamedTo)) {
      throw new AssertionError(
          "rename " + renamedFrom + ": expected=one name, was=" + renamedTo + " too");
    }
    renamedFrom = null;
  }

  private String describe(String name, Content wanted, byte[] bytes) {
    return "read "
        + folder.resolve(name)
        + ": expected="
        + (wanted.settled() == null ? 0 : wanted.settled().length)
        + " to "
        + wanted.written().length
        + " bytes of what was written, was="
        + bytes.length
        + ", first wrong at "
        + Arrays.mismatch(bytes, wanted.written())
        + "; "
        + end;
  }
}
