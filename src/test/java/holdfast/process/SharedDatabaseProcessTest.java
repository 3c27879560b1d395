package holdfast.process;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;

/**
 * One SQLite database that programs on two mounts write: record locks and what the kernels keep of
 * the file must fit together, or a counter loses steps and the database its shape.
 */
@Tag("process")
@Timeout(value = 240, unit = TimeUnit.SECONDS, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class SharedDatabaseProcessTest {
  private static final int TRANSACTIONS = Integer.getInteger("holdfast.transactions", 200);
  private static final int TURNS = 10;
  private static final int TRANSACTIONS_A_TURN = 3;
  private static final Duration COMMAND_MAX = Duration.ofSeconds(200);

  @RegisterExtension static final SharedPool SHARED = new SharedPool();

  private static final String CREATE =
      """
      import os, sqlite3
      db = sqlite3.connect(os.environ['DATABASE'], isolation_level=None)
      db.execute('PRAGMA journal_mode = delete')
      db.execute('CREATE TABLE counter (value INT)')
      db.execute('INSERT INTO counter VALUES (0)')
      db.execute('CREATE TABLE step (who TEXT, number INT, before INT, filler TEXT)')
      db.execute('CREATE INDEX by_who ON step (who, number)')
      """;

  /** Each step is one transaction, which reads what it changes; so a lost one shows in the sum. */
  private static final String COUNT =
      """
      import os, sqlite3
      db = sqlite3.connect(os.environ['DATABASE'], isolation_level=None, timeout=60)
      db.execute('PRAGMA busy_timeout = 60000')
      who = os.environ['WHO']
      first = int(os.environ['FIRST'])
      for number in range(first, first + int(os.environ['COUNT'])):
          db.execute('BEGIN IMMEDIATE')
          value = db.execute('SELECT value FROM counter').fetchone()[0]
          db.execute('INSERT INTO step VALUES (?, ?, ?, ?)', (who, number, value, who * 300))
          db.execute('UPDATE counter SET value = ?', (value + 1,))
          db.execute('COMMIT')
      db.close()
      """;

  /** Counter, rows, rows of each, different values seen, and whether the database is whole. */
  private static final String LOOK =
      """
      import os, sqlite3
      db = sqlite3.connect(os.environ['DATABASE'], isolation_level=None, timeout=60)
      print(db.execute('SELECT value FROM counter').fetchone()[0],
            db.execute('SELECT count(*) FROM step').fetchone()[0],
            db.execute('SELECT count(DISTINCT number) FROM step WHERE who = "one"').fetchone()[0],
            db.execute('SELECT count(DISTINCT number) FROM step WHERE who = "two"').fetchone()[0],
            db.execute('SELECT count(DISTINCT before) FROM step').fetchone()[0],
            db.execute('PRAGMA integrity_check').fetchone()[0])
      """;

  private static Python at(Path mount, String database) {
    return new Python(SHARED.pool())
        .with("DATABASE", mount.resolve(database))
        .with("WHO", mount.getFileName());
  }

  private static void expectCounted(String database, int each) throws Exception {
    String expected = "%d %d %d %d %d ok\n".formatted(2 * each, 2 * each, each, each, 2 * each);
    for (Path mount : List.of(SHARED.one(), SHARED.two())) {
      String name = "look-" + mount.getFileName();
      assertThat(at(mount, database).run(name, COMMAND_MAX, LOOK)).isEqualTo(expected);
    }
    assertThat(SHARED.one().resolve(database + "-journal")).doesNotExist();
  }

  @Test
  void twoMountsWriteOneDatabaseAtOnceAndNoStepIsLost() throws Exception {
    String database = "at-once.db";
    at(SHARED.one(), database).run("create", COMMAND_MAX, CREATE);

    var writers = new ArrayList<Python>();
    try {
      for (Path mount : List.of(SHARED.one(), SHARED.two())) {
        Python writer = at(mount, database).with("FIRST", 0).with("COUNT", TRANSACTIONS);
        writers.add(writer);
        writer.start("writer-" + mount.getFileName(), COUNT);
      }
      writers.forEach(writer -> writer.awaitAll(COMMAND_MAX));
    } finally {
      writers.forEach(Python::close);
    }

    expectCounted(database, TRANSACTIONS);
  }

  @Test
  void twoMountsTakeTurnsAndEachGoesOnWhereTheOtherStopped() throws Exception {
    String database = "in-turn.db";
    at(SHARED.one(), database).run("create", COMMAND_MAX, CREATE);

    for (int turn = 0; turn < TURNS; turn++) {
      for (Path mount : List.of(SHARED.one(), SHARED.two())) {
        at(mount, database)
            .with("FIRST", turn * TRANSACTIONS_A_TURN)
            .with("COUNT", TRANSACTIONS_A_TURN)
            .run("turn-" + turn, COMMAND_MAX, COUNT);
      }
      expectCounted(database, (turn + 1) * TRANSACTIONS_A_TURN);
    }
  }
}
