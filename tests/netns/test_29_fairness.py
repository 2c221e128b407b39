"""Overload: one tunnel sends as fast as it can, a hundred others lose nothing for it."""
import json
import os
import subprocess

import pytest

from lib import packets
from lib.client import ayiya
from lib.config import PASSWORD, PREFIX, config, dynamic, static
from lib.daemon import SANITIZED, binary
from lib.fast import polling, ports
from lib.topology import HOST6, MAC, POP4

FLOODER, HUNDRED = "198.51.100.1", "198.51.100.2"
NUMBER, FIRST = 100, 0x101
FLOOD_TID = 0x100
OTHER_HOST = "2001:db8:ffff::2"
# Each of the hundred. What the machine forwards at all is not in question: the first pace it
# can carry counts, and at the last one any machine can.
PACES = (1000, 500, 250, 100, 50, 20, 10) if not SANITIZED else (50, 20, 10, 5)
SECONDS = 3
LIMIT = 0.001           # of what the hundred sent


def flood_program():
    path = os.path.join(os.path.dirname(binary()), "..", "tests", "netns", "flood")
    if not os.path.exists(path):
        pytest.fail(f"{path} is not built")
    return path


def tid_text(n):
    return f"{n:x}"


def inner(n):
    return f"{PREFIX}:{n:x}::2"


def tunnels(kind):
    ids = [FLOOD_TID, *range(FIRST, FIRST + NUMBER)]
    if kind == "ayiya":
        return [dynamic(tid_text(n), "ayiya") for n in ids]
    return [static(tid_text(n), FLOODER if n == FLOOD_TID else HUNDRED) for n in ids]


def ethernet(to, source, kind, packet):
    return bytes.fromhex(MAC[to].replace(":", "") + MAC[source].replace(":", "")) + \
        kind.to_bytes(2, "big") + packet


def upward(kind, n, host):
    """The frame of tunnel n's client for a native host."""
    them = FLOODER if n == FLOOD_TID else HUNDRED
    packet = packets.filler(inner(n), host, 100)
    if kind == "ayiya":
        outer = packets.udp(them, POP4, 20000 + n, 5072, ayiya(inner(n), PASSWORD, packet))
    else:
        outer = packets.ip4(them, POP4, packets.IPV6, packet)
    return ethernet("wan", "isp0", 0x0800, outer)


def downward(n):
    return ethernet("core", "net0", 0x86DD, packets.filler(HOST6, inner(n), 100))


def beats():
    """One of each tunnel's client, so that all are up."""
    for n in (FLOOD_TID, *range(FIRST, FIRST + NUMBER)):
        them = FLOODER if n == FLOOD_TID else HUNDRED
        outer = packets.udp(them, POP4, 20000 + n, 5072, ayiya(inner(n), PASSWORD))
        yield ethernet("wan", "isp0", 0x0800, outer)


def run_flood(pop, frames, way, pace, during=lambda: None, kind=""):
    there = pop.topology
    path = os.path.join(pop.daemon.dir, "frames")
    with open(path, "w", encoding="ascii") as f:
        f.writelines(x.hex() + "\n" for x in frames)
    if way == "up":     # at net0: destination ...::1, id in the source address
        how = [there.isp.name, "isp0", there.internet.name, "net0", "50", "1", "28"]
    else:               # at isp0: outer destination, id in the inner destination
        how = [there.internet.name, "net0", there.isp.name, "isp0", "30", "0xc6336402",
               "116" if kind == "ayiya" else "64"]
    flood = subprocess.Popen([flood_program(), path, *how, str(FIRST), str(pace), str(SECONDS)],
                             stdout=subprocess.PIPE, text=True)
    try:
        during()
        out, _ = flood.communicate(timeout=120)
    finally:
        flood.kill()
        flood.wait()
    return json.loads(out)


def drops(pop):
    return {d["reason"]: d["count"] for d in pop.daemon.json("pop show drops").get("dropped", [])}


def sent_probes(pop):
    """Latency tests sent, of each of the hundred."""
    shown = pop.daemon.json("tunnel stats")
    return [t["pings_sent"] for t in shown["tunnels"]
            if FIRST <= int(t["tunnel"][1:]) < FIRST + NUMBER]


def flood_forwarded(pop, way):
    return int(pop.show(f"T{FLOOD_TID}")["Packets In  (Total)" if way == "up" else
                                           "Packets Out (Total)"])


@pytest.fixture(params=[1, 2], ids=["one worker", "two workers"])
def workers(request):
    return request.param


def hold(p, workers, way, kind):
    """However fast one floods, at some pace the hundred lose nothing, and the rest has a reason."""
    ids = [FLOOD_TID, *range(FIRST, FIRST + NUMBER)]
    if way == "up":
        frames = [upward(kind, n, OTHER_HOST if n == FLOOD_TID else HOST6) for n in ids]
    else:
        frames = [downward(n) for n in ids]
    asked, flood = [], 0

    def ask_all_the_while():
        for _ in range(20):
            asked.append(p.cli("pop show info"))

    for pace in PACES:
        got = run_flood(p, frames, way, pace, ask_all_the_while, kind)
        flood += got["flood"]
        print(f"{way} {kind} {workers} worker(s), {NUMBER} x {pace}/s: {got} {drops(p)}")
        assert got["flood"] > 0 and got["sent"] >= NUMBER
        if got["sent"] - got["received"] <= LIMIT * got["sent"]:
            break
    assert got["sent"] - got["received"] <= LIMIT * got["sent"], (got, drops(p))
    assert asked, "the command line answers"

    # what was too much is the flooder's, and has its own reason; where the flood got less of the
    # CPU than the worker, nothing was
    p.daemon.until(lambda: "DROP_QUEUE_SHARE" in drops(p) or flood_forwarded(p, way) >= flood,
                   "the flood's excess is counted")
    return got


@pytest.mark.parametrize("way,kind", [("up", "p41"), ("up", "ayiya"), ("down", "p41")])
def test_a_flood_of_one_tunnel_takes_nothing_from_a_hundred(pop, workers, way, kind):
    p = pop(config(*tunnels(kind), pop=[f"set workers {workers}", "set latency 1"]))
    hold(p, workers, way, kind)
    if way == "up":     # else no client has been heard from, and there is nobody to ask
        p.daemon.until(lambda: min(sent_probes(p)) >= 2, "the latency tests went on")


@pytest.mark.parametrize("way", ["up", "down"])
def test_nor_by_af_xdp(topology, pop, workers, way):
    with polling(topology):
        p = pop(config(*tunnels("ayiya"), pop=[f"set workers {workers}", f"set {ports('native')}"]))
        shown = p.daemon.json("pop show fastpath")
        if not shown["available"]:
            pytest.skip(f"skipped: no fast path here: {shown['why']}")
        for beat in beats():
            p.wan.socket.send(beat)
        p.daemon.until(lambda: all(x[2] == "up" for x in p.daemon.list().values()), "all are up")
        got = hold(p, workers, way, "ayiya")
        said = p.daemon.json("pop show fastpath")["ayiya"]
        assert said["in_packets"] > got["received"] / 2, "by AF_XDP"
