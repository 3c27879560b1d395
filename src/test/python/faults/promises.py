"""What must be on a mount after faults, by the journals of `load`, and whether it is.

    python3 -m faults.promises MOUNT JOURNALS FAULTS    prints one JSON object

FAULTS is a file: a list of {"from": clock, "to": clock, "loses": "unforced" or "nothing"}, one for
each time that machines lost power (clock: CLOCK_MONOTONIC), with "forced within": seconds, if not
FORCED_WITHIN_S. The rules are those of docs/consistency.md:

- what fsync returned for is there, with its name;
- what close returned for is there, or an older whole content of that file (a new one: empty, or
  absent), and only where several machines lost power, not later than FORCED_WITHIN_S after;
- what a call returned for that was made when the fault was over is there;
- names are in the order of the calls: an fsync of anything forces those made before on its mount;
- a file that was renamed over another is there whole: the old or the new one, never part of one;
- a write under way may be there in part, from its beginning; one that was told of a loss (EIO) and
  went on may lack pieces in between, which are zeros or older: the fsync says so, or all is there;
- each block that is written in place is a whole one, not older than the last promised one;
- SQLite finds its database sound, with all that it committed;
- nothing that is there can't be read;
- no call says that something is lost (EIO, ENOSPC) where nothing can be: no fault may lose anything
  of that file since it was made, or since an fsync of it began that returned;
- nor again and again: of the handles that are opened after a fault only the first hear of it.

What SQLite is told doesn't count: it says "disk I/O error" for any errno, also while the pool is
away, and for a lock that was lost with a session. Nor do other errors: ETIMEDOUT, EROFS and
ENOTCONN say that the pool or the mount is away, and that nothing is lost by now.
"""

import collections
import errno
import json
import os
import sys
import zlib

from faults import database
from faults.load import BLOCK, HEADER, MAGIC, RECORD_MAGIC, block, content, piece_size, record

# All is forced every second; a busy disk takes its time.
FORCED_WITHIN_S = 5.0

# What is still being written after so long may be saved in part: the mount does so after 5 s.
SLOW_S = 4.0

# docs/posix.md: these say that something is lost.
LOSSES = (errno.EIO, errno.ENOSPC)

# Handles opened after a fault that may hear that a file lost something: the log ends before what
# was acknowledged, and later the leader finds chunks lost and gives the file older content.
TOLD_MAX = 2

# In this order in tables.
CLASSES = ("lost", "older", "returned", "torn", "garbage", "unreadable", "sqlite")


class Faults:
    def __init__(self, faults):
        self.faults = faults

    def keep(self, begun, ended, forces=()):
        """Whether what a call in [begun, ended] was told is still there after all faults."""
        return all(
            fault["loses"] == "nothing"
            or begun > fault["to"]
            or ended < fault["from"] - fault.get("forced within", FORCED_WITHIN_S)
            or any(since >= ended and until < fault["from"] for since, until in forces)
            for fault in self.faults
        )

    def losing(self, since, until):
        """Those that may have taken something that wasn't forced in this time."""
        return [
            fault
            for fault in self.faults
            if fault["loses"] != "nothing" and fault["to"] >= since and fault["from"] <= until
        ]


class Item:
    """What the journal says of one write, by its number: the event's clock, or none."""

    def __init__(self, number, begun, fields):
        self.number = number
        self.begun = begun
        self.fields = fields
        self.at = {}
        self.is_told_lost = False

    def has(self, event):
        return event in self.at

    def may_be_partial(self):
        """Of what was written slowly a close of a duplicate has saved parts."""
        if self.has("slowly") or not self.has("closed"):
            return True
        return self.at["closed"] - self.begun > SLOW_S

    def may_lack_pieces(self):
        """Whether its program was told of a loss amid its writes and went on."""
        return self.has("slowly") and self.is_told_lost

    def is_promised(self, faults):
        """Its bytes."""
        return self.has("forced") or (
            self.has("closed") and faults.keep(self.begun, self.at["closed"])
        )


class Story:
    """A journal: its items in order, and when something was forced."""

    BEGINNINGS = ("create", "append", "patch", "replace")

    def __init__(self, path):
        self.kind = self.folder = None
        self.file = 0
        self.items = {}
        self.forces = []
        self.commits = []
        self.told = []
        self.files_forced = collections.defaultdict(list)
        self.events = {}
        with open(path, encoding="utf-8") as lines:
            for line in lines:
                if line.endswith("\n"):
                    self._take(*json.loads(line))

    def _take(self, at, event, *fields):
        if event == "begin":
            self.kind, self.folder, self.file = fields
        elif event in self.BEGINNINGS:
            self.items[fields[0]] = Item(fields[0], at, fields[1:])
        elif event in ("commit", "committed"):
            self.commits.append((event, fields[0]))
        elif event == "told":
            self.told.append((at, *fields))
            code, _, _, number = fields
            if code in LOSSES and number in self.items:
                self.items[number].is_told_lost = True
        elif fields and fields[0] in self.items and event != "error":
            item = self.items[fields[0]]
            item.at[event] = at
            if event == "forced":
                self.forces.append((item.at["written"], at))
                self.files_forced[self.name(item)].append(self.forces[-1])
            elif event == "folder forced":
                self.forces.append((item.at["force folder"], at))
                self.files_forced["."].append(self.forces[-1])
        else:
            self.events.setdefault(event, (at, fields))

    def name(self, item):
        """Of the file that is written, in the folder."""
        return {
            "small": f"f{item.number}",
            "inplace": "f",
            "rename": f"f{item.fields[0]}.{item.number}",
        }.get(self.kind, f"f{item.fields[0]}")

    def made(self, name):
        """When the file was asked for first; the folder has no such time."""
        if name == "f":
            return self.events["make"][0]
        begun = (item.begun for item in self.items.values() if self.name(item) == name)
        return min(begun, default=float("-inf"))

    def opened(self, name, number):
        """Before the handle was opened."""
        item = self.items.get(number)
        if item is None:
            return self.made(name)
        return item.at["force folder"] if name == "." else item.begun


class Check:
    def __init__(self, mount, faults):
        self.mount = mount
        self.faults = Faults(faults)
        self.failures = []
        self.counts = collections.Counter()

    def fail(self, kind, file, detail):
        self.failures.append([kind, file, detail])

    def story(self, story):
        if story.kind is None:
            return
        self.folder = os.path.join(self.mount, story.folder)
        try:
            self.there = set(os.listdir(self.folder))
        except FileNotFoundError:
            self.there = set()
        except OSError as e:
            self.fail("unreadable", story.folder, os.strerror(e.errno))
            return
        getattr(self, story.kind)(story)

    def read(self, story, name):
        """The bytes; None if it is absent or can't be read, which is then told."""
        if name not in self.there:
            return None
        self.counts["files"] += 1
        try:
            with open(os.path.join(self.folder, name), "rb") as file:
                found = file.read()
                size = os.fstat(file.fileno()).st_size
        except OSError as e:
            what = errno.errorcode.get(e.errno, e.errno)
            self.fail("unreadable", f"{story.folder}/{name}", f"{what}")
            return None
        if len(found) != size:
            self.fail("torn", f"{story.folder}/{name}", f"{len(found)} bytes of {size} can be read")
        return found

    def unknown(self, story, known):
        for name in sorted(self.there - known):
            self.fail("garbage", f"{story.folder}/{name}", "nobody made a file of this name")

    # New files

    def small(self, story):
        known = set()
        for item in story.items.values():
            name = f"f{item.number}"
            known.add(name)
            self._small(story, item, name)
        self.unknown(story, known)

    def _small(self, story, item, name):
        path = f"{story.folder}/{name}"
        keep = self.faults.keep
        is_promised = item.is_promised(self.faults)
        is_named = is_promised or (
            item.has("opened") and keep(item.begun, item.at["opened"], story.forces)
        )
        if name not in self.there:
            if is_named and not item.has("unlink"):
                self.fail("lost", path, told(item))
            return
        if item.has("unlinked") and keep(item.at["unlink"], item.at["unlinked"], story.forces):
            self.fail("returned", path, told(item))
        found = self.read(story, name)
        if found is None:
            return
        wanted = content(story.file, item.number, item.fields[0])
        if found == wanted:
            return
        if item.may_lack_pieces() and not is_promised and lacks_pieces(found, wanted, []):
            return
        if not wanted.startswith(found):
            self.fail("garbage", path, f"{differs(found, wanted)}; {told(item)}")
        elif is_promised:
            self.fail("lost", path, f"{len(found)} of {len(wanted)} bytes; {told(item)}")
        elif found and not item.may_be_partial():
            self.fail("torn", path, f"{len(found)} of {len(wanted)} bytes; {told(item)}")

    # Records at the end

    def append(self, story):
        targets = collections.defaultdict(list)
        for item in story.items.values():
            targets[item.fields[0]].append(item)
        for target, items in targets.items():
            self._append(story, f"f{target}", items)
        self.unknown(story, {f"f{target}" for target in targets})

    def _append(self, story, name, items):
        path = f"{story.folder}/{name}"
        failure_count = len(self.failures)
        found = self.read(story, name)
        if len(self.failures) > failure_count and found is None:
            return
        numbers = self._records(story, path, items, found or b"")
        for item in items:
            if item.number not in numbers and item.is_promised(self.faults):
                self.fail("lost", path, f"record {told(item)}")

    def _records(self, story, path, items, found):
        by_number = {item.number: item for item in items}
        numbers, at = [], 0
        while at < len(found):
            whole = self._record(story, by_number, found, at)
            if whole is not None:
                number, at = whole
                if numbers and number <= numbers[-1]:
                    self.fail("garbage", path, f"record {number} stands behind {numbers[-1]}")
                numbers.append(number)
                continue
            end = found.find(RECORD_MAGIC, at + 1)
            while end > 0 and self._record(story, by_number, found, end) is None:
                end = found.find(RECORD_MAGIC, end + 1)
            part = found[at : end if end > 0 else len(found)]
            parts = (record(story.file, i.number, i.fields[1]) for i in items if i.may_be_partial())
            if not any(whole.startswith(part) for whole in parts):
                self.fail("torn", path, f"{len(part)} bytes at {at} are no record's beginning")
            at += len(part)
        return set(numbers)

    @staticmethod
    def _record(story, by_number, found, at):
        """The number of the record that begins here, and where it ends."""
        if len(found) < at + HEADER.size:
            return None
        magic, file, number, size, _ = HEADER.unpack_from(found, at)
        item = by_number.get(number)
        if magic != RECORD_MAGIC or file != story.file or not item or size != item.fields[1]:
            return None
        end = at + HEADER.size + size
        return (number, end) if found[at:end] == record(file, number, size) else None

    # Blocks in place

    def inplace(self, story):
        if "made" not in story.events:
            return
        blocks = story.events["make"][1][0]
        path = f"{story.folder}/f"
        if "f" not in self.there:
            self.fail("lost", path, f"{blocks} blocks that were forced")
            return
        found = self.read(story, "f")
        if found is None:
            return
        if len(found) != blocks * BLOCK:
            self.fail("torn", path, f"size: expected={blocks * BLOCK}, was={len(found)}")
            return
        tried = collections.defaultdict(dict)
        for item in story.items.values():
            for number in item.fields[0]:
                tried[number][item.number] = item
        for number in range(blocks):
            self._block(story, f"{path} block {number}", number, tried[number], found)

    def _block(self, story, path, number, tried, found):
        data = found[number * BLOCK : (number + 1) * BLOCK]
        self.counts["blocks"] += 1
        magic, file, version, place, crc = HEADER.unpack_from(data)
        is_whole = crc == zlib.crc32(data[HEADER.size :])
        if not is_whole or (magic, file, place) != (MAGIC, story.file, number):
            what = "zeros" if data == bytes(BLOCK) else "no whole block"
            self.fail("torn", path, what)
            return
        promised = [i for i in tried.values() if i.is_promised(self.faults)]
        least = max(promised, key=lambda i: i.number, default=None)
        if version and version not in tried:
            self.fail("garbage", path, f"version {version} was never written here")
        elif least is not None and version < least.number:
            self.fail("older", path, f"expected={told(least)}, was={version}")
        elif data != block(story.file, version, number):
            self.fail("garbage", path, f"version {version} has other bytes")

    # Whole files, replaced

    def rename(self, story):
        targets = collections.defaultdict(list)
        known = set()
        for item in story.items.values():
            beside = f"f{item.fields[0]}.{item.number}"
            targets[item.fields[0]].append(item)
            known |= {beside, f"f{item.fields[0]}"}
            if beside in self.there and self._is_renamed(story, item):
                self.fail("returned", f"{story.folder}/{beside}", told(item))
        for target, items in targets.items():
            self._replaced(story, f"f{target}", [i for i in items if i.has("rename")], True)
        self.unknown(story, known)

    def _is_renamed(self, story, item):
        return item.has("renamed") and self.faults.keep(
            item.at["rename"], item.at["renamed"], story.forces
        )

    def truncate(self, story):
        targets = collections.defaultdict(list)
        for item in story.items.values():
            targets[item.fields[0]].append(item)
        for target, items in targets.items():
            self._replaced(story, f"f{target}", items, False)
        self.unknown(story, {f"f{target}" for target in targets})

    def _least(self, story, items, is_renamed):
        """The oldest version that may be there."""
        least = None
        was_there = False
        for item in items:
            is_promised = item.is_promised(self.faults)
            if is_renamed:
                # Renamed over another file: its bytes are forced before its name is.
                is_promised = (is_promised or was_there) and self._is_renamed(story, item)
                was_there |= item.has("renamed")
            if is_promised:
                least = item
        return least

    def _replaced(self, story, name, items, is_renamed):
        path = f"{story.folder}/{name}"
        least = self._least(story, items, is_renamed)
        if name not in self.there:
            if least is not None:
                self.fail("lost", path, told(least))
            return
        found = self.read(story, name)
        if found is None:
            return
        least_number = least.number if least is not None else 0
        possible = [i for i in items if i.number >= least_number]
        wholes = {i.number: content(story.file, i.number, i.fields[1]) for i in items}
        if any(found == wholes[i.number] for i in possible):
            return
        if any(found == whole for whole in wholes.values()):
            self.fail("older", path, f"expected={told(least)}, was=an older one")
        elif is_renamed:
            if found or least is not None or len([i for i in items if i.has("renamed")]) > 1:
                self.fail("torn", path, f"{len(found)} bytes, expected={told(least)} or newer")
        else:
            self._truncated(path, found, possible, least_number, wholes)

    def _truncated(self, path, found, possible, least_number, wholes):
        later = [i for i in possible if i.number > least_number]
        if not found and later:
            # Cut, and what was written then isn't there: an older content, if not a wanted one.
            self.counts["emptied"] += any(i.has("closed") for i in later)
        elif any(
            i.may_lack_pieces()
            and lacks_pieces(found, wholes[i.number], [wholes[n] for n in wholes if n < i.number])
            for i in later
        ):
            return
        elif not any(i.may_be_partial() and wholes[i.number].startswith(found) for i in later):
            self.fail("torn", path, f"{len(found)} bytes are no version's, least={least_number}")

    def sqlite(self, story):
        mode = story.events.get("mode", (0, ["delete"]))[1][0]
        committed = max((n for event, n in story.commits if event == "committed"), default=0)
        begun = max((n for event, n in story.commits if event == "commit"), default=0)
        undone = database.MODES[mode][2] if self.faults.faults else 0
        self.counts["commits"] += committed
        path = os.path.join(self.folder, "db")
        for kind, detail in database.look(path, mode, max(0, committed - undone), begun):
            self.fail(kind, f"{story.folder}/db", f"{mode}: {detail}")


def false_losses(story, faults):
    """What says that something is lost and can't be so: [file, detail] each."""
    found = []
    hearers = collections.defaultdict(set)
    for at, code, call, name, number in story.told:
        if code not in LOSSES:
            continue
        path = f"{story.folder}/{name}"
        detail = f"{call} {number} at {at:.2f}: {errno.errorcode[code]}"
        forced = [begun for begun, ended in story.files_forced[name] if ended <= at]
        since = max([story.made(name), *forced])
        losing = faults.losing(since, at)
        if not losing:
            found.append([path, f"{detail}, and nothing is lost since {since:.2f}"])
        elif story.opened(name, number) > losing[-1]["to"]:
            heard = hearers[(name, losing[-1]["to"])]
            if number not in heard and len(heard) == TOLD_MAX:
                found.append([path, f"{detail}, as {TOLD_MAX} handles opened since the fault"])
            heard.add(number)
    return found


def lacks_pieces(found, wanted, older):
    """Whether each piece of it is the wanted one, or one of zeros or of an older content."""
    size = piece_size(wanted)
    contents = [wanted, bytes(len(wanted)), *older]
    pieces = ((at, found[at : at + size]) for at in range(0, len(found), size))
    return all(any(c[at : at + len(part)] == part for c in contents) for at, part in pieces)


def told(item):
    """What the program that wrote it was told."""
    if item is None:
        return "none"
    events = ", ".join(f"{event} +{at - item.begun:.2f}" for event, at in item.at.items())
    return f"{item.number} ({item.begun:.2f}: {events})"


def differs(found, wanted):
    at = next((i for i, (a, b) in enumerate(zip(found, wanted)) if a != b), len(wanted))
    return f"{len(found)} bytes, expected={len(wanted)}, first wrong at {at}"


def check(mount, journals, faults):
    look = Check(mount, faults)
    losses = []
    for name in sorted(os.listdir(journals)):
        if name.endswith(".jsonl"):
            story = Story(os.path.join(journals, name))
            look.story(story)
            losses += false_losses(story, look.faults)
    return {"failures": look.failures, "false losses": losses, "counts": dict(look.counts)}


def main(arguments):
    mount, journals, faults = arguments
    with open(faults, encoding="utf-8") as file:
        print(json.dumps(check(mount, journals, json.load(file))))


if __name__ == "__main__":
    main(sys.argv[1:])
