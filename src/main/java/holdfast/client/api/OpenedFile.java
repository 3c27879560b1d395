package holdfast.client.api;

/**
 * An open file. {@code keepPages}: the content is what it was when this mount last had the file
 * open, so the kernel may keep its cached pages; when in doubt, false.
 */
public record OpenedFile(long handle, boolean keepPages) {}
