package holdfast.process;

import java.util.List;

/** One system call of the model test, with everything it needs: it can be run again and again. */
sealed interface FileOperation {

  /** Acts on what is open in a slot. */
  sealed interface OnHandle extends FileOperation {
    int slot();

    /** The same on another slot. */
    OnHandle on(int slot);
  }

  /** Acts on paths below the root. */
  sealed interface OnPath extends FileOperation {
    List<String> paths();
  }

  /** Opens into a slot, which is empty. */
  record Open(int slot, String path, int flags, int mode) implements OnPath {
    @Override
    public List<String> paths() {
      return List.of(path);
    }

    @Override
    public String toString() {
      return "Open[slot="
          + slot
          + ", path="
          + path
          + ", flags="
          + Posix.flags(flags)
          + ", mode="
          + Integer.toOctalString(mode)
          + "]";
    }
  }

  record Close(int slot) implements OnHandle {
    @Override
    public OnHandle on(int other) {
      return new Close(other);
    }
  }

  record Read(int slot, long offset, int lengthBytes) implements OnHandle {
    @Override
    public OnHandle on(int other) {
      return new Read(other, offset, lengthBytes);
    }
  }

  /** Reads from the handle's own position. */
  record ReadOn(int slot, int lengthBytes) implements OnHandle {
    @Override
    public OnHandle on(int other) {
      return new ReadOn(other, lengthBytes);
    }
  }

  /** Writes random bytes that the seed gives again. */
  record Write(int slot, long offset, int lengthBytes, long seed) implements OnHandle {
    @Override
    public OnHandle on(int other) {
      return new Write(other, offset, lengthBytes, seed);
    }
  }

  /** Writes at the handle's own position, or at the end if it appends. */
  record WriteOn(int slot, int lengthBytes, long seed) implements OnHandle {
    @Override
    public OnHandle on(int other) {
      return new WriteOn(other, lengthBytes, seed);
    }
  }

  record TruncateOpen(int slot, long sizeBytes) implements OnHandle {
    @Override
    public OnHandle on(int other) {
      return new TruncateOpen(other, sizeBytes);
    }
  }

  record ChangeModeOpen(int slot, int mode) implements OnHandle {
    @Override
    public OnHandle on(int other) {
      return new ChangeModeOpen(other, mode);
    }
  }

  record SetTimesOpen(int slot, Posix.Times times) implements OnHandle {
    @Override
    public OnHandle on(int other) {
      return new SetTimesOpen(other, times);
    }
  }

  record StatOpen(int slot) implements OnHandle {
    @Override
    public OnHandle on(int other) {
      return new StatOpen(other);
    }
  }

  record ListOpen(int slot) implements OnHandle {
    @Override
    public OnHandle on(int other) {
      return new ListOpen(other);
    }
  }

  record Sync(int slot, boolean dataOnly) implements OnHandle {
    @Override
    public OnHandle on(int other) {
      return new Sync(other, dataOnly);
    }
  }

  record Truncate(String path, long sizeBytes) implements OnPath {
    @Override
    public List<String> paths() {
      return List.of(path);
    }
  }

  record Rename(String from, String to) implements OnPath {
    @Override
    public List<String> paths() {
      return List.of(from, to);
    }
  }

  record Link(String from, String to) implements OnPath {
    @Override
    public List<String> paths() {
      return List.of(from, to);
    }
  }

  record Unlink(String path) implements OnPath {
    @Override
    public List<String> paths() {
      return List.of(path);
    }
  }

  record MakeDirectory(String path, int mode) implements OnPath {
    @Override
    public List<String> paths() {
      return List.of(path);
    }
  }

  record RemoveDirectory(String path) implements OnPath {
    @Override
    public List<String> paths() {
      return List.of(path);
    }
  }

  record SymbolicLink(String target, String path) implements OnPath {
    @Override
    public List<String> paths() {
      return List.of(path);
    }
  }

  record ReadLink(String path) implements OnPath {
    @Override
    public List<String> paths() {
      return List.of(path);
    }
  }

  record ChangeMode(String path, int mode) implements OnPath {
    @Override
    public List<String> paths() {
      return List.of(path);
    }
  }

  record SetTimes(String path, Posix.Times times) implements OnPath {
    @Override
    public List<String> paths() {
      return List.of(path);
    }
  }

  record Stat(String path, boolean isFollowed) implements OnPath {
    @Override
    public List<String> paths() {
      return List.of(path);
    }
  }

  record ListPath(String path) implements OnPath {
    @Override
    public List<String> paths() {
      return List.of(path);
    }
  }
}
