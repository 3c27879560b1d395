"""Writers on a mount, each with a folder of its own and a journal of what it was told.

    python3 -m faults.load MOUNT JOURNALS NAME SEED [OPTION=VALUE...] [KIND...]

MIB (64) is the size of the file that is written in place, PAUSE (30) the most between steps in ms,
FORCED (0.4) the share of writes that are followed by fsync, JOURNAL what kind of it SQLite keeps.
SLOW (0.1) is the share of contents that are written slowly, in pieces, with SLOW_PAUSE (400) ms
between them at most. STEPS (no end) is after how many steps, those that failed among them, a kind is
done: what it writes is then the same however slow the machine.

Runs until all are done, it is told to stop (SIGTERM) or its mount is gone. The journal of a kind is
JOURNALS/NAME-KIND.jsonl, on the local disk: one list a line, [clock, event, ...], the clock that of
the whole machine (CLOCK_MONOTONIC). Each call is noted before it begins and when it has returned,
so `promises` knows what was promised when. What is written can be made again from (file, version).
"""

import contextlib
import errno
import itertools
import json
import os
import random
import signal
import struct
import sys
import threading
import time
import zlib

BLOCK = 4096
HEADER = struct.Struct(">4sIQII")  # magic, file, version, size, CRC of the rest
MAGIC = b"HFPW"
RECORD_MAGIC = b"HFRC"
SMALL_BYTES_MAX = 100_000
SLOW_SHARE = 0.1
SLOW_PIECES = 8
SLOW_PAUSE_MS = 400
RECORD_BYTES_MAX = 20_000
TARGETS = 8
PIECE_BYTES = 1 << 20
AFTER_ERROR_S = 0.2


def filler(file, version, place, count):
    """Bytes that come again for the same numbers."""
    return random.Random((file << 40) ^ (version << 20) ^ place).randbytes(count)


def content(file, version, size):
    """A whole file of this size, which says what it is; of a few bytes only the first of that."""
    rest = filler(file, version, 0, max(0, size - HEADER.size))
    head = HEADER.pack(MAGIC, file, version, size, zlib.crc32(rest))
    return (head + rest)[:size]


def piece_size(data):
    """Bytes of a piece of what is written slowly."""
    return max(1, -(-len(data) // SLOW_PIECES))


def block(file, version, number):
    """One block of the file that is written in place."""
    rest = filler(file, version, number + 1, BLOCK - HEADER.size)
    return HEADER.pack(MAGIC, file, version, number, zlib.crc32(rest)) + rest


def record(file, number, size):
    """One record that is appended."""
    rest = filler(file, number, 0, size)
    return HEADER.pack(RECORD_MAGIC, file, number, size, zlib.crc32(rest)) + rest


class Writer(threading.Thread):
    """One kind of work; a subclass says what a step is."""

    kind = ""

    def __init__(self, mount, journals, name, seed, options):
        super().__init__(name=f"{name}-{self.kind}", daemon=True)
        self.random = random.Random(f"{seed} {name} {self.kind}")
        self.folder_name = f"{name}-{self.kind}"
        self.folder = os.path.join(mount, self.folder_name)
        self.file_number = zlib.crc32(self.folder_name.encode()) & 0xFFFF
        self.mib = int(options.get("MIB", 64))
        self.pause_ms = int(options.get("PAUSE", 30))
        self.forced_share = float(options.get("FORCED", 0.4))
        self.slow_share = float(options.get("SLOW", SLOW_SHARE))
        self.slow_pause_ms = float(options.get("SLOW_PAUSE", SLOW_PAUSE_MS))
        self.journal_mode = options.get("JOURNAL", "delete")
        self.steps = itertools.count() if "STEPS" not in options else range(int(options["STEPS"]))
        self.is_over = False
        path = os.path.join(journals, self.folder_name + ".jsonl")
        self.journal = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def note(self, event, *fields):
        line = json.dumps([time.monotonic(), event, *fields]) + "\n"
        os.write(self.journal, line.encode())

    def path(self, name):
        return os.path.join(self.folder, name)

    @contextlib.contextmanager
    def noting(self, call, path, number):
        """Notes what this call on a file is told, also where the answer of another one follows."""
        try:
            yield
        except OSError as e:
            self.note("told", e.errno, call, os.path.relpath(path, self.folder), number)
            raise

    def close(self, fd, path, number):
        with self.noting("close", path, number):
            os.close(fd)

    def run(self):
        self.note("begin", self.kind, self.folder_name, self.file_number)
        is_prepared = False
        for _ in self.steps:
            if self.is_over:
                break
            try:
                if not is_prepared:
                    os.makedirs(self.folder, exist_ok=True)
                    self.prepare()
                    self.note("prepared")
                    is_prepared = True
                self.step()
                time.sleep(self.random.random() * self.pause_ms / 1000)
            except OSError as e:
                self.note("error", e.errno, e.strerror)
                if e.errno == errno.ENOTCONN:  # the mount is dead
                    return
                time.sleep(AFTER_ERROR_S)
        self.note("end")

    def prepare(self):
        pass

    def step(self):
        raise NotImplementedError

    def chance(self, share):
        return self.random.random() < share

    def write(self, path, flags, data, number, is_forced, call_bytes=1 << 20):
        """Writes a whole content; notes each return under this number."""
        is_slow = not flags & os.O_APPEND and self.chance(self.slow_share)
        with self.noting("open", path, number):
            fd = os.open(path, flags, 0o644)
        try:
            self.note("opened", number)
            if is_slow:
                self.note("slowly", number)
                self._write_slowly(fd, memoryview(data), path, number)
            else:
                with self.noting("write", path, number):
                    self._write_all(fd, memoryview(data), call_bytes)
            self.note("written", number)
            if is_forced:
                with self.noting("fsync", path, number):
                    os.fsync(fd)
                self.note("forced", number)
        finally:
            self.close(fd, path, number)
        self.note("closed", number)

    @staticmethod
    def _write_all(fd, view, call_bytes=1 << 20):
        while view:
            view = view[os.write(fd, view[:call_bytes]) :]

    def _write_slowly(self, fd, view, path, number):
        """
        As programs do that compute between writes, start children, which close what they inherit
        and look at no answer, and write again what was refused: the fsync answers for all of it.
        """
        piece_bytes = piece_size(view)
        for at in range(0, len(view), piece_bytes):
            try:
                with self.noting("write", path, number):
                    self._write_all(fd, view[at : at + piece_bytes])
            except OSError:
                time.sleep(AFTER_ERROR_S)
                os.lseek(fd, at, os.SEEK_SET)
                with self.noting("write", path, number):
                    self._write_all(fd, view[at : at + piece_bytes])
            time.sleep(self.random.random() * self.slow_pause_ms / 1000)
            with contextlib.suppress(OSError):
                self.close(os.dup(fd), path, number)


class SmallFiles(Writer):
    """New files, some forced, some removed again."""

    kind = "small"

    def prepare(self):
        self.number = getattr(self, "number", 0)
        self.there = []

    def step(self):
        if len(self.there) > 20 and self.chance(0.2):
            number = self.there.pop(self.random.randrange(len(self.there)))
            self.note("unlink", number)
            os.unlink(self.path(f"f{number}"))
            self.note("unlinked", number)
            return
        self.number += 1
        size = self.random.choice([0, 1, 100, 3000, 5000, 30_000, SMALL_BYTES_MAX])
        size = self.random.randint(0, size)
        is_forced = self.chance(self.forced_share)
        self.note("create", self.number, size, is_forced)
        data = content(self.file_number, self.number, size)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
        self.write(self.path(f"f{self.number}"), flags, data, self.number, is_forced)
        self.there.append(self.number)


class Appends(Writer):
    """Records at the end of a few files, opened for each."""

    kind = "append"

    def prepare(self):
        self.number = getattr(self, "number", 0)

    def step(self):
        self.number += 1
        target = self.random.randrange(TARGETS)
        size = self.random.randint(1, self.random.choice([100, 3000, RECORD_BYTES_MAX]))
        is_forced = self.chance(self.forced_share)
        self.note("append", self.number, target, size, is_forced)
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
        data = record(self.file_number, self.number, size)
        self.write(self.path(f"f{target}"), flags, data, self.number, is_forced)


class InPlace(Writer):
    """Blocks of 4 KiB into a large file that was forced whole."""

    kind = "inplace"

    def prepare(self):
        self.version = getattr(self, "version", 0)
        self.blocks = self.mib * (1 << 20) // BLOCK
        self.note("make", self.blocks)
        path = self.path("f")
        with self.noting("open", path, 0):
            fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
        try:
            per_piece = PIECE_BYTES // BLOCK
            for first in range(0, self.blocks, per_piece):
                numbers = range(first, min(first + per_piece, self.blocks))
                with self.noting("write", path, 0):
                    os.write(fd, b"".join(block(self.file_number, 0, n) for n in numbers))
            with self.noting("fsync", path, 0):
                os.fsync(fd)
        finally:
            self.close(fd, path, 0)
        self.note("made")

    def step(self):
        self.version += 1
        count = self.random.choice([1, 1, 2, 5, 20])
        numbers = sorted(self.random.sample(range(self.blocks), count))
        is_forced = self.chance(self.forced_share)
        self.note("patch", self.version, numbers, is_forced)
        path = self.path("f")
        with self.noting("open", path, self.version):
            fd = os.open(path, os.O_WRONLY)
        try:
            for number in numbers:
                data = block(self.file_number, self.version, number)
                with self.noting("write", path, self.version):
                    count = os.pwrite(fd, data, number * BLOCK)
                if count != BLOCK:
                    raise OSError(errno.EIO, "short write")
            self.note("written", self.version)
            if is_forced:
                with self.noting("fsync", path, self.version):
                    os.fdatasync(fd)
                self.note("forced", self.version)
        finally:
            self.close(fd, path, self.version)
        self.note("closed", self.version)


class Renames(Writer):
    """Replaces whole files as editors do: written beside, renamed over."""

    kind = "rename"

    def prepare(self):
        self.version = getattr(self, "version", 0)

    def step(self):
        self.version += 1
        target = self.random.randrange(TARGETS)
        size = self.random.randint(1, self.random.choice([100, 5000, SMALL_BYTES_MAX]))
        is_forced, is_folder_forced = (self.chance(self.forced_share) for _ in range(2))
        beside = self.path(f"f{target}.{self.version}")
        self.note("replace", self.version, target, size, is_forced)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
        data = content(self.file_number, self.version, size)
        self.write(beside, flags, data, self.version, is_forced)
        self.note("rename", self.version)
        with self.noting("rename", beside, self.version):
            os.rename(beside, self.path(f"f{target}"))
        self.note("renamed", self.version)
        if is_folder_forced:
            fd = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY)
            try:
                self.note("force folder", self.version)
                with self.noting("fsync", self.folder, self.version):
                    os.fsync(fd)
                self.note("folder forced", self.version)
            finally:
                os.close(fd)


class Truncates(Writer):
    """Replaces whole files in place: cut to nothing, written anew."""

    kind = "truncate"

    def prepare(self):
        self.version = getattr(self, "version", 0)

    def step(self):
        self.version += 1
        target = self.random.randrange(TARGETS)
        size = self.random.randint(HEADER.size, self.random.choice([100, 5000, SMALL_BYTES_MAX]))
        is_forced = self.chance(self.forced_share)
        self.note("replace", self.version, target, size, is_forced)
        data = content(self.file_number, self.version, size)
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
        self.write(self.path(f"f{target}"), flags, data, self.version, is_forced)


def writers():
    from faults.database import Database

    kinds = (SmallFiles, Appends, InPlace, Renames, Truncates, Database)
    return {kind.kind: kind for kind in kinds}


def main(arguments):
    options = dict(word.split("=", 1) for word in arguments if "=" in word)
    mount, journals, name, seed, *kinds = [word for word in arguments if "=" not in word]
    known = writers()
    running = [known[kind](mount, journals, name, seed, options) for kind in kinds or known]
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    for writer in running:
        writer.start()
    while not stop.wait(0.1) and any(writer.is_alive() for writer in running):
        pass
    for writer in running:
        writer.is_over = True
    for writer in running:
        writer.join()


if __name__ == "__main__":
    main(sys.argv[1:])
