package holdfast.client.api;

/** The answer to a create: the new file's attributes, and the handle under which it is open. */
public record CreatedFile(FileAttributes attributes, long handle) {}
