package holdfast.storage;

import holdfast.model.LogId;

/**
 * What a snapshot covers.
 *
 * @param logId the log it was taken in
 * @param index the last entry it covers
 * @param term that entry's term
 * @param configuration the voters as of that entry, in the consensus core's own encoding, at most
 *     64 KiB; not copied, never changed
 */
public record SnapshotMeta(LogId logId, long index, long term, byte[] configuration) {}
