package holdfast.storage;

import holdfast.model.ChunkId;

/** A chunk that is held, and its length. */
public record StoredChunk(ChunkId id, int lengthBytes) {}
