package holdfast.storage;

import holdfast.model.ChunkId;

/** A stored chunk and its length, for listings. */
record StoredChunk(ChunkId id, int lengthBytes) {}
