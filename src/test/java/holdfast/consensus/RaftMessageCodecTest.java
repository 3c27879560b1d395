package holdfast.consensus;

import static holdfast.consensus.CoreHarness.A;
import static holdfast.consensus.CoreHarness.B;
import static holdfast.consensus.CoreHarness.LOG;
import static holdfast.consensus.CoreHarness.command;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import holdfast.consensus.RaftMessage.Append;
import holdfast.consensus.RaftMessage.InstallSnapshot;
import holdfast.util.ByteReader;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** The bytes of messages and stored values. */
class RaftMessageCodecTest {
  private static final RaftMessage.Header HEADER = new RaftMessage.Header(LOG, A, B, 9);
  private static final Configuration CONFIGURATION =
      new Configuration(List.of(B, A), List.of(CoreHarness.C));

  private static List<RaftMessage> oneOfEach() {
    return List.of(
        new RaftMessage.PreVoteRequest(HEADER, 1, 2, true),
        new RaftMessage.PreVoteReply(HEADER, 3, CoreHarness.vote(Recovery.Cause.DAMAGE), true, 7),
        new RaftMessage.VoteRequest(HEADER, 4, 5, true, true),
        new RaftMessage.VoteReply(
            HEADER,
            new RaftMessage.Vote(
                false, Recovery.Cause.POWER_CUT, List.of(CoreHarness.C, CoreHarness.D))),
        new Append(HEADER, 6, 7, 8, 9, List.of(command(7, 8), LogEntry.noop(8, 9))),
        new RaftMessage.AppendAccepted(HEADER, 10, 11),
        new RaftMessage.AppendRejected(HEADER, 12, 13, 14),
        new RaftMessage.Heartbeat(HEADER, 15, -16, 17, 18, 19, 20),
        new RaftMessage.HeartbeatReply(HEADER, 19, -20, 21, 22, 23),
        new InstallSnapshot(HEADER, new SnapshotMeta(23, 24, CONFIGURATION), 99, 25, new byte[7]),
        new RaftMessage.InstallSnapshotReply(HEADER, 26, 27, true),
        new RaftMessage.TimeoutNow(HEADER),
        new RaftMessage.TermRequest(HEADER, 28),
        new RaftMessage.TermReply(HEADER, 29, List.of(A, B)));
  }

  @Test
  void everyMessageComesBackAsItWas() {
    assertEquals(RaftMessage.class.getPermittedSubclasses().length, oneOfEach().size());
    for (RaftMessage message : oneOfEach()) {
      assertEquals(message, RaftMessageCodec.of(RaftMessageCodec.toBytes(message)));
    }
  }

  @Test
  void theBytesStayAsTheyAre() {
    byte[] bytes = RaftMessageCodec.toBytes(new RaftMessage.AppendAccepted(HEADER, 10, 11));

    assertEquals(1 + 16 + 40 + 40 + 8 + 16, bytes.length);
    assertEquals(6, bytes[0]);
    assertArrayEquals(new byte[] {0, 0, 0, 0, 0, 0, 0, 11}, Arrays.copyOfRange(bytes, 113, 121));
  }

  @Test
  void cutAndDamagedBytesAreMalformedAndNothingWorse() {
    long seed = System.nanoTime();
    System.out.println("seed " + seed);
    var random = new Random(seed);
    for (RaftMessage message : oneOfEach()) {
      byte[] bytes = RaftMessageCodec.toBytes(message);
      for (int cut = 0; cut < bytes.length; cut++) {
        byte[] part = Arrays.copyOf(bytes, cut);
        assertThrows(ByteReader.Malformed.class, () -> RaftMessageCodec.of(part));
      }
      for (int i = 0; i < 2_000; i++) {
        byte[] damaged = bytes.clone();
        damaged[random.nextInt(damaged.length)] = (byte) random.nextInt();
        damaged[random.nextInt(damaged.length)] = (byte) random.nextInt();
        try {
          RaftMessageCodec.of(damaged);
        } catch (ByteReader.Malformed expected) {
          assertTrue(expected.getMessage().contains("expected="));
        }
      }
    }
  }

  @Test
  void theLargestMessagesFitIntoAFrame() {
    List<Endpoint> followers = new ArrayList<>();
    for (int i = 0; i < Configuration.FOLLOWERS_MAX; i++) {
      followers.add(CoreHarness.endpoint(i, 1));
    }
    var wide =
        new Configuration(
            List.of(new Endpoint(CoreHarness.endpoint(7, 1).node(), 9)), distinct(followers));
    var config = RaftConfig.DEFAULT;
    var snapshot =
        new InstallSnapshot(
            HEADER,
            new SnapshotMeta(1, 1, wide),
            1 << 20,
            0,
            new byte[config.snapshotChunkBytes()]);
    var log = new RaftLog(SnapshotMeta.NONE);
    for (int i = 1; i <= 9_000; i++) {
      log.append(new LogEntry(i, 1, LogEntry.Kind.COMMAND, new byte[i % 3]));
    }
    log.append(new LogEntry(9_001, 1, LogEntry.Kind.COMMAND, new byte[LogEntry.PAYLOAD_BYTES_MAX]));
    log.append(new LogEntry(9_002, 1, LogEntry.Kind.COMMAND, new byte[30_000]));

    for (long from : new long[] {1, 9_000, 9_001}) {
      var entries = log.slice(from, 9_002, config.appendBytesMax(), RaftMessage.APPEND_ENTRIES_MAX);
      var append = new Append(HEADER, from - 1, from == 1 ? 0 : 1, 0, 0, entries);
      assertTrue(RaftMessageCodec.toBytes(append).length <= RaftMessage.BYTES_MAX);
      assertEquals(append, RaftMessageCodec.of(RaftMessageCodec.toBytes(append)));
    }
    assertTrue(RaftMessageCodec.toBytes(snapshot).length <= RaftMessage.BYTES_MAX);
  }

  private static List<Endpoint> distinct(List<Endpoint> endpoints) {
    List<Endpoint> result = new ArrayList<>();
    for (int i = 0; i < endpoints.size(); i++) {
      result.add(new Endpoint(new holdfast.model.NodeId(i, i, i, i), 1));
    }
    return result;
  }

  @Test
  void entriesThatSkipAnIndexOrComeFromTheFutureAreMalformed() {
    var gap = new Append(HEADER, 6, 7, 0, 0, List.of(command(9, 8)));
    var future = new Append(HEADER, 6, 7, 0, 0, List.of(command(7, 10)));
    var falling = new Append(HEADER, 6, 7, 0, 0, List.of(command(7, 6)));

    for (Append append : List.of(gap, future, falling)) {
      byte[] bytes = RaftMessageCodec.toBytes(append);
      assertThrows(ByteReader.Malformed.class, () -> RaftMessageCodec.of(bytes));
    }
  }

  @Test
  void storedValuesComeBackAsTheyWere() {
    assertEquals(CONFIGURATION, Configuration.of(CONFIGURATION.toBytes()));
    assertEquals(List.of(A, B), CONFIGURATION.voters());
  }

  @Test
  void aConfigurationListsNobodyTwice() {
    Endpoint newA = CoreHarness.endpoint(1, 2);

    assertThrows(ByteReader.Malformed.class, () -> new Configuration(List.of(A, newA), List.of()));
    assertThrows(ByteReader.Malformed.class, () -> new Configuration(List.of(A), List.of(A)));
    assertEquals(2, new Configuration(List.of(A), List.of(newA)).members().size());
  }

  @Test
  void numbersOutOfRangeAreNamed() {
    var failure =
        assertThrows(
            IllegalArgumentException.class,
            () ->
                new RaftConfig(
                    150, 1_000, 2_000, 950, 1_500, 300, 4, 1_000, 16, 20_000, 4_000, 1 << 20, 40,
                    4_000, 400, 50, 20, 60_000, 8_000, 30_000));

    assertEquals("check leaseMs: expected=0 to 900, was=950", failure.getMessage());
  }
}
