package holdfast.metadata;

import holdfast.model.ClientId;
import holdfast.model.ErrorCode;
import holdfast.util.ByteReader;
import java.util.ArrayList;
import java.util.Optional;

/**
 * What is remembered of each client's operations, so that none is applied twice: the results of its
 * last {@value Author#WINDOW} sequences, less those it says are answered.
 */
final class ClientWindow {
  /** Beyond this many clients, the one whose last operation is the oldest is forgotten. */
  static final int CLIENTS_MAX = 4_096;

  /**
   * A client's record.
   *
   * @param tick when its last operation was applied
   * @param highest the highest sequence seen
   * @param floor sequences below it are refused
   */
  record Client(long tick, long highest, long floor) {
    byte[] pack() {
      return new RecordWriter().varint(tick).varint(highest).varint(floor).toBytes();
    }

    static Client unpack(byte[] record) {
      var in = new RecordReader(record);
      var client = new Client(in.varint(), in.varint(), in.varint());
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

  /** The first answer if this is a retry, a refusal if it is too old for one, else nothing. */
  Optional<OperationResult> recall(Author author) {
    byte[] record = draft.tree().get(Keys.client(author.client()));
    known = record == null ? null : Client.unpack(record);
    if (known == null) {
      return Optional.empty();
    }
    long floor = known.floor();
    if (author.sequence() < floor) {
      return Optional.of(
          new OperationResult.Failed(
              ErrorCode.MALFORMED,
              "apply operation: expected=sequence "
                  + floor
                  + " or more, was="
                  + author.sequence()
                  + ", client="
                  + author.client()));
    }
    byte[] result = draft.tree().get(Keys.result(author.client(), author.sequence()));
    return result == null
        ? Optional.empty()
        : Optional.of(OperationResult.read(new ByteReader(result)));
  }

  /**
   * Remembers an answer to whom {@link #recall} was asked about, and drops what it needs no more.
   */
  void remember(Author author, OperationResult result) {
    var client = author.client();
    var old = known == null ? new Client(0, 0, 0) : known;
    long highest = Math.max(old.highest(), author.sequence());
    long floor =
        Math.max(Math.max(old.floor(), author.answeredBelow()), highest - Author.WINDOW + 1);
    draft.counters.tick++;
    if (known == null) {
      makeRoom();
      draft.counters.clientCount++;
    } else if (floor > old.floor()) {
      forgetResults(client, floor);
    }
    draft.tree().put(Keys.client(client), new Client(draft.counters.tick, highest, floor).pack());
    draft.tree().put(Keys.result(client, author.sequence()), result.toBytes());
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
      long tick = Client.unpack(cursor.value()).tick();
      if (tick < oldestTick) {
        oldestTick = tick;
        oldestKey = cursor.key();
      }
      cursor.next();
    }
    forgetResults(new ClientId(Keys.u64(oldestKey, 1), Keys.u64(oldestKey, 9)), Long.MAX_VALUE);
    draft.tree().remove(oldestKey);
    draft.counters.clientCount--;
  }
}
