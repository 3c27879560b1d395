package holdfast.peer.chunk;

import holdfast.model.ChunkId;
import holdfast.model.ChunkLoss;
import holdfast.model.ErrorCode;
import holdfast.model.StorageException;
import holdfast.port.ChunkVault;
import holdfast.port.Loop;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Consumer;
import java.util.function.LongSupplier;

/**
 * Forces chunks to this peer's own disk, and says which of them are there, missing or
 * indeterminate. What a failed force left indeterminate is written again first, from what can be
 * read of it. Loop thread.
 */
public final class OwnForce {
  /**
   * So much is written again for one call, and a chunk more; what is left is indeterminate still.
   */
  static final long REWRITE_MAX_BYTES = 32L << 20;

  /** A disk that fails again has some rest; twice as much each time. */
  private static final long REST_MIN_NS = 2_000_000_000L;

  private static final long REST_MAX_NS = 60_000_000_000L;

  /** What became of one call. */
  interface Outcome {
    /**
     * @param forced on disk here, of those asked for
     * @param indeterminate bytes of these are here, not known to be on disk, nor to be wrong. Of
     *     the others there is nothing
     * @param loss how these may have been lost
     */
    void onForced(List<ChunkId> forced, List<ChunkId> indeterminate, ChunkLoss loss);

    /** Nobody knows what is on disk. */
    void onFailure(StorageException why);
  }

  /** What this peer may have lost of its chunks. */
  public interface Loss {
    ChunkLoss now();

    /** Whether all that was found is in {@link #now}: until then no chunk is denied. */
    boolean isNoted();

    /** A chunk that was stored turned out not to be what was stored. */
    void onDamage();
  }

  private final Loop loop;
  private final ChunkVault vault;
  private final Loss loss;
  private final Consumer<ChunkId> onStored;
  private long restUntilNs = Long.MIN_VALUE / 2;
  private long restNs = REST_MIN_NS;
  private int turn;

  /**
   * @param onStored receives what was written again
   */
  public OwnForce(Loop loop, ChunkVault vault, Loss loss, Consumer<ChunkId> onStored) {
    this.loop = loop;
    this.vault = vault;
    this.loss = loss;
    this.onStored = onStored;
  }

  /**
   * Calls one of the outcome's methods, once, never from within.
   *
   * @return rises while the disk gets on with it
   */
  LongSupplier force(List<ChunkId> chunks, Outcome outcome) {
    var call = new Call(chunks, outcome);
    call.rewrite();
    return call::movedCount;
  }

  /** A chunk that was stored turned out not to be what was stored. */
  void onDamage() {
    loss.onDamage();
  }

  private final class Call {
    private final List<ChunkId> chunks;
    private final Outcome outcome;
    private final Iterator<ChunkId> rest;
    private final Set<ChunkId> wrong = new HashSet<>();
    private long roomBytes = loop.nowNs() - restUntilNs >= 0 ? REWRITE_MAX_BYTES : 0;
    private boolean isRewritten;
    private long stepCount;
    private LongSupplier step = () -> 0;

    private Call(List<ChunkId> chunks, Outcome outcome) {
      this.chunks = chunks;
      this.outcome = outcome;
      // Another one first each time: one that can't be read isn't in the way of all the others.
      List<ChunkId> order = new ArrayList<>(chunks);
      Collections.rotate(order, turn++);
      this.rest = order.iterator();
    }

    private long movedCount() {
      return stepCount + step.getAsLong();
    }

    /** The disk was asked for the next part of it. */
    private void begun() {
      stepCount += step.getAsLong() + 1;
      LongSupplier disk = vault.progress();
      long before = disk.getAsLong();
      step = () -> disk.getAsLong() - before;
    }

    private void rewrite() {
      while (roomBytes > 0 && rest.hasNext()) {
        ChunkId chunk = rest.next();
        if (isIndeterminate(chunk)) {
          roomBytes -= vault.readableBytes(chunk);
          vault.rewrite(chunk, why -> rewritten(chunk, why));
          begun();
          return;
        }
      }
      force();
    }

    private boolean isIndeterminate(ChunkId chunk) {
      return !vault.contains(chunk) && vault.readableBytes(chunk) >= 0;
    }

    private boolean isStillIndeterminate(ChunkId chunk) {
      return isIndeterminate(chunk) && !wrong.contains(chunk);
    }

    private void rewritten(ChunkId chunk, StorageException why) {
      if (why == null) {
        isRewritten = true;
        onStored.accept(chunk);
      } else if (why.code() == ErrorCode.CHUNK_CORRUPT) {
        wrong.add(chunk);
      } else if (why.code() != ErrorCode.CHUNK_MISSING) {
        failed();
      }
      rewrite();
    }

    private void failed() {
      roomBytes = 0;
      restUntilNs = loop.nowNs() + restNs;
      restNs = Math.min(REST_MAX_NS, 2 * restNs);
    }

    /** A chunk that comes while the disk is busy isn't forced yet. */
    private void force() {
      Map<ChunkId, Long> places = new HashMap<>();
      for (ChunkId chunk : chunks) {
        if (vault.contains(chunk)) {
          places.put(chunk, vault.place(chunk));
        }
      }
      vault.force(
          why -> {
            if (why != null) {
              if (isRewritten) {
                failed();
              }
              outcome.onFailure(why);
              return;
            }
            if (isRewritten) {
              restNs = REST_MIN_NS;
            }
            report(places);
          });
      begun();
    }

    /** Looks again: a segment that failed meanwhile, for another's force, holds nothing more. */
    private void report(Map<ChunkId, Long> places) {
      List<ChunkId> forced = new ArrayList<>();
      List<ChunkId> indeterminate = new ArrayList<>();
      for (ChunkId chunk : chunks) {
        Long place = places.get(chunk);
        if (place != null && place == vault.place(chunk)) {
          forced.add(chunk);
        } else if (!loss.isNoted() || vault.contains(chunk) || isStillIndeterminate(chunk)) {
          indeterminate.add(chunk);
        }
      }
      outcome.onForced(forced, indeterminate, loss.now());
    }
  }
}
