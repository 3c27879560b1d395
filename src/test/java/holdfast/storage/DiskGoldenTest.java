package holdfast.storage;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import holdfast.consensus.Endpoint;
import holdfast.consensus.HardState;
import holdfast.consensus.Recovery;
import holdfast.model.ChunkId;
import holdfast.model.ChunkLoss;
import holdfast.model.LogId;
import holdfast.model.NodeId;
import holdfast.util.ByteReader;
import holdfast.util.ByteWriter;
import holdfast.util.Sha256;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/** One example of each header and record, as its version has it: never changes. */
final class DiskGoldenTest {
  private static final ChunkId CHUNK =
      new ChunkId(0x0102030405060708L, 0x1112131415161718L, 0x2122232425262728L, 0x31L);
  private static final LogId LOG = new LogId(0xA1A2A3A4A5A6A7A8L, 0xB1B2B3B4B5B6B7B8L);
  private static final String BOOT = "01234567-89ab-cdef-0123-456789abcdef";

  @Test
  void directoryFilesAreAsEver() throws IOException {
    byte[] id = HexFormat.of().parseHex("000102030405060708090a0b0c0d0e0f");
    var end = new DirectoryFormat.LogEnd(1_000, 13, 0x12345678);
    var machine = new Machine(BOOT, "0123456789abcdef0123456789abcdef");
    var run =
        new DirectoryFormat.Run(
            true, machine, 17, 4_711, 0x0123456789ABCDEFL, 0x41, Optional.of(end));
    var recovery = new Recovery(0x0102030405060708L, Recovery.Cause.DAMAGE, true);
    var chunks = new ChunkLoss(0x21, 0x22);
    var mark = new DirectoryFormat.Mark(recovery, "log-0000000000000001.seg is missing", chunks);

    assertArrayEquals(
        golden("format"), DirectoryFormat.format(3, new DirectoryFormat.Format(id, 7, true)));
    assertArrayEquals(golden("run"), DirectoryFormat.run(4, run));
    assertArrayEquals(golden("recovery"), DirectoryFormat.recovery(5, mark));
    var format = DirectoryFormat.readFormat(golden("format"), "");
    assertArrayEquals(id, format.directoryId());
    assertEquals(7, format.incarnation());
    assertTrue(format.isLogBegun());
    assertEquals(run, DirectoryFormat.readRun(golden("run"), ""));
    assertEquals(mark, DirectoryFormat.readRecovery(golden("recovery"), ""));
  }

  @Test
  void chunkSegmentIsAsEver() throws IOException {
    byte[] data = "sealed bytes".getBytes(StandardCharsets.US_ASCII);
    var record =
        new ChunkFormat.RecordHeader(
            ChunkFormat.STATE_LIVE, CHUNK, data.length, Crc.of(data, 0, data.length), 3);
    var entry = new ChunkFormat.FooterEntry(CHUNK, 64, data.length, 1, record.dataCrc());
    var entries = new ByteWriter();
    ChunkFormat.footerEntry(entries, entry);
    var trailer = new ChunkFormat.Trailer(1, 132, Crc.of(entries.toBytes(), 0, 48), 9);

    assertArrayEquals(golden("chunk-segment-header"), ChunkFormat.segmentHeader(9, 268_435_456));
    assertArrayEquals(
        golden("chunk-record"),
        new ByteWriter().raw(ChunkFormat.recordHeader(record)).raw(data).toBytes());
    assertArrayEquals(golden("chunk-footer-entry"), entries.toBytes());
    assertArrayEquals(golden("chunk-trailer"), ChunkFormat.trailer(trailer));
    assertEquals(
        Optional.of(new ChunkFormat.SegmentHeader(9, 268_435_456)),
        ChunkFormat.readSegmentHeader(golden("chunk-segment-header"), ""));
    assertEquals(Optional.of(record), ChunkFormat.readRecordHeader(golden("chunk-record"), 0));
    assertEquals(entry, ChunkFormat.readFooterEntry(new ByteReader(golden("chunk-footer-entry"))));
    assertEquals(Optional.of(trailer), ChunkFormat.readTrailer(golden("chunk-trailer")));
  }

  @Test
  void operationLogIsAsEver() throws IOException {
    var header = new LogFormat.SegmentHeader(5, 1_000, 12, 0x12345678, LOG);
    var payload = "operation".getBytes(StandardCharsets.US_ASCII);
    var entry = new ByteWriter();
    int chain = LogFormat.entry(entry, 1_000, 13, 4, payload, 0x12345678);
    var vote = new Endpoint(new NodeId(1, 2, 3, 4), 6);
    var state =
        new LogFormat.State(
            LOG,
            new HardState(13, Optional.of(vote), 998, List.of(new Endpoint(vote.node(), 3))),
            List.of(new Endpoint(new NodeId(5, 6, 7, 8), 9)),
            999,
            12,
            5,
            8,
            996);

    assertArrayEquals(golden("log-segment-header"), LogFormat.segmentHeader(header));
    assertArrayEquals(golden("log-entry"), entry.toBytes());
    assertArrayEquals(golden("log-state"), LogFormat.state(6, state));
    assertEquals(
        Optional.of(header), LogFormat.readSegmentHeader(golden("log-segment-header"), ""));
    assertEquals(
        Optional.of(new LogFormat.EntryHeader(payload.length, 1_000, 13, 4, chain)),
        LogFormat.readEntryHeader(golden("log-entry"), 0));
    assertEquals(state, LogFormat.readState(golden("log-state"), ""));
  }

  @Test
  void snapshotIsAsEver() throws IOException {
    var header = new SnapshotFormat.Header(LOG, 1_000, 13, 3, 0x01020304);
    var piece = new SnapshotFormat.PieceHeader(1_024, 0x0A0B0C0D);
    byte[] digest = new Sha256().update(new byte[3], 0, 3).digest();

    assertArrayEquals(golden("snapshot-header"), SnapshotFormat.header(header));
    assertArrayEquals(golden("snapshot-piece-header"), SnapshotFormat.pieceHeader(piece));
    assertArrayEquals(
        golden("snapshot-footer"),
        SnapshotFormat.footer(new SnapshotFormat.Footer(2, 2_048, digest)));
    assertEquals(header, SnapshotFormat.readHeader(golden("snapshot-header"), ""));
    assertEquals(
        Optional.of(piece), SnapshotFormat.readPieceHeader(golden("snapshot-piece-header")));
    var footer = SnapshotFormat.readFooter(golden("snapshot-footer")).orElseThrow();
    assertEquals(2_048, footer.totalBytes());
    assertArrayEquals(digest, footer.digest());
  }

  private static byte[] golden(String name) throws IOException {
    int version = name.startsWith("chunk-") ? ChunkFormat.VERSION : DirectoryFormat.VERSION;
    String path = "/golden/" + version + "/storage-" + name + ".hex";
    try (InputStream in = DiskGoldenTest.class.getResourceAsStream(path)) {
      String text = new String(in.readAllBytes(), StandardCharsets.US_ASCII);
      return HexFormat.of().parseHex(text.replaceAll("\\s", ""));
    }
  }
}
