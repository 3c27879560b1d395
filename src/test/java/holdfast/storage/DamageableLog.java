package holdfast.storage;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import holdfast.consensus.Configuration;
import holdfast.consensus.Endpoint;
import holdfast.consensus.HardState;
import holdfast.consensus.InitialState;
import holdfast.consensus.LogEntry;
import holdfast.consensus.Recovery;
import holdfast.consensus.SnapshotMeta;
import holdfast.model.LogId;
import holdfast.model.NodeId;
import holdfast.model.StorageException;
import holdfast.port.OperationLog;
import holdfast.sim.SimDisk;
import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.TreeMap;
import java.util.concurrent.Executor;

/** A directory as a peer leaves it, with several segments and two snapshots: to be damaged. */
final class DamageableLog {
  static final LogId LOG = new LogId(4, 4);
  static final NodeId SELF = new NodeId(1, 2, 3, 4);
  static final long LAST = 120;
  static final long COMMITTED = 116;
  static final long NEWEST = 90;
  static final long OLDER = 60;

  private static final int SEGMENT_BYTES = 3_000;
  private static final Executor DIRECT = Runnable::run;
  private static final DiskLog.Threads THREADS = new DiskLog.Threads(DIRECT, DIRECT, DIRECT);

  final SimDisk disk;
  final OpenedAfter openedAfter;
  final HardState hard =
      new HardState(7, Optional.of(new Endpoint(new NodeId(9, 9, 9, 9), 1)), COMMITTED);

  /** Makes one, as it is after this end of a run: all that was appended is there. */
  DamageableLog(OpenedAfter openedAfter) {
    this.openedAfter = openedAfter;
    disk = new SimDisk("d", 1);
    var directory = directory("boot");
    DiskLog log = open(directory, loss -> false);
    log.begin(LOG, InitialState.empty(), DamageableLog::done);
    for (long index = 1; index <= LAST; index++) {
      log.append(0, List.of(entry(index)), DamageableLog::done);
      if (index == 30 || index == OLDER || index == NEWEST) {
        save(log, index);
      }
    }
    log.persistHardState(hard, DamageableLog::done);
    log.force(DamageableLog::done);
    switch (openedAfter) {
      case CLEAN -> {
        log.close();
        directory.closeCleanly();
      }
      case SYSTEM_CRASH -> {
        disk.forceDirectory();
        disk.crash();
      }
      case FRESH, PROCESS_CRASH -> disk.restart();
    }
  }

  private static void save(DiskLog log, long index) {
    var pieces = new ArrayList<>(List.of(content(index), new byte[] {1, 2, (byte) index}));
    log.saveSnapshot(
        new SnapshotMeta(index, term(index), configuration()),
        () -> pieces.isEmpty() ? null : pieces.removeFirst(),
        new OperationLog.SnapshotSaved() {
          @Override
          public void onSaved(long sizeBytes) {
            log.compact(index - 1, DamageableLog::done);
          }

          @Override
          public void onFailure(StorageException why) {
            throw why;
          }
        });
  }

  static Configuration configuration() {
    return new Configuration(List.of(new Endpoint(SELF, 1)), List.of());
  }

  private static void done(StorageException why) {
    assertNull(why);
  }

  private static byte[] content(long index) {
    byte[] bytes = new byte[700];
    new Random(index).nextBytes(bytes);
    return bytes;
  }

  private static long term(long index) {
    return 1 + index / 40;
  }

  private static LogEntry entry(long index) {
    byte[] payload = new byte[20 + (int) (index * 37 % 150)];
    new Random(-index).nextBytes(payload);
    return new LogEntry(index, term(index), LogEntry.Kind.COMMAND, payload);
  }

  StorageDirectory directory(String boot) {
    return StorageDirectory.open(disk, new Machine(boot, ""), "pid 1", new Random(1)::nextLong);
  }

  private static DiskLog open(StorageDirectory directory, LogLoss.Judge judge) {
    return DiskLog.open(directory, SEGMENT_BYTES, THREADS, new DirectLoop(), judge);
  }

  // Damage.

  /** Names of the files that hold something. */
  List<String> files() {
    return disk.list().stream().filter(name -> disk.sizeBytes(name) > 0).toList();
  }

  byte[] bytes(String name) {
    try (var file = disk.open(name, Disk.Mode.READ)) {
      return SmallFile.readUpTo(file, 0, 1 << 20);
    }
  }

  void overwrite(String name, long position, byte[] bytes) {
    try (var file = disk.open(name, Disk.Mode.WRITE)) {
      file.write(position, ByteBuffer.wrap(bytes));
      file.force();
    }
  }

  void cut(String name, long sizeBytes) {
    try (var file = disk.open(name, Disk.Mode.WRITE)) {
      file.truncate(sizeBytes);
      file.force();
    }
  }

  void remove(String name) {
    disk.delete(name);
    disk.forceDirectory();
  }

  String lastSegment() {
    return disk.list().stream()
        .filter(name -> LogFormat.segmentNumber(name) >= 0)
        .reduce((first, second) -> second)
        .orElseThrow();
  }

  // The next start.

  /** What a start found. */
  record Recovered(InitialState initial, Optional<LogId> log, int lossNoteCount, byte[] snapshot) {
    long lastIndex() {
      return initial.entries().isEmpty()
          ? initial.snapshot().index()
          : initial.entries().getLast().index();
    }

    Recovery recovery() {
      return initial.recovery();
    }
  }

  Recovered start() {
    return start(loss -> false);
  }

  /** Starts, looks, and ends cleanly. */
  Recovered start(LogLoss.Judge judge) {
    String boot = openedAfter == OpenedAfter.SYSTEM_CRASH ? "other boot" : "boot";
    try (var directory = directory(boot)) {
      DiskLog log = open(directory, judge);
      var found = log.atStart();
      var content = new ByteArrayOutputStream();
      long index = found.initial().snapshot().index();
      while (index > 0 && content.size() < found.snapshotBytes()) {
        read(log, index, content);
      }
      log.close();
      directory.closeCleanly();
      return new Recovered(
          found.initial(), found.log(), found.lossNoteCount(), content.toByteArray());
    }
  }

  private static void read(DiskLog log, long index, ByteArrayOutputStream into) {
    log.readSnapshot(
        index,
        into.size(),
        1_000,
        new OperationLog.SnapshotPiece() {
          @Override
          public void onBytes(byte[] bytes, long totalBytes) {
            into.writeBytes(bytes);
          }

          @Override
          public void onFailure(StorageException why) {
            throw why;
          }
        });
  }

  /** Whatever was found is what was written, up to where it ends; true if all of it is there. */
  boolean isPrefix(Recovered found) {
    long snapshot = found.initial().snapshot().index();
    if (snapshot > 0) {
      assertTrue(snapshot == NEWEST || snapshot == OLDER, "snapshot " + snapshot);
      assertEquals(term(snapshot), found.initial().snapshot().term());
      assertEquals(configuration(), found.initial().snapshot().configuration());
      assertArrayEquals(content(snapshot), Arrays.copyOf(found.snapshot(), 700));
      assertEquals(703, found.snapshot().length);
    }
    long next = snapshot + 1;
    for (LogEntry entry : found.initial().entries()) {
      assertEquals(next, entry.index());
      assertEquals(term(next), entry.term());
      assertArrayEquals(entry(next).payload(), entry.payload());
      next++;
    }
    assertTrue(found.lastIndex() <= LAST);
    return found.lastIndex() == LAST;
  }

  /** What the files hold, by name. */
  TreeMap<String, byte[]> image() {
    var image = new TreeMap<String, byte[]>();
    for (String name : disk.list()) {
      image.put(name, bytes(name));
    }
    return image;
  }
}
