"""Hosts on a LAN that is none: network namespaces, a veth link each to one bridge.

Nothing leaves them. A link is broken at the host that would receive: nft drops there what comes from
the other, in one direction, without an answer to anybody. Closing it takes the namespaces away.
"""

import itertools
import os
import re
import subprocess

NET = "10.77.0"
TABLE = "holdfast"
NAMESPACES = "/var/run/netns"
NAME = re.compile(r"hf(\d+)h\w+")

# Where Debian has nft and ip, which a user's path lacks.
os.environ["PATH"] = os.environ.get("PATH", "/usr/bin:/bin") + ":/usr/sbin:/sbin"


def run(*words):
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise AssertionError(f"{' '.join(words)}: exit {done.returncode}, {done.stderr.strip()}")
    return done.stdout


class Lan:
    """Use it in a `with`. Hosts are numbered from 1."""

    def __init__(self, count):
        self.prefix = f"hf{os.getpid()}"
        self.hosts = range(1, count + 1)

    def __enter__(self):
        self._remove_left()
        try:
            self._make()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_):
        self.close()

    def _make(self):
        switch = self._name("sw")
        run("ip", "netns", "add", switch)
        run("ip", "-n", switch, "link", "add", "br0", "type", "bridge")
        run("ip", "-n", switch, "link", "set", "br0", "up")
        for host in self.hosts:
            name, inner, outer = self._name(host), f"v{host}", f"p{host}"
            run("ip", "netns", "add", name)
            run("ip", "-n", name, "link", "set", "lo", "up")
            link = ["ip", "link", "add", inner, "netns", name, "type", "veth"]
            run(*link, "peer", "name", outer, "netns", switch)
            run("ip", "-n", name, "addr", "add", f"{self.address(host)}/24", "brd", "+", "dev", inner)
            run("ip", "-n", name, "link", "set", inner, "up")
            run("ip", "-n", switch, "link", "set", outer, "master", "br0")
            run("ip", "-n", switch, "link", "set", outer, "up")
            self._nft(host, f"add table inet {TABLE}")
            chain = "type filter hook input priority 0; policy accept;"
            self._nft(host, f"add chain inet {TABLE} in {{ {chain} }}")

    def close(self):
        self._remove(lambda pid: pid == os.getpid())

    def _remove_left(self):
        """What runs that were killed have left; their processes died with them."""
        self._remove(lambda pid: not os.path.isdir(f"/proc/{pid}"))

    @staticmethod
    def _remove(is_meant):
        for name in os.listdir(NAMESPACES) if os.path.isdir(NAMESPACES) else []:
            match = NAME.fullmatch(name)
            if match and is_meant(int(match.group(1))):
                subprocess.run(["ip", "netns", "del", name], check=False)

    def _name(self, host):
        return f"{self.prefix}h{host}"

    def address(self, host):
        return f"{NET}.{host}"

    def on(self, host):
        """What a command begins with to run on a host. It sees this machine's files and mounts."""
        return ["nsenter", f"--net={NAMESPACES}/{self._name(host)}", "--"]

    def _nft(self, host, rule):
        run(*self.on(host), "nft", *rule.split(" "))

    def drop(self, source, target):
        """What `source` sends to `target` is lost from now on."""
        self._nft(target, f"add rule inet {TABLE} in ip saddr {self.address(source)} drop")

    def cut(self, one, other):
        self.drop(one, other)
        self.drop(other, one)

    def isolate(self, host, others=None):
        for other in others or self.hosts:
            if other != host:
                self.cut(host, other)

    def lose(self, percent):
        """Of what each host receives, so much is lost, by chance."""
        for host in self.hosts:
            self._nft(
                host,
                f"add rule inet {TABLE} in iifname v{host} numgen random mod 100 < {percent} drop",
            )

    def mend(self):
        for host in self.hosts:
            self._nft(host, f"flush chain inet {TABLE} in")

    def pairs(self):
        return list(itertools.combinations(self.hosts, 2))
