package holdfast.client.api;

/** A file just created, and open under {@code handle}. */
public record CreatedFile(FileAttributes attributes, long handle) {}
