package holdfast.client.api;

/**
 * The process that asked: Linux's numbers as unsigned 32 bits. {@code umask} is already applied to
 * every mode that comes with it.
 */
public record Caller(int uid, int gid, int pid, int umask) {}
