"""Packets a second: every case beside plain kernel forwarding and a bare XDP redirect."""
import os
import statistics
import time
from dataclasses import dataclass, field

from . import frames, judge
from .frames import CLIENT6, HEAD_OCTETS, IPV4, IPV6, MAC, NET6
from .judge import Wrong
from .stage import Stage

GRE, AYIYA = 0x2000, 0x3000     # first tunnel id of each kind
TABLE = 32766                   # protocol 41 tunnels 1 and up, as many as a /48 has
MODES = {"XDP": "p0/native p1/native", "generic": "p0/generic p1/generic", "TC": "p0/tc p1/tc",
         "AF_XDP": "p0/native p1/native", "user": "off"}


@dataclass(eq=False)
class Case:
    """One row: what is sent, in which mode, through how many tunnels."""
    name: str
    mode: str
    kinds: list                 # "p41", "gre", "ayiya"
    tunnels: int
    flows: int = 1
    workers: int = 1
    large: bool = False         # the full table of protocol 41
    rows: list = field(default_factory=list)

    def label(self):
        return self.name + (f", {self.flows} flows" if self.flows > 1 else "")


def cases(quick):
    p41, gre, ayiya = ["p41"], ["gre"], ["ayiya"]
    out = [Case("protocol 41", "XDP", p41, 1024), Case("protocol 41", "TC", p41, 1024),
           Case("protocol 41", "user", p41, 1024), Case("GRE", "XDP", gre, 1024),
           Case("AYIYA", "AF_XDP", ayiya, 1), Case("AYIYA", "AF_XDP", ayiya, 1024),
           Case("AYIYA", "user", ayiya, 1024)]
    if quick:
        return out
    return [Case("protocol 41", "XDP", p41, 1), Case("protocol 41", "generic", p41, 1024),
            Case("GRE", "user", gre, 1024), Case("AYIYA", "AF_XDP", ayiya, 1, 16),
            Case("AYIYA", "user", ayiya, 1), Case("AYIYA", "user", ayiya, 1, 16),
            Case("mixed", "XDP", p41 + ayiya, 1024), Case("mixed", "user", p41 + ayiya, 1024),
            *out,
            Case("protocol 41", "XDP", p41, TABLE, large=True),
            Case("protocol 41", "user", p41, TABLE, large=True),
            Case("protocol 41", "user", p41, 1024, workers=2),
            Case("AYIYA", "AF_XDP", ayiya, 1024, workers=2),
            Case("AYIYA", "user", ayiya, 1024, workers=2)]


FIRST = {"p41": 1, "gre": GRE, "ayiya": AYIYA}
MAKE = {"p41": frames.protocol41, "gre": frames.gre, "ayiya": frames.ayiya}
# a frame has one length: what has fewer headers carries more
EXTRA = {"p41": 52, "gre": 48, "ayiya": 0}


def lengths(case, size):
    mixed = len(case.kinds) > 1
    return {k: size + (EXTRA[k] if mixed else 0) for k in case.kinds}


def config(large, workers):
    # the latency test's packets would be found among the samples
    head = Stage.head(workers) + ["pop set latency 0"]
    if large:
        return head + [Stage.static(t) for t in range(1, TABLE + 1)]
    lines = head + [Stage.static(t) for t in range(1, 1025)]
    for t in range(GRE, GRE + 1024):
        lines += [Stage.static(t), f"tunnel set encap T{t} gre"]
    return lines + [Stage.ayiya(t) for t in range(AYIYA, AYIYA + 1024)]


def beat(stage):
    """A signed no-op of every AYIYA tunnel, so that all are up."""
    code = ("import socket,sys\n"
            "s=socket.socket(socket.AF_INET,socket.SOCK_DGRAM);s.bind(('',int(sys.argv[1])))\n"
            "for x in open(sys.argv[3]): s.sendto(bytes.fromhex(x),(sys.argv[2],5072))\n")
    path = os.path.join(stage.dir, "beats")
    with open(path, "w", encoding="ascii") as f:
        for t in range(AYIYA, AYIYA + 1024):
            f.write(frames.signed(b"", t, 59, 0).hex() + "\n")
    stage.inside("client", "/usr/bin/python3", "-c", code, str(frames.PORT), frames.POP4, path)
    deadline = time.monotonic() + 10
    while down := [x for x in stage.ask("tunnel list") if x.split()[3:4] != ["up"]]:
        if time.monotonic() > deadline:
            raise Wrong(f"{len(down)} tunnels did not come up: {down[0]}")
        time.sleep(0.05)


def numbered(case, inwards):
    """Where the generator writes tunnel id and its complement: no table of heads is needed."""
    if len(case.kinds) > 1 or case.kinds == ["ayiya"] or case.flows > 1:
        return None
    kind = case.kinds[0]
    address = 14 + 20 + (4 if kind == "gre" else 0) + 8 if inwards else 14 + 24
    return ("--id-offset", address + 6, "--id-balance", address + 14,
            "--id-first", FIRST[kind] | 0x8000, "--id-count", case.tunnels)


def every_frame(case, inwards, size):
    """Every tunnel and flow once: the last one whole, and the heads of all."""
    length, heads, frame = lengths(case, size), [], b""
    # behind their heads all frames are one: the octets of AYIYA's, which protocol 41 carries along
    tail = frames.ayiya(AYIYA, size)[HEAD_OCTETS:] if len(case.kinds) > 1 else b""
    for n in range(case.tunnels):
        kind = case.kinds[n % len(case.kinds)]
        for flow in range(case.flows):
            tid = FIRST[kind] + n
            more = {"tail": tail} if tail and kind == "p41" else {}
            frame = MAKE[kind](tid, length[kind], flow, **more) if inwards else \
                frames.native(NET6, frames.inside(tid, flow), size)
            heads.append(frame[:HEAD_OCTETS])
    return frame, heads


class Runner:
    """One direction and size at a time, everything in turn."""

    def __init__(self, stage, seconds, warm):
        self.stage, self.seconds, self.warm = stage, seconds, warm

    def plain(self, towards, size):
        if towards == "internet":
            frame = frames.ethernet("p0", "c0", IPV6, frames.inner(CLIENT6, NET6, size))
        else:
            frame = frames.native(NET6, CLIENT6, size)
        return frame

    def yardsticks(self, towards, size):
        frame = self.plain(towards, size)
        if towards == "internet":
            where = ("--redirect", self.stage.ns("pop") + ":p0", "--out", "p1",
                     "--mac", MAC["n0"] + MAC["p1"])
        else:
            where = ("--redirect", self.stage.ns("pop") + ":p1", "--out", "p0",
                     "--mac", MAC["c0"] + MAC["p0"])
        self.mode("user")
        plain = self.run(towards, frame, IPV6)["pps"]
        return plain, self.run(towards, frame, IPV6, *where)["pps"]

    def run(self, towards, frame, kind, *more):
        return self.stage.traffic(towards, frame, kind, self.seconds, *more, warm=self.warm)

    def mode(self, name):
        self.stage.told("pop set fastpath " + MODES[name], "Fast path")

    def case(self, case, towards, size):
        stage = self.stage
        inwards = towards == "internet"
        more = numbered(case, inwards)
        if more:
            kind = case.kinds[0]
            frame = MAKE[kind](FIRST[kind], size) if inwards else \
                frames.native(NET6, frames.inside(FIRST[kind]), size)
        else:
            frame, heads = every_frame(case, inwards, size)
            path = os.path.join(stage.dir, "heads")
            with open(path, "wb") as f:
                f.write(b"".join(heads))
            more = ("--heads", path)
        if "ayiya" in case.kinds and not inwards:
            beat(stage)                 # nothing else comes from these clients for minutes
        self.mode(case.mode)
        r = self.run(towards, frame, IPV6 if inwards else IPV4, *more)
        if not r["received"] or not r["samples"]:
            raise Wrong(f"{case.label()}, {case.mode}, {size} octets: nothing arrived: "
                        + "; ".join(stage.ask("pop show drops")))
        for sample in r["samples"]:
            look(case, inwards, size, bytes.fromhex(sample))
        return r


def look(case, inwards, size, frame):
    if inwards:
        judge.decapsulated(frame, set(lengths(case, size).values()))
    else:
        judge.encapsulated(frame, {size}, case.kinds)


def measure(stage, quick, pairs, seconds, warm, only=""):
    """All cases: a list of rows for the report."""
    runner, wanted = Runner(stage, seconds, warm), [c for c in cases(quick) if only in c.label()]
    sizes = (86, 1280)
    out = {}
    for key in sorted({(c.large, c.workers) for c in wanted}):
        group = [c for c in wanted if (c.large, c.workers) == key]
        stage.start(config(*key))
        try:
            if not key[0]:
                beat(stage)
            for towards in ("internet", "client"):
                for size in sizes:
                    rounds(runner, group, towards, size, pairs, out)
        finally:
            stage.stop()
    return [summary(*k, v) for k, v in out.items()]


TOGETHER = 2                    # cases that share a pair of yardsticks, measured just before


def rounds(runner, group, towards, size, pairs, out):
    group = sorted(group, key=lambda c: octets(c, size))
    for _ in range(pairs):
        for n, case in enumerate(group):
            real = octets(case, size)
            # next to each other, so that a machine whose speed drifts does not decide
            if n % TOGETHER == 0 or octets(group[n - 1], size) != real:
                plain, bare = runner.yardsticks(towards, real)
            r = runner.case(case, towards, real)
            out.setdefault((case, towards, real), []).append(
                {"pps": r["pps"], "offered": r["offered"] / r["seconds"], "plain": plain,
                 "redirect": bare})


def octets(case, size):
    """Heads are longer than the smallest frame: what needs them begins at 100."""
    return size if numbered(case, True) else max(size, 100)


def summary(case, towards, size, rows):
    ratios = [r["pps"] / r["plain"] for r in rows]
    median = statistics.median
    return {
        "case": case.label() + (" in" if towards == "internet" else " out"), "mode": case.mode,
        "octets": size, "tunnels": case.tunnels, "workers": case.workers, "flows": case.flows,
        "mpps": median(r["pps"] for r in rows) / 1e6,
        "gbit_s": median(r["pps"] for r in rows) * size * 8 / 1e9,
        "ratio_plain": median(ratios), "ratio_plain_min": min(ratios),
        "ratio_plain_max": max(ratios),
        "ratio_redirect": median(r["pps"] / r["redirect"] for r in rows),
        "plain_mpps": median(r["plain"] for r in rows) / 1e6,
        "redirect_mpps": median(r["redirect"] for r in rows) / 1e6,
        "pairs": rows,
    }
