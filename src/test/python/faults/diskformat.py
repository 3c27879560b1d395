"""Reads a peer's directory by docs/disk-format.md, whose tables say where each field is.

It looks at a directory that may be in use, and never writes.
"""

import functools
import glob
import hashlib
import os
import re
import struct

from faults.cluster import TOP

DOCUMENT = os.path.join(TOP, "docs", "disk-format.md")
CHUNK_ID_BYTES = 32
CRC32C_POLYNOMIAL = 0x82F63B78


class Layout:
    """One field table: where a field is, by how its description begins."""

    def __init__(self, size):
        self.size = size
        self.fields = []

    def read(self, data, name, at=0):
        """A number, or bytes where it is none."""
        for offset, size, text in self.fields:
            if text.startswith(name):
                raw = data[at + offset : at + offset + size]
                if size in (1, 2, 4, 8):
                    return int.from_bytes(raw, "big")
                return raw
        raise KeyError(f"field {name} in {[text for _, _, text in self.fields]}")

    def has_right_crc(self, data, at=0):
        """Where the last field is a CRC of all before."""
        offset, size, text = self.fields[-1]
        if not text.startswith("CRC") or size != 4:
            raise KeyError(f"the last field is {text}")
        return crc32c(data[at : at + offset]) == int.from_bytes(
            data[at + offset : at + offset + 4], "big"
        )


class Document:
    """The constants of the document, and its field tables by (section, words before the table)."""

    def __init__(self, path=DOCUMENT):
        self.constants = {}
        self.layouts = []
        section = before = ""
        layout = None
        with open(path, encoding="utf-8") as lines:
            for line in lines:
                line = line.strip()
                constant = re.match(r"\| `(\w+\.\w+)` \| (0x[0-9A-Fa-f]+|\d+) \|", line)
                field = re.match(r"\| (\d+) \| (\d+) \| (.*?) \|", line)
                if line.startswith("#"):
                    section = line.lstrip("# ")
                elif constant:
                    self.constants[constant[1]] = int(constant[2], 0)
                elif re.match(r"\| offset \| size \| field \|", line):
                    layout = Layout(int(re.search(r"total=(\d+)", line)[1]))
                    self.layouts.append((section, before, layout))
                elif field and layout is not None:
                    layout.fields.append((int(field[1]), int(field[2]), field[3]))
                elif not line.startswith("|"):
                    layout = None
                    before = line or before

    def layout(self, section, words):
        for found_section, before, layout in self.layouts:
            if found_section == section and before.startswith(words):
                return layout
        known = [(found_section, before) for found_section, before, _ in self.layouts]
        raise KeyError(f"table of {section}, {words}: {known}")


@functools.cache
def document():
    return Document()


@functools.cache
def _crc_table():
    table = []
    for byte in range(256):
        for _ in range(8):
            byte = byte >> 1 ^ (CRC32C_POLYNOMIAL if byte & 1 else 0)
        table.append(byte)
    return table


def crc32c(data):
    """Slow: for headers."""
    table, crc = _crc_table(), 0xFFFFFFFF
    for byte in data:
        crc = crc >> 8 ^ table[(crc ^ byte) & 0xFF]
    return crc ^ 0xFFFFFFFF


def _segments(folder, kind):
    return sorted(glob.glob(os.path.join(folder, f"{kind}-" + "[0-9a-f]" * 16 + ".seg")))


def _bytes(path):
    try:
        with open(path, "rb") as file:
            return file.read()
    except FileNotFoundError:
        return b""


def _records(path):
    """Records whose header is right: name, and "whole", "removed" (the chunk is) or "damaged".

    What isn't a record is searched for the next one, so a bad header hides nothing but its own.
    """
    form = document()
    record = form.layout("Chunk segments", "Record header")
    magic = struct.pack(">I", form.constants["ChunkFormat.RECORD_MAGIC"])
    live = form.constants["ChunkFormat.STATE_LIVE"]
    data = _bytes(path)
    at = data.find(magic)
    while at >= 0:
        end = at + 1
        if at + record.size <= len(data) and record.has_right_crc(data, at):
            name = bytes(record.read(data, "chunk id", at))
            length = record.read(data, "length", at)
            chunk = data[at + record.size : at + record.size + length]
            is_removal = record.read(data, "state", at) != live
            is_whole = not is_removal and hashlib.sha256(chunk).digest() == name
            yield name, "removed" if is_removal else "whole" if is_whole else "damaged"
            if is_whole or is_removal:
                end = at + record.size + length
        at = data.find(magic, end)


def chunks(folder):
    """Names of the chunks that are whole here: their bytes hash to their name."""
    found = set()
    for path in _segments(folder, "chunks"):
        for name, state in _records(path):
            if state == "removed":
                found.discard(name)
            elif state == "whole":
                found.add(name)
    return found


def records(folder):
    """Names of all whole chunks in any file, removed ones too: what a start may not destroy."""
    paths = (os.path.join(top, file) for top, _, files in os.walk(folder) for file in files)
    return {name for path in paths for name, state in _records(path) if state == "whole"}


class Log:
    """What a directory holds of the operation log."""

    def __init__(self, folder):
        form = document()
        self.log_id, self.term, self.sequence = b"", 0, -1
        self.start = self.start_term = self.lowest = 0
        state = form.layout("Operation log", "`log.state`")
        for path in glob.glob(os.path.join(folder, "log.state*")):
            data = _bytes(path)
            is_newer = len(data) >= state.size and state.has_right_crc(data)
            if is_newer and state.read(data, "sequence") > self.sequence:
                self.sequence = state.read(data, "sequence")
                self.log_id = bytes(state.read(data, "log id"))
                self.term = state.read(data, "term")
                self.start = state.read(data, "start index")
                self.start_term = state.read(data, "start term")
                self.lowest = state.read(data, "lowest valid segment number")
        self.end, self.end_term, self.count = self.start, self.start_term, 0
        for path in _segments(folder, "log"):
            if int(os.path.basename(path)[4:-4], 16) >= self.lowest:
                self._read(form, _bytes(path))
        names = [os.path.basename(p) for p in glob.glob(os.path.join(folder, "snap-*.snap"))]
        self.snapshots = sorted(int(name.split("-")[1], 16) for name in names)
        # A snapshot's entries may be gone from the log: it vouches for them.
        self.reach = max([self.end, *self.snapshots])

    def _read(self, form, data):
        header = form.layout("Operation log", "Segment header")
        entry = form.layout("Operation log", "Entry header")
        magic = form.constants["LogFormat.ENTRY_MAGIC"]
        at = header.size
        while at + entry.size <= len(data) and entry.read(data, "magic", at) == magic:
            length = entry.read(data, "length", at)
            if not entry.has_right_crc(data, at) or at + entry.size + length > len(data):
                break
            index = entry.read(data, "index", at)
            if index > self.start:
                self.end, self.end_term = index, entry.read(data, "term", at)
                self.count += 1
            at += entry.size + length

    def __str__(self):
        return (
            f"log {self.log_id.hex()[:8]} term {self.term}, {self.start}+{self.count} to "
            f"{self.end} ({self.end_term}), snapshots {self.snapshots}"
        )
