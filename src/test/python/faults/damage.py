"""Damaged files of one peer. docs/testing.md says what is done and what must hold."""

import hashlib
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time

from faults import diskformat
from faults.cluster import Cluster, Failed, describe, now, remove, wait_for
from faults.promises import CLASSES
from faults.rounds import Command, Result

PAGE = 4096
LOAD_S = 8
INPLACE_MIB = 16
CAPACITY = "128MiB"  # segments of 8 MiB, so that some are sealed
XATTR_BYTES = 60_000
XATTRS_AT_ONCE = 50
SNAPSHOTS = 2
SNAPSHOTS_MAX_S = 300
START_MAX_S = 60
WHOLE_MAX_S = 90
CHECK_MAX_S = 120
LEAD_TRIES_MAX = 6
VARIANTS = ("alone", "three", "three, leads at once")
ENDS = ("clean", "killed")
OPERATIONS = ("flip", "zero", "cut", "remove")
COLUMNS = (
    "lost SAFE",
    "hangs",
    "ended",
    "unclear",
    "untrue",
    "changed",
    "destroyed",
    *CLASSES,
    "false SAFE",
)
COLUMNS += ("few copies", "not whole", "no mount", "void")

# A sentence says what was expected and what was found, or what to do, and about which file.
SENTENCE = re.compile(r"expected=.*was=|set aside|run `?holdfast|start .* again|copy ")

# What is never changed by a start that ends in a refusal, but perhaps renamed.
EVIDENCE = re.compile(r"(chunks|log|snap)-|format|node\.key")


def kind_of(root, name, newest):
    """What a file is: its name without its numbers, and whether it is the last of its kind."""
    kind = re.sub(r"[0-9a-f]{16}(-[0-9a-f]{16})?", "N", name)
    if kind != name:
        kind += " (newest)" if name == newest.get(kind) else " (older)"
    return f"{root}/{kind}"


def files_by_kind(machine):
    kinds = {}
    for root in ("storage", "home"):
        folder = os.path.join(machine.folder, root)
        names = sorted(os.listdir(folder))
        newest = {re.sub(r"[0-9a-f]{16}(-[0-9a-f]{16})?", "N", name): name for name in names}
        for name in names:
            kind = kind_of(root, name, newest)
            kinds.setdefault(kind, []).append(os.path.join(folder, name))
    return kinds


def harm(path, operation, source):
    """Does it; returns where. What is empty can only be removed."""
    size = os.path.getsize(path)
    if operation == "remove" or size == 0:
        os.unlink(path)
        return "removed"
    if operation == "cut":
        to = source.choice([0, size - source.randint(1, min(size, 100)), source.randrange(size)])
        os.truncate(path, to)
        return f"cut from {size} to {to} bytes"
    with open(path, "r+b") as file:
        if operation == "flip":
            near = min(size, 64)
            at = source.choice(
                [source.randrange(near), size - 1 - source.randrange(near), source.randrange(size)]
            )
            bit = 1 << source.randrange(8)
            file.seek(at)
            byte = file.read(1)[0]
            file.seek(at)
            file.write(bytes([byte ^ bit]))
            return f"bit {bit:#04x} at {at} of {size} flipped"
        page = source.randrange(-(-size // PAGE))
        count = min(PAGE, size - page * PAGE)
        file.seek(page * PAGE)
        file.write(bytes(count))
        return f"page {page} of {-(-size // PAGE)} zeroed"


class Templates:
    """Pools that were stopped or killed, to begin each round from, in the command's folder."""

    def __init__(self, command, peers):
        self.command = command
        self.peers = peers
        self.folder = os.path.join(command.state["work"], f"of{peers}")
        self.kept = os.path.join(command.state["work"], f"templates{peers}")
        self.cluster = Cluster(
            self.folder, peer_flags=["--capacity", CAPACITY, "--leave-free", "64MiB"], is_kept=True
        )
        self.journals = os.path.join(self.folder, "journals")
        os.makedirs(self.journals, exist_ok=True)

    def machines(self):
        return [self.cluster.machine(number) for number in range(1, self.peers + 1)]

    def build(self):
        if os.path.exists(os.path.join(self.kept, "killed")):
            with open(os.path.join(self.kept, "ports"), encoding="utf-8") as file:
                ports = json.load(file)
            for machine, port in zip(self.machines(), ports):
                machine.port = port
            return
        is_short = self.command.options.short
        content = "little in it" if is_short else "sealed segments and snapshots"
        print(f"making a pool of {self.peers} with {content}", flush=True)
        self.cluster.start_pool(self.peers)
        self._fill("1", 1 if is_short else LOAD_S, 1 if is_short else INPLACE_MIB)
        self.cluster.await_whole(self.peers, WHOLE_MAX_S)
        for machine in self.machines():
            if machine.stop() != 0:
                raise Failed("harness", f"stop peer: {machine.peer.last_words()}")
        self._keep("clean")
        for machine in self.machines():
            machine.start()
        self.cluster.await_ready(self.machines())
        self.cluster.await_whole(self.peers, WHOLE_MAX_S)
        self._fill("2", 2, 1)
        for machine in self.machines():
            machine.peer.signal(signal.SIGKILL)
        for machine in self.machines():
            machine.kill()
        self._keep("killed")
        with open(os.path.join(self.kept, "ports"), "w", encoding="utf-8") as file:
            json.dump([machine.port for machine in self.machines()], file)

    def drop(self):
        """What isn't whole can't be begun from: the next try makes it anew."""
        self.cluster.close()
        remove(self.folder)
        remove(self.kept)

    def _fill(self, label, load_s, mib):
        place = self.cluster.mount(f"fill{label}")
        self.cluster.await_mounts(f"fill{label}")
        load = self.cluster.script(
            f"load{label}", "load", place, self.journals, f"a{label}", 1, f"MIB={mib}", "PAUSE=20"
        )
        time.sleep(load_s)
        path = os.path.join(self.journals, f"a{label}-inplace.jsonl")
        wait_for("the load", 120, lambda: b'"prepared"' in open(path, "rb").read())
        load.signal(signal.SIGTERM)
        load.await_exit()
        is_filled = label == "1" and not self.command.options.short
        fill_log(place, self._has_snapshots if is_filled else lambda: True, SNAPSHOTS_MAX_S)
        subprocess.run(["sync", "-f", place], check=True)
        self.cluster.mounts[f"fill{label}"].signal(signal.SIGTERM)
        self.cluster.mounts[f"fill{label}"].await_exit()

    def _has_snapshots(self):
        return all(len(diskformat.Log(m.storage).snapshots) >= SNAPSHOTS for m in self.machines())

    def _keep(self, end):
        for machine in self.machines():
            to = os.path.join(self.kept, end + ".part", f"machine{machine.number}")
            os.makedirs(to)
            for name in ("storage", "home", "run"):
                shutil.copytree(os.path.join(machine.folder, name), os.path.join(to, name))
        shutil.copytree(self.journals, os.path.join(self.kept, end + ".part", "journals"))
        os.rename(os.path.join(self.kept, end + ".part"), os.path.join(self.kept, end))

    def restore(self, end):
        """The files as they were, in the folders that they were in: those keep their inodes."""
        for machine in self.machines():
            for name in ("storage", "home", "run"):
                folder = os.path.join(machine.folder, name)
                kept = os.path.join(self.kept, end, f"machine{machine.number}", name)
                for entry in os.scandir(folder):
                    shutil.rmtree(entry) if entry.is_dir() else os.unlink(entry)
                subprocess.run(["cp", "-a", kept + "/.", folder], check=True)
        return os.path.join(self.kept, end, "journals")


def fill_log(place, is_enough, limit_s):
    """Writes into the operation log alone, until there is enough: large attributes of one file."""
    path = os.path.join(place, "fill-log")
    with open(path, "w", encoding="ascii"):
        pass
    end = now() + limit_s
    while not is_enough():
        for _ in range(XATTRS_AT_ONCE):
            os.setxattr(path, "user.fill", os.urandom(XATTR_BYTES))
        if now() > end:
            raise Failed("harness", "fill the log: expected=enough, was=not")
    os.unlink(path)


class Trial:
    """One damage, and what comes of it."""

    def __init__(self, templates, plan, result, journals):
        self.templates = templates
        self.cluster = templates.cluster
        self.machines = templates.machines()
        self.plan = plan
        self.result = result
        self.journals = journals
        self.victim = self.machines[plan.victim]
        self.others = [m for m in self.machines if m is not self.victim]
        self.checks = 0

    def run(self):
        held = diskformat.chunks(self.victim.storage)
        path = self.plan.random.choice(self.plan.files)
        self.result.figures["file"] = os.path.basename(path)
        self.result.figures["done"] = harm(path, self.plan.operation, self.plan.random)
        self.lost_chunks = len(held - diskformat.chunks(self.victim.storage))
        records = diskformat.records(self.victim.storage)
        before = digests(self.victim.storage)
        self._start()
        destroyed = records - diskformat.records(self.victim.storage)
        if destroyed:
            self.result.fail("destroyed", f"{len(destroyed)} whole chunks that were there")
        if not self.victim.is_running():
            self._refused(before)
            if self.plan.variant == "alone":
                return
        running = [m for m in self.machines if m.is_running()]
        if not running:
            self.result.fail("ended", "all peers")
            return
        wrong = self._check() or ()
        if self.plan.variant == "alone":
            self._alone(wrong)
        else:
            self._among_three(running, wrong)

    def _start(self):
        if self.plan.variant == "three, leads at once":
            self._start_leading()
        else:
            for machine in self.machines:
                machine.start()
        self._await(self.machines)

    def _start_leading(self):
        """With one of the others at a time, so that it must lead when that one doesn't."""
        self.victim.start()
        for attempt in range(LEAD_TRIES_MAX):
            other = self.others[attempt % 2]
            other.start()
            self._await([self.victim, other])
            if not self.victim.is_running():
                break
            leader = self._await_leader()
            if leader == self.victim.number:
                self.result.figures["led"] = f"after {attempt + 1}"
                break
            other.kill()
        for machine in self.others:
            if not machine.is_running():
                machine.start()

    def _await_leader(self):
        try:
            return wait_for("a leader", 15, self.cluster.leader, "no leader")
        except Failed:
            return None

    def _await(self, machines):
        for machine in machines:
            try:
                wait_for(
                    f"peer {machine.number}",
                    START_MAX_S,
                    lambda m=machine: m.is_ready() or not m.is_running(),
                    "hangs",
                )
            except Failed as e:
                self.result.fail("hangs", f"{e}: {machine.peer.last_words()}")
            if machine is not self.victim and not machine.is_running():
                self.result.fail("ended", f"a whole peer: {machine.peer.last_words()}")

    def _refused(self, before):
        """It ended: with a sentence, and everything is as it was."""
        words = self.victim.peer.last_words(4)
        self.result.figures["refused"] = words.splitlines()[-1][:300] if words else "no word"
        if not SENTENCE.search(words):
            self.result.fail("unclear", words)
        if self.plan.variant == "alone" and "the others" in words:
            self.result.fail("untrue", f"there are no others: {words}")
        after = set(digests(self.victim.storage).values())
        for name, digest in before.items():
            if digest not in after and EVIDENCE.match(name):
                self.result.fail(
                    "changed", f"{name} is gone or changed, though it refused to start"
                )

    def _check(self):
        """What is wrong by a new mount."""
        self.checks += 1
        name = f"check{self.checks}"
        place = self.cluster.mount(name)
        try:
            self.cluster.await_mounts(name, limit_s=START_MAX_S)
        except Failed as e:
            self.result.fail("no mount", str(e))
            return None
        script = self.cluster.script(name, "promises", place, self.journals, self.plan.no_faults)
        try:
            script.await_exit(CHECK_MAX_S)
        except Failed:
            script.kill()
            self.result.fail("unreadable", f"reading all took more than {CHECK_MAX_S} s")
            return None
        if script.exit != 0:
            raise Failed("harness", f"check: {script.last_words()}")
        found = json.loads(script.printed())["failures"]
        status = self.cluster.status()
        is_safe = status is not None and status["safe"]
        self.result.figures[f"check {self.checks}"] = f"{len(found)} wrong, " + (
            "SAFE" if is_safe else "not SAFE"
        )
        if found and is_safe:
            kind = "lost SAFE" if self.plan.variant == "alone" else "false SAFE"
            self.result.fail(kind, f"{len(found)} wrong, such as {found[0]}; {describe(status)}")
        self.cluster.end_mount(name)
        return found

    def _alone(self, wrong):
        """There is no other copy: a damaged chunk costs its file, and no more than that."""
        unreadable = [w for w in wrong if w[0] == "unreadable" or "disk I/O error" in w[2]]
        for kind, file, detail in wrong:
            if [kind, file, detail] not in unreadable or len(unreadable) > self.lost_chunks:
                self.result.fail(kind, f"{file}: {detail}")
        if unreadable:
            self.result.figures["unreadable"] = f"{len(unreadable)} of {self.lost_chunks} damaged"

    def _among_three(self, running, wrong):
        for kind, file, detail in wrong:
            self.result.fail(kind, f"{file}: {detail}")
        if len(running) < 3 or not self._becomes_whole():
            return
        leader = self._await_leader()
        for _ in range(LEAD_TRIES_MAX):
            if leader is None or leader == self.victim.number:
                break
            self.cluster.machine(leader).kill()
            time.sleep(self.plan.random.uniform(2, 4))
            self._await_leader()
            self.cluster.machine(leader).start()
            self._await([self.cluster.machine(leader)])
            if not self._becomes_whole():
                return
            leader = self._await_leader()
        self.result.figures["leads"] = leader == self.victim.number
        for kind, file, detail in self._check() or ():
            self.result.fail(kind, f"{file}: {detail}")

    def _becomes_whole(self):
        try:
            status = self.cluster.await_whole(3, WHOLE_MAX_S)
        except Failed as e:
            self.result.fail("not whole", str(e))
            return False
        held = [diskformat.chunks(machine.storage) for machine in self.machines]
        # What the others hold both is what the pool needs; a stray copy is one peer's only.
        needed = set.intersection(*(h for m, h in zip(self.machines, held) if m is not self.victim))
        missing = needed - held[self.plan.victim]
        chunks = status["copies"]["chunks"]
        if len(set.union(*held)) < chunks or len(needed - missing) < chunks:
            self.result.fail(
                "few copies", f"status counts {chunks} chunks, {len(missing)} missing here"
            )
        return True


def digests(folder):
    found = {}
    for name in sorted(os.listdir(folder)):
        path = os.path.join(folder, name)
        if os.path.isfile(path):
            with open(path, "rb") as file:
                found[name] = hashlib.sha256(file.read()).hexdigest()
    return found


class Plan:
    def __init__(self, seed, options):
        self.random = random.Random(f"damage {seed}")
        variants = VARIANTS if options.variant == "all" else [options.variant]
        self.variant = variants[seed % len(variants)]
        turn = seed // len(variants)
        self.end = ENDS[turn % len(ENDS)]
        self.turn = turn // len(ENDS)
        self.peers = 1 if self.variant == "alone" else 3
        self.victim = self.random.randrange(self.peers)

    def choose(self, machine, options):
        """Every kind of file with every operation, in turn."""
        kinds = files_by_kind(machine)
        operations = [o for o in OPERATIONS if options.operation in ("all", o)]
        pairs = [(k, o) for k in sorted(kinds) if options.kind in k for o in operations]
        if not pairs:
            raise Failed("harness", f"--kind {options.kind}: expected=in one of {sorted(kinds)}")
        random.Random("order").shuffle(pairs)
        offset = VARIANTS.index(self.variant) * 17 + ENDS.index(self.end) * 31
        self.kind, self.operation = pairs[(self.turn + offset) % len(pairs)]
        self.files = kinds[self.kind]

    def __str__(self):
        return f"{self.variant}, {self.kind}"


def options(parser):
    parser.add_argument("--variant", default="all", choices=[*VARIANTS, "all"])
    parser.add_argument("--operation", default="all", choices=[*OPERATIONS, "all"])
    parser.add_argument(
        "--short", action="store_true", help="a small pool: no sealed segments, no snapshots"
    )
    parser.add_argument("--kind", default="", help="only kinds of files with this in their names")


def main():
    command = Command("damage", __doc__, 300, options)
    if command.state["pool"] is None:
        command.new_work()
        command.state["pool"] = "made"
        command.save()
    templates = {}
    no_faults = os.path.join(command.state["work"], "no-faults")
    with open(no_faults, "w", encoding="ascii") as file:
        file.write("[]")

    def one(seed):
        plan = Plan(seed, command.options)
        plan.no_faults = no_faults
        if plan.peers not in templates:
            made = Templates(command, plan.peers)
            try:
                made.build()
            except BaseException:
                made.drop()
                raise
            templates[plan.peers] = made
        template = templates[plan.peers]
        journals = template.restore(plan.end)
        plan.choose(template.machines()[plan.victim], command.options)
        result = Result(str(plan))
        result.figures["as"] = f"{plan.end}, {plan.operation}"
        try:
            Trial(template, plan, result, journals).run()
        finally:
            for name in list(template.cluster.mounts):
                template.cluster.end_mount(name)
            for process in template.cluster.processes:
                process.kill()
            template.cluster.processes.clear()
            if result.failures:
                command.keep_logs(template.folder, f"seed-{seed}")
            for name in os.listdir(template.cluster.logs):
                os.unlink(os.path.join(template.cluster.logs, name))
        return result

    try:
        code = command.run(one, COLUMNS)
    finally:
        for template in templates.values():
            template.cluster.close()
    if not command.options.keep:
        remove(command.state["work"])
        command.state.update(pool=None, work=None)
        command.save()
    sys.exit(code)


if __name__ == "__main__":
    main()
