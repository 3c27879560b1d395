package holdfast.peer.chunk;

import holdfast.metadata.Namespace;
import holdfast.metadata.op.Extent;
import holdfast.metadata.op.Operation;
import holdfast.metadata.op.Replacement;
import holdfast.model.ChunkId;
import holdfast.port.ChunkVault;
import holdfast.port.Loop;
import java.util.BitSet;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Supplier;

/**
 * Finds the chunks this peer should hold and doesn't: the namespace says what exists, the map what
 * is ours, the vault what is here. Nothing pending is stored anywhere: a scan finds it again. Loop
 * thread.
 */
public final class MissingChunks {
  /** Chunks looked up in one task of the loop. */
  private static final int SLICE = 2_000;

  /** Most missing chunks remembered; a scan that finds more is repeated when they are here. */
  static final int MISSING_MAX = 200_000;

  /** Between two scans of everything. */
  private static final long RESCAN_NS = 60_000_000_000L;

  /** A chunk just committed may still be on its way here. */
  static final long GRACE_NS = 3_000_000_000L;

  /** Receives what is missing, and from when on. */
  public interface Listener {
    void onMissing(ChunkId chunk, long notBeforeNs);
  }

  private final Loop loop;
  private final ChunkVault vault;
  private final Supplier<Namespace> namespace;
  private final Listener listener;
  private final Map<ChunkId, Long> missing = new HashMap<>();
  private final Set<ChunkId> unreadable = new HashSet<>();
  private BitSet ours = new BitSet();
  private long scannedMapIndex = -1;
  private long scanMapIndex = -1;
  private long scanNumber;
  private boolean isOverfull;
  private boolean isScanning;
  private boolean isRescanDue;
  private boolean isStopped;

  public MissingChunks(
      Loop loop, ChunkVault vault, Supplier<Namespace> namespace, Listener listener) {
    this.loop = loop;
    this.vault = vault;
    this.namespace = namespace;
    this.listener = listener;
  }

  public void stop() {
    isStopped = true;
  }

  /** The map changed: these partitions are ours now. Everything is looked at again. */
  public void onMap(long mapIndex, BitSet partitions) {
    ours = partitions;
    missing.keySet().removeIf(chunk -> !ours.get(chunk.partition()));
    unreadable.removeIf(chunk -> !ours.get(chunk.partition()));
    scan(mapIndex);
  }

  /** What was counted doesn't hold any more, nor what a scan counts that runs; another follows. */
  public void forgetScan() {
    scannedMapIndex = -1;
    scanNumber++;
  }

  /**
   * Something may be gone from here: look at everything again, after a scan that runs. Until that
   * is done nothing counts as checked, so nobody says that all is safe.
   */
  public void rescan() {
    scannedMapIndex = -1;
    if (isScanning) {
      isRescanDue = true;
    } else {
      scan(scanMapIndex);
    }
  }

  private void scan(long mapIndex) {
    long number = ++scanNumber;
    scanMapIndex = mapIndex;
    if (isOverfull) {
      isOverfull = false;
      scannedMapIndex = -1; // What the last one left out isn't known before this one is done.
    }
    isScanning = true;
    loop.post(() -> slice(number, 0, null));
  }

  private void slice(long number, int partition, Iterator<ChunkId> chunks) {
    if (number != scanNumber || isStopped) {
      return;
    }
    int at = partition;
    Iterator<ChunkId> rest = chunks;
    for (int i = 0; i < SLICE; i++) {
      while (rest == null || !rest.hasNext()) {
        if (rest != null) {
          at++;
        }
        at = ours.nextSetBit(at);
        if (at < 0) {
          finishScan(number);
          return;
        }
        rest = namespace.get().referencedChunks(at);
      }
      look(rest.next(), loop.nowNs());
    }
    int goOn = at;
    Iterator<ChunkId> goOnWith = rest;
    loop.post(() -> slice(number, goOn, goOnWith));
  }

  private void finishScan(long number) {
    isScanning = false;
    if (isRescanDue) {
      isRescanDue = false;
      scan(scanMapIndex);
      return;
    }
    scannedMapIndex = scanMapIndex;
    loop.at(
        loop.nowNs() + RESCAN_NS,
        "rescan",
        () -> {
          if (number == scanNumber && !isStopped) {
            scan(scanMapIndex);
          }
        });
  }

  /** An operation was applied: what it refers to should come here within a moment. */
  public void onOperation(Operation operation) {
    switch (operation) {
      case Operation.Create create ->
          create.content().ifPresent(content -> lookAtAll(content.extents()));
      case Operation.Commit commit -> {
        for (Replacement replacement : commit.replacements()) {
          lookAtAll(replacement.extents());
        }
      }
      case Operation.Unlink o -> {}
      case Operation.RemoveDirectory o -> {}
      case Operation.Rename o -> {}
      case Operation.SetAttributes o -> {}
      case Operation.Link o -> {}
      case Operation.Pin o -> {}
      case Operation.Unpin o -> {}
      case Operation.SetXattr o -> {}
      case Operation.RemoveXattr o -> {}
      case Operation.SetLock o -> {}
    }
  }

  private void lookAtAll(List<Extent> extents) {
    for (Extent extent : extents) {
      look(extent.chunk(), loop.nowNs() + GRACE_NS);
    }
  }

  private void look(ChunkId chunk, long notBeforeNs) {
    if (!ours.get(chunk.partition()) || vault.contains(chunk)) {
      missing.remove(chunk);
      return;
    }
    if (missing.containsKey(chunk)) {
      return;
    }
    if (missing.size() >= MISSING_MAX) {
      isOverfull = true;
      return;
    }
    missing.put(chunk, notBeforeNs);
    listener.onMissing(chunk, notBeforeNs);
  }

  /** A chunk has been stored here. */
  public void onStored(ChunkId chunk) {
    unreadable.remove(chunk);
    if (missing.remove(chunk) != null && missing.isEmpty() && isOverfull) {
      scan(scanMapIndex);
    }
  }

  /** A chunk that was here turned out to be bad, and is dropped. */
  void onBad(ChunkId chunk) {
    if (ours.get(chunk.partition()) && namespace.get().references(chunk)) {
      unreadable.add(chunk);
      look(chunk, loop.nowNs());
    }
  }

  /** Whether the chunk is still wanted here: ours, referenced, and not here. */
  public boolean isMissing(ChunkId chunk) {
    if (!missing.containsKey(chunk)) {
      return false;
    }
    boolean isWanted = namespace.get().references(chunk) && !vault.contains(chunk);
    if (!isWanted) {
      onStored(chunk);
    }
    return isWanted;
  }

  public int missingCount() {
    return missing.size();
  }

  public int unreadableCount() {
    return unreadable.size();
  }

  /** Whether {@link #missingCount} is exact under this version of the map. */
  public boolean isExactUnder(long mapIndex) {
    return scannedMapIndex == mapIndex && !isOverfull;
  }
}
