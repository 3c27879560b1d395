package holdfast.protocol;

import holdfast.consensus.RaftMessage;
import holdfast.metadata.op.Answer;
import holdfast.metadata.op.EntryName;
import holdfast.metadata.op.Invalidation;
import holdfast.metadata.op.Operation;
import holdfast.metadata.op.OperationResult;
import holdfast.metadata.op.Query;
import holdfast.metadata.op.Statistics;
import holdfast.model.ChunkId;
import holdfast.model.ChunkLoss;
import holdfast.model.ClientId;
import holdfast.model.ErrorCode;
import holdfast.model.HostPort;
import holdfast.model.InstanceId;
import holdfast.model.LogId;
import holdfast.model.NodeId;
import holdfast.model.PoolId;
import holdfast.placement.MapVersion;
import holdfast.placement.PoolMap;
import holdfast.placement.PoolSettings;
import java.util.List;

/** At least one message of every type, with fields that differ from each other. */
final class MessageSamples {
  static final ChunkId CHUNK = new ChunkId(1, 2, 3, 4);
  static final NodeId NODE = new NodeId(5, 6, 7, 8);
  static final LogId LOG = new LogId(9, 10);
  private static final ClientId CLIENT = new ClientId(11, 12);
  private static final HostPort ADDRESS = new HostPort("127.0.0.1", 8_000);
  private static final Reply.Leader LEADER = new Reply.Leader(NODE, ADDRESS);

  private MessageSamples() {}

  static List<Message> requests() {
    var name = new EntryName(new byte[48]);
    var operation = new Operation.Unlink(1, name, 13);
    return List.of(
        new Request.OpenSession(CLIENT, 14),
        new Request.Ask(new Query.Lookup(1, name), true),
        new Request.Change(CLIENT, 15, 16, operation, CHUNK, true),
        new Request.Change(CLIENT, 15, 16, operation, null, false),
        new Request.ForceLog(),
        new Request.PutChunk(CHUNK, 17, true),
        new Request.GetChunk(CHUNK, 18, -1),
        new Request.ForceChunks(List.of(CHUNK, new ChunkId(9, 9, 9, 9))),
        new Request.VerifyChunk(CHUNK),
        new Request.GetMap(19),
        new Request.GetStatus(),
        new Request.GetSpace(),
        new Request.SetPool(List.of(new Request.SetPool.Setting("replicas", "3"))),
        new Request.Join(20, ADDRESS, 21, "host", "zone", 22),
        new Request.GetSummary(1_023),
        new Request.ListChunks(23, CHUNK, 24),
        new Request.ListChunks(23, null, 24),
        new Request.WhoLeads(NODE),
        new Request.Watch(CLIENT, 57, 58, -1),
        new Request.CloseSession(CLIENT),
        new Request.CompareLog(new LogId(55, 56), 57, 58, 59, 60, NODE),
        new Request.CompareLog(new LogId(55, 56), 57, 58, 59, 60, null));
  }

  static List<Message> replies() {
    var version = new MapVersion(LOG, 25);
    return List.of(
        new Reply.Done(),
        new Reply.Failure(ErrorCode.NOT_LEADER, "over there", LEADER),
        new Reply.Failure(ErrorCode.NO_SPACE, "full", null),
        new Reply.Session(26, 27, 1),
        new Reply.Answered(new Answer.Totals(new Statistics(1, 2, 3, 4, 5)), true, 52),
        new Reply.Changed(new OperationResult.Failed(ErrorCode.EXISTS, "there"), 28, 29),
        new Reply.Stored(List.of(NODE), 30),
        new Reply.Chunk(CHUNK, 31, 32),
        new Reply.Map(PoolMap.empty(version, PoolSettings.DEFAULT), LEADER),
        new Reply.Map(null, null),
        new Reply.Status(status()),
        new Reply.Space(33, 34, 35),
        new Reply.Joined(36),
        new Reply.Watched(
            53,
            54,
            1_000,
            false,
            List.of(
                new Invalidation.OfInode(55, true, false),
                new Invalidation.OfEntry(56, new EntryName(new byte[80], "tag")),
                new Invalidation.OfLocks(57))),
        new Reply.Compared(LOG, Reply.Compared.Relation.LACKING, true),
        new Reply.Chunks(
            List.of(new Reply.Chunks.Entry(CHUNK, 37)),
            true,
            List.of(new ChunkId(8, 8, 8, 8)),
            new ChunkLoss(58, 59)));
  }

  /** Not among the others: it holds an array, and so isn't equal to its copy. */
  static Reply.Summary summary() {
    return new Reply.Summary(38, 39, 40, new byte[32]);
  }

  static List<Message> notices() {
    return List.of(
        new Notice.Heartbeat(
            41,
            42,
            43,
            44,
            45,
            46,
            47,
            48,
            true,
            49,
            50,
            51,
            new LogId(52, 53),
            true,
            54,
            mark(55),
            List.of(NODE)),
        new Notice.Goodbye(),
        new Notice.KnownRuns(List.of(new Notice.KnownRun(NODE, mark(56), 3))),
        new Notice.Twin(new InstanceId(57, 58)));
  }

  private static RunMark mark(long run) {
    return new RunMark(run, new InstanceId(59, 60), LOG, 61, 62);
  }

  static PoolStatus status() {
    return new PoolStatus(
        new PoolId(1, 1, 1, 1),
        true,
        "all is well",
        false,
        3,
        2,
        600_000,
        List.of(new PoolStatus.Peer(NODE, "127.0.0.1:8000", "up", 52, 53, 54, true, false, 3)),
        new PoolStatus.Copies(55, 56, 57),
        new PoolStatus.Repair(true, 58, -1),
        new PoolStatus.Log("leader", 59, false, LOG),
        0);
  }

  static Notice consensus(RaftMessage message) {
    return new Notice.Consensus(message);
  }
}
