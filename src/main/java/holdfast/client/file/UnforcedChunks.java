package holdfast.client.file;

import holdfast.model.ChunkId;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;

/**
 * Remembers which chunks of closed files no fsync has forced, for an fsync after the next open.
 * Peers force everything within a second, if their disks do: how long ago a file was closed says
 * nothing. Not thread-safe.
 */
final class UnforcedChunks {
  /** Most chunks that are remembered, and files: beyond, those of the files closed first go. */
  static final int CHUNKS_MAX = 131_072;

  /** Eldest first; none of them empty. */
  private final Map<Long, Set<ChunkId>> ofFiles = new LinkedHashMap<>();

  private int chunkCount;

  /** The last handle of a file is closed: these of it aren't forced. */
  void keep(long inode, Set<ChunkId> chunks) {
    take(inode);
    if (chunks.isEmpty()) {
      return;
    }
    ofFiles.put(inode, chunks);
    chunkCount += chunks.size();
    while (chunkCount > CHUNKS_MAX) {
      take(ofFiles.keySet().iterator().next());
    }
  }

  /** A file is opened here for the first time: what is remembered of it, which is its own again. */
  Set<ChunkId> take(long inode) {
    Set<ChunkId> chunks = ofFiles.remove(inode);
    if (chunks == null) {
      return Set.of();
    }
    chunkCount -= chunks.size();
    return chunks;
  }
}
