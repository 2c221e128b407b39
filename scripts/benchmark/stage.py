"""
The namespaces, the traffic, and a daemon when asked for one.

      client ---c0   p0--- pop ---p1   n0--- internet
"""
import json
import os
import shutil
import socket
import subprocess
import tempfile
import time

from .frames import CLIENT4, CLIENT6, MAC, NET6, PASSWORD, POP4, PREFIX
from .judge import Wrong

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.join(ROOT, "build/bench")
SIXXSD = os.path.join(BUILD, "src/sixxsd")
TOOLS = os.path.join(BUILD, "tests/bench")
NAMES = ("client", "pop", "internet")
WIRES = (("client", "c0", "pop", "p0"), ("internet", "n0", "pop", "p1"))


def colons(device):
    return ":".join(MAC[device][i:i + 2] for i in range(0, 12, 2))


class Stage:
    def __init__(self, binary=SIXXSD):
        self.id = f"sxbench{os.getpid()}"
        self.binary = binary
        self.daemon = None
        self.helpers = []
        self.dir = tempfile.mkdtemp(prefix=self.id)
        os.chmod(self.dir, 0o755)
        self.file = os.path.join(self.dir, "sixxsd.conf")

    # ---- namespaces ----

    def ns(self, name):
        return f"{self.id}-{name}"

    def sh(self, *argv):
        p = subprocess.run(argv, capture_output=True, text=True, stdin=subprocess.DEVNULL)
        if p.returncode:
            raise Wrong(f"{' '.join(argv)}: {p.stderr.strip()}")
        return p.stdout

    def ip(self, name, *args):
        return self.sh("ip", "-n", self.ns(name), *args)

    def inside(self, name, *argv):
        return self.sh("ip", "netns", "exec", self.ns(name), *argv)

    def spawn(self, name, *argv):
        """A program that runs in a namespace until close(), or until it is ended."""
        p = subprocess.Popen(["ip", "netns", "exec", self.ns(name), *argv],
                             stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                             stderr=subprocess.DEVNULL)
        self.helpers.append(p)
        return p

    def build(self):
        for name in NAMES:
            self.sh("ip", "netns", "add", self.ns(name))
            self.ip(name, "link", "set", "lo", "up")
        for a, da, b, db in WIRES:
            self.sh("ip", "link", "add", da, "netns", self.ns(a), "address", colons(da),
                    "type", "veth", "peer", "name", db, "netns", self.ns(b), "address", colons(db))
            for name, d in ((a, da), (b, db)):
                self.ip(name, "link", "set", d, "up")
                # a veth takes frames from XDP only while its receiving side polls; checksums
                # are on the wire, where the samples are taken
                self.inside(name, "ethtool", "-K", d, "gro", "on", "tx", "off")
        for name, dev, *addresses in (
                ("client", "c0", CLIENT4 + "/24", CLIENT6 + "/64"),
                ("pop", "p0", POP4 + "/24", "2001:db8:cccc::1/64"),
                ("pop", "p1", "2001:db8:ffff::2/64"), ("internet", "n0", NET6 + "/64")):
            for a in addresses:
                self.ip(name, "address", "add", a, "dev", dev, *(["nodad"] if ":" in a else []))
        self.inside("pop", "sh", "-c", "echo 1 > /proc/sys/net/ipv6/conf/all/forwarding;"
                                       "echo 1 > /proc/sys/net/ipv4/ip_forward")
        for name, gateway, dev, at in (("client", "2001:db8:cccc::1", "c0", "p0"),
                                       ("internet", "2001:db8:ffff::2", "n0", "p1")):
            self.ip(name, "neigh", "add", gateway, "lladdr", colons(at), "dev", dev, "nud", "permanent")
            self.ip(name, "-6", "route", "add", "default", "via", gateway)
        for addr, mac, dev in ((CLIENT4, "c0", "p0"), (CLIENT6, "c0", "p0"), (NET6, "n0", "p1")):
            self.ip("pop", "neigh", "add", addr, "lladdr", colons(mac), "dev", dev, "nud", "permanent")

    def close(self):
        try:
            self.stop()
            for p in self.helpers:
                p.terminate()
            for p in self.helpers:
                p.wait(10)
        finally:
            for name in NAMES:
                subprocess.run(["ip", "netns", "delete", self.ns(name)], capture_output=True)
            shutil.rmtree(self.dir, ignore_errors=True)

    # ---- the daemon ----

    @staticmethod
    def head(workers=1):
        return ["pop set limits tunnels 32767 subnets 65536", f"pop set workers {workers}",
                f"pop set details 1 bench01 {POP4} unspecified", "pop set id 1",
                f"pop tunnelprefix add {PREFIX}::/48"]

    @staticmethod
    def static(tid):
        return f"tunnel set config {tid:x} T{tid} {CLIENT4} up 1480"

    @staticmethod
    def ayiya(tid):
        return f"tunnel set config {tid:x} T{tid} ayiya up 1428 {PASSWORD.decode()}"

    def write(self, lines):
        with open(self.file, "w", encoding="ascii") as f:
            f.write("\n".join(lines) + "\n")
        os.chmod(self.file, 0o644)

    def start(self, lines, binary=None):
        """Seconds from exec to the first answer of the command line."""
        self.write(lines)
        log = os.path.join(self.dir, "log")
        with open(log, "wb") as out:
            began = time.monotonic()
            self.daemon = subprocess.Popen(
                ["ip", "netns", "exec", self.ns("pop"), binary or self.binary, "-f", "-c", self.file,
                 "--run-dir", self.dir], stdin=subprocess.DEVNULL, stdout=out, stderr=out)
        while time.monotonic() < began + 60 and self.daemon.poll() is None:
            try:
                self.ask("pop show uptime")
                return time.monotonic() - began
            except OSError:
                time.sleep(0.002)
        with open(log, encoding="utf-8", errors="replace") as f:
            raise Wrong("sixxsd did not start: " + f.read()[-2000:])

    def ask(self, line):
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(30)
            s.connect(os.path.join(self.dir, "control"))
            f = s.makefile("rwb")
            f.readline()
            f.write(line.encode() + b"\n")
            f.flush()
            first = f.readline().decode().rstrip()
            if first[1:4] != "01 ":
                return [first[4:]]
            n = int(first.split()[1])
            return [f.readline().decode().rstrip("\n") for _ in range(n)]

    def told(self, line, answer):
        said = self.ask(line)
        if not said or not said[0].startswith(answer):
            raise Wrong(f"{line}: {said}")

    def stop(self):
        if self.daemon:
            self.daemon.terminate()
            self.daemon.wait(10)
            self.daemon = None

    def resident_kib(self):
        with open(f"/proc/{self.daemon.pid}/status", encoding="ascii") as f:
            return int(next(x for x in f if x.startswith("VmRSS")).split()[1])

    def cpu_s(self):
        """Seconds of CPU, of all threads, to the nanosecond."""
        tasks, total = f"/proc/{self.daemon.pid}/task", 0
        for task in os.listdir(tasks):
            with open(f"{tasks}/{task}/schedstat", encoding="ascii") as f:
                total += int(f.read().split()[0])
        return total / 1e9

    # ---- traffic ----

    def traffic(self, towards, frame, kind, seconds, *more, warm=0.2):
        """What came out at the other end, and sampled frames."""
        a, b = ("client:c0", "internet:n0") if towards == "internet" else ("internet:n0", "client:c0")
        p = subprocess.run([os.path.join(TOOLS, "traffic"), "--from", self.id + "-" + a,
                            "--to", self.id + "-" + b, "--frame", frame.hex(),
                            "--ether-type", hex(kind), "--seconds", str(seconds),
                            "--warm", str(warm), *map(str, more)], capture_output=True, text=True)
        if p.returncode:
            raise Wrong(f"traffic: {p.stderr.strip()}")
        r = json.loads(p.stdout)
        r["pps"] = r["received"] / r["seconds"]
        return r
