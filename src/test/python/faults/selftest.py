"""Whether the harness finds what it should, and nothing where nothing is wrong.

python3 -m unittest faults.selftest
"""

import contextlib
import errno
import hashlib
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
import unittest

from faults import cluster, database, diskformat, powercut, promises
from faults.load import BLOCK, HEADER, piece_size

# What a test looks for among what was written must be there on a slow machine too.
STEPS = 400
SLOW_STEPS = 100
LOAD_S_MAX = 120

# Changes files so that every kind of call is there, says so, and waits to be killed.
CHANGES = """
import os, sys, time
os.chdir(sys.argv[1])
def make(name, data, force=True):
    fd = os.open(os.path.abspath(name), os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
    os.write(fd, data)
    if force: os.fsync(fd)
    return fd
def force_folder():
    fd = os.open(os.getcwd(), os.O_RDONLY)
    os.fsync(fd)
    os.close(fd)
log = make("log", b"a" * 10000)
place = make("place", b"a" * 40960)
cut = make("cut", b"a" * 20000)
make("replaced", b"old")
make("removed", b"kept")
make("forced.tmp", b"new")
os.rename("forced.tmp", "forced")
force_folder()
for i in range(5):
    os.write(log, b"b" * 3000)
for page in (1, 3, 5):
    os.pwrite(place, b"b" * 4096, page * 4096)
os.ftruncate(cut, 5000)
make("new", b"new")
make("replaced.tmp", b"new")
os.rename("replaced.tmp", "replaced")
os.unlink("removed")
print("done", flush=True)
time.sleep(60)
"""


class PowerCutTest(unittest.TestCase):
    def setUp(self):
        self.work = os.path.realpath(tempfile.mkdtemp(prefix="holdfast-selftest-"))
        self.addCleanup(shutil.rmtree, self.work)
        self.shim = cluster.build_shim(self.work)

    def cut(self, seed, script=CHANGES, rules=""):
        """Runs the script, kills it, cuts the power; returns the files and what the cut did."""
        folder = os.path.join(self.work, f"files{seed}")
        noted = os.path.join(self.work, f"noted{seed}")
        os.makedirs(folder)
        os.makedirs(noted)
        with open(os.path.join(noted, "rules"), "w", encoding="ascii") as file:
            file.write(rules)
        environment = {"LD_PRELOAD": self.shim, "POWERCUT_DIR": noted, "POWERCUT_ROOTS": folder}
        with subprocess.Popen(
            ["/usr/bin/python3", "-c", script, folder],
            stdout=subprocess.PIPE,
            env={**os.environ, **environment},
        ) as process:
            self.assertEqual(process.stdout.readline(), b"done\n")
            process.kill()
        done = powercut.cut(noted, [folder], random.Random(seed))
        files = {}
        for name in os.listdir(folder):
            with open(os.path.join(folder, name), "rb") as file:
                files[name] = file.read()
        shutil.rmtree(folder)
        return files, done

    def test_forced_stays_and_the_rest_is_what_a_power_cut_may_leave(self):
        seen = {}
        for seed in range(60):
            files, done = self.cut(seed)
            self.assertGreater(done["forces"], 5)
            self.assertEqual(files["forced"], b"new")
            self._expect_log(files["log"], seen)
            self._expect_place(files["place"], seen)
            self._expect_cut(files["cut"], seen)
            self._expect_names(files, seen)

        self.assertEqual(
            set(seen),
            {"log kept", "log lost", "log part", "log zeroed", "place kept", "place lost"}
            | {"place mixed", "cut kept", "cut lost"}
            | {f"{count} of 4 names" for count in range(5)},
        )

    def _expect_log(self, log, seen):
        self.assertTrue(10_000 <= len(log) <= 25_000)
        self.assertEqual(log[:10_000], b"a" * 10_000)
        self.assertEqual(log[10_000:].strip(b"b\0"), b"")
        kind = {10_000: "lost", 25_000: "kept"}.get(len(log), "part")
        seen["log " + ("zeroed" if b"\0" in log else kind)] = True

    def _expect_place(self, place, seen):
        self.assertEqual(len(place), 40_960)
        pages = [place[at : at + 4096] for at in range(0, 40_960, 4096)]
        new = [i for i, page in enumerate(pages) if page == b"b" * 4096]
        self.assertLessEqual(set(new), {1, 3, 5})
        self.assertEqual(sum(page == b"a" * 4096 for page in pages), 10 - len(new))
        seen["place " + {0: "lost", 3: "kept"}.get(len(new), "mixed")] = True

    def _expect_cut(self, cut, seen):
        self.assertIn(cut, (b"a" * 5000, b"a" * 20_000))
        seen["cut " + ("kept" if len(cut) == 5000 else "lost")] = True

    def _expect_names(self, files, seen):
        """In order: new, replaced.tmp, the rename, the removal; each only with those before."""
        made = "new" in files
        beside = "replaced.tmp" in files
        replaced = files["replaced"] != b"old"
        removed = "removed" not in files
        states = [(False, False, False, False), (True, False, False, False)]
        states += [
            (True, True, False, False),
            (True, False, True, False),
            (True, False, True, True),
        ]
        self.assertIn((made, beside, replaced, removed), states)
        count = states.index((made, beside, replaced, removed))
        for name in ("new", "replaced.tmp"):
            self.assertIn(files.get(name, b"new"), (b"new",))
        seen[f"{count} of 4 names"] = True

    def test_what_a_failed_force_left_never_reaches_the_disk(self):
        script = """
import os, sys, time
fd = os.open(sys.argv[1] + "/log", os.O_RDWR | os.O_CREAT, 0o600)
os.write(fd, b"a" * 4096); os.fsync(fd)
folder = os.open(sys.argv[1], os.O_RDONLY); os.fsync(folder)
open(os.environ["POWERCUT_DIR"] + "/rules", "w").write("sync log 5\\n")
time.sleep(0.2)
os.write(fd, b"b" * 4096)
try: os.fsync(fd)
except OSError: pass
open(os.environ["POWERCUT_DIR"] + "/rules", "w").write("")
time.sleep(0.2)
os.write(fd, b"c" * 4096); os.fsync(fd)
print("done", flush=True); time.sleep(60)
"""
        for seed in range(6):
            files, _ = self.cut(seed, script)
            self.assertEqual(files["log"][:4096], b"a" * 4096)
            self.assertNotIn(b"b", files["log"])

    def test_what_cannot_be_acted_out_makes_the_round_void(self):
        script = """
import mmap, os, sys, time
fd = os.open(sys.argv[1] + "/log", os.O_RDWR | os.O_CREAT, 0o600)
os.write(fd, b"a" * 4096)
mmap.mmap(fd, 4096)
print("done", flush=True); time.sleep(60)
"""
        with self.assertRaisesRegex(powercut.Void, "writable map"):
            self.cut(1, script)


class DiskFormatTest(unittest.TestCase):
    def test_the_document_has_the_tables_that_are_read_by(self):
        form = diskformat.document()

        for section, words in (
            ("Chunk segments", "Record header"),
            ("Operation log", "`log.state`"),
            ("Operation log", "Segment header"),
            ("Operation log", "Entry header"),
        ):
            layout = form.layout(section, words)
            last = max(layout.fields)
            self.assertEqual(last[0] + last[1], layout.size, (section, words))
        self.assertEqual(diskformat.crc32c(b"123456789"), 0xE3069283)

    def test_chunks_behind_a_damaged_header_are_found(self):
        folder = tempfile.mkdtemp(prefix="holdfast-selftest-")
        self.addCleanup(shutil.rmtree, folder)
        layout = diskformat.document().layout("Chunk segments", "Record header")
        contents = [b"first" * 100, b"second" * 1000, b"third"]
        data = bytearray(diskformat.document().constants["ChunkFormat.SEGMENT_HEADER_BYTES"])
        starts = []
        for chunk in contents:
            starts.append(len(data))
            data += self._record(layout, chunk) + chunk
        data[starts[1] + 5] ^= 1
        with open(os.path.join(folder, "chunks-0000000000000001.seg"), "wb") as file:
            file.write(data)

        names = [hashlib.sha256(chunk).digest() for chunk in contents]
        self.assertEqual(diskformat.chunks(folder), {names[0], names[2]})

    @staticmethod
    def _record(layout, chunk):
        form = diskformat.document().constants
        values = {
            "magic": form["ChunkFormat.RECORD_MAGIC"],
            "state": form["ChunkFormat.STATE_LIVE"],
            "chunk id": int.from_bytes(hashlib.sha256(chunk).digest(), "big"),
            "length": len(chunk),
        }
        header = bytearray(layout.size)
        for offset, size, text in layout.fields:
            value = next((v for name, v in values.items() if text.startswith(name)), 0)
            header[offset : offset + size] = value.to_bytes(size, "big")
        offset, size, _ = layout.fields[-1]
        header[offset : offset + size] = diskformat.crc32c(header[:offset]).to_bytes(size, "big")
        return header


def write(place, journals, options, environment=None):
    """Lets each writer take its steps, with these options and variables."""
    os.makedirs(place)
    os.makedirs(journals)
    here = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    with subprocess.Popen(
        [sys.executable, "-B", "-m", "faults.load", place, journals, "a", "1", *options],
        env={**os.environ, "PYTHONPATH": here, **(environment or {})},
    ) as writers:
        try:
            exit_code = writers.wait(LOAD_S_MAX)
        finally:
            writers.kill()
    if exit_code:
        raise RuntimeError(f"writers: exit code expected=0, was={exit_code}")


class PromisesTest(unittest.TestCase):
    """The writers in a local directory, which loses nothing, and then what is planted there."""

    OPTIONS = ("MIB=1", "PAUSE=2", "SLOW=0", f"STEPS={STEPS}")

    @classmethod
    def setUpClass(cls):
        cls.work = os.path.realpath(tempfile.mkdtemp(prefix="holdfast-selftest-"))
        cls.addClassCleanup(shutil.rmtree, cls.work)
        cls.place = os.path.join(cls.work, "place")
        cls.journals = os.path.join(cls.work, "journals")
        write(cls.place, cls.journals, cls.OPTIONS)

    def setUp(self):
        self.copy = os.path.join(self.work, "copy")
        shutil.copytree(self.place, self.copy)
        self.addCleanup(shutil.rmtree, self.copy)

    def found(self, faults=()):
        return promises.check(self.copy, self.journals, list(faults))

    def classes(self, faults=()):
        return {failure[0] for failure in self.found(faults)["failures"]}

    def path(self, *parts):
        return os.path.join(self.copy, *parts)

    def largest(self, folder):
        names = os.listdir(self.path(folder))
        return max((self.path(folder, name) for name in names), key=os.path.getsize)

    def story(self, kind):
        return promises.Story(os.path.join(self.journals, f"a-{kind}.jsonl"))

    def test_nothing_is_found_where_nothing_is_lost(self):
        found = self.found()

        self.assertEqual(found["failures"], [])
        self.assertEqual(found["false losses"], [])
        self.assertGreater(found["counts"]["files"], 20)
        self.assertGreater(found["counts"]["commits"], 5)
        self.assertEqual(found["counts"]["blocks"], 256)

    def test_a_missing_file_is_found_whether_it_was_forced_or_closed_when_nothing_may_be_lost(self):
        closed = self._a_file(lambda item: not item.has("forced"))
        os.unlink(self.path("a-small", f"f{closed.number}"))

        self.assertEqual(self.classes(), {"lost"})
        self.assertEqual(self.classes(self._a_cut_after(closed)), set())

        forced = self._a_file(lambda item: item.has("forced"))
        os.unlink(self.path("a-small", f"f{forced.number}"))

        self.assertEqual(self.classes(self._a_cut_after(closed)), {"lost"})

    def test_of_what_was_written_at_once_no_part_may_be_there(self):
        closed = self._a_file(lambda item: not item.has("forced") and item.fields[0] > 1)
        os.truncate(self.path("a-small", f"f{closed.number}"), closed.fields[0] // 2)

        self.assertEqual(self.classes(self._a_cut_after(closed)), {"torn"})

    def _a_file(self, condition):
        """The last such one: an fsync behind it would force its name."""
        items = self.story("small").items.values()
        return [
            i
            for i in items
            if i.has("closed") and not i.has("unlink") and i.fields[0] and condition(i)
        ][-1]

    @staticmethod
    def _a_cut_after(item):
        at = item.at["closed"]
        return [{"from": at, "to": at + 1000, "loses": "unforced"}]

    def test_what_was_closed_long_before_a_cut_must_be_there(self):
        closed = self._a_file(lambda item: not item.has("forced"))
        os.unlink(self.path("a-small", f"f{closed.number}"))
        at = closed.at["closed"] + promises.FORCED_WITHIN_S + 1

        self.assertEqual(self.classes([{"from": at, "to": at + 1, "loses": "unforced"}]), {"lost"})

    def test_a_name_that_came_back_is_found(self):
        item = next(i for i in self.story("small").items.values() if i.has("unlinked"))
        with open(self.path("a-small", f"f{item.number}"), "wb") as file:
            file.write(promises.content(self.story("small").file, item.number, item.fields[0]))

        self.assertEqual(self.classes(), {"returned"})

    def test_wrong_bytes_are_found_in_every_kind_of_file(self):
        for kind in ("small", "append", "inplace", "rename", "truncate"):
            path = self.largest(f"a-{kind}")
            with open(path, "r+b") as file:
                file.seek(os.path.getsize(path) // 2)
                byte = file.read(1)
                file.seek(-1, os.SEEK_CUR)
                file.write(bytes([byte[0] ^ 1]))
            classes = self.classes()
            self.assertTrue(classes & {"torn", "garbage"}, (kind, classes))
            shutil.copy(path.replace(self.copy, self.place), path)
        self.assertEqual(self.classes(), set())

    def test_a_cut_file_is_found_in_every_kind_of_file(self):
        for kind in ("small", "append", "inplace", "rename", "truncate"):
            path = self.largest(f"a-{kind}")
            os.truncate(path, os.path.getsize(path) // 2)
            classes = self.classes()
            self.assertTrue(classes & {"torn", "lost"}, (kind, classes))
            shutil.copy(path.replace(self.copy, self.place), path)
        self.assertEqual(self.classes(), set())

    def test_an_older_block_is_found(self):
        story = self.story("inplace")
        item = [i for i in story.items.values() if i.has("forced")][-1]
        number = item.fields[0][0]
        with open(self.path("a-inplace", "f"), "r+b") as file:
            file.seek(number * BLOCK)
            file.write(promises.block(story.file, 0, number))

        self.assertEqual(self.classes(), {"older"})

    def test_an_older_file_is_found_where_it_was_replaced(self):
        for kind in ("rename", "truncate"):
            story = self.story(kind)
            versions = [i for i in story.items.values() if i.fields[0] == 0]
            with open(self.path(f"a-{kind}", "f0"), "wb") as file:
                file.write(promises.content(story.file, versions[0].number, versions[0].fields[1]))
            self.assertEqual(self.classes(), {"older"})
            shutil.copy(os.path.join(self.place, f"a-{kind}", "f0"), self.path(f"a-{kind}", "f0"))

    def test_a_lost_commit_and_a_damaged_database_are_found(self):
        path = self.path("a-sqlite", "db")
        connection = database.connect(path, "delete")
        connection.execute("DELETE FROM done WHERE number = (SELECT max(number) FROM done)")
        connection.close()

        self.assertEqual(self.classes(), {"lost", "sqlite"})

        with open(path, "r+b") as file:
            file.seek(BLOCK)
            file.write(bytes(BLOCK))

        self.assertEqual(self.classes(), {"sqlite"})

    def test_a_file_that_nobody_made_is_found(self):
        with open(self.path("a-append", "stranger"), "w", encoding="ascii") as file:
            file.write("x")

        self.assertEqual(self.classes(), {"garbage"})

    # What the writers are told

    def false_losses(self, faults, *told):
        """What is wrong with the journals when these are told besides: (kind, line) each."""
        journals = os.path.join(self.work, "journals told")
        shutil.copytree(self.journals, journals)
        self.addCleanup(shutil.rmtree, journals)
        for kind, line in told:
            with open(os.path.join(journals, f"a-{kind}.jsonl"), "a", encoding="utf-8") as file:
                file.write(json.dumps(line) + "\n")
        return promises.check(self.copy, journals, faults)["false losses"]

    def _an_append(self, condition):
        """The last such record, with its file's name."""
        items = self.story("append").items.values()
        item = [i for i in items if i.has("closed") and condition(i)][-1]
        return item, f"f{item.fields[0]}"

    def test_a_loss_that_is_told_where_nothing_can_be_lost_is_found(self):
        item, name = self._an_append(lambda i: not i.has("forced"))
        told = [item.at["closed"], "told", errno.EIO, "close", name, item.number]
        cut = {"from": item.begun - 0.1, "to": item.begun + 0.1}

        nothing = [{**cut, "loses": "nothing"}]
        ((path, detail),) = self.false_losses(nothing, ("append", told))
        self.assertEqual(path, f"a-append/{name}")
        self.assertIn("EIO", detail)

    def test_a_loss_that_is_told_where_something_may_be_lost_is_not_found(self):
        item, name = self._an_append(lambda i: not i.has("forced"))
        told = [item.at["closed"], "told", errno.EIO, "close", name, item.number]
        cut = {"from": item.begun - 0.1, "to": item.begun + 0.1}

        self.assertEqual(self.false_losses([{**cut, "loses": "unforced"}], ("append", told)), [])

    def test_the_pool_or_the_mount_may_be_away(self):
        item, name = self._an_append(lambda i: True)
        codes = (errno.ETIMEDOUT, errno.EROFS, errno.ENOTCONN)
        told = [[item.at["closed"], "told", code, "fsync", name, item.number] for code in codes]

        self.assertEqual(self.false_losses([], *(("append", line) for line in told)), [])

    def test_a_loss_is_found_that_is_told_of_a_file_forced_since(self):
        item, name = self._an_append(lambda i: i.has("forced"))
        told = [item.at["closed"], "told", errno.EIO, "close", name, item.number]
        at = item.at["written"] - 0.0001
        cut = [{"from": at - 1, "to": at, "loses": "unforced"}]
        self.assertEqual(len(self.false_losses(cut, ("append", told))), 1)

    def test_a_loss_is_found_that_is_told_of_a_file_made_since(self):
        item = self._a_file(lambda i: not i.has("forced"))
        told = [item.at["closed"], "told", errno.EIO, "write", f"f{item.number}", item.number]
        cut = [{"from": item.begun - 1, "to": item.begun - 0.0001, "loses": "unforced"}]

        self.assertEqual(len(self.false_losses(cut, ("small", told))), 1)

    def test_a_mount_that_tells_of_a_loss_at_each_fsync_is_found_also_after_a_power_cut(self):
        work = os.path.realpath(tempfile.mkdtemp(prefix="holdfast-selftest-"))
        self.addCleanup(shutil.rmtree, work)
        place, journals, noted = (os.path.join(work, name) for name in ("place", "told", "noted"))
        os.makedirs(noted)
        with open(os.path.join(noted, "rules"), "w", encoding="ascii") as file:
            file.write(f"sync / {errno.EIO}\n")
        shim = {"LD_PRELOAD": cluster.build_shim(work), "POWERCUT_DIR": noted}
        options = ("MIB=1", "PAUSE=2", "SLOW=0", "FORCED=1", "STEPS=10")
        write(place, journals, options, {**shim, "POWERCUT_ROOTS": place})

        def kinds(*faults):
            found = promises.check(place, journals, list(faults))["false losses"]
            return {path.split("/")[0] for path, _ in found}

        story = promises.Story(os.path.join(journals, "a-inplace.jsonl"))
        made = story.made("f")
        all_kinds = {f"a-{kind}" for kind in ("small", "append", "inplace", "rename", "truncate")}
        self.assertEqual(kinds({"from": 0, "to": made + 1000, "loses": "nothing"}), all_kinds)
        self.assertEqual(kinds({"from": 0, "to": made + 1000, "loses": "unforced"}), set())
        # The one that is written in place never comes to its second handle.
        after = {"from": 0, "to": made + 0.0001, "loses": "unforced"}
        self.assertEqual(kinds(after), all_kinds - {"a-inplace"})

    def test_a_file_of_which_ever_new_handles_tell_a_loss_is_found(self):
        path = os.path.join(self.work, "b-append.jsonl")
        lines = [[0, "begin", "append", "b-append", 1]]
        for number in range(1, 6):
            lines.append([number, "append", number, 0, 100, True])
            lines.append([number + 0.1, "opened", number])
            lines.append([number + 0.2, "told", errno.EIO, "fsync", "f0", number])
            lines.append([number + 0.3, "told", errno.EIO, "close", "f0", number])
        with open(path, "w", encoding="utf-8") as file:
            file.writelines(json.dumps(line) + "\n" for line in lines)

        def count(until):
            cut = {"from": 0, "to": until, "loses": "unforced"}
            return len(promises.false_losses(promises.Story(path), promises.Faults([cut])))

        # The first handle is older than the cut's end, two more may hear of it.
        self.assertEqual(count(1.5), 1)
        self.assertEqual(count(3.5), 0)
        self.assertEqual(count(0.5), 10)


class SlowPromisesTest(unittest.TestCase):
    """The same, all written in pieces: a part may be there, but nothing else."""

    KINDS = ("small", "rename", "truncate")

    @classmethod
    def setUpClass(cls):
        cls.work = os.path.realpath(tempfile.mkdtemp(prefix="holdfast-selftest-"))
        cls.addClassCleanup(shutil.rmtree, cls.work)
        cls.place = os.path.join(cls.work, "place")
        cls.journals = os.path.join(cls.work, "journals")
        options = ("MIB=1", "PAUSE=2", "SLOW=1", "SLOW_PAUSE=4", f"STEPS={SLOW_STEPS}")
        write(cls.place, cls.journals, options)

    def setUp(self):
        self.copy = os.path.join(self.work, "copy")
        shutil.copytree(self.place, self.copy)
        self.addCleanup(shutil.rmtree, self.copy)

    def classes(self, faults=()):
        failures = promises.check(self.copy, self.journals, list(faults))["failures"]
        return {failure[0] for failure in failures}

    def _newest(self, kind, is_forced):
        """The newest that is there, whole and long enough, with its path and bytes, and a cut."""
        story = promises.Story(os.path.join(self.journals, f"a-{kind}.jsonl"))
        for item in reversed(story.items.values()):
            name = f"f{item.number}" if kind == "small" else f"f{item.fields[0]}"
            path = os.path.join(self.copy, f"a-{kind}", name)
            size = item.fields[0 if kind == "small" else 1]
            wanted = promises.content(story.file, item.number, size)
            if (
                item.has("closed")
                and item.has("forced") == is_forced
                and len(wanted) > 2 * HEADER.size
                and os.path.exists(path)
            ):
                with open(path, "rb") as file:
                    is_newest = file.read() == wanted
                if is_newest:
                    self.assertTrue(item.has("slowly"))
                    at = item.at["closed"]
                    cut = [{"from": at, "to": at + 1000, "loses": "unforced"}]
                    return path, wanted, cut
        self.fail(f"{kind}: none is there, forced={is_forced}")

    @staticmethod
    def _put(path, data):
        with open(path, "wb") as file:
            file.write(data)

    def test_nothing_is_found_where_nothing_is_lost(self):
        self.assertEqual(self.classes(), set())

    def test_a_part_may_be_there_where_it_was_not_forced(self):
        for kind in ("small", "truncate"):
            path, wanted, cut = self._newest(kind, False)
            self._put(path, wanted[: len(wanted) // 2])

            self.assertEqual(self.classes(cut), set(), kind)
            self.assertTrue(self.classes() & {"lost", "torn"}, kind)
            self._put(path, wanted)

    def test_no_part_takes_the_place_of_a_whole_file(self):
        path, wanted, cut = self._newest("rename", False)
        self._put(path, wanted[: len(wanted) // 2])

        self.assertEqual(self.classes(cut), {"torn"})

    def test_wrong_bytes_in_a_part_are_found(self):
        for kind in self.KINDS:
            path, wanted, cut = self._newest(kind, False)
            half = bytearray(wanted[: len(wanted) // 2])
            half[len(half) // 2] ^= 1
            for planted in (bytes(half), bytes(len(half)), wanted[len(half) :], wanted + b"more"):
                self._put(path, planted)
                self.assertTrue(self.classes(cut) & {"torn", "garbage"}, kind)
            self._put(path, wanted)
        self.assertEqual(self.classes(), set())

    def test_a_hole_amid_it_is_found(self):
        for kind in self.KINDS:
            path, wanted, cut = self._newest(kind, False)
            third = len(wanted) // 3
            self._put(path, wanted[:third] + bytes(third) + wanted[2 * third :])

            self.assertTrue(self.classes(cut) & {"torn", "garbage"}, kind)
            self._put(path, wanted)

    def test_pieces_may_be_missing_only_where_a_loss_was_told(self):
        for kind in ("small", "truncate"):
            path, wanted, cut = self._newest(kind, False)
            size = piece_size(wanted)
            holed = wanted[:size] + bytes(size) + wanted[2 * size :]
            self._put(path, holed)

            self.assertTrue(self.classes(cut) & {"torn", "garbage"}, kind)
            with self._told_lost(kind, path):
                self.assertEqual(self.classes(cut), set(), kind)
                self.assertTrue(self.classes() & {"torn", "garbage", "lost"}, kind)
                for bad in (size // 2, size + size // 2):  # of a piece, and in the hole
                    spoilt = bytearray(holed)
                    spoilt[bad] ^= 1
                    self._put(path, spoilt)
                    self.assertTrue(self.classes(cut) & {"torn", "garbage"}, kind)
            self._put(path, wanted)

    def test_no_piece_of_what_was_forced_may_be_missing_though_a_loss_was_told(self):
        for kind in ("small", "truncate"):
            path, wanted, cut = self._newest(kind, True)
            size = piece_size(wanted)
            self._put(path, wanted[:size] + bytes(size) + wanted[2 * size :])

            with self._told_lost(kind, path):
                self.assertTrue(self.classes(cut) & {"torn", "garbage", "lost"}, kind)
            self._put(path, wanted)

    @contextlib.contextmanager
    def _told_lost(self, kind, path):
        """As if a close amid the newest content of the file had said EIO."""
        journal = os.path.join(self.journals, f"a-{kind}.jsonl")
        story = promises.Story(journal)
        name = os.path.basename(path)
        item = [i for i in story.items.values() if story.name(i) == name and i.has("closed")][-1]
        with open(journal, encoding="utf-8") as file:
            before = file.read()
        line = json.dumps([item.at["slowly"], "told", errno.EIO, "close", name, item.number])
        self._put(journal, (before + line + "\n").encode())
        try:
            yield
        finally:
            self._put(journal, before.encode())

    def test_a_part_of_what_was_forced_is_found(self):
        for kind in self.KINDS:
            path, wanted, cut = self._newest(kind, True)
            self._put(path, wanted[: len(wanted) // 2])

            self.assertTrue(self.classes(cut) & {"lost", "torn"}, kind)
            self._put(path, wanted)


if __name__ == "__main__":
    unittest.main()
