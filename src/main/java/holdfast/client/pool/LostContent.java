package holdfast.client.pool;

import holdfast.model.ErrorCode;
import holdfast.model.HoldfastException;

/**
 * The failures of calls that meet lost content: the pool had acknowledged it, and a power cut of
 * all voters lost it before it was forced.
 */
public final class LostContent {
  private LostContent() {}

  /** A file's newest content. */
  public static HoldfastException ofFile(long inode, long version, long foundVersion) {
    return new HoldfastException(
        ErrorCode.STORE_FAILED,
        ("save file: expected=version %d, which was written from here, was=version %d; a power cut"
                + " of the pool took what was not forced, inode=%d")
            .formatted(version, foundVersion, inode));
  }

  /** What was stored for a file and not committed yet. */
  public static HoldfastException ofStored(long inode, HoldfastException why) {
    return new HoldfastException(
        ErrorCode.STORE_FAILED,
        "save file: expected=the chunks that were stored for it, was=one is gone; a power cut of"
            + " the pool took what was not forced, inode="
            + inode,
        why);
  }

  /** The content of a file that was to get another name. */
  public static HoldfastException ofMoved(long inode) {
    return new HoldfastException(
        ErrorCode.STORE_FAILED,
        "rename file: expected=the content that it had, was=an older one; a power cut of the pool"
            + " took what was not forced: nothing was renamed, inode="
            + inode);
  }

  /** A file as a whole. */
  public static HoldfastException ofInode(long inode) {
    return new HoldfastException(
        ErrorCode.STORE_FAILED,
        "save file: expected=the file that is open here, was=none in the pool; a power cut took its"
            + " creation, or it was removed elsewhere, inode="
            + inode);
  }

  /** Mode, owner, times or extended attributes. */
  public static HoldfastException ofAttributes(long inode) {
    return new HoldfastException(
        ErrorCode.STORE_FAILED,
        "force attributes: expected=the change that was made from here, was=older ones; a power cut"
            + " of the pool took what was not forced, inode="
            + inode);
  }

  /** Names in a directory. */
  static HoldfastException ofDirectory(long inode) {
    return new HoldfastException(
        ErrorCode.STORE_FAILED,
        "force directory: expected=the change that was made from here, was=an older state; a power"
            + " cut of the pool took what was not forced, inode="
            + inode);
  }
}
