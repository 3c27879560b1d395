package holdfast.storage;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import holdfast.model.ChunkId;
import holdfast.model.ErrorCode;
import holdfast.sim.SimDisk;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.UnaryOperator;

/**
 * A small store, closed cleanly, and copies of it with damage: segment 1 sealed and short, 2 sealed
 * with one large chunk, 3 open. Some chunks were deleted, one of them put again.
 */
final class DamagedStore {
  private static final int LARGE_BYTES = 65_300;

  private final Random random = new Random(7);
  private final Map<ChunkId, byte[]> held = new HashMap<>();
  private final Set<ChunkId> deleted = new HashSet<>();
  private final Map<String, byte[]> files = new TreeMap<>();
  private final MemoryNotes notes = new MemoryNotes();
  private SimDisk disk = new SimDisk("sim", 1);

  DamagedStore() {
    try (var opened = open()) {
      fill(opened);
      put(opened, LARGE_BYTES);
      fill(opened);
      opened.closeCleanly();
    }
    for (String name : disk.list()) {
      files.put(name, content(name));
    }
    assertEquals(3, names().size());
  }

  /** One record of the undamaged store. */
  record Record(int offset, ChunkId id, int state, int lengthBytes) {
    int dataOffset() {
      return offset + ChunkFormat.RECORD_HEADER_BYTES;
    }

    int end() {
      return dataOffset() + lengthBytes;
    }

    boolean overlaps(int from, int to) {
      return offset < to && end() > from;
    }
  }

  private void fill(ChunkStore opened) {
    var ids = new ArrayList<ChunkId>();
    for (int i = 0; i < 8; i++) {
      ids.add(put(opened, 1 + 37 * i));
      if (i == 4) {
        delete(opened, ids.get(1));
        delete(opened, ids.get(2));
        byte[] again = held.get(ids.get(2));
        assertTrue(opened.put(ids.get(2), again, 0, again.length));
        deleted.remove(ids.get(2));
      }
    }
  }

  private void delete(ChunkStore opened, ChunkId id) {
    assertTrue(opened.delete(id));
    deleted.add(id);
  }

  private ChunkId put(ChunkStore opened, int lengthBytes) {
    byte[] bytes = new byte[lengthBytes];
    random.nextBytes(bytes);
    var id = ChunkId.nameOf(bytes, 0, lengthBytes);
    held.put(id, bytes);
    assertTrue(opened.put(id, bytes, 0, lengthBytes));
    return id;
  }

  /** Puts a chunk that no copy had before; it isn't among those that are checked. */
  ChunkId putNew(ChunkStore opened) {
    byte[] bytes = new byte[50];
    random.nextBytes(bytes);
    var id = ChunkId.nameOf(bytes, 0, bytes.length);
    assertTrue(opened.put(id, bytes, 0, bytes.length));
    assertArrayEquals(bytes, opened.read(id));
    return id;
  }

  SimDisk disk() {
    return disk;
  }

  /** Segment files of the undamaged store. */
  List<String> names() {
    return files.keySet().stream().filter(ChunkFormat::isSegmentName).toList();
  }

  List<String> sealedNames() {
    return names().subList(0, 2);
  }

  String openName() {
    return names().get(2);
  }

  /** Segment files there are now. */
  List<String> segmentNames() {
    return disk.list().stream().filter(ChunkFormat::isSegmentName).toList();
  }

  byte[] file(String name) {
    return files.get(name).clone();
  }

  byte[] damagedFile(String name) {
    return content(name);
  }

  List<Record> records(String name) {
    byte[] bytes = files.get(name);
    var records = new ArrayList<Record>();
    int at = ChunkFormat.SEGMENT_HEADER_BYTES;
    var header = ChunkFormat.readRecordHeader(bytes, at);
    while (header.isPresent()) {
      var read = header.get();
      records.add(new Record(at, read.id(), read.state(), read.lengthBytes()));
      at += ChunkFormat.RECORD_HEADER_BYTES + read.lengthBytes();
      header = ChunkFormat.readRecordHeader(bytes, at);
    }
    return records;
  }

  int recordsEnd(String name) {
    return records(name).getLast().end();
  }

  /** Makes a new copy of the store in which one file is another. */
  void damage(String name, UnaryOperator<byte[]> damage) {
    copy();
    write(name, damage.apply(file(name)));
  }

  void remove(String name) {
    disk.delete(name);
    disk.forceDirectory();
  }

  /** Gives a file of the present copy the bytes it had undamaged. */
  void restore(String name) {
    write(name, file(name));
  }

  void cutNow(String name, int length) {
    write(name, java.util.Arrays.copyOf(content(name), length));
  }

  ChunkStore openUndamaged() {
    copy();
    return open();
  }

  ChunkStore open() {
    return ChunkStore.open(
        disk,
        StorageSpace.of(disk, OptionalLong.empty(), OptionalLong.of(0)),
        ChunkFormat.SEGMENT_BYTES_MIN,
        notes);
  }

  /** What the directory is told. */
  MemoryNotes notes() {
    return notes;
  }

  /** Everything is held and right but for what these records hold, which may be lost. */
  void checkHeld(ChunkStore opened, List<Record> touched) {
    var mayBeLost = new HashSet<ChunkId>();
    touched.forEach(record -> mayBeLost.add(record.id()));
    held.forEach(
        (id, bytes) -> {
          if (!deleted.contains(id)) {
            checkOne(opened, id, bytes, mayBeLost.contains(id));
          }
        });
    int count = 0;
    for (int partition = 0; partition < ChunkId.PARTITION_COUNT; partition++) {
      count += opened.list(partition).size();
    }
    assertEquals(count, opened.chunkCount());
  }

  private static void checkOne(ChunkStore opened, ChunkId id, byte[] bytes, boolean mayBeLost) {
    if (!mayBeLost) {
      assertTrue(opened.contains(id), "a whole chunk is lost: " + id);
      assertArrayEquals(bytes, opened.read(id));
      assertTrue(opened.verify(id));
    } else if (opened.contains(id) && isReadable(opened, id)) {
      assertArrayEquals(bytes, opened.read(id));
      assertTrue(opened.verify(id));
    } else {
      assertFalse(opened.contains(id));
    }
  }

  private static boolean isReadable(ChunkStore opened, ChunkId id) {
    try {
      opened.read(id);
      return true;
    } catch (holdfast.model.StorageException e) {
      assertTrue(e.code() == ErrorCode.CHUNK_CORRUPT || e.code() == ErrorCode.STORE_FAILED);
      return false;
    }
  }

  /** Whether of these records all that wasn't deleted is held. */
  boolean isHeld(ChunkStore opened, List<Record> records) {
    return records.stream()
        .map(Record::id)
        .allMatch(id -> deleted.contains(id) || opened.contains(id));
  }

  /** What was deleted isn't held. */
  void checkDeleted(ChunkStore opened) {
    deleted.forEach(id -> assertFalse(opened.contains(id)));
  }

  private void copy() {
    disk = new SimDisk("sim", 1);
    files.forEach(this::write);
    disk.forceDirectory();
  }

  private byte[] content(String name) {
    try (var file = disk.open(name, Disk.Mode.READ)) {
      return SmallFile.readUpTo(file, 0, Integer.MAX_VALUE);
    }
  }

  void write(String name, byte[] bytes) {
    disk.delete(name);
    try (var file = disk.open(name, Disk.Mode.CREATE)) {
      file.write(0, ByteBuffer.wrap(bytes));
      file.force();
    }
    disk.forceDirectory();
  }
}
