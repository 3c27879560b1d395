"""What is left on a disk after a power cut.

The journal (written by src/test/native/powercut.c, where its lines are explained) says what changed
below some folders since each was forced last. `cut` leaves of that, by a seed, what a machine may
find when its power is back:

- Forced bytes are there: those written before a force began that succeeded. A force that failed
  forces nothing, and no later one makes up for it: Linux takes such pages for clean.
- Bytes appended since: the file ends at any page or at the end of any write, and each page in
  between is there, or zero, or a hole. What was forced in a page stays, also if the rest goes.
- Bytes written in place since: each page is the old or the new one.
- A size that was set since: in force or not, in order with the file's other changes.
- Names made, renamed and removed since the last force of a directory: a prefix of them in order, as
  a file system's journal keeps them. What a lost rename or removal took comes back. The force of a
  *file* forces no name: what POSIX says, and more than ext4, XFS or btrfs lose.

Each file has its own luck, but for every third cut or so, where all unforced is lost, or all kept.
"""

import ctypes
import os
import shutil

PAGE = 4096
LIBC = ctypes.CDLL(None, use_errno=True)
FALLOC_PUNCH_HOLE_KEEP_SIZE = 3


class Void(Exception):
    """The program did what the cut can't act out: nothing can be said about this round."""


class Change:
    """One change of a file's bytes or size that no force has made durable yet."""

    __slots__ = ("at", "is_dead", "is_size", "line", "old", "saved", "size", "to")

    def __init__(self, line, is_size, at, to, size, old, saved):
        self.line = line
        self.is_size = is_size
        self.at = at  # first byte written
        self.to = to  # behind the last byte written, or the size that was set
        self.size = size  # of the file before
        self.old = old  # where in DIR/old what was overwritten or cut off lies
        self.saved = saved  # bytes of it
        self.is_dead = False  # a force failed: it reaches the disk no more


class Name:
    """One change of names that no force of a directory has made durable yet."""

    __slots__ = ("call", "fields", "kind", "line")

    def __init__(self, line, kind, call, fields):
        self.line = line
        self.kind = kind
        self.call = call
        self.fields = fields


class Journal:
    def __init__(self, folder):
        self.folder = folder
        self.changes = {}  # inode to its changes, in order
        self.names = []
        self.forces = 0
        self.unknown = []
        self._pending = {}
        path = os.path.join(folder, "journal")
        if os.path.exists(path):
            with open(path, encoding="utf-8", errors="surrogateescape") as lines:
                for number, line in enumerate(lines):
                    if line.endswith("\n"):  # else killed in the middle of the last one
                        self._take(number, line.split())

    def _take(self, number, words):
        kind, call, fields = words[0], words[1], words[2:]
        if kind == "W":
            ino, at, count, size, old, saved = map(int, fields)
            change = Change(number, False, at, at + count, size, old, saved)
            self.changes.setdefault(ino, []).append(change)
        elif kind == "T":
            ino, to, size, old, saved = map(int, fields)
            self.changes.setdefault(ino, []).append(Change(number, True, to, to, size, old, saved))
        elif kind in "BD":
            self._pending[call] = (kind, fields[0], number)
        elif kind == "E":
            self._forced(*self._pending.pop(call))
        elif kind == "N":
            self._failed(*self._pending.pop(call))
        elif kind == "X":
            self.names = [name for name in self.names if name.call != call]
        elif kind == "?":
            self.unknown.append(" ".join(words[1:]))
        elif kind in "CMLYRU":
            if kind == "C":
                self.changes.pop(int(fields[1]), None)  # an older file had this number
            self.names.append(Name(number, kind, call, fields))
        else:
            raise ValueError(f"read journal: expected=a known line, was={words}")

    def _forced(self, kind, what, begun):
        self.forces += 1
        if kind == "D":
            self.names = [name for name in self.names if name.line > begun]
            return
        left = [c for c in self.changes.get(int(what), ()) if c.line > begun or c.is_dead]
        self.changes[int(what)] = left

    def _failed(self, kind, what, begun):
        if kind == "B":
            for change in self.changes.get(int(what), ()):
                change.is_dead |= change.line < begun

    def old(self, change):
        with open(os.path.join(self.folder, "old"), "rb") as file:
            file.seek(change.old)
            return file.read(change.saved)


def cut(folder, roots, random):
    """Plays a power cut on the files below roots; returns what it did, by kind. Empties the folder.

    The processes that wrote there must be dead.
    """
    journal = Journal(folder)
    if journal.unknown:
        raise Void("cut power: " + "; ".join(sorted(set(journal.unknown))))
    done = {"forces": journal.forces}
    mood = random.choice(["mixed", "mixed", "mixed", "mixed", "lose", "keep"])
    paths = _paths([*roots, os.path.join(folder, "saved")])
    log = []
    for ino, changes in sorted(journal.changes.items()):
        if changes and ino in paths:
            what = _cut_file(journal, paths[ino], changes, mood, random, done)
            log.append(f"{paths[ino]}: {len(changes)} unforced changes, {what}")
    _cut_names(journal, mood, random, done, log)
    done["log"] = [f"mood {mood}", *log]
    for entry in os.listdir(folder):
        if entry == "saved":
            shutil.rmtree(os.path.join(folder, entry))
        elif entry in ("journal", "old"):
            os.unlink(os.path.join(folder, entry))
    return done


def _paths(folders):
    paths = {}
    for folder in folders:
        for top, _, files in os.walk(folder):
            for file in files:
                path = os.path.join(top, file)
                paths.setdefault(os.lstat(path).st_ino, path)
    return paths


def _undo(content, change, journal):
    """The bytes before this change, from those after it."""
    if change.saved:
        old = journal.old(change)
        if len(content) < change.at + len(old):
            content.extend(bytes(change.at + len(old) - len(content)))
        content[change.at : change.at + len(old)] = old
    if len(content) > change.size:
        del content[change.size :]
    elif len(content) < change.size:
        content.extend(bytes(change.size - len(content)))


def _cut_file(journal, path, changes, mood, random, done):
    with open(path, "rb") as file:
        now = bytearray(file.read())
    style = mood
    if mood == "mixed":
        style = random.choice(["keep", "lose", "lose", "pages", "pages", "pages", "short", "zero"])
    if style == "keep" and not any(change.is_dead for change in changes):
        return style
    # How far the sizes that were set came: all of them, or none behind one of them.
    reached = len(changes)
    for i, change in enumerate(changes):
        if change.is_size and random.random() < 0.5:
            reached = i
            break
    new = bytearray(now)
    for change in reversed(changes[reached:]):
        _undo(new, change, journal)
    forced = bytearray(new)
    for change in reversed(changes[:reached]):
        _undo(forced, change, journal)
    if style == "lose":
        result, holes = forced, []
    else:
        result, holes = _mix(new, forced, changes[:reached], style, random, done)
    _write(path, now, result, holes)
    done["files"] = done.get("files", 0) + 1
    if len(now) > len(result):
        done["cut bytes"] = done.get("cut bytes", 0) + len(now) - len(result)
    return f"{style}: {len(now)} bytes, forced {len(forced)}, left {len(result)}"


def _mix(new, forced, changes, style, random, done):
    """What is left of a file, page by page; and the offsets of pages that become holes."""
    keep_share = random.choice([0.1, 0.5, 0.9])
    size = len(new)
    may_be_short = style == "short" or style == "pages" and random.random() < 0.5
    if size > len(forced) and may_be_short:
        ends = [c.to for c in changes if not c.is_size and len(forced) <= c.to <= size]
        pages = range(-(-len(forced) // PAGE) * PAGE, size, PAGE)
        size = random.choice([len(forced), size, *ends, *pages])
    # Blocks behind a size that was set lie free: what was there before doesn't come back.
    freed = min((c.to for c in changes if c.is_size and c.to < c.size), default=len(new))
    result, holes = bytearray(new[:size]), []
    dead = [(c.at, c.to) for c in changes if c.is_dead and not c.is_size]
    for at in _pages_of(changes, size):
        is_dead = any(from_ < at + PAGE and at < to for from_, to in dead)
        is_kept = style in ("short", "keep") or (style == "pages" and random.random() < keep_share)
        if is_kept and not is_dead:
            continue
        to = min(at + PAGE, size)
        old = bytes(forced[at : min(to, freed)]) if at < freed else b""
        left = old + bytes(to - at - len(old))
        if left != result[at:to]:
            kind = "pages undone" if old else "pages zeroed"
            done[kind] = done.get(kind, 0) + 1
            result[at:to] = left
            if not old and random.random() < 0.5:
                holes.append(at)
    return result, holes


def _pages_of(changes, size):
    pages = set()
    for change in changes:
        if not change.is_size:
            first, end = change.at // PAGE * PAGE, min(change.to, size)
            pages.update(range(first, end, PAGE))
        elif change.to > change.size:
            continue  # a hole is what it is
    return sorted(pages)


def _write(path, now, result, holes):
    """Changes the file in place: its inode is the same after a power cut."""
    with open(path, "r+b") as file:
        for at in range(0, len(result), PAGE):
            page = result[at : at + PAGE]
            if page != now[at : at + PAGE]:
                os.pwrite(file.fileno(), page, at)
        os.ftruncate(file.fileno(), len(result))
        for at in holes:
            _punch(file.fileno(), at)


def _punch(fd, at):
    call = LIBC.fallocate
    call.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.c_long, ctypes.c_long]
    if call(fd, FALLOC_PUNCH_HOLE_KEEP_SIZE, at, PAGE):
        raise OSError(ctypes.get_errno(), "punch hole")


def _cut_names(journal, mood, random, done, log):
    names = journal.names
    kept = {"keep": len(names), "lose": 0}.get(mood, random.randint(0, len(names)))
    for name in reversed(names[kept:]):
        if _undo_name(journal, name):
            done["names undone"] = done.get("names undone", 0) + 1
            log.append(f"undone {name.kind} {' '.join(name.fields)}")
    if names[:kept]:
        done["names kept"] = done.get("names kept", 0) + kept


def _is(path, ino):
    try:
        return os.lstat(path).st_ino == int(ino)
    except FileNotFoundError:
        return False


def _undo_name(journal, name):
    """False if it hadn't happened: the process was killed before the call."""
    saved_folder = os.path.join(journal.folder, "saved")
    path = name.fields[0]
    if name.kind in "CL":
        if not _is(path, name.fields[1]):
            raise AssertionError(f"undo making {path}: expected=there, was=not")
        os.unlink(path)
        return True
    if name.kind == "M":
        os.rmdir(path)
        return True
    if name.kind == "Y":
        if os.path.isdir(path):
            return False
        os.mkdir(path, 0o700)
        return True
    if name.kind == "U":
        if _is(path, name.fields[1]):
            return False
        os.link(os.path.join(saved_folder, name.fields[2]), path)
        return True
    source, target, ino, _, saved = name.fields
    if not _is(target, ino):
        return False
    os.rename(target, source)
    if int(saved):
        os.link(os.path.join(saved_folder, saved), target)
    return True
