"""
The PoP's latency test, every second instead of every minute.

  T1 6in4   T2 ayiya   T3 gre over IPv6   T4 heartbeat (down)   T5 6in4, never answers
"""
import struct

import pytest

from lib import packets
from lib.config import config, dynamic, static

CONFIG = config(static("1", "198.51.100.7"), dynamic("2", "ayiya"), static("3", "2001:db8:cafe::7"),
                dynamic("4", "heartbeat"), static("5", "198.51.100.5"),
                "encap T3 gre", pop=["set latency 1"])


@pytest.fixture(scope="module")
def pop(module_pop):
    p = module_pop(CONFIG)
    p.one, p.two = p.p41("1", "198.51.100.7"), p.ayiya("2", "198.51.100.8")
    p.three, p.five = p.gre("3", "2001:db8:cafe::7"), p.p41("5", "198.51.100.5")
    p.two.beat()
    for c in (p.one, p.three, p.five):
        c.ping(c.pop_inner)
    return p


def probe(c):
    """The next request of the latency test that arrives at this client."""
    return c.receive(lambda p: packets.is_latency_probe(p.raw), "latency request", probes=True)[1]


def answer(c, request, **change):
    """As any host does; the parts that matter can be forged."""
    data = bytearray(request.payload[8:])
    for at, value in change.pop("flip", ()):
        data[at] ^= value
    ident, seq = struct.unpack("!HH", request.payload[4:8])
    c.send(packets.echo6(change.get("src", c.inner), change.get("dst", c.pop_inner),
                         change.get("ident", ident), change.get("seq", seq) & 0xFFFF,
                         bytes(data), reply=True))


def counts(pop, name):
    """sent, received"""
    shown = pop.show(name)
    return int(shown["Latency Pkt Sent"]), int(shown["Latency Pkt Recv"])


@pytest.mark.parametrize("name", ["one", "two", "three"])
def test_the_request(pop, name):
    c = getattr(pop, name)
    first = probe(c)
    assert (first.src, first.dst, first.ttl) == (c.pop_inner, c.inner, 64)
    assert len(first.raw) == 1029 and first.checksum_ok()
    ident, seq = struct.unpack("!HH", first.payload[4:8])
    assert ident == 0x4242
    second = probe(c)
    assert struct.unpack("!H", second.payload[6:8])[0] == (seq + 1) & 0xFFFF
    assert first.payload[8:16] != second.payload[8:16], "the time it was sent"


def test_it_starts_at_sequence_0(pop):
    pop.cli("tunnel set config 6 T6 198.51.100.6 up 1480")
    c = pop.p41("6", "198.51.100.6")
    c.ping(c.pop_inner)
    assert probe(c).payload[6:8] == b"\0\0"


def test_answers_are_measured(pop):
    c = pop.two
    probe(c)
    pop.cli("tunnel stats RESET")
    pop.clear()
    for _ in range(2):
        answer(c, probe(c))
    pop.daemon.until(lambda: counts(pop, "T2")[1] >= 2, "two replies counted")
    shown = pop.show("T2")
    low, mean, high = (float(shown[f"Latency {x}"].removesuffix(" ms"))
                       for x in ("Min", "Avg", "Max"))
    assert 0 <= low <= mean <= high < 10000
    line = pop.daemon.stats()["T2"]
    assert len(line) == 10
    sent, received, loss, least, average, most = line[4:]
    assert sent >= received >= 2
    assert abs(loss - (sent - received) * 100 / sent) < 1 or sent != counts(pop, "T2")[0]
    assert 0 <= least <= average <= most
    pop.cli("tunnel stats RESET")
    assert counts(pop, "T2")[1] == 0


def test_a_tunnel_that_never_answers(pop):
    pop.cli("tunnel stats RESET")
    pop.clear()
    probe(pop.five)
    probe(pop.five)
    line = pop.cli("tunnel stats").lines
    mine = next(x for x in line if x.startswith("T5 ")).split(" ")
    assert int(mine[5]) >= 2
    assert mine[6:] == ["0", "100.00", "-1.00", "-1.00", "-1.00"]


def test_a_tunnel_that_is_down_is_not_asked(pop):
    probe(pop.one)
    probe(pop.one)
    assert counts(pop, "T4") == (0, 0)


def test_requests_and_replies_are_traffic(pop):
    c = pop.one
    request = probe(c)
    pop.settle()
    before = pop.daemon.stats()["T1"]
    answer(c, request)
    pop.settle()
    after = pop.daemon.stats()["T1"]
    assert after[2] - before[2] == 1 and after[0] - before[0] == 1029
    assert after[1] % 1049 == 0 or after[1] > 1049


def test_every_tunnel_within_the_interval_and_not_in_one_burst(pop):
    for n in range(0x20, 0x60):
        pop.cli(f"tunnel set config {n:x} T{n} 198.51.100.{n} up 1480")
    ends = [pop.p41(f"{n:x}", f"198.51.100.{n}") for n in range(0x20, 0x60)]
    for c in ends:
        c.send(packets.echo6(c.inner, c.pop_inner))
    pop.clear()
    for c in ends:
        probe(c)
    for n in range(0x20, 0x60):
        pop.cli(f"tunnel remove T{n}")


def test_off(pop):
    pop.cli("pop set latency 0")
    pop.clear()
    before = {n: counts(pop, n)[0] for n in ("T1", "T2", "T3")}
    for _ in range(20):
        pop.settle()
    assert {n: counts(pop, n)[0] for n in before} == before
    pop.cli("pop set latency 1")
    probe(pop.one)
