"""Power cuts of real peers during load. docs/testing.md says what is done and what must hold."""

import json
import os
import random
import signal
import sys
import time

from faults import diskformat
from faults.cluster import Cluster, Failed, build_shim, describe, now, wait_for
from faults.database import MODES
from faults.promises import CLASSES, FORCED_WITHIN_S
from faults.rounds import Command, Result

PEERS = (1, 2, 3, 5)
LOAD_MIN_S, LOAD_MAX_S = 3.0, 8.0
WRITES_MAX_S = 10.0
WRITES_WAIT_S = 45.0
WHOLE_MAX_S = 60.0
CHECK_MAX_S = 120
STOP_LOAD_S = 15
COLUMNS = ("no writes", "late", "stuck mount", "ended", "not ready", *CLASSES, "false loss")
COLUMNS += ("false SAFE", "few copies", "not whole", "no mount", "void")

# By the number of peers; where only one loses power, and the others are whole, nothing is lost.
SCENARIOS = {
    1: ("all at once", "all at once, and again while it starts"),
    2: (
        "all at once",
        "one",
        "one after another",
        "one after another, each whole before the next",
        "down one by one",
        "one while another is stopped",
        "one while another is killed",
        "all at once, and again while they start",
    ),
}


class Plan:
    """What a round does, from its seed alone."""

    def __init__(self, seed, options):
        self.random = random.Random(f"power {seed}")
        peers = options.peers
        self.peers = PEERS[seed % len(PEERS)] if peers == "all" else int(peers)
        scenarios = SCENARIOS[min(self.peers, 2)]
        turn = seed // len(PEERS) if peers == "all" else seed
        self.scenario = options.scenario or scenarios[turn % len(scenarios)]
        self.do_mounts_die = self.scenario.startswith("all") and self.random.random() < 0.5
        self.cut_count = 2 if self.random.random() < 0.25 and not options.short else 1
        modes = [mode for mode in MODES if mode != "wal" or self.do_mounts_die]
        self.modes = [self.random.choice(modes) for _ in range(2)]
        self.forced_share = self.random.choice([0.5, 0.2, 0.2, 0.05])
        self.slow_sync_ms = self.random.choice([0, 0, 20, 100])
        self.load_s = [self.random.uniform(LOAD_MIN_S, LOAD_MAX_S) for _ in range(self.cut_count)]

    def loses(self):
        """What a cut may take of what wasn't forced."""
        is_one = self.scenario in ("one", "one after another, each whole before the next")
        is_beside = self.scenario.startswith("one while") and self.peers > 2
        return "nothing" if is_one or is_beside else "unforced"

    def __str__(self):
        return f"{self.peers} peer{'s' if self.peers > 1 else ''}, {self.scenario}"


class Round:
    def __init__(self, cluster, plan, options, journals, result):
        self.cluster = cluster
        self.plan = plan
        self.options = options
        self.random = plan.random
        self.journals = journals
        self.result = result
        self.faults = []
        self.loads = {}
        self.live = []  # names of mounts
        self.era = 0
        self.cut_totals = {}

    def machines(self):
        return [self.cluster.machine(number) for number in range(1, self.plan.peers + 1)]

    def run(self):
        cluster, plan = self.cluster, self.plan
        self.result.figures["ms more a force"] = plan.slow_sync_ms
        try:
            cluster.start_pool(plan.peers)
            for name in ("a", "b"):
                cluster.mount(name)
                self.live.append(name)
            cluster.await_mounts(*self.live)
        except Failed as e:
            raise Failed("harness", f"before anything was done: {e}") from e
        for load_s in plan.load_s:
            self.era += 1
            self._load()
            time.sleep(load_s)
            self._cut_and_start()
            if not self._writes_again():
                return
            time.sleep(self.random.uniform(0.5, 2))
            self._stop_load()
            self._check()
            if self.result.failures:
                return

    def _load(self):
        """New writers, each with new folders: what they were told is in journals of their own."""
        for name, mode in zip(list(self.live), self.plan.modes):
            mib = self.options.inplace_mib if (name, self.era) == ("a", 1) else 2
            place = os.path.join(self.cluster.work, name)
            label = f"{name}{self.era}"
            words = [place, self.journals, label, self.options.seed]
            words += [f"MIB={mib}", f"PAUSE={self.options.pause}"]
            words += [f"JOURNAL={mode}", f"FORCED={self.plan.forced_share}"]
            self.loads[label] = self.cluster.script(f"load-{label}", "load", *words)
        for machine in self.machines():
            machine.rules(f"slow-sync / {self.plan.slow_sync_ms}")
        for label in self.loads:
            # The large file takes its time; the others write meanwhile.
            path = os.path.join(self.journals, f"{label}-inplace.jsonl")
            wait_for(f"load {label}", 120, lambda p=path: _has_event(p, "prepared"), "no load")

    def _stop_load(self):
        for load in self.loads.values():
            load.signal(signal.SIGTERM)
        for load in self.loads.values():
            try:
                load.await_exit(STOP_LOAD_S)
            except Failed:
                load.kill()  # a call that hangs; the journal says that it had begun
            if load.complained():
                self.result.fail("load", load.last_words())
        self.loads = {}

    # What is done to the machines

    def _lose_power(self, machines, loses, more=()):
        """These lose power at once; `more` are processes that die with them."""
        begun = now()
        for machine in machines:
            if machine.is_running():
                machine.is_ours_to_end = True
                machine.peer.signal(signal.SIGSTOP)
        for process in [m.peer for m in machines if m.is_running()] + list(more):
            process.signal(signal.SIGKILL)
        for process in [m.peer for m in machines] + list(more):
            process.await_exit()
        fault = {"from": begun, "to": now(), "loses": loses}
        self.faults.append({**fault, "forced within": self.options.forced_within})
        for machine in machines:
            done = machine.lose_power(self.random)
            log = done.pop("log")
            with open(os.path.join(self.cluster.logs, "cuts"), "a", encoding="utf-8") as file:
                file.write(f"{begun:.2f} machine {machine.number} {done}\n")
                file.writelines(f"    {line}\n" for line in log)
            for kind, count in done.items():
                self.cut_totals[kind] = self.cut_totals.get(kind, 0) + count

    def _start(self, machines, gap_max_s=1.5):
        """In any order, at once or one a while after the other."""
        order = list(machines)
        self.random.shuffle(order)
        gap = self.random.choice([0, gap_max_s])
        for machine in order:
            machine.start()
            self.started = now()
            time.sleep(self.random.random() * gap)

    def _cut_and_start(self):
        machines, scenario, loses = self.machines(), self.plan.scenario, self.plan.loses()
        if scenario.startswith("all at once"):
            self._cut_all(machines)
        elif scenario == "one":
            one = self.random.choice(machines)
            self._lose_power([one], loses)
            time.sleep(self.random.choice([0, 0.5, 3]))
            self._start([one])
        elif scenario.startswith("one after another"):
            self._one_after_another(machines, loses)
        elif scenario == "down one by one":
            order = list(machines)
            self.random.shuffle(order)
            for machine in order:
                self._lose_power([machine], loses)
                time.sleep(self.random.random() * 1.5)
            self._start(order)
        else:
            self._one_beside(machines, loses)

    def _cut_all(self, machines):
        mounts = [self.cluster.mounts[n] for n in self.live] if self.plan.do_mounts_die else []
        self._lose_power(machines, "unforced", mounts)
        if self.plan.do_mounts_die:
            for name in self.live:
                self.cluster.end_mount(name)
            self.live = []
        self._start(machines)
        if "again" in self.plan.scenario:
            time.sleep(self.random.uniform(0.2, 3))
            again = self.random.sample(machines, self.random.randint(1, len(machines)))
            self._lose_power(again, "unforced")
            self._start(again)

    def _one_after_another(self, machines, loses):
        order = list(machines)
        self.random.shuffle(order)
        for machine in order:
            self._lose_power([machine], loses)
            self._start([machine])
            self.cluster.await_ready([machine])
            if "whole" in self.plan.scenario:
                self.cluster.await_whole(self.plan.peers, WHOLE_MAX_S)
                self.started = now()  # the wait for being whole is none for writing
            else:
                time.sleep(self.random.random() * 2)

    def _one_beside(self, machines, loses):
        absent, one = self.random.sample(machines, 2)
        if self.plan.scenario.endswith("stopped"):
            if absent.stop() != 0:
                self.result.fail("ended", f"peer {absent.number} stopped: exit {absent.peer.exit}")
        else:
            absent.kill()
        time.sleep(self.random.choice([0.2, 2, 4]))
        self._lose_power([one], loses)
        time.sleep(self.random.choice([0, 1]))
        self._start([one])
        if self.plan.peers > 2:
            time.sleep(self.random.choice([0, 6]))
        self._start([absent])

    # What must hold

    def _writes_again(self):
        """Whether the pool takes writes; notes after how long, by which mount."""
        fresh = f"c{self.era}"
        news = [fresh, f"d{self.era}"] if self.plan.do_mounts_die else [fresh]
        probes = {name: self._probe(name) for name in self.live}
        for name in news:
            self.cluster.mount(name)
        end = self.started + WRITES_WAIT_S
        first = {}
        while now() < end and len(first) < len(self.live) + len(news):
            for name in news:
                if name not in probes and self._is_mounted(name):
                    probes[name] = self._probe(name)
            for name, probe in probes.items():
                if name not in first and probe.printed().endswith("\n"):
                    first[name] = float(probe.printed().split()[0]) - self.started
            self._look_at_peers()
            time.sleep(0.05)
        self.live += [name for name in news if name in probes]
        self.fresh = fresh
        self._note_writes(first)
        return bool(first)

    def _probe(self, name):
        place = os.path.join(self.cluster.work, name)
        return self.cluster.script(f"probe-{name}-{self.era}", "probe", place, WRITES_WAIT_S)

    def _is_mounted(self, name):
        mount = self.cluster.mounts[name]
        if mount.has_said("mount ready "):
            return True
        if not mount.is_alive() and now() < self.started + WRITES_WAIT_S - 5:
            self.cluster.mount(name)  # there was nobody to ask yet
        return False

    def _note_writes(self, first):
        if not first:
            self.result.fail("no writes", f"within {WRITES_WAIT_S} s; {self._say_status()}")
            return
        soonest = min(first.values())
        self.result.figures[f"writes after s{'' if self.era == 1 else self.era}"] = round(
            soonest, 1
        )
        if soonest > self.options.writes_within:
            self.result.fail("late", f"writes {soonest:.1f} s after the last start")
        for name in self.live:
            if name not in first:
                self.result.fail("stuck mount", f"{name}: no write in {WRITES_WAIT_S} s")

    def _say_status(self):
        begun = now()
        code, out, err = self.cluster.holdfast("status", "--json", "--timeout", "10s")
        said = describe(json.loads(out)) if code == 0 else err.strip()[-300:]
        return f"status exit {code} after {now() - begun:.0f} s: {said}"

    def _look_at_peers(self):
        for machine in self.cluster.unexpected_ends():
            machine.is_ours_to_end = True  # told once
            self.result.fail(
                "ended",
                f"peer {machine.number}, exit {machine.peer.exit}: {machine.peer.last_words()}",
            )

    def _check(self):
        """What was promised is there, by every mount, and status doesn't say SAFE if not."""
        status = self._await_whole()
        path = os.path.join(self.cluster.logs, f"faults{self.era}.json")
        with open(path, "w", encoding="utf-8") as file:
            json.dump(self.faults, file)
        # The new one knows nothing from before: what it sees is what the pool has.
        names = [self.fresh, *(name for name in self.live if name != self.fresh)]
        wrong = []
        false_losses = {}
        for name in names:
            if not self.cluster.mounts[name].is_alive():
                self.result.fail("ended", f"mount {name}: {self.cluster.mounts[name].last_words()}")
                continue
            found = self._check_mount(name, path)
            if found:
                wrong += found["failures"]
                for kind, file, detail in found["failures"]:
                    self.result.fail(kind, f"{name}: {file}: {detail}")
                # By the journals alone: each mount's check finds the same.
                false_losses.update((file, detail) for file, detail in found["false losses"])
                counts = found["counts"]
                self.result.figures.update(
                    {k: counts[k] for k in ("files", "commits") if k in counts}
                )
                if counts.get("emptied"):
                    self.result.figures["emptied"] = counts["emptied"]
        for file, detail in false_losses.items():
            self.result.fail("false loss", f"{file}: {detail}")
        if wrong:
            after = self.cluster.status()
            if after is not None and after["safe"]:
                self.result.fail(
                    "false SAFE", f"{len(wrong)} wrong, but status says: {describe(after)}"
                )
        elif status is not None:
            self._check_copies(status)
        self._look_at_peers()

    def _check_mount(self, name, faults):
        place = os.path.join(self.cluster.work, name)
        label = f"check-{name}-{self.era}"
        check = self.cluster.script(label, "promises", place, self.journals, faults)
        try:
            check.await_exit(CHECK_MAX_S)
        except Failed:
            check.kill()
            self.result.fail("unreadable", f"{name}: reading all took more than {CHECK_MAX_S} s")
            return None
        if check.exit != 0:
            raise Failed("harness", f"check {name}: {check.last_words()}")
        return json.loads(check.printed())

    def _await_whole(self):
        try:
            return self.cluster.await_whole(self.plan.peers, WHOLE_MAX_S)
        except Failed as e:
            self.result.fail("not whole", str(e))
            return None

    def _check_copies(self, status):
        """SAFE is true by the disks: as many copies of as many chunks."""
        copies = {}
        for machine in self.machines():
            for chunk in diskformat.chunks(machine.storage):
                copies[chunk] = copies.get(chunk, 0) + 1
        wanted = min(status["replicas"], self.plan.peers)
        enough = sum(count >= wanted for count in copies.values())
        if enough < status["copies"]["chunks"]:
            self.result.fail(
                "few copies",
                f"status says {status['copies']['chunks']} chunks with {wanted} copies, "
                f"the disks {enough} of {len(copies)}",
            )


def _has_event(path, event):
    if not os.path.exists(path):
        return False
    with open(path, encoding="utf-8") as lines:
        return any(f'"{event}"' in line for line in lines)


def options(parser):
    parser.add_argument("--peers", default="all", choices=[*map(str, PEERS), "all"])
    scenarios = SCENARIOS[1] + SCENARIOS[2][1:]
    parser.add_argument("--scenario", default="", choices=scenarios, help="default: by the seed")
    parser.add_argument("--inplace-mib", type=int, default=64, help="default %(default)s")
    parser.add_argument(
        "--pause", type=int, default=30, help="ms between steps of a writer, at most"
    )
    parser.add_argument(
        "--writes-within", type=float, default=WRITES_MAX_S, help="s after the last start"
    )
    parser.add_argument(
        "--forced-within", type=float, default=FORCED_WITHIN_S, help="s after close, without fsync"
    )
    parser.add_argument("--short", action="store_true", help="one cut a round, less load")


def main():
    command = Command("power", __doc__, 50, options)
    if command.options.short:
        command.options.inplace_mib = min(command.options.inplace_mib, 4)

    def one(seed):
        plan = Plan(seed, command.options)
        result = Result(str(plan))
        work = command.new_work()
        with Cluster(work, build_shim(work), is_kept=command.options.keep) as cluster:
            journals = os.path.join(cluster.work, "journals")
            os.makedirs(journals)
            the_round = Round(cluster, plan, command.options, journals, result)
            try:
                the_round.run()
            except Failed as e:
                if e.kind == "harness":
                    raise
                the_round._look_at_peers()
                result.fail(e.kind, str(e))
            finally:
                totals = the_round.cut_totals
                result.figures["undone"] = "/".join(
                    str(totals.get(k, 0))
                    for k in ("cut bytes", "pages undone", "pages zeroed", "names undone")
                )
                if result.failures:
                    command.keep_logs(cluster.work, f"seed-{seed}")
        return result

    sys.exit(command.run(one, COLUMNS))


if __name__ == "__main__":
    main()
