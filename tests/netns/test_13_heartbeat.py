"""
Heartbeats on UDP 3740, then protocol 41 or GRE from the same address.

  T1 T2 heartbeat    T3 heartbeat, encap gre    T4 no password    T5 disabled    T6 static
"""
import hashlib
import itertools
import time

import pytest

from lib import packets
from lib.client import heartbeat
from lib.config import PASSWORD, config, dynamic, static
from lib.topology import HOST6, POP4, POP6

CONFIG = config(dynamic("1", "heartbeat", 1480), dynamic("2", "heartbeat", 1460),
                dynamic("3", "heartbeat", 1456), dynamic("4", "heartbeat", password=""),
                dynamic("5", "heartbeat", state="disabled"), static("6", "198.51.100.66"),
                *(dynamic(f"{n:x}", "heartbeat") for n in range(0x10, 0x30)), "encap T3 gre",
                subnets=[("2001:db8:3001::/48", "1")])


@pytest.fixture(scope="module")
def pop(module_pop):
    p = module_pop(CONFIG)
    p.fresh = (f"{n:x}" for n in itertools.count(0x10))
    return p


def test_down_until_a_beat_comes(pop):
    pop.clear()
    c = pop.heartbeat("1", "198.51.100.7")
    assert pop.daemon.list()["T1"][1:4] == ["0.0.0.0", "down", "none"]
    with pop.counted("T1") as count:
        c.send(packets.echo6(c.inner, HOST6))
    pop.silent("data before the beat is dropped")
    assert sum(count.by.values()) == 1
    pop.from_uplink(packets.filler(HOST6, c.inner, 100))
    error = pop.at_host(lambda p: p.proto == packets.ICMPV6)
    assert error.icmp()[:2] == (1, 0)
    c.beat()
    pop.silent("a beat is not answered")
    shown = pop.show("T1")
    assert (shown["Tunnel State"], shown["Tunnel Type"]) == ("up", "direct")
    assert (shown["Outer Us"], shown["Outer Them"]) == (POP4, "198.51.100.7")
    c.ping(c.pop_inner)


def test_downstream_works_before_the_first_data_packet(pop):
    """The original answered 1/3 until protocol 41 came."""
    pop.clear()
    tid = next(pop.fresh)
    c = pop.heartbeat(tid, "198.51.100.9", us="192.0.2.43")
    c.beat()
    pop.settle()
    pop.from_uplink(packets.filler(HOST6, c.inner, 100))
    outer, _ = c.receive()
    assert outer.src == "192.0.2.43", "from the address the beat went to"


def test_both_ways_over_ipv4_and_ipv6(pop):
    pop.clear()
    for tid, them, us in (("1", "198.51.100.7", POP4), ("2", "2001:db8:cafe::7", POP6)):
        c = pop.heartbeat(tid, them)
        c.beat()
        pop.settle()
        c.send(packets.filler(c.inner, HOST6, 500))
        assert pop.at_host().ttl == 63
        pop.from_uplink(packets.filler(HOST6, c.inner, 500))
        outer, inner = c.receive()
        assert outer.src == us and len(inner.raw) == 500


def test_gre_after_a_beat(pop):
    pop.clear()
    beat, c = pop.heartbeat("3", "2001:db8:cafe::8"), pop.gre("3", "2001:db8:cafe::8")
    beat.beat()
    pop.settle()
    c.ping(c.pop_inner)
    assert pop.show("T3")["Tunnel Type"] == "gre"


def test_an_explicit_address_has_to_be_the_source(pop):
    pop.clear()
    tid = next(pop.fresh)
    ident = f"T{int(tid, 16)}"
    c = pop.heartbeat(tid, "198.51.100.7")
    with pop.counted(ident) as count:
        c.beat(sender="198.51.100.8")
    assert count.by == {"HB Sender Mismatch": 1}
    assert pop.show(ident)["Tunnel State"] == "down"
    c.beat(sender="198.51.100.7")
    pop.settle()
    assert pop.show(ident)["Tunnel State"] == "up"


def test_any_spelling_of_the_address_is_hashed_as_spelled(pop):
    pop.clear()
    tid = next(pop.fresh)
    c = pop.heartbeat(tid, "198.51.100.7")
    spelled = f"2001:0DB8:02ff:00{tid}:0:0:0:2"
    c.beat(message=heartbeat(spelled, PASSWORD) + b"\r\n")
    pop.settle()
    assert pop.show(f"T{int(tid, 16)}")["Tunnel State"] == "up"


def now(offset=0):
    return int(time.time()) + offset


REFUSED = {
    "bad digest": ("Heartbeat Hash Fail", lambda i: heartbeat(i, "wrong")),
    "empty password": ("Heartbeat Hash Fail", lambda i: heartbeat(i, "")),
    "upper case digest": ("Heartbeat Hash Fail", lambda i: heartbeat(i, PASSWORD)[:-32]
                          + heartbeat(i, PASSWORD)[-32:].upper()),
    "trailing space": ("Heartbeat Hash Fail", lambda i: heartbeat(i, PASSWORD) + b" "),
    "sha256": ("Heartbeat Hash Fail", lambda i: (
        lambda stem: stem + hashlib.sha256(stem + PASSWORD.encode()).hexdigest().encode())(
            f"HEARTBEAT TUNNEL {i} sender {now()} ".encode())),
    "clock behind": ("Clock Off", lambda i: heartbeat(i, PASSWORD, now=now(-125))),
    "clock ahead": ("Clock Off", lambda i: heartbeat(i, PASSWORD, now=now(125))),
    "no sender": ("HB Missing sender", lambda i: f"HEARTBEAT TUNNEL {i} sender".encode()),
    "no time": ("HB Missing Time", lambda i: f"HEARTBEAT TUNNEL {i} sender {now()}".encode()),
    "lower case verb": (None, lambda i: heartbeat(i, PASSWORD).replace(b"HEARTBEAT", b"heartbeat")),
    "another verb": (None, lambda i: heartbeat(i, PASSWORD).replace(b"HEARTBEAT", b"DISABLE")),
    "nothing after the address": (None, lambda i: f"HEARTBEAT TUNNEL {i}".encode()),
    "an IPv4 address": (None, lambda i: heartbeat("192.0.2.1", PASSWORD)),
    "the pop's end": (None, lambda i: heartbeat(i[:-1] + "1", PASSWORD)),
    "another host": (None, lambda i: heartbeat(i[:-1] + "3", PASSWORD)),
    "no such tunnel": (None, lambda i: heartbeat("2001:db8:2ff:1e0::2", PASSWORD)),
    "256 octets": (None, lambda i: heartbeat(i, PASSWORD).ljust(256, b"x")),
    "binary": (None, lambda i: bytes(range(200))),
    "one octet": (None, lambda i: b"\n"),
    "nothing": (None, lambda i: b""),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused_in_silence_and_counted(pop, name):
    counted, message = REFUSED[name]
    pop.clear()
    c = pop.heartbeat("2f", "198.51.100.7")
    before = pop.show("T47")
    with pop.counted("T47") as count:
        c.beat(message=message(c.inner))
    pop.silent(name)
    assert count.by == ({counted: 1} if counted else {})
    after = pop.show("T47")
    assert after["Tunnel State"] == "down"
    for label in ("Outer Them", "Tunnel Type", "Last Heartbeat"):
        assert before[label] == after[label], label


@pytest.mark.parametrize("tid, name", [("4", "Heartbeat Hash Fail"), ("5", "Disabled tunnel"),
                                       ("6", "HB-non-HB")])
def test_tunnels_that_take_none(pop, tid, name):
    pop.clear()
    c = pop.heartbeat(tid, "198.51.100.99")
    with pop.counted("T" + tid) as count:
        c.beat()
        c.beat(message=heartbeat(c.inner, ""))
    pop.silent()
    assert count.by == {name: 2}
    assert pop.show("T" + tid)["Outer Them"] != "198.51.100.99"


def test_the_second_identical_beat_of_aiccu_is_harmless(pop):
    """It sends two at once, from two ports."""
    pop.clear()
    tid = next(pop.fresh)
    ident = f"T{int(tid, 16)}"
    c = pop.heartbeat(tid, "198.51.100.7")
    message = heartbeat(c.inner, PASSWORD)
    with pop.counted(ident) as count:
        c.beat(message=message, port=31001)
        c.beat(message=message, port=31002)
    assert count.by == {}, "no error is counted for a healthy client"
    assert pop.show(ident)["Tunnel State"] == "up"
    c.ping(c.pop_inner)
