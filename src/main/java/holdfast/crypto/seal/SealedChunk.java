package holdfast.crypto.seal;

import holdfast.crypto.DataKey;
import holdfast.model.ChunkId;
import holdfast.model.ChunkSalt;

/**
 * A sealed chunk: what peers get and, but for {@code sealed}, what goes into its extents.
 *
 * @param id SHA-256 of {@code sealed}
 * @param dataKeyId {@link DataKey#id} of the key it was sealed with
 * @param plainBytes size of what was sealed, 1 to 4 MiB
 * @param sealed header and blocks; a retry sends these same bytes; not to be changed
 */
public record SealedChunk(
    ChunkId id, ChunkSalt salt, long dataKeyId, int plainBytes, byte[] sealed) {}
