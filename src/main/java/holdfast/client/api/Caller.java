package holdfast.client.api;

/**
 * The process that made a call, as far as the file system needs it: Linux's numbers as unsigned 32
 * bits. {@code umask} is already applied to every mode that comes with it.
 */
public record Caller(int uid, int gid, int pid, int umask) {}
