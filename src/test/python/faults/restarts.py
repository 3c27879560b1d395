"""Peers that are killed while they start. docs/testing.md says what is done and what must hold."""

import itertools
import json
import os
import random
import signal
import sys
import time
from concurrent.futures import ThreadPoolExecutor

from faults import diskformat
from faults.cluster import Cluster, Failed, build_shim, now, remove
from faults.damage import fill_log
from faults.promises import CLASSES
from faults.rounds import Command, Result

FILES_PER_FOLDER = 1000
CREATORS = 8
MADE_MAX_S = 1800
START_WATCH_S = 20
READY_MAX_S = 120
WHOLE_MAX_S = 120
CHECK_MAX_S = 300
STOP_LOAD_S = 15
ALL_EVERY = 10
MOMENTS = ("no leader yet", "snapshot loads", "snapshot comes", "any")
COLUMNS = ("shrunk", "term", "ended", "not ready", *CLASSES, "missing", "false SAFE", "not whole")
COLUMNS += ("no mount", "void")


class Kept:
    """The pool of all rounds; taken up again when a run was cut off."""

    def __init__(self, command):
        self.command = command
        options = command.options
        if command.state["pool"] is None:
            command.new_work()
            command.state["pool"] = {}
            command.save()
        work = command.state["work"]
        self.cluster = Cluster(os.path.join(work, "pool"), build_shim(work), is_kept=True)
        self.peers = options.peers
        self.journals = os.path.join(work, "journals")
        os.makedirs(self.journals, exist_ok=True)
        self.no_faults = os.path.join(work, "no-faults")
        with open(self.no_faults, "w", encoding="ascii") as file:
            file.write("[]")

    def machines(self):
        return [self.cluster.machine(number) for number in range(1, self.peers + 1)]

    def open(self):
        pool = self.command.state["pool"]
        for number, port in pool.get("ports", {}).items():
            self.cluster.machine(int(number)).port = port
        if pool.get("files") == self.command.options.files:
            for machine in self.machines():
                machine.start()
            self.cluster.await_ready(self.machines(), READY_MAX_S)
            self.cluster.await_whole(self.peers, WHOLE_MAX_S)
            self.mount("m")
            return
        self.cluster.start_pool(self.peers)
        self.mount("m")
        begun = now()
        make_files(os.path.join(self.cluster.work, "m"), self.command.options.files)
        print(f"made {self.command.options.files} files in {now() - begun:.0f} s", flush=True)
        pool["files"] = self.command.options.files
        pool["ports"] = {machine.number: machine.port for machine in self.machines()}
        self.command.save()

    def close(self):
        """For good: everything goes."""
        self.cluster.close()
        remove(self.command.state["work"])
        self.command.state.update(pool=None, work=None)
        self.command.save()

    def mount(self, name):
        place = self.cluster.mount(name)
        self.cluster.await_mounts(name)
        return place


def folder_of(number):
    return f"files/d{number // FILES_PER_FOLDER:04}"


def make_files(mount, count):
    """Empty ones: what they cost is their names."""

    def make(folder_number):
        first = folder_number * FILES_PER_FOLDER
        folder = os.path.join(mount, folder_of(first))
        os.makedirs(folder, exist_ok=True)
        for number in range(first, min(count, first + FILES_PER_FOLDER)):
            os.close(os.open(os.path.join(folder, f"f{number}"), os.O_WRONLY | os.O_CREAT, 0o644))

    with ThreadPoolExecutor(CREATORS) as creators:
        list(creators.map(make, range(-(-count // FILES_PER_FOLDER))))


def missing_files(mount, count):
    missing = []
    for first in range(0, count, FILES_PER_FOLDER):
        there = set(os.listdir(os.path.join(mount, folder_of(first))))
        wanted = {f"f{n}" for n in range(first, min(count, first + FILES_PER_FOLDER))}
        missing += sorted(wanted - there)
    return missing


class Round:
    def __init__(self, kept, seed, result, is_last):
        self.kept = kept
        self.cluster = kept.cluster
        self.seed = seed
        self.random = random.Random(f"restarts {seed}")
        self.moment = kept.command.options.moment or MOMENTS[seed % len(MOMENTS)]
        self.victim = self.cluster.machine(self.random.randint(1, kept.peers))
        self.kill_count = self.random.randint(1, 4)
        self.result = result
        self.is_last = is_last
        self.hits = 0

    def run(self):
        load = self._load()
        time.sleep(self.random.uniform(0.5, 2))
        self.victim.kill()
        if self.moment == "snapshot comes":
            self._let_it_fall_behind()
        for _ in range(self.kill_count):
            self._killed_start()
        self.result.figures["hit"] = f"{self.hits} of {self.kill_count}"
        self.victim.rules()
        before, committed = self._log(), self._committed()
        self.victim.start()
        self.cluster.await_ready([self.victim], READY_MAX_S)
        self._stop(load)
        self._await_whole()
        self._expect_no_less(before, "after its last start", committed)
        self._check()

    def _new_label(self):
        """Of a folder that no round has written to: one that was cut off has left its files."""
        there = os.listdir(self.kept.journals)
        for attempt in itertools.count(1):
            label = f"r{self.seed}" if attempt == 1 else f"r{self.seed}.{attempt}"
            if not any(name.startswith(f"{label}-") for name in there):
                return label

    def _load(self):
        label = self.label = self._new_label()
        place = os.path.join(self.cluster.work, "m")
        words = [place, self.kept.journals, label, self.seed, "MIB=1", "PAUSE=20"]
        kinds = ["small", "append", "rename", "inplace"]
        return self.cluster.script(f"load-{label}", "load", *words, *kinds)

    def _stop(self, load):
        load.signal(signal.SIGTERM)
        try:
            load.await_exit(STOP_LOAD_S)
        except Failed:
            load.kill()
        if load.complained():
            self.result.fail("load", load.last_words())

    def _log(self):
        return diskformat.Log(self.victim.storage)

    def _let_it_fall_behind(self):
        """Until the others have no entry any more that it would need next."""
        reach = self._log().reach
        others = [m for m in self.kept.machines() if m is not self.victim]

        def is_behind():
            return all(diskformat.Log(m.storage).start > reach for m in others)

        fill_log(os.path.join(self.cluster.work, "m"), is_behind, MADE_MAX_S)

    def _killed_start(self):
        """Starts it, kills it at some moment of that, and looks at its log."""
        before, committed = self._log(), self._committed()
        slow_ms = self.random.choice([0, 2, 10])
        self.victim.rules(f"slow-read snap- {slow_ms}", f"slow-write snap- {slow_ms}")
        self.victim.start()
        begun = now()
        self.hits += self._await_moment(begun)
        time.sleep(self.random.random() * self.random.choice([0.05, 0.3, 1]))
        if not self.victim.is_running():
            self.result.fail("ended", f"while it started: {self.victim.peer.last_words()}")
        self.victim.kill()
        self._expect_no_less(before, f"killed {now() - begun:.1f} s after its start", committed)

    def _await_moment(self, begun):
        """Whether it was seen at what it should be killed at."""
        if self.moment == "any":
            time.sleep(self.random.uniform(0, 6))
            return True
        while now() < begun + START_WATCH_S and self.victim.is_running():
            if self.moment == "no leader yet" and self._has_open("lock"):
                return True
            if self.moment == "snapshot loads" and self._has_open(".snap"):
                return True
            if self.moment == "snapshot comes" and self._has_open("snap-", ".tmp"):
                return True
            if self.victim.is_ready() and self.moment != "snapshot comes":
                return False
            time.sleep(0.01)
        return False

    def _has_open(self, *parts):
        folder = f"/proc/{self.victim.peer.process.pid}/fd"
        try:
            for fd in os.listdir(folder):
                path = os.readlink(os.path.join(folder, fd))
                name = os.path.basename(path)
                if path.startswith(self.victim.storage) and all(part in name for part in parts):
                    return True
        except FileNotFoundError:
            pass
        return False

    def _committed(self):
        """Up to where nothing is cut, whoever leads; without an answer nothing is."""
        status = self.cluster.status()
        return status["log"]["index"] if status else 0

    def _expect_no_less(self, before, when, committed):
        after = self._log()
        least = min(before.reach, committed)
        if after.reach < least:
            self.result.fail("shrunk", f"peer {self.victim.number} {when}: {before} -> {after}")
        if after.term < before.term:
            self.result.fail("term", f"peer {self.victim.number} {when}: {before} -> {after}")

    def _await_whole(self):
        try:
            self.cluster.await_whole(self.kept.peers, WHOLE_MAX_S)
        except Failed as e:
            self.result.fail("not whole", str(e))
        for machine in self.cluster.unexpected_ends():
            self.result.fail("ended", f"peer {machine.number}: {machine.peer.last_words()}")
            machine.start()

    def _check(self):
        """This round's files by the old mount; now and then all of all rounds by a new one."""
        is_all = self.is_last or self.seed % ALL_EVERY == 0
        name = f"all{self.seed}" if is_all else "m"
        place = self.kept.mount(name) if is_all else os.path.join(self.cluster.work, "m")
        journals = self.kept.journals if is_all else self._own_journals()
        script = self.cluster.script(
            f"check{self.seed}", "promises", place, journals, self.kept.no_faults
        )
        try:
            script.await_exit(CHECK_MAX_S)
        except Failed:
            script.kill()
            self.result.fail("unreadable", f"reading all took more than {CHECK_MAX_S} s")
            return
        if script.exit != 0:
            raise Failed("harness", f"check: {script.last_words()}")
        found = json.loads(script.printed())
        failures = found["failures"]
        if is_all:
            missing = missing_files(place, self.kept.command.options.files)
            if missing:
                failures.append(
                    ["missing", "files", f"{len(missing)} names, such as {missing[:3]}"]
                )
            self.cluster.end_mount(name)
        for kind, file, detail in failures:
            self.result.fail(kind, f"{file}: {detail}")
        self.result.figures["files"] = found["counts"].get("files", 0)
        status = self.cluster.status()
        if failures and status is not None and status["safe"]:
            self.result.fail("false SAFE", f"{len(failures)} wrong")

    def _own_journals(self):
        folder = os.path.join(self.cluster.work, "round-journals")
        os.makedirs(folder, exist_ok=True)
        for name in os.listdir(folder):
            os.unlink(os.path.join(folder, name))
        for name in os.listdir(self.kept.journals):
            if name.startswith(f"{self.label}-"):
                os.link(os.path.join(self.kept.journals, name), os.path.join(folder, name))
        return folder


def options(parser):
    parser.add_argument("--peers", type=int, default=3, choices=[1, 2, 3, 5])
    parser.add_argument("--moment", default="", choices=MOMENTS, help="default: by the seed")
    parser.add_argument("--files", type=int, default=100_000, help="default %(default)s")


def main():
    command = Command("restarts", __doc__, 100, options)
    last = command.options.seed + command.options.rounds - 1
    kept = None

    def one(seed):
        nonlocal kept
        if kept is None:
            kept = Kept(command)
            kept.open()
        result = Result("")
        the_round = Round(kept, seed, result, seed == last)
        result.plan = f"{kept.peers} peers, {the_round.moment}"
        result.figures["peer"] = the_round.victim.number
        try:
            the_round.run()
        except Failed as e:
            if e.kind == "harness":
                raise
            result.fail(e.kind, str(e))
        finally:
            if result.failures:
                command.keep_logs(kept.cluster.work, f"seed-{seed}")
                # What was lost would be missed by every later round, too: the next gets a new pool.
                kept.close()
                kept = None
        return result

    try:
        code = command.run(one, COLUMNS)
        if kept is not None and not command.options.keep:
            kept.close()
    finally:
        if kept is not None:
            kept.cluster.close()
    sys.exit(code)


if __name__ == "__main__":
    main()
