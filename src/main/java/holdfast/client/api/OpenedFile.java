package holdfast.client.api;

/**
 * The answer to an open: the handle, and whether cached pages are valid. {@code keepPages}: the
 * content is what it was when this mount last had the file open, so the kernel may keep its cached
 * pages; when that isn't known, false.
 */
public record OpenedFile(long handle, boolean keepPages) {}
