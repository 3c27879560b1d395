package holdfast.client.file;

import holdfast.model.ChunkId;
import holdfast.util.Invariants;
import java.util.ArrayDeque;
import java.util.List;
import java.util.Set;

/**
 * Applies a file's uploads in the order of writing, in whichever order they end. Not thread-safe.
 */
final class UploadQueue {
  private final ArrayDeque<Upload> uploads = new ArrayDeque<>();
  private long startedCount;
  private long appliedCount;
  private long bufferedBytes;

  boolean isEmpty() {
    return uploads.isEmpty();
  }

  int count() {
    return uploads.size();
  }

  /** How many were ever started. */
  long startedCount() {
    return startedCount;
  }

  /** Memory of the pieces that aren't applied yet, in bytes. */
  long bufferedBytes() {
    return bufferedBytes;
  }

  /** One more. */
  Upload start(PendingChunk piece, boolean isRewrite, long nowNs) {
    var upload = new Upload(piece, isRewrite, nowNs);
    uploads.add(upload);
    startedCount++;
    bufferedBytes += piece.bufferedBytes();
    return upload;
  }

  /** Takes the first one out if it has ended; null otherwise. Its piece's bytes are gone. */
  Upload pollEndedOrNull() {
    Upload first = uploads.peek();
    if (first == null || !first.isEnded()) {
      return null;
    }
    removeFirst();
    return first;
  }

  /** Takes the first one out, which has to be this one. */
  void pollFirst(Upload upload) {
    Invariants.check(uploads.peek() == upload, "apply inline: expected=the first upload");
    removeFirst();
  }

  private void removeFirst() {
    PendingChunk piece = uploads.poll().piece();
    bufferedBytes -= piece.bufferedBytes();
    appliedCount++;
    piece.release();
  }

  /** Those that wait to be tried again are in flight from now on. */
  List<Upload> resumePaused(long nowNs) {
    List<Upload> paused = uploads.stream().filter(each -> each.pausedOrNull() != null).toList();
    paused.forEach(each -> each.resumed(nowNs));
    return paused;
  }

  /** Whether the first so many of all that were ever started are applied. */
  boolean isApplied(long upTo) {
    return appliedCount >= upTo;
  }

  /** The first paused one among the first so many of all that were ever started; or null. */
  Upload pausedOrNull(long upTo) {
    long left = upTo - appliedCount;
    for (Upload upload : uploads) {
      if (left-- <= 0) {
        return null;
      }
      if (upload.pausedOrNull() != null) {
        return upload;
      }
    }
    return null;
  }

  void cutFrom(long offset) {
    uploads.forEach(upload -> upload.cutFrom(offset));
  }

  void punch(long from, long to) {
    uploads.forEach(upload -> upload.punch(from, to));
  }

  /** Nothing of them is to be in the file. */
  void drop() {
    uploads.forEach(Upload::drop);
  }

  /** Nothing is to be in the file of what was only sealed anew. */
  void cutRewrites() {
    uploads.stream().filter(Upload::isRewrite).forEach(upload -> upload.cutFrom(0));
  }

  /** The first byte behind what programs wrote; 0: nothing. */
  long end() {
    return uploads.stream()
        .filter(upload -> !upload.isRewrite())
        .mapToLong(Upload::end)
        .max()
        .orElse(0);
  }

  /** Adds the ranges that they will change. */
  void addRangesTo(Ranges changed) {
    for (Upload upload : uploads) {
      upload.piece().parts().forEach(part -> changed.add(part.from(), part.to()));
    }
  }

  /** Adds the chunks of those that are stored. */
  void addStoredTo(Set<ChunkId> chunks) {
    for (Upload upload : uploads) {
      if (upload.extentsOrNull() != null && upload.counts()) {
        upload.extentsOrNull().forEach(extent -> chunks.add(extent.chunk()));
      }
    }
  }

  /** Copies what they have of the range to the target, the newest on top. */
  void read(long offset, int lengthBytes, byte[] target, int targetOffset, Ranges covered) {
    for (Upload upload : uploads) {
      upload.read(offset, lengthBytes, target, targetOffset, covered);
    }
  }
}
