package holdfast.storage;

import holdfast.model.NodeId;
import holdfast.model.StorageException;
import holdfast.port.MachineMemory;
import java.lang.System.Logger.Level;
import java.nio.file.Path;
import java.util.Optional;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.atomic.AtomicReference;

/**
 * The {@link holdfast.port.MachineMemory} as a file of the peer's name in a folder that is emptied
 * when the machine goes down. Any thread.
 */
public final class MachineMark implements MachineMemory {
  private static final System.Logger LOG = System.getLogger(MachineMark.class.getName());

  private final Optional<Disk> disk;
  private final SealedFile file;
  private final Executor executor;
  private final byte[] found;

  /** What is to be written; null for nothing. */
  private final AtomicReference<byte[]> next = new AtomicReference<>();

  private volatile boolean isFailing;

  private MachineMark(Optional<Disk> disk, SealedFile file, byte[] found, Executor executor) {
    this.disk = disk;
    this.file = file;
    this.found = found;
    this.executor = executor;
  }

  /**
   * Reads what is there. Without a folder that can be used nothing is found or kept, and the log
   * says so. Blocks on the disk.
   *
   * @param folder made if it isn't there; empty for none
   * @param executor runs one task at a time
   */
  public static MachineMark open(Optional<Path> folder, NodeId peer, Executor executor) {
    var file = new SealedFile(peer + ".mark", "HFMACHIN", BYTES_MAX, "other peers know it too");
    String why = "no folder for it";
    if (folder.isPresent()) {
      try {
        Disk disk = NioDisk.open(folder.get());
        return new MachineMark(Optional.of(disk), file, file.read(disk), executor);
      } catch (StorageException e) {
        why = e.getMessage();
      }
    }
    LOG.log(
        Level.INFO,
        "remember on this machine how far the peer is: was={0}; if its folder is put back to an"
            + " older one, only other peers find out (--run-dir names a place)",
        why);
    return new MachineMark(Optional.empty(), file, new byte[0], executor);
  }

  @Override
  public byte[] atStart() {
    return found.clone();
  }

  @Override
  public void keep(byte[] mark) {
    if (disk.isPresent() && next.getAndSet(mark) == null) {
      try {
        executor.execute(this::write);
      } catch (RejectedExecutionException e) {
        next.set(null); // the next one is tried
        LOG.log(Level.DEBUG, "keep mark: the peer stops, or its disk is busy");
      }
    }
  }

  private void write() {
    byte[] mark = next.getAndSet(null);
    try {
      file.writeUnforced(disk.orElseThrow(), mark);
      isFailing = false;
    } catch (StorageException e) {
      if (!isFailing) {
        LOG.log(Level.WARNING, "remember how far this peer is: was={0}", e.getMessage());
      }
      isFailing = true;
    }
  }
}
