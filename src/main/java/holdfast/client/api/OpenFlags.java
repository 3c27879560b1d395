package holdfast.client.api;

/** The flags of Linux's open(2) that the file system reads; the same on x86-64 and aarch64. */
public final class OpenFlags {
  /** Mask of the access modes. */
  public static final int ACCESS_MASK = 3;

  public static final int READ_ONLY = 0;
  public static final int WRITE_ONLY = 1;
  public static final int READ_WRITE = 2;
  public static final int EXCLUSIVE = 0200;
  public static final int TRUNCATE = 01000;
  public static final int APPEND = 02000;

  private OpenFlags() {}
}
