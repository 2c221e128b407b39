"""
Learning, moving, and who may not: ayiya.md 8, heartbeat.md 7. The numbered items of
the security list are in test_40_security.
"""
import itertools
import time

import pytest

from lib import packets
from lib.client import ayiya, heartbeat
from lib.config import PASSWORD, config, dynamic
from lib.topology import HOST6

CONFIG = config(*(dynamic(f"{n:x}", kind) for n, kind in
                  zip(range(1, 0x60), itertools.cycle(["ayiya", "heartbeat", "dynamic"]))))


@pytest.fixture(scope="module")
def pop(module_pop):
    p = module_pop(CONFIG)
    p.free = {kind: itertools.count(n, 3) for n, kind in
              ((1, "ayiya"), (2, "heartbeat"), (3, "dynamic"))}
    return p


@pytest.fixture
def ay(pop):
    pop.clear()
    tid = next(pop.free["ayiya"])
    c = pop.ayiya(f"{tid:x}", "198.51.100.7", port=40001)
    c.name = f"T{tid}"
    return c


@pytest.fixture
def hb(pop):
    pop.clear()
    tid = next(pop.free["heartbeat"])
    c = pop.heartbeat(f"{tid:x}", "198.51.100.7")
    c.name = f"T{tid}"
    return c


def endpoint(pop, c):
    pop.settle()
    shown = pop.show(c.name)
    return shown["Outer Them"], shown.get("AYIYA Port Them")


def now(offset=0):
    return int(time.time()) + offset


def test_ayiya_roams_with_the_next_packet(pop, ay):
    ay.beat(epoch=now(-10))
    assert endpoint(pop, ay) == ("198.51.100.7", "40001")
    ay.beat(epoch=now(-9), port=40002)
    assert endpoint(pop, ay) == ("198.51.100.7", "40002")
    ay.beat(epoch=now(-8), them="198.51.100.77")
    assert endpoint(pop, ay) == ("198.51.100.77", "40001")
    moved = pop.ayiya(ay.inner.split(":")[3], "198.51.100.77", port=40001)
    pop.from_uplink(packets.filler(HOST6, ay.inner, 100))
    moved.receive()


def test_ayiya_roams_within_the_same_second_if_the_packet_is_new(pop, ay):
    second = now()
    ay.send(packets.filler(ay.inner, HOST6, 100, mark=1), epoch=second)
    ay.send(packets.filler(ay.inner, HOST6, 100, mark=2), epoch=second, port=40002)
    assert endpoint(pop, ay) == ("198.51.100.7", "40002")


def test_ayiya_between_families(pop, ay):
    ay.beat(epoch=now(-5))
    six = pop.ayiya(ay.inner.split(":")[3], "2001:db8:cafe::7", port=40009)
    six.beat(epoch=now(-4))
    assert endpoint(pop, ay) == ("2001:db8:cafe::7", "40009")
    pop.from_uplink(packets.filler(HOST6, ay.inner, 100))
    outer, _ = six.receive()
    assert outer.version == 6


def test_an_older_packet_from_the_current_endpoint_is_processed(pop, ay):
    ay.beat(epoch=now())
    ay.send(packets.filler(ay.inner, HOST6, 100), epoch=now(-60))
    pop.at_host()
    assert pop.errors(ay.name)["Replayed Packet"] == 0


def test_the_same_packet_twice_from_the_current_endpoint(pop, ay):
    """Networks duplicate; nothing moves, and it is no error."""
    data = ayiya(ay.inner, PASSWORD, packets.filler(ay.inner, HOST6, 100), epoch=now())
    pop.wan.send(ay.datagram(data), ay.datagram(data))
    pop.at_host()
    assert endpoint(pop, ay) == ("198.51.100.7", "40001")


def test_many_packets_of_one_second_and_then_a_replay(pop, ay):
    """The memory of signatures is bounded: what is forgotten is refused, not believed."""
    second = now()
    first = ay.wrap(packets.filler(ay.inner, HOST6, 100, mark=0), epoch=second)
    pop.wan.send(first)
    for n in range(1, 300):
        ay.send(packets.filler(ay.inner, HOST6, 100, mark=n), epoch=second)
    pop.clear()
    replay = packets.udp("203.0.113.66", ay.us, 6666, 5072, packets.parse(first).payload[8:])
    with pop.counted(ay.name) as count:
        pop.wan.send(replay)
    pop.silent("a replay is neither forwarded nor answered")
    assert count.by == {"Replayed Packet": 1}
    assert endpoint(pop, ay) == ("198.51.100.7", "40001")


def test_a_fast_client_clock(pop, ay):
    """100 s ahead is valid; afterwards the true time may not move it, but still works."""
    ay.beat(epoch=now(100))
    ay.send(packets.filler(ay.inner, HOST6, 100), epoch=now())
    pop.at_host()
    with pop.counted(ay.name) as count:
        ay.beat(epoch=now(), port=40002)
    assert count.by == {"Replayed Packet": 1}
    assert endpoint(pop, ay) == ("198.51.100.7", "40001")


def test_heartbeat_roams(pop, hb):
    hb.beat(now=now(-10))
    assert endpoint(pop, hb)[0] == "198.51.100.7"
    hb.beat(now=now(-9), them="198.51.100.78")
    assert endpoint(pop, hb)[0] == "198.51.100.78"
    moved = pop.p41(hb.inner.split(":")[3], "198.51.100.78")
    moved.ping(moved.pop_inner)
    with pop.counted(hb.name) as count:
        hb.send(packets.filler(hb.inner, HOST6, 100))
    pop.silent("data from the address it left")
    assert sum(count.by.values()) == 1


def test_a_beat_of_the_same_second_does_not_move_it(pop, hb):
    second = now()
    hb.beat(now=second)
    with pop.counted(hb.name) as count:
        hb.beat(now=second, them="198.51.100.78")
    assert count.by == {"Replayed Packet": 1}
    assert endpoint(pop, hb)[0] == "198.51.100.7"


def test_an_older_beat_does_not_move_it(pop, hb):
    hb.beat(now=now())
    with pop.counted(hb.name) as count:
        hb.beat(now=now(-30), them="198.51.100.78")
    assert count.by == {"Replayed Packet": 1}
    assert endpoint(pop, hb)[0] == "198.51.100.7"


def test_protocol_41_does_not_refresh_last_heartbeat(pop, hb):
    hb.beat(now=now(-3))
    pop.settle()
    before = pop.show(hb.name)["Last Heartbeat"].split(";")[0]
    time.sleep(1.1)
    hb.ping(hb.pop_inner)
    assert pop.show(hb.name)["Last Heartbeat"].split(";")[0] == before


def test_data_refreshes_an_ayiya_tunnel(pop, ay):
    ay.beat(epoch=now(-3))
    pop.settle()
    before = pop.show(ay.name)["Last Heartbeat"].split(";")[0]
    time.sleep(1.1)
    ay.ping(ay.pop_inner)
    assert pop.show(ay.name)["Last Heartbeat"].split(";")[0] != before


@pytest.mark.parametrize("where", ["127.0.0.1", "224.0.0.1", "255.255.255.255", "0.0.0.0",
                                   "192.0.2.42", "192.0.2.43"])
def test_endpoints_that_cannot_be(pop, ay, hb, where):
    """The kernel drops most of these before us; either way nothing is learned."""
    ay.beat(them=where)
    hb.beat(them=where)
    pop.silent()
    assert pop.show(ay.name)["Tunnel State"] == pop.show(hb.name)["Tunnel State"] == "down"
    assert "AYIYA Port Them" not in pop.show(ay.name)


def test_an_endpoint_inside_our_prefixes(pop, ay, hb):
    for where in ("2001:db8:2ff:1::2", "2001:db8:2ff:8001::9", "2001:db8:3001::1"):
        a = pop.ayiya(ay.inner.split(":")[3], where)
        pop.wan.send(packets.udp(where, a.us, 1, 5072, ayiya(ay.inner, PASSWORD)))
        pop.wan.send(packets.udp(where, a.us, 1, 3740, heartbeat(hb.inner, PASSWORD)))
        pop.silent()
    assert pop.show(ay.name)["Tunnel State"] == pop.show(hb.name)["Tunnel State"] == "down"
