package holdfast.sim;

import holdfast.metadata.op.Answer;
import holdfast.metadata.op.OperationResult;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.CompletableFuture;

/**
 * A client that gives its own files one content after the other, some of them forced, whatever
 * happens to the pool. Afterwards each file must have content that it was given, no older than what
 * was forced last, and one that can be read.
 */
final class VersionWorkload {
  private static final int FILES = 4;
  private static final int CONTENT_MAX_BYTES = 900;

  private final SimClient client;
  private final SplittableRandom random;
  private final List<VersionedFile> files = new ArrayList<>();
  private boolean isStopped;
  private int pending;

  /** What a file was given. */
  private static final class VersionedFile {
    private final String name;

    /** Also what nobody answered for: it may have happened. First of all, nothing. */
    private final List<byte[]> given = new ArrayList<>();

    /** Which of them is on disk at least, by what was acknowledged. */
    private int forced;

    private VersionedFile(String name) {
      this.name = name;
      given.add(new byte[0]);
    }
  }

  VersionWorkload(SimWorld world, SimClient client) {
    this.client = client;
    this.random = world.split();
    for (int i = 0; i < FILES; i++) {
      files.add(new VersionedFile("v-" + client + "-" + i));
    }
  }

  void start() {
    client.loop().post(this::next);
  }

  void stop() {
    isStopped = true;
  }

  boolean isIdle() {
    return isStopped && pending == 0;
  }

  private void next() {
    if (isStopped) {
      return;
    }
    VersionedFile file = files.get(random.nextInt(FILES));
    boolean isForced = random.nextInt(3) == 0;
    pending++;
    client
        .lookup(file.name)
        .thenCompose(
            told ->
                told.answer() instanceof Answer.Entry found
                    ? change(file, found.entry().attributes().inode(), isForced)
                    : client.put(file.name, given(file, bytes(CONTENT_MAX_BYTES)), isForced))
        .whenComplete(
            (result, failure) -> {
              pending--;
              if (failure == null && result instanceof OperationResult.Done && isForced) {
                file.forced = file.given.size() - 1;
              }
              client
                  .loop()
                  .postAfter(random.nextLong(SimWorld.MS, 120 * SimWorld.MS), "next", this::next);
            });
  }

  private byte[] bytes(int maxBytes) {
    byte[] bytes = new byte[random.nextInt(1, maxBytes)];
    random.nextBytes(bytes);
    return bytes;
  }

  /** From now on the file may have this content. */
  private static byte[] given(VersionedFile file, byte[] content) {
    file.given.add(content);
    return content;
  }

  /** All of it, or a part in place. */
  private CompletableFuture<OperationResult> change(
      VersionedFile file, long inode, boolean isForced) {
    if (random.nextInt(3) == 0) {
      return client.replace(file.name, given(file, bytes(CONTENT_MAX_BYTES)), isForced);
    }
    return client
        .whole(inode)
        .thenCompose(
            base -> {
              byte[] part = bytes(CONTENT_MAX_BYTES / 4);
              int offset = random.nextInt(base.bytes().length + 1);
              int sizeBytes = Math.max(base.bytes().length, offset + part.length);
              byte[] content = Arrays.copyOf(base.bytes(), sizeBytes);
              System.arraycopy(part, 0, content, offset, part.length);
              given(file, content);
              return client.patch(base.attributes(), offset, part, isForced);
            });
  }

  /** What is wrong, when all is well again; empty if nothing is. */
  List<String> judge(SimCluster cluster) {
    List<String> wrong = new ArrayList<>();
    for (VersionedFile file : files) {
      CompletableFuture<byte[]> read = client.get(file.name);
      cluster.await("the read of " + file.name, 30 * SimWorld.S, read::isDone);
      if (read.isCompletedExceptionally()) {
        wrong.add(file.name + " can't be read: " + read.exceptionNow().getMessage());
        continue;
      }
      byte[] content = read.join();
      int version = content == null ? 0 : versionOf(file, content);
      if (version < 0) {
        wrong.add(file.name + " has content that it was never given");
      } else if (version < file.forced) {
        wrong.add(
            file.name + " has content " + version + ", and " + file.forced + " had been forced");
      }
    }
    return wrong;
  }

  private static int versionOf(VersionedFile file, byte[] content) {
    for (int i = file.given.size() - 1; i >= 0; i--) {
      if (Arrays.equals(file.given.get(i), content)) {
        return i;
      }
    }
    return -1;
  }
}
