package holdfast.metadata;

import holdfast.metadata.op.Checks;
import holdfast.metadata.op.OperationResult;
import holdfast.metadata.op.RequestId;
import holdfast.model.ClientId;
import holdfast.model.ErrorCode;
import holdfast.util.ByteReader;
import java.util.ArrayList;
import java.util.Optional;

/**
 * The memory of each client's operations, so that a retry gets the first answer and none is applied
 * twice (Raft dissertation, 6.3): the results of its last {@value RequestId#WINDOW} sequences, less
 * those it says are answered.
 */
final class ClientWindow {
  /** Beyond this many clients, the ended one whose last operation is the oldest is forgotten. */
  static final int CLIENTS_MAX = 4_096;

  /** Most sessions at once: far below, so that there is always an ended client to forget. */
  static final int SESSIONS_MAX = 1_024;

  /**
   * A client's record.
   *
   * @param isLive whether its session lives: an ended one changes nothing any more
   * @param tick when its last operation was applied, or its session begun
   * @param highest the highest sequence seen
   * @param floor sequences below it are refused
   */
  record Client(boolean isLive, long tick, long highest, long floor) {
    byte[] pack() {
      return new RecordWriter()
          .u8(isLive ? 1 : 0)
          .varint(tick)
          .varint(highest)
          .varint(floor)
          .toBytes();
    }

    static Client unpack(byte[] record) {
      var in = new RecordReader(record);
      int state = in.u8();
      Checks.check(state <= 1, "read client: expected=0 or 1, was=%s", state);
      var client = new Client(state == 1, in.varint(), in.varint(), in.varint());
      in.end();
      return client;
    }
  }

  private final Draft draft;

  /** Of the author just asked about; null if it is not known. */
  private Client known;

  ClientWindow(Draft draft) {
    this.draft = draft;
  }

  /**
   * The first answer if this is a retry, a refusal if it is too old for one or the author has no
   * session, else nothing.
   */
  Optional<OperationResult> recall(RequestId requestId) {
    known = find(requestId.client());
    if (known == null) {
      return Optional.of(noSession(requestId));
    }
    long floor = known.floor();
    if (requestId.sequence() < floor) {
      return Optional.of(
          new OperationResult.Failed(
              ErrorCode.MALFORMED,
              "apply operation: expected=sequence "
                  + floor
                  + " or more, was="
                  + requestId.sequence()
                  + ", client="
                  + requestId.client()));
    }
    byte[] result = draft.tree().get(Keys.result(requestId.client(), requestId.sequence()));
    if (result != null) {
      return Optional.of(OperationResult.read(new ByteReader(result)));
    }
    return known.isLive() ? Optional.empty() : Optional.of(noSession(requestId));
  }

  private Client find(ClientId client) {
    byte[] record = draft.tree().get(Keys.client(client));
    return record == null ? null : Client.unpack(record);
  }

  private static OperationResult noSession(RequestId requestId) {
    return new OperationResult.Failed(
        ErrorCode.NO_SESSION,
        "apply operation: expected=a client with a session, was=" + requestId.client());
  }

  /**
   * A client begins to work. Nothing happens if it has begun before: who ended never comes back
   * under the same id. Nor beyond {@value #SESSIONS_MAX} sessions: its operations are refused.
   */
  void begin(ClientId client) {
    if (find(client) != null || draft.counters.sessionCount >= SESSIONS_MAX) {
      return;
    }
    makeRoom();
    draft.counters.tick++;
    draft.counters.clientCount++;
    draft.counters.sessionCount++;
    draft.tree().put(Keys.client(client), new Client(true, draft.counters.tick, 0, 0).pack());
  }

  /**
   * The client's session ends: its answers are remembered for a while, its pins and locks are gone.
   */
  void end(ClientId client) {
    Client found = find(client);
    if (found == null || !found.isLive()) {
      return;
    }
    var ended = new Client(false, found.tick(), found.highest(), found.floor());
    draft.tree().put(Keys.client(client), ended.pack());
    draft.counters.sessionCount--;
    new Orphans(draft).unpinAll(client);
    Locks.releaseAll(draft, client);
  }

  /**
   * Remembers an answer to whom {@link #recall} was asked about, and drops what it needs no more.
   */
  void remember(RequestId requestId, OperationResult result) {
    var client = requestId.client();
    Client old = known;
    long highest = Math.max(old.highest(), requestId.sequence());
    long floor =
        Math.max(Math.max(old.floor(), requestId.answeredBelow()), highest - RequestId.WINDOW + 1);
    draft.counters.tick++;
    if (floor > old.floor()) {
      forgetResults(client, floor);
    }
    draft
        .tree()
        .put(Keys.client(client), new Client(true, draft.counters.tick, highest, floor).pack());
    draft.tree().put(Keys.result(client, requestId.sequence()), result.toBytes());
  }

  private void forgetResults(ClientId client, long below) {
    var cursor = draft.tree().seek(Keys.result(client, 0));
    var old = new ArrayList<byte[]>();
    while (cursor.isValid()) {
      byte[] key = cursor.key();
      if (!isResultOf(key, client) || Keys.u64(key, 17) >= below) {
        break;
      }
      old.add(key);
      cursor.next();
    }
    old.forEach(draft.tree()::remove);
  }

  private static boolean isResultOf(byte[] key, ClientId client) {
    return key[0] == Keys.RESULT
        && Keys.u64(key, 1) == client.high()
        && Keys.u64(key, 9) == client.low();
  }

  private void makeRoom() {
    if (draft.counters.clientCount < CLIENTS_MAX) {
      return;
    }
    byte[] oldestKey = null;
    long oldestTick = Long.MAX_VALUE;
    var cursor = draft.tree().seek(new byte[] {Keys.CLIENT});
    while (cursor.isValid() && cursor.key()[0] == Keys.CLIENT) {
      Client seen = Client.unpack(cursor.value());
      if (!seen.isLive() && seen.tick() < oldestTick) {
        oldestTick = seen.tick();
        oldestKey = cursor.key();
      }
      cursor.next();
    }
    forgetResults(new ClientId(Keys.u64(oldestKey, 1), Keys.u64(oldestKey, 9)), Long.MAX_VALUE);
    draft.tree().remove(oldestKey);
    draft.counters.clientCount--;
  }
}
