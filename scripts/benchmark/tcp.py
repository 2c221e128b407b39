"""TCP over one tunnel, both ways, beside TCP over no tunnel: iperf3 in real namespaces."""
import json
import os
import statistics
import subprocess
import time

from .frames import CLIENT4, CLIENT6, MAC, NET6, PASSWORD, POP4, PREFIX
from .judge import Wrong
from .packets import MODES
from .stage import TOOLS, WIRES, Stage

INNER = f"{PREFIX}:1::2"
GATEWAY = "fe80::1"
NOHASH = os.path.join(TOOLS, "sixxsd-nohash")

# name, mode, the daemon's binary (None: the measured one)
CASES = (("protocol 41", "user", None), ("protocol 41", "TC", None), ("protocol 41", "XDP", None),
         ("AYIYA", "user", None), ("AYIYA", "AF_XDP", None), ("AYIYA, no hashing", "user", NOHASH))


def offloads(stage, state):
    """Super-packets, as network cards and local senders have them."""
    for a, da, b, db in WIRES:
        for name, dev in ((a, da), (b, db)):
            stage.inside(name, "ethtool", "-K", dev, "tx", state, "tso", state, "gso", state)


def join_protocol41(stage):
    """In place of sit: a device whose packets a BPF program takes, whole."""
    stage.ip("client", "link", "add", "t0", "address", ":".join(
        MAC["c0"][i:i + 2] for i in range(0, 12, 2)), "type", "veth", "peer", "name", "t1")
    stage.ip("client", "link", "set", "t1", "up")
    stage.ip("client", "link", "set", "t0", "mtu", "1480", "gso_max_size", "65000", "up")
    stage.sh(os.path.join(TOOLS, "p41"), "--netns", stage.ns("client"), "--real", "c0",
             "--dummy", "t0", "--us", CLIENT4, "--them", POP4, "--dmac", MAC["p0"],
             "--smac", MAC["c0"])
    stage.ip("client", "-6", "neigh", "add", GATEWAY, "lladdr", "02:00:00:00:00:99", "dev", "t0")


def join_ayiya(stage, hashes):
    stage.spawn("client", os.path.join(TOOLS, "ayiya"), "--pop", POP4, "--inner", INNER,
                "--password", PASSWORD.decode(), "--tun", "t0",
                *([] if hashes else ["--no-hash"]))
    for _ in range(100):
        if "t0" in stage.ip("client", "link"):
            break
        time.sleep(0.05)
    stage.ip("client", "link", "set", "t0", "mtu", "1428", "up")


class Joined:
    """A tunnel between the client and a daemon; the client's traffic goes where it is told."""

    def __init__(self, stage, name, mode, binary):
        self.stage, self.plain41 = stage, name.startswith("protocol 41")
        lines = Stage.head() + [Stage.static(1) if self.plain41 else Stage.ayiya(1)]
        stage.start(lines, binary)
        stage.told("pop set fastpath " + MODES[mode], "Fast path")
        if self.plain41:
            join_protocol41(stage)
        else:
            join_ayiya(stage, "no hashing" not in name)
        stage.ip("client", "address", "add", INNER + "/64", "dev", "t0", "nodad")

    def through(self, tunnel):
        via = ["via", GATEWAY] if tunnel and self.plain41 else []
        if not tunnel:
            via = ["via", "2001:db8:cccc::1"]
        self.stage.ip("client", "-6", "route", "replace", "2001:db8:ffff::/64", *via,
                      "dev", "t0" if tunnel else "c0")

    def leave(self):
        self.through(False)
        for p in self.stage.helpers[:]:
            if any("ayiya" in x for x in p.args):
                p.terminate()
                p.wait(10)
                self.stage.helpers.remove(p)
        if self.plain41:
            self.stage.ip("client", "link", "delete", "t0")
            self.stage.inside("client", "tc", "qdisc", "delete", "dev", "c0", "clsact")
        self.stage.stop()


def iperf(stage, source, seconds, reverse):
    argv = ["ip", "netns", "exec", stage.ns("client"), "iperf3", "-6", "-c", NET6, "-B", source,
            "-t", str(seconds), "-J", *(["-R"] if reverse else [])]
    said = ""
    for _ in range(2):              # its server may still be at the last test's end
        try:
            p = subprocess.run(argv, capture_output=True, text=True, timeout=seconds + 20)
            said = p.stdout + p.stderr
            return json.loads(p.stdout)["end"]["sum_received"]["bits_per_second"] / 1e9
        except (ValueError, KeyError, subprocess.TimeoutExpired) as e:
            said = said or str(e)
            time.sleep(0.5)
    raise Wrong(f"iperf3: {said[-600:]}")


def measure(stage, pairs, seconds, only=""):
    out = []
    server = stage.spawn("internet", "iperf3", "-s")
    time.sleep(0.3)
    try:
        for name, mode, binary in CASES:
            if only in "TCP, " + name:
                out += one_case(stage, name, mode, binary, pairs, seconds)
    finally:
        server.terminate()
        offloads(stage, "off")
    return out


def one_case(stage, name, mode, binary, pairs, seconds):
    rows = {False: [], True: []}
    # XDP sees frames as on a wire, with their checksums, of at most the MTU; a veth that leaves
    # either to its other end would have them lost. No tunnel is measured under the same terms.
    offloads(stage, "off" if "XDP" in mode else "on")
    tunnel = Joined(stage, name, mode, binary)
    try:
        for _ in range(pairs):
            for reverse, list_ in rows.items():
                tunnel.through(False)
                none = iperf(stage, CLIENT6, seconds, reverse)
                tunnel.through(True)
                list_.append((none, iperf(stage, INNER, seconds, reverse)))
    finally:
        tunnel.leave()
    return [{
        "case": f"TCP, {name} {'out' if reverse else 'in'}", "mode": mode,
        "gbit_s": statistics.median(t for _, t in r), "none_gbit_s": statistics.median(n for n, _ in r),
        "ratio": statistics.median(t / n for n, t in r),
        "ratio_min": min(t / n for n, t in r), "ratio_max": max(t / n for n, t in r),
        "pairs": r,
    } for reverse, r in rows.items()]
