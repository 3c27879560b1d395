"""Rounds of a command: each from a seed of its own, those that are done are not done again.

A command makes a `Command` and gives `run` the function of a round. What is done is kept in
target/faults/NAME/state-OPTIONS.json; a run with the same options that was cut off goes on from it.
"""

import argparse
import json
import os
import shutil
import signal
import tempfile
import time
import traceback

from faults import cluster
from faults.powercut import Void

KEPT_FILE_BYTES_MAX = 20 << 20
TRIES_MAX = 3


class Result:
    """What a round found: figures for its line, and failures by class."""

    def __init__(self, plan):
        self.plan = plan
        self.figures = {}
        self.failures = []

    def fail(self, kind, detail):
        self.failures.append([kind, detail])

    def counts(self):
        counts = {}
        for kind, _ in self.failures:
            counts[kind] = counts.get(kind, 0) + 1
        return counts

    def verdict(self):
        return ", ".join(f"{kind} {count}" for kind, count in self.counts().items()) or "ok"


class Command:
    """Options and state of a command that runs in rounds."""

    def __init__(self, name, description, rounds, options):
        """`options` takes the parser and adds the command's own."""
        self.name = name
        parser = argparse.ArgumentParser(prog=f"jlink/{name}", description=description)
        parser.add_argument("--rounds", type=int, default=rounds, help="default %(default)s")
        parser.add_argument("--seed", type=int, default=1, help="of the first round; default 1")
        parser.add_argument("--fresh", action="store_true", help="forget what was done before")
        parser.add_argument("--keep", action="store_true", help="keep the work folder")
        parser.add_argument("--work", help="where to put files; default: the temporary folder")
        options(parser)
        self.options = parser.parse_args()
        self.folder = os.path.join(cluster.TOP, "target", "faults", name)
        os.makedirs(self.folder, exist_ok=True)
        passing = ("fresh", "keep", "rounds", "work")
        key = {k: v for k, v in vars(self.options).items() if k not in passing}
        words = "".join(f"-{name}={value}" for name, value in sorted(key.items()) if value != "")
        self.state_file = os.path.join(self.folder, f"state{words.replace('/', '_')}.json")
        # `pool`: what a command knows of files that later rounds need; none: each has its own.
        self.state = {"rounds": {}, "work": None, "pool": None}
        self._take_up()

    def _take_up(self):
        if not os.path.exists(self.state_file):
            return
        with open(self.state_file, encoding="utf-8") as file:
            before = json.load(file)
        is_there = before["work"] and os.path.isdir(before["work"])
        if is_there and before.get("pool") is not None and not self.options.fresh:
            cluster.unmount_below(before["work"])
        else:
            # Cut off: its processes died with it, its mounts and files may be still there.
            if is_there:
                cluster.remove(before["work"])
            before.update(work=None, pool=None)
        if not self.options.fresh:
            self.state = before

    def save(self):
        part = self.state_file + ".part"
        with open(part, "w", encoding="utf-8") as file:
            json.dump(self.state, file, indent=1)
        os.replace(part, self.state_file)

    def new_work(self):
        """A folder for this round, on a disk with room; found again after a crash."""
        root = self.options.work or tempfile.gettempdir()
        work = tempfile.mkdtemp(prefix=f"holdfast-{self.name}-", dir=root)
        self.state["work"] = work
        self.save()
        return work

    def keep_logs(self, work, label):
        """Copies a failed round's logs and journals into target."""
        kept = os.path.join(self.folder, label)
        shutil.rmtree(kept, ignore_errors=True)
        for name in ("logs", "journals"):
            source = os.path.join(work, name)
            if os.path.isdir(source):
                shutil.copytree(source, os.path.join(kept, name), ignore=_too_large)

    def run(self, round_of, columns):
        """`round_of(seed)` gives a Result. Returns the exit code: 0 when every round is well."""
        signal.signal(signal.SIGTERM, _interrupt)
        signal.signal(signal.SIGHUP, _interrupt)
        first = self.options.seed
        for seed in range(first, first + self.options.rounds):
            done = self.state["rounds"].get(str(seed))
            if done is None:
                done = self._one(round_of, seed)
                self.state["rounds"][str(seed)] = done
                if self.state["pool"] is None:
                    self.state["work"] = None
                self.save()
            print(self._line(seed, done), flush=True)
        seeds = [str(seed) for seed in range(first, first + self.options.rounds)]
        return self._table(seeds, columns)

    def _one(self, round_of, seed):
        for attempt in range(1, TRIES_MAX + 1):
            begun = time.monotonic()
            try:
                result = round_of(seed)
                failures = result.failures
                verdict = result.verdict()
                break
            except (Void, cluster.Failed) as e:
                if isinstance(e, cluster.Failed) and e.kind != "harness":
                    raise AssertionError(f"seed {seed}: a fault wasn't told of: {e}") from e
                result, failures, verdict = Result("void"), [["void", str(e)]], f"void: {e}"
                print(f"seed {seed}, attempt {attempt}: {verdict}", flush=True)
            except (AssertionError, OSError, KeyError, ValueError):
                traceback.print_exc()
                raise
        return {
            "plan": result.plan,
            "verdict": verdict,
            "failures": failures[:100],
            "counts": {k: sum(f[0] == k for f in failures) for k in dict(failures)},
            "figures": result.figures,
            "seconds": round(time.monotonic() - begun, 1),
        }

    def _line(self, seed, done):
        figures = ", ".join(f"{name} {value}" for name, value in done["figures"].items())
        line = f"seed {seed}: {done['plan']}: {done['verdict']}; {figures} ({done['seconds']} s)"
        for kind, detail in done["failures"][:6]:
            line += f"\n    {kind}: {str(detail)[:600]}"
        return line

    def _table(self, seeds, columns):
        """Rounds and failures by plan."""
        rows = {}
        for seed in seeds:
            done = self.state["rounds"][seed]
            row = rows.setdefault(done["plan"], {"rounds": 0, "ok": 0})
            row["rounds"] += 1
            row["ok"] += done["verdict"] == "ok"
            for kind in done["counts"]:
                row[kind] = row.get(kind, 0) + 1
        kinds = [kind for kind in columns if any(kind in row for row in rows.values())]
        kinds += sorted({k for row in rows.values() for k in row} - {"rounds", "ok", *kinds})
        print()
        print("Rounds with at least one failure of each class:")
        print()
        print(f"| {self.name} | rounds | ok | " + "".join(f"{kind} | " for kind in kinds))
        print("|---|--:|--:|" + "--:|" * len(kinds))
        for plan, row in sorted(rows.items()):
            cells = "".join(f"{row.get(kind, '')} | " for kind in kinds)
            print(f"| {plan} | {row['rounds']} | {row['ok']} | {cells}")
        failed = [seed for seed in seeds if self.state["rounds"][seed]["verdict"] != "ok"]
        total = len(seeds)
        print()
        print(
            f"{total - len(failed)} of {total} rounds ok; failed seeds: {' '.join(failed) or '-'}"
        )
        return 1 if failed else 0


def _interrupt(number, _):
    raise KeyboardInterrupt(f"signal {number}")


def _too_large(folder, names):
    return [
        name
        for name in names
        if os.path.isfile(os.path.join(folder, name))
        and os.path.getsize(os.path.join(folder, name)) > KEPT_FILE_BYTES_MAX
    ]
