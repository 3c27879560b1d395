"""Peers and mounts on loopback, each peer as if on a machine of its own.

A machine has a storage directory, a home, a /run and a boot id; the latter two are bound over the
real ones in a mount namespace of the peer's own, so nothing of this machine is touched. Closing the
cluster unmounts and ends all it started; it starts processes from the main thread only, and they
die with it, also when it is killed.
"""

import json
import os
import random as randomness
import shutil
import signal
import socket
import subprocess
import time
import uuid

from faults import powercut

PORT_FIRST = 20_000
PORT_COUNT = 12_000
READY_MAX_S = 60
COMMAND_MAX_S = 30
STOP_MAX_S = 30
POLL_S = 0.05

TOP = os.path.dirname(
    os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
)
IMAGE = os.environ.get("HOLDFAST_IMAGE", os.path.join(TOP, "target", "holdfast"))
PROGRAM = os.path.join(IMAGE, "bin", "holdfast")

# The machine's own things, for one process: $1 boot id, $2 /run, then the command. Mounts of the pool
# that are copied into its namespace would live as long as it does, and their processes with them.
ON_MACHINE = """
awk '/ - fuse.holdfast /{print $5}' /proc/self/mountinfo | while read -r point; do
  umount -l -c -i "$(printf '%b' "$point")" # a space is written as \\040
done
! grep ' - fuse.holdfast ' /proc/self/mountinfo || exit 97
mount --bind "$1" /proc/sys/kernel/random/boot_id && mount --bind "$2" /run || exit 98
shift 2
exec "$@"
"""


class Failed(Exception):
    """Something took too long or ended that shouldn't; `kind` is its class in the tables."""

    def __init__(self, kind, message):
        super().__init__(message)
        self.kind = kind


def now():
    return time.monotonic()


def wait_for(what, limit_s, condition, kind="harness"):
    """The first result that is true."""
    end = now() + limit_s
    while True:
        result = condition()
        if result:
            return result
        if now() > end:
            raise Failed(kind, f"wait for {what}: expected=within {limit_s} s, was=not")
        time.sleep(POLL_S)


def build_shim(folder):
    """Compiles what is preloaded under the peers."""
    source = os.path.join(TOP, "src", "test", "native", "powercut.c")
    shim = os.path.join(folder, "powercut.so")
    flags = ["-shared", "-fPIC", "-O2", "-Wall", "-Wextra", "-Werror"]
    subprocess.run(["cc", *flags, "-o", shim, source, "-ldl", "-lpthread"], check=True)
    return shim


def mounted_below(folder):
    """Mount points below a folder, the innermost first."""
    with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as lines:
        points = [line.split(" ")[4] for line in lines]
    points = [point.encode().decode("unicode_escape") for point in points]
    return sorted((p for p in points if p.startswith(folder + "/")), key=len, reverse=True)


def unmount_below(folder):
    for point in mounted_below(folder):
        subprocess.run(["umount", "-f", "-l", point], check=False)


def remove(folder):
    """Deletes a folder, when nothing is mounted below it."""
    unmount_below(folder)
    if mounted_below(folder):
        raise AssertionError(f"remove {folder}: expected=nothing mounted below, was=something")
    subprocess.run(["rm", "-rf", "--one-file-system", "--", folder], check=True)


class Launched:
    """A process; what it prints goes to LOGS/NAME.out and .err, appended."""

    def __init__(self, name, logs, command, environment=None):
        self.name = name
        self.out = os.path.join(logs, name + ".out")
        self.err = os.path.join(logs, name + ".err")
        self.out_from = os.path.getsize(self.out) if os.path.exists(self.out) else 0
        self.err_from = os.path.getsize(self.err) if os.path.exists(self.err) else 0
        self.begun = now()
        with open(self.out, "ab") as out, open(self.err, "ab") as err:
            self.process = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", "--", *command],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                env={**os.environ, **(environment or {})},
                cwd=logs,
            )

    def is_alive(self):
        return self.process.poll() is None

    @property
    def exit(self):
        return self.process.poll()

    def printed(self):
        return self._read(self.out, self.out_from)

    def complained(self):
        return self._read(self.err, self.err_from)

    @staticmethod
    def _read(path, start):
        with open(path, encoding="utf-8", errors="replace") as file:
            file.seek(start)
            return file.read()

    def has_said(self, text):
        return text in self.printed()

    def signal(self, number):
        if self.is_alive():
            self.process.send_signal(number)

    def kill(self):
        """Returns when it is gone: its locks are free, its last call is done."""
        self.signal(signal.SIGKILL)
        self.await_exit()

    def await_exit(self, limit_s=STOP_MAX_S):
        try:
            return self.process.wait(limit_s)
        except subprocess.TimeoutExpired:
            raise Failed(
                "harness", f"end {self.name}: expected=within {limit_s} s, was=still there"
            ) from None

    def last_words(self, count=6):
        lines = [line for line in self.complained().splitlines() if line.strip()]
        return "\n".join(lines[-count:])


class Machine:
    """What one peer's machine keeps, and its peer while it runs."""

    def __init__(self, cluster, number):
        self.cluster = cluster
        self.number = number
        self.folder = os.path.join(cluster.work, f"machine{number}")
        self.storage = os.path.join(self.folder, "storage")
        self.home = os.path.join(self.folder, "home")
        self.run = os.path.join(self.folder, "run")
        self.noted = os.path.join(self.folder, "noted")
        self.boot_id = os.path.join(self.folder, "boot_id")
        self.port = cluster.free_port()
        self.peer = None
        self.is_ours_to_end = False
        for folder in (self.folder, self.run, self.noted):
            os.makedirs(folder, exist_ok=True)
        if not os.path.exists(self.boot_id):
            self.reboot()

    def reboot(self):
        """Another boot id, and an empty /run."""
        for entry in os.listdir(self.run):
            path = os.path.join(self.run, entry)
            shutil.rmtree(path) if os.path.isdir(path) else os.unlink(path)
        with open(self.boot_id, "w", encoding="ascii") as file:
            file.write(str(uuid.UUID(int=randomness.getrandbits(128), version=4)) + "\n")

    def start(self, *flags):
        """Starts the peer and doesn't wait."""
        if self.peer and self.peer.is_alive():
            raise AssertionError(f"start peer {self.number}: expected=none, was=running")
        if not os.path.exists(self.home):
            self.cluster.give_home(self.home)
        environment = {"HOLDFAST_HOME": self.home}
        preload = []
        if self.cluster.shim:
            preload = [
                "env",
                f"LD_PRELOAD={self.cluster.shim}",
                f"POWERCUT_DIR={self.noted}",
                f"POWERCUT_ROOTS={self.storage}:{self.home}",
            ]
        command = [*self.cluster.on_machine(self.number), "unshare", "-m"]
        command += ["--propagation", "private", "sh", "-c", ON_MACHINE, "sh"]
        command += [self.boot_id, self.run, *preload, PROGRAM, "peer"]
        command += ["--storage-dir", self.storage, "--port", str(self.port)]
        command += [*self.cluster.confinement(), *self.cluster.peer_flags, *flags]
        self.peer = Launched(f"peer{self.number}", self.cluster.logs, command, environment)
        self.cluster.processes.append(self.peer)
        self.is_ours_to_end = False
        return self.peer

    def is_ready(self):
        return self.peer is not None and self.peer.has_said("peer ready ")

    def is_running(self):
        return self.peer is not None and self.peer.is_alive()

    def kill(self):
        """Its process dies; all it wrote is still with the kernel."""
        self.is_ours_to_end = True
        if self.peer:
            self.peer.kill()

    def stop(self):
        """In good order; returns the exit code."""
        self.is_ours_to_end = True
        self.peer.signal(signal.SIGTERM)
        return self.peer.await_exit()

    def lose_power(self, random):
        """When its process is dead: what is left of its files, another boot id, an empty /run."""
        if self.is_running():
            raise AssertionError(f"cut power of {self.number}: expected=killed, was=running")
        done = powercut.cut(self.noted, [self.storage, self.home], random)
        self.reboot()
        return done

    def rules(self, *lines):
        """What the shim does to this peer's calls from now on."""
        part = os.path.join(self.noted, "rules.part")
        with open(part, "w", encoding="ascii") as file:
            file.write("".join(line + "\n" for line in lines))
        os.rename(part, os.path.join(self.noted, "rules"))


class Cluster:
    """Use it in a `with`: leaving it ends everything, and deletes the folder unless kept."""

    def __init__(self, work, shim=None, peer_flags=(), is_kept=False):
        self.work = os.path.realpath(work)
        self.shim = shim
        self.peer_flags = list(peer_flags)
        self.is_kept = is_kept
        self.logs = os.path.join(self.work, "logs")
        os.makedirs(self.logs, exist_ok=True)
        self._taken_ports = set()
        self.discovery_port = self.free_port()
        self.machines = {}
        self.mounts = {}
        self.processes = []
        self._commands = 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        """To its end: whoever tells the command to stop meanwhile is heard afterwards."""
        stops = {signal.SIGTERM, signal.SIGHUP, signal.SIGINT}
        before = signal.pthread_sigmask(signal.SIG_BLOCK, stops)
        try:
            self._close()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

    def _close(self):
        for process in self.processes:
            process.signal(signal.SIGCONT)
            process.signal(signal.SIGKILL)
        unmount_below(self.work)
        for process in self.processes:
            process.await_exit()
        if not self.is_kept:
            remove(self.work)

    def free_port(self):
        """A TCP and UDP port nobody uses, below those the system gives out by itself."""
        for _ in range(1000):
            port = PORT_FIRST + randomness.randrange(PORT_COUNT)
            with socket.socket() as tcp, socket.socket(type=socket.SOCK_DGRAM) as udp:
                try:
                    tcp.bind(("127.0.0.1", port))
                    udp.bind(("127.0.0.1", port))
                except OSError:
                    continue
            if port not in self._taken_ports:
                self._taken_ports.add(port)
                return port
        raise AssertionError("no free port")

    def confinement(self):
        return ["--bind", "127.0.0.1", "--discovery", f"127.255.255.255:{self.discovery_port}"]

    # What a process begins with, to run where it belongs: here.

    def on_machine(self, _number):
        return []

    def on_mount(self, _name):
        return []

    def on_client(self):
        return []

    def machine(self, number):
        if number not in self.machines:
            self.machines[number] = Machine(self, number)
        return self.machines[number]

    def give_home(self, home):
        """A copy of the home that made the pool, as a user gives it to another machine."""
        first = self.machine(1).home
        kept = os.path.join(self.work, "home-client")  # which nobody damages
        if home != first:
            shutil.copytree(kept if os.path.exists(kept) else first, home)

    def start_pool(self, peer_count):
        """Peers 1 to this many, all voters who can be, and safe."""
        for number in range(1, peer_count + 1):
            machine = self.machine(number)
            machine.start()
            self.await_ready([machine])
        self.await_whole(peer_count)

    def await_ready(self, machines, limit_s=READY_MAX_S, kind="not ready"):
        for machine in machines:
            wait_for(
                f"peer {machine.number}",
                limit_s,
                lambda m=machine: m.is_ready() or not m.is_running(),
                kind,
            )
            if not machine.is_running():
                raise Failed("ended", f"peer {machine.number} ended: {machine.peer.last_words()}")

    def client_home(self, name="client"):
        home = os.path.join(self.work, f"home-{name}")
        if not os.path.exists(home):
            self.give_home(home)
        return home

    def holdfast(self, *arguments, limit_s=COMMAND_MAX_S):
        """Runs a command; returns exit code, output and errors. 124 when it took too long."""
        command = [*self.on_client(), PROGRAM, *arguments, *self.confinement()]
        environment = {**os.environ, "HOLDFAST_HOME": self.client_home()}
        try:
            done = subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=limit_s,
                env=environment,
                check=False,
            )
            return done.returncode, done.stdout, done.stderr
        except subprocess.TimeoutExpired:
            return 124, "", "took too long"

    def status(self):
        """What status says, or None."""
        code, out, _ = self.holdfast("status", "--json", "--timeout", "5s")
        return json.loads(out) if code == 0 else None

    def await_whole(self, peer_count, limit_s=READY_MAX_S, kind="not whole"):
        """All up, voters as many as they should be, SAFE, nothing missing: the status then."""
        voters = peer_count if peer_count in (1, 2, 3, 5) else 3
        last = [None]

        def is_whole():
            last[0] = status = self.status()
            return status is not None and (
                sum(peer["state"] == "up" for peer in status["peers"]) == peer_count
                and sum(peer["voter"] for peer in status["peers"]) == voters
                and status["safe"]
                and status["copies"]["missing"] == 0
            )

        try:
            wait_for(f"a whole pool of {peer_count}", limit_s, is_whole, kind)
        except Failed as e:
            raise Failed(kind, f"{e}; status={describe(last[0])}") from None
        return last[0]

    def leader(self):
        """The number of the machine that leads, or None."""
        status = self.status()
        if status is None:
            return None
        address = {peer["id"]: peer["address"] for peer in status["peers"]}
        port = address.get(status["log"]["leader"], ":0").rpartition(":")[2]
        return next((m.number for m in self.machines.values() if str(m.port) == port), None)

    def mount(self, name):
        """Starts a mount at WORK/NAME and doesn't wait."""
        place = os.path.join(self.work, name)
        os.makedirs(place, exist_ok=True)
        command = [*self.on_mount(name), PROGRAM, "mount", "--mount", place]
        command += self.confinement()
        environment = {"HOLDFAST_HOME": self.client_home(name)}
        mount = Launched(f"mount-{name}", self.logs, command, environment)
        self.processes.append(mount)
        self.mounts[name] = mount
        return place

    def await_mounts(self, *names, limit_s=READY_MAX_S):
        for name in names:
            mount = self.mounts[name]
            wait_for(
                f"mount {name}",
                limit_s,
                lambda m=mount: m.has_said("mount ready ") or not m.is_alive(),
                "no mount",
            )
            if not mount.is_alive():
                raise Failed("no mount", f"mount {name} ended: {mount.last_words()}")

    def end_mount(self, name):
        """Kills a mount, and what still waits for it gets an error."""
        mount = self.mounts.pop(name)
        mount.kill()
        subprocess.run(
            ["umount", "-f", "-l", os.path.join(self.work, name)],
            check=False,
            stderr=subprocess.DEVNULL,
        )

    def script(self, name, module, *arguments):
        """Starts a module of this package as a process of its own."""
        environment = {"PYTHONPATH": os.path.dirname(os.path.dirname(os.path.abspath(__file__)))}
        command = ["/usr/bin/python3", "-B", "-m", f"faults.{module}", *map(str, arguments)]
        process = Launched(name, self.logs, command, environment)
        self.processes.append(process)
        return process

    def unexpected_ends(self):
        """Peers that ended though nobody asked them to."""
        return [
            m
            for m in self.machines.values()
            if m.peer and not m.is_running() and not m.is_ours_to_end
        ]


def describe(status):
    if status is None:
        return "none"
    peers = [
        f"{peer['address'].rpartition(':')[2]} {peer['state']}{' voter' if peer['voter'] else ''}"
        for peer in status["peers"]
    ]
    safety = "safe" if status["safe"] else "not safe"
    return f"{safety}, {status['copies']}, {peers}, {status['summary']}"
