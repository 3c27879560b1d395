package holdfast.storage;

import holdfast.model.ChunkId;
import holdfast.util.ByteWriter;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** A chunk a client made to be taken for records: with and without the right names and numbers. */
final class PlantedChunk {
  private static final int NUMBER_MAX = 40;

  private final DamagedStore store;
  private final List<ChunkId> neverPut = new ArrayList<>();
  private final ChunkId falseId = new ChunkId(1, 2, 3, 4);
  private final byte[] bytes;

  PlantedChunk(DamagedStore store) {
    this.store = store;
    var out = new ByteWriter();
    var victims = new ArrayList<ChunkId>();
    for (String name : store.names()) {
      store.records(name).forEach(record -> victims.add(record.id()));
    }
    for (int number = 0; number < NUMBER_MAX; number++) {
      for (ChunkId victim : victims) {
        record(out, ChunkFormat.STATE_DELETED, victim, new byte[0], number);
      }
      byte[] other = {1, (byte) number};
      record(out, ChunkFormat.STATE_LIVE, falseId, other, number);
      ChunkId real = ChunkId.nameOf(other, 0, other.length);
      neverPut.add(real);
      record(out, ChunkFormat.STATE_LIVE, real, other, number);
    }
    byte[] last = {9};
    record(out, ChunkFormat.STATE_LIVE, ChunkId.nameOf(last, 0, 1), last, Integer.MAX_VALUE - 1);
    bytes = out.toBytes();
  }

  private static void record(ByteWriter out, int state, ChunkId id, byte[] data, int number) {
    int crc = Crc.of(data, 0, data.length);
    out.raw(
            ChunkFormat.recordHeader(
                new ChunkFormat.RecordHeader(state, id, data.length, crc, number)))
        .raw(data);
  }

  ChunkId id() {
    return ChunkId.nameOf(bytes, 0, bytes.length);
  }

  byte[] bytes() {
    return bytes.clone();
  }

  /** The name under which false bytes are planted. */
  ChunkId falseId() {
    return falseId;
  }

  /** Names of chunks that are whole in it. */
  List<ChunkId> idsNeverPut() {
    return neverPut;
  }

  /** Wipes the header of the record that holds it. */
  void zeroHeader() {
    for (String name : store.segmentNames()) {
      byte[] file = store.damagedFile(name);
      int at = ChunkFormat.SEGMENT_HEADER_BYTES;
      var header = ChunkFormat.readRecordHeader(file, at);
      while (header.isPresent()) {
        if (header.get().id().equals(id())) {
          Arrays.fill(file, at, at + ChunkFormat.RECORD_HEADER_BYTES, (byte) 0);
          store.write(name, file);
          return;
        }
        at += ChunkFormat.RECORD_HEADER_BYTES + header.get().lengthBytes();
        header = ChunkFormat.readRecordHeader(file, at);
      }
    }
    throw new AssertionError("the planted chunk is somewhere");
  }
}
