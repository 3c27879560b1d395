package holdfast.metadata.op;

/**
 * Totals of a namespace, as {@code holdfast status} and statfs(2) show them.
 *
 * @param fileCount inodes that are no directories
 * @param directoryCount directories, the root included
 * @param sizeBytes sum of the sizes of all regular files
 * @param allocatedBytes bytes that extents cover
 * @param chunkCount chunks referenced at least once
 */
public record Statistics(
    long fileCount, long directoryCount, long sizeBytes, long allocatedBytes, long chunkCount) {}
