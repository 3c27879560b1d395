"""Links that break between real peers and mounts during load. docs/testing.md says what must hold."""

import json
import os
import random
import signal
import sys
import time

from faults.cluster import Cluster, Failed, now, wait_for
from faults.lan import Lan
from faults.promises import CLASSES
from faults.rounds import Command, Result

PEERS = (3, 5)
EVENTS_A_ROUND = 3
LAST_MIN_S, LAST_MAX_S = 12.0, 20.0
REST_S = 6.0
CALL_MAX_S = 12.0
WHOLE_MAX_S = 120.0
CHECK_MAX_S = 180
STOP_LOAD_S = 30
LOSS_PERCENT = 5
COLUMNS = ("refused", "slow", "ended", *CLASSES, "not whole", "no mount", "void")

# In each of them every mount reaches a peer that reaches the leader, or a majority of the peers.
EVENTS = (
    "mount and leader",
    "leader and one peer",
    "mount sees one peer only",
    "leader to one peer, one way",
    "one peer to leader, one way",
    "mount to leader, one way",
    "one peer from all",
    "leader from the other peers",
    "loss",
    "one peer killed",
    "one peer stopped",
)


# Nothing can hold here: it shows that the command finds what is wrong.
HOPELESS = "mount from all peers"


class LanCluster(Cluster):
    """Each peer on a host of its own, numbered like it; mounts on the hosts behind them."""

    def __init__(self, work, lan, is_kept):
        super().__init__(work, is_kept=is_kept)
        self.lan = lan
        self.hosts = {}

    def confinement(self):
        return []

    def on_machine(self, number):
        return self.lan.on(number)

    def on_mount(self, name):
        return self.lan.on(self.hosts[name])

    def on_client(self):
        return self.lan.on(self.lan.hosts[-1])


class Plan:
    """What a round does, from its seed alone."""

    def __init__(self, seed, options):
        self.random = random.Random(f"links {seed}")
        self.peers = options.peers or PEERS[seed % len(PEERS)]
        first = seed * EVENTS_A_ROUND
        turns = [EVENTS[(first + i) % len(EVENTS)] for i in range(EVENTS_A_ROUND)]
        self.events = [options.event] if options.event else turns

    def __str__(self):
        return f"{self.peers} peers"


class Round:
    def __init__(self, cluster, lan, plan, options, journals, result):
        self.call_max_s = options.call_within
        self.cluster = cluster
        self.lan = lan
        self.plan = plan
        self.random = plan.random
        self.journals = journals
        self.result = result
        self.mounts = {"a": plan.peers + 1, "b": plan.peers + 2}
        self.loads = []
        self.pulses = {}
        self.told = dict.fromkeys(self.mounts, 0)

    def run(self):
        cluster = self.cluster
        try:
            cluster.start_pool(self.plan.peers)
            for name, host in self.mounts.items():
                cluster.hosts[name] = host
                cluster.mount(name)
            cluster.await_mounts(*self.mounts)
        except Failed as e:
            raise Failed("harness", f"before anything was done: {e}") from e
        self._load()
        for event in self.plan.events:
            self._do(event)
        self._stop()
        self._check()

    def _load(self):
        for name in self.mounts:
            place = os.path.join(self.cluster.work, name)
            words = [place, self.journals, name, self.plan.random.random(), "MIB=4", "PAUSE=100"]
            self.loads.append(self.cluster.script(f"load-{name}", "load", *words, "JOURNAL=delete"))
            self.pulses[name] = self.cluster.script(f"pulse-{name}", "pulse", place)
        for name, pulse in self.pulses.items():
            wait_for(f"pulse {name}", 60, lambda p=pulse: " ok\n" in p.printed(), "no load")

    def _do(self, event):
        leader = wait_for("a leader", 30, self.cluster.leader)
        peers = list(range(1, self.plan.peers + 1))
        others = [peer for peer in peers if peer != leader]
        one = self.random.choice(others)
        mount = self.random.choice(list(self.mounts.values()))
        self._note_turns("")
        mend = self.lan.mend
        begun = now()
        if event == "mount and leader":
            self.lan.cut(mount, leader)
        elif event == "leader and one peer":
            self.lan.cut(leader, one)
        elif event == "mount sees one peer only":
            self.lan.isolate(mount, [peer for peer in peers if peer != one])
        elif event == "leader to one peer, one way":
            self.lan.drop(leader, one)
        elif event == "one peer to leader, one way":
            self.lan.drop(one, leader)
        elif event == "mount to leader, one way":
            self.lan.drop(mount, leader)
        elif event == "one peer from all":
            self.lan.isolate(one)
        elif event == "leader from the other peers":
            self.lan.isolate(leader, others)
        elif event == HOPELESS:
            self.lan.isolate(mount, peers)
        elif event == "loss":
            self.lan.lose(LOSS_PERCENT)
        else:
            mend = self._do_to(self.cluster.machine(one), event)
        time.sleep(self.random.uniform(LAST_MIN_S, LAST_MAX_S))
        mend()
        time.sleep(REST_S)
        self._note_turns(event)
        self.result.figures[f"{event} s"] = self._longest_since(begun)
        self._look_at_peers()

    def _do_to(self, machine, event):
        if event == "one peer killed":
            machine.kill()
            return lambda: (machine.start(), self.cluster.await_ready([machine]))
        machine.peer.signal(signal.SIGSTOP)
        return lambda: machine.peer.signal(signal.SIGCONT)

    def _turns(self, name):
        lines = self.pulses[name].printed().splitlines()
        return [line.split(" ", 2) for line in lines if line.count(" ") >= 2]

    def _note_turns(self, event):
        """Every turn since the last look went well, and none took longer than a call may."""
        for name in self.mounts:
            turns = self._turns(name)
            for begun, took, result in turns[self.told[name] :]:
                if result != "ok":
                    self.result.fail("refused", f"{event or 'before'}: {name} at {begun}: {result}")
                elif float(took) > self.call_max_s:
                    self.result.fail("slow", f"{event or 'before'}: {name} at {begun}: {took} s")
            self.told[name] = len(turns)
            if not self.cluster.mounts[name].is_alive():
                self.result.fail("ended", f"mount {name}: {self.cluster.mounts[name].last_words()}")

    def _longest_since(self, since):
        times = [
            float(took)
            for name in self.mounts
            for begun, took, _ in self._turns(name)
            if float(begun) + float(took) >= since
        ]
        return round(max(times, default=0), 1)

    def _stop(self):
        for script in [*self.loads, *self.pulses.values()]:
            script.signal(signal.SIGTERM)
        for script in [*self.loads, *self.pulses.values()]:
            script.await_exit(STOP_LOAD_S)
            if script.complained():
                self.result.fail("load", script.last_words())
        for file in sorted(os.listdir(self.journals)):
            with open(os.path.join(self.journals, file), encoding="utf-8") as lines:
                for line in lines:
                    clock, what, *fields = json.loads(line)
                    if what == "error" and "sqlite" not in file:
                        self.result.fail("refused", f"{file} at {clock:.1f}: {fields}")

    def _look_at_peers(self):
        for machine in self.cluster.unexpected_ends():
            machine.is_ours_to_end = True  # told once
            self.result.fail("ended", f"peer {machine.number}: {machine.peer.last_words()}")

    def _check(self):
        """All is whole again, and every file is what it was promised to be, by both mounts."""
        try:
            self.cluster.await_whole(self.plan.peers, WHOLE_MAX_S)
        except Failed as e:
            self.result.fail("not whole", str(e))
        faults = os.path.join(self.cluster.logs, "faults.json")
        with open(faults, "w", encoding="utf-8") as file:
            file.write("[]")
        for name in self.mounts:
            place = os.path.join(self.cluster.work, name)
            label = f"check-{name}"
            check = self.cluster.script(label, "promises", place, self.journals, faults)
            try:
                check.await_exit(CHECK_MAX_S)
            except Failed:
                check.kill()
                self.result.fail("unreadable", f"{name}: more than {CHECK_MAX_S} s")
                continue
            if check.exit != 0:
                raise Failed("harness", f"check {name}: {check.last_words()}")
            found = json.loads(check.printed())
            for kind, file, detail in found["failures"]:
                self.result.fail(kind, f"{name}: {file}: {detail}")
            self.result.figures["files"] = found["counts"].get("files", 0)


def options(parser):
    parser.add_argument("--peers", type=int, default=0, choices=[0, *PEERS], help="0: by the seed")
    events = [*EVENTS, HOPELESS]
    parser.add_argument("--event", default="", choices=events, help="default: three by the seed")
    parser.add_argument(
        "--call-within", type=float, default=CALL_MAX_S, help="s; default %(default)s"
    )


def main():
    command = Command("links", __doc__, 50, options)

    def one(seed):
        plan = Plan(seed, command.options)
        result = Result(str(plan))
        work = command.new_work()
        with (
            Lan(plan.peers + 3) as lan,
            LanCluster(work, lan, is_kept=command.options.keep) as cluster,
        ):
            journals = os.path.join(cluster.work, "journals")
            os.makedirs(journals)
            try:
                Round(cluster, lan, plan, command.options, journals, result).run()
            except Failed as e:
                if e.kind == "harness":
                    raise
                result.fail(e.kind, str(e))
            finally:
                if result.failures:
                    command.keep_logs(cluster.work, f"seed-{seed}")
        return result

    sys.exit(command.run(one, COLUMNS))


if __name__ == "__main__":
    main()
