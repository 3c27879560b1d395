package holdfast.client.file;

import holdfast.metadata.op.Attributes;
import holdfast.metadata.op.ExtentMap;

/** Attributes of a file, of which the content's part and the rest were told at different times. */
final class ContentAttributes {
  private ContentAttributes() {}

  /** What isn't the content's as {@code told}, the rest as it is here; under the file's lock. */
  static Attributes unsaved(FileContent content, Attributes told, long unsavedBytes) {
    long viewBytes = ExtentMap.allocatedBytes(content.view);
    return new Attributes(
        content.inode,
        content.sealId,
        told.type(),
        told.mode(),
        told.uid(),
        told.gid(),
        told.rdev(),
        content.isUnlinked ? 0 : told.linkCount(),
        content.sizeBytes,
        Math.min(content.sizeBytes, viewBytes + unsavedBytes),
        content.mtimeNs,
        Math.max(told.ctimeNs(), content.ctimeNs),
        told.atimeNs(),
        content.committed.version(),
        content.committed.fileTag(),
        told.xattrCount());
  }

  /** What is the content's as in {@code content}, the rest as in {@code other}. */
  static Attributes committed(Attributes other, Attributes content) {
    return new Attributes(
        content.inode(),
        content.sealId(),
        other.type(),
        other.mode(),
        other.uid(),
        other.gid(),
        other.rdev(),
        other.linkCount(),
        content.sizeBytes(),
        content.allocatedBytes(),
        content.mtimeNs(),
        other.ctimeNs(),
        other.atimeNs(),
        content.version(),
        content.fileTag(),
        other.xattrCount());
  }
}
