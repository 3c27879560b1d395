package holdfast.client.file;

import holdfast.metadata.op.Attributes;

/**
 * Merges the size and times of an open file with the attributes that the pool has, into what
 * stat(2) shows: the content's part and the rest were answered at different times. Not thread-safe.
 */
final class ImageAttributes {
  /** As the pool answered last. */
  private Attributes committed;

  private long sizeBytes;
  private long mtimeNs;

  /**
   * When it last changed here, by a write or otherwise: what the pool gets with the content, so
   * that a stat(2) before close and one after it agree.
   */
  private long ctimeNs;

  /** Size or times changed and aren't committed. */
  private boolean isDirty;

  ImageAttributes(Attributes committed) {
    adopt(committed);
  }

  Attributes committed() {
    return committed;
  }

  long sizeBytes() {
    return sizeBytes;
  }

  long mtimeNs() {
    return mtimeNs;
  }

  long ctimeNs() {
    return ctimeNs;
  }

  boolean isDirty() {
    return isDirty;
  }

  void setDirty(boolean isNow) {
    isDirty = isNow;
  }

  /** The pool has this; what is here may be newer. */
  void committed(Attributes newer) {
    committed = newer;
  }

  /** The pool has this, and nothing is newer here. */
  void adopt(Attributes newer) {
    committed = newer;
    sizeBytes = newer.sizeBytes();
    mtimeNs = newer.mtimeNs();
    ctimeNs = newer.ctimeNs();
  }

  /** The content, and with it its times, changed now. */
  void touch(long wallNs) {
    mtimeNs = wallNs;
    ctimeNs = wallNs;
    isDirty = true;
  }

  /** The file reaches there at least. */
  void grow(long endBytes) {
    sizeBytes = Math.max(sizeBytes, endBytes);
  }

  void resize(long newBytes) {
    sizeBytes = newBytes;
  }

  /**
   * Something else than the content changed, by this mount.
   *
   * @param after what the pool answered
   * @param isUnsaved whether the content, and with it its times, is newer here
   */
  void changed(Attributes after, boolean isUnsaved) {
    ctimeNs = after.ctimeNs();
    if (Acknowledged.isSame(committed, after)) {
      committed = after;
      mtimeNs = isUnsaved ? mtimeNs : after.mtimeNs();
    } else {
      committed = withContentOf(after, committed);
    }
  }

  /** The content's part as it is here, the rest as {@code others} has it. */
  Attributes shown(Attributes others, long allocatedBytes, boolean isNameless) {
    return new Attributes(
        committed.inode(),
        committed.sealId(),
        others.type(),
        others.mode(),
        others.uid(),
        others.gid(),
        others.rdev(),
        isNameless ? 0 : others.linkCount(),
        sizeBytes,
        Math.min(sizeBytes, allocatedBytes),
        mtimeNs,
        Math.max(others.ctimeNs(), ctimeNs),
        others.atimeNs(),
        committed.version(),
        committed.fileTag(),
        others.xattrCount());
  }

  private static Attributes withContentOf(Attributes others, Attributes content) {
    return new Attributes(
        content.inode(),
        content.sealId(),
        others.type(),
        others.mode(),
        others.uid(),
        others.gid(),
        others.rdev(),
        others.linkCount(),
        content.sizeBytes(),
        content.allocatedBytes(),
        content.mtimeNs(),
        others.ctimeNs(),
        others.atimeNs(),
        content.version(),
        content.fileTag(),
        others.xattrCount());
  }
}
