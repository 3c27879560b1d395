package holdfast.sim;

import holdfast.model.ChunkId;
import holdfast.model.ErrorCode;
import holdfast.model.StorageException;
import holdfast.port.ChunkVault;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.Consumer;
import java.util.function.LongSupplier;
import java.util.stream.Stream;

/**
 * A vault in memory with a disk's delays: fast enough for thousands of runs. What was written
 * survives its process, what was forced survives its machine.
 */
public final class MemoryVault implements ChunkVault {
  private static final long WRITE_MIN_NS = SimWorld.MS / 10;
  private static final long WRITE_MAX_NS = 3 * SimWorld.MS;

  /** What is on the disk: outlives the process. */
  public static final class Platter {
    private final TreeMap<ChunkId, byte[]> written = new TreeMap<>();
    private final TreeSet<ChunkId> forced = new TreeSet<>();
    private final TreeMap<ChunkId, Long> places = new TreeMap<>();
    private long placeCount;
    private long usedBytes;
    private long capacityBytes = 1L << 30;
    private ErrorCode forceFailureOrNull;
    private int failedForces;

    /** From now on every force fails like this; null: none does. */
    public void failForces(ErrorCode codeOrNull) {
      forceFailureOrNull = codeOrNull;
      failedForces = 0;
    }

    /** How many forces have failed since {@link #failForces}. */
    public int failedForces() {
      return failedForces;
    }

    public void capacityBytes(long bytes) {
      capacityBytes = bytes;
    }

    public boolean holds(ChunkId chunk) {
      return written.containsKey(chunk);
    }

    public int chunkCount() {
      return written.size();
    }

    /** The machine lost power: each chunk that wasn't forced is gone or not. */
    public void losePower(SplittableRandom random) {
      written.keySet().removeIf(chunk -> !forced.contains(chunk) && random.nextBoolean());
      forced.addAll(written.keySet());
      usedBytes = written.values().stream().mapToLong(bytes -> bytes.length).sum();
    }

    public boolean isForced(ChunkId chunk) {
      return forced.contains(chunk);
    }

    /** As if it had been the one that wasn't forced. */
    void drop(ChunkId chunk) {
      written.remove(chunk);
      forced.remove(chunk);
    }

    /** As if it had been forced in time. */
    public void keep(ChunkId chunk, byte[] bytes) {
      written.put(chunk, bytes.clone());
      forced.add(chunk);
    }

    /** A bit of a chunk flips. */
    public void rot(ChunkId chunk) {
      byte[] bytes = written.get(chunk).clone();
      bytes[bytes.length / 2] ^= 1;
      written.put(chunk, bytes);
    }
  }

  private final SimLoop loop;
  private final Platter platter;
  private final SplittableRandom random;
  private Runnable failedListener = () -> {};
  private int waitingCount;
  private long endedCount;

  public MemoryVault(SimWorld world, SimLoop loop, Platter platter) {
    this.loop = loop;
    this.platter = platter;
    this.random = world.split();
  }

  /** Nothing here is lost by a failure; but who listens looks. */
  @Override
  public void whenFailed(Runnable listener) {
    failedListener = listener;
  }

  @Override
  public boolean contains(ChunkId chunk) {
    return platter.written.containsKey(chunk);
  }

  @Override
  public long place(ChunkId chunk) {
    return contains(chunk) ? platter.places.getOrDefault(chunk, 0L) : -1;
  }

  @Override
  public int readableBytes(ChunkId chunk) {
    return contains(chunk) ? platter.written.get(chunk).length : -1;
  }

  @Override
  public void rewrite(ChunkId chunk, Consumer<StorageException> done) {
    later(
        "write chunk again",
        done,
        () ->
            done.accept(
                contains(chunk)
                    ? null
                    : new StorageException(ErrorCode.CHUNK_MISSING, "rewrite: missing=" + chunk)));
  }

  @Override
  public void put(ChunkId chunk, byte[] bytes, int lengthBytes, Consumer<StorageException> done) {
    later(
        "put chunk",
        done,
        () -> {
          byte[] copy = Arrays.copyOf(bytes, lengthBytes);
          if (!contains(chunk)) {
            if (platter.usedBytes + lengthBytes > platter.capacityBytes) {
              done.accept(new StorageException(ErrorCode.NO_SPACE, "put chunk: no space"));
              return;
            }
            platter.usedBytes += lengthBytes;
            platter.written.put(chunk, copy);
            platter.places.put(chunk, ++platter.placeCount);
          }
          done.accept(null);
        });
  }

  @Override
  public void read(ChunkId chunk, int offsetBytes, int lengthBytes, ReadHandler handler) {
    later(
        "read chunk",
        handler::onFailure,
        () -> {
          byte[] bytes = platter.written.get(chunk);
          if (bytes == null) {
            handler.onFailure(
                new StorageException(ErrorCode.CHUNK_MISSING, "read chunk: missing=" + chunk));
            return;
          }
          if (offsetBytes < 0 || offsetBytes >= bytes.length) {
            handler.onFailure(new StorageException(ErrorCode.INVALID, "read chunk: range"));
            return;
          }
          int restBytes = bytes.length - offsetBytes;
          int end = offsetBytes + (lengthBytes < 0 ? restBytes : Math.min(lengthBytes, restBytes));
          handler.onBytes(
              Arrays.copyOfRange(bytes, offsetBytes, end), end - offsetBytes, bytes.length);
        });
  }

  @Override
  public void verify(ChunkId chunk, Consumer<StorageException> done) {
    later(
        "verify chunk",
        done,
        () -> {
          byte[] bytes = platter.written.get(chunk);
          if (bytes == null) {
            done.accept(new StorageException(ErrorCode.CHUNK_MISSING, "verify: missing=" + chunk));
          } else if (!ChunkId.of(sha256().digest(bytes)).equals(chunk)) {
            platter.written.remove(chunk);
            platter.forced.remove(chunk);
            done.accept(new StorageException(ErrorCode.CHUNK_CORRUPT, "verify: bad=" + chunk));
          } else {
            done.accept(null);
          }
        });
  }

  @Override
  public void force(Consumer<StorageException> done) {
    List<ChunkId> now = List.copyOf(platter.written.keySet());
    later(
        "force chunks",
        done,
        () -> {
          if (platter.forceFailureOrNull != null) {
            platter.failedForces++;
            if (platter.forceFailureOrNull == ErrorCode.STORE_FAILED) {
              failedListener.run();
            }
            done.accept(new StorageException(platter.forceFailureOrNull, "force: planted"));
            return;
          }
          now.stream().filter(platter.written::containsKey).forEach(platter.forced::add);
          done.accept(null);
        });
  }

  @Override
  public Summary summary(int partition) {
    var digest = sha256();
    int count = 0;
    long bytes = 0;
    for (Listed listed : listed(partition, null).toList()) {
      digest.update(listed.chunk().toBytes());
      count++;
      bytes += listed.lengthBytes();
    }
    return new Summary(count, bytes, digest.digest());
  }

  @Override
  public List<Listed> list(int partition, ChunkId afterOrNull, int maxCount) {
    return listed(partition, afterOrNull).limit(Math.min(maxCount, LIST_MAX)).toList();
  }

  private Stream<Listed> listed(int partition, ChunkId afterOrNull) {
    return platter.written.entrySet().stream()
        .filter(e -> e.getKey().partition() == partition)
        .filter(e -> afterOrNull == null || e.getKey().compareTo(afterOrNull) > 0)
        .map(e -> new Listed(e.getKey(), e.getValue().length));
  }

  @Override
  public Space space() {
    return new Space(
        platter.capacityBytes,
        platter.usedBytes,
        platter.capacityBytes - platter.usedBytes,
        platter.written.size());
  }

  @Override
  public LongSupplier progress() {
    long asked = endedCount + waitingCount;
    return () -> Math.min(asked, endedCount);
  }

  private void later(String what, Consumer<StorageException> onFailure, Runnable task) {
    long delayNs = random.nextLong(WRITE_MIN_NS, WRITE_MAX_NS);
    if (waitingCount >= OPERATIONS_MAX) {
      var busy = new StorageException(ErrorCode.BUSY, what + ": too much waits for the disk");
      loop.post(() -> onFailure.accept(busy));
      return;
    }
    waitingCount++;
    loop.postAfter(
        delayNs,
        what,
        () -> {
          waitingCount--;
          endedCount++;
          task.run();
        });
  }

  static MessageDigest sha256() {
    try {
      return MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e);
    }
  }
}
