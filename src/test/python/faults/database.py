"""SQLite on a mount: transactions whose rows follow from their number; whether they are there."""

import os
import random
import sqlite3
import time

from faults.load import AFTER_ERROR_S, Writer

ROWS = 200
CHANGES_MAX = 12
BUSY_S = 15

# Mode to (journal_mode, synchronous, how many of the last commits may be rolled back). With DELETE
# and FULL the journal's removal isn't forced: SQLite says that the last commit may come undone.
MODES = {
    "delete": ("DELETE", "EXTRA", 0),
    "delete-full": ("DELETE", "FULL", 1),
    "truncate": ("TRUNCATE", "FULL", 0),
    "persist": ("PERSIST", "FULL", 0),
    "wal": ("WAL", "FULL", 0),
}


def changes(number):
    """The rows that a transaction changes, and what to."""
    source = random.Random(number)
    rows = source.sample(range(ROWS), source.randint(1, CHANGES_MAX))
    return [(row, source.randbytes(source.randint(1, 600))) for row in rows]


def connect(path, mode):
    journal, synchronous, _ = MODES[mode]
    database = sqlite3.connect(path, timeout=BUSY_S, isolation_level=None)
    database.execute(f"PRAGMA journal_mode={journal}").fetchone()
    database.execute(f"PRAGMA synchronous={synchronous}")
    return database


class Database(Writer):
    """One transaction a step. An error ends the connection; the next step opens another."""

    kind = "sqlite"

    def prepare(self):
        self.database = None
        # Every commit forces: as rarely as the others, or theirs would be forced by it.
        self.pause_ms /= max(0.02, self.forced_share)
        self.note("mode", self.journal_mode)

    def step(self):
        try:
            if self.database is None:
                self.database = connect(self.path("db"), self.journal_mode)
                self.database.execute("BEGIN IMMEDIATE")
                self.database.execute("CREATE TABLE IF NOT EXISTS done(number INTEGER)")
                self.database.execute(
                    "CREATE TABLE IF NOT EXISTS row(id INTEGER PRIMARY KEY, data)"
                )
                self.database.execute("COMMIT")
            self.transaction()
        except sqlite3.Error as e:
            self.note("error", 0, str(e))
            if self.database is not None:
                self.database.close()
                self.database = None
            time.sleep(AFTER_ERROR_S)
            os.stat(self.folder)  # a dead mount is told by its errno

    def transaction(self):
        execute = self.database.execute
        execute("BEGIN IMMEDIATE")
        number = 1 + (execute("SELECT max(number) FROM done").fetchone()[0] or 0)
        execute("INSERT INTO done VALUES(?)", (number,))
        for row, data in changes(number):
            execute("INSERT OR REPLACE INTO row VALUES(?, ?)", (row, data))
        self.note("commit", number)
        execute("COMMIT")
        self.note("committed", number)


def look(path, mode, least, at_most):
    """What is wrong with a database: (class, detail) each. Changes the file if it must recover."""
    if not os.path.exists(path):
        return [("lost", f"no database, {least} commits")] if least else []
    try:
        database = connect(path, mode)
        verdict = [row[0] for row in database.execute("PRAGMA integrity_check")]
        tables = database.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
        if tables:
            numbers = [row[0] for row in database.execute("SELECT number FROM done ORDER BY 1")]
            rows = dict(database.execute("SELECT id, data FROM row"))
        else:
            numbers, rows = [], {}
        database.close()
    except sqlite3.Error as e:
        return [("sqlite", f"{type(e).__name__}: {e}")]
    wrong = [] if verdict == ["ok"] else [("sqlite", f"integrity_check: {verdict[:3]}")]
    if numbers != list(range(1, len(numbers) + 1)):
        wrong.append(("sqlite", f"numbers: expected=1, 2, ..., was=... {numbers[-5:]}"))
    if not least <= len(numbers) <= at_most:
        wrong.append(("lost", f"commits: expected={least} to {at_most}, was={len(numbers)}"))
    expected = {}
    for number in range(1, len(numbers) + 1):
        expected.update(changes(number))
    if rows != expected:
        different = [key for key in expected | rows if expected.get(key) != rows.get(key)]
        wrong.append(("sqlite", f"rows of commit {len(numbers)}: {len(different)} are wrong"))
    return wrong
