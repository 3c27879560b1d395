package holdfast.client.file;

import holdfast.metadata.op.Extent;
import holdfast.model.ChunkId;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;

/**
 * Chunks of closed files that no fsync has forced, for who opens them again to fsync them. Peers
 * force everything within a second, if their disks do: how long ago a file was closed says nothing.
 * Not thread-safe.
 */
final class UnforcedChunks {
  /** Most chunks that are remembered, and files: beyond, those of the files closed first go. */
  static final int CHUNKS_MAX = 131_072;

  /** Eldest first; none of them empty. */
  private final Map<Long, Set<ChunkId>> ofFiles = new LinkedHashMap<>();

  private int chunkCount;

  /** A file is opened here for the first time: what is remembered of it is its own again. */
  void give(FileContent content) {
    // Of what was replaced meanwhile nobody wants to know.
    content.committedExtents.stream()
        .map(Extent::chunk)
        .filter(take(content.inode)::contains)
        .forEach(content.unforced::add);
  }

  /** The last handle of a file is closed; called under its lock. */
  void keep(FileContent content) {
    take(content.inode);
    Set<ChunkId> chunks = content.isUnlinked ? Set.of() : content.toForce();
    if (chunks.isEmpty()) {
      return;
    }
    ofFiles.put(content.inode, chunks);
    chunkCount += chunks.size();
    while (chunkCount > CHUNKS_MAX) {
      take(ofFiles.keySet().iterator().next());
    }
  }

  private Set<ChunkId> take(long inode) {
    Set<ChunkId> chunks = ofFiles.remove(inode);
    if (chunks == null) {
      return Set.of();
    }
    chunkCount -= chunks.size();
    return chunks;
  }
}
