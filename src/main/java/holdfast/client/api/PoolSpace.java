package holdfast.client.api;

/**
 * The pool's room as statfs shows it: blocks of {@code blockSizeBytes} bytes for data as a user
 * counts it (copies already divided out), and numbers of files.
 */
public record PoolSpace(
    int blockSizeBytes,
    long blockCount,
    long freeBlockCount,
    long availableBlockCount,
    long fileCount,
    long freeFileCount,
    int nameBytesMax) {}
