"""
AYIYA over IPv4 and IPv6, SHA-1 and SHA-256.

  T1 ayiya    T2 ayiya (IPv6 outside)    T3 ayiya, hash sha256    T4 no password
  T5 disabled T6 static
"""
import time

import pytest

from lib import client as ayiya_client, packets
from lib.client import ayiya
from lib.config import PASSWORD, config, dynamic, static
from lib.topology import HOST6, POP4, POP6

CONFIG = config(dynamic("1", "ayiya", 1428), dynamic("2", "ayiya", 1408),
                dynamic("3", "ayiya", 1416), dynamic("4", "ayiya", password=""),
                dynamic("5", "ayiya", state="disabled"), static("6", "198.51.100.66"),
                dynamic("7", "ayiya"), dynamic("8", "ayiya"),
                "hash T3 sha256", subnets=[("2001:db8:3001::/48", "1")])
OVER = {"1": "198.51.100.7", "2": "2001:db8:cafe::7", "3": "198.51.100.8"}


@pytest.fixture(scope="module")
def pop(module_pop):
    p = module_pop(CONFIG)
    p.clients = {tid: p.ayiya(tid, them, sha256=tid == "3", port=41000 + int(tid))
                 for tid, them in OVER.items()}
    return p


@pytest.fixture(params=sorted(OVER), ids=["ipv4", "ipv6", "sha256"])
def client(pop, request):
    pop.clear()
    c = pop.clients[request.param]
    c.beat()
    pop.daemon.until(lambda: pop.show("T" + request.param)["Tunnel State"] == "up", "up")
    return c


def test_a_beat_brings_it_up(pop):
    pop.clear()
    assert pop.daemon.list()["T7"][1:5] == ["0.0.0.0", "down", "none", "1428"]
    c = pop.ayiya("7", "198.51.100.70", port=50070)
    c.beat()
    pop.silent("a beat is not answered")
    shown = pop.show("T7")
    assert shown["Tunnel State"] == "up" and shown["Tunnel Type"] == "ayiya"
    assert (shown["Outer Us"], shown["Outer Them"]) == (POP4, "198.51.100.70")
    assert (shown["AYIYA Port Us"], shown["AYIYA Port Them"]) == ("5072", "50070")
    assert "SHA-1" in shown["AYIYA Hash"]
    assert shown["Last Heartbeat"].startswith("20")


def test_data_without_a_beat_brings_it_up_too(pop):
    pop.clear()
    c = pop.ayiya("8", "198.51.100.80")
    c.send(packets.filler(c.inner, HOST6, 100))
    pop.at_host()
    assert pop.show("T8")["Tunnel State"] == "up"


def test_ping(client):
    outer, inner = client.ping(client.pop_inner)
    assert outer.src == client.us and outer.udp_ports() == (5072, client.port)
    assert inner.src == client.pop_inner and outer.checksum_ok()


def test_both_ways(pop, client):
    sent = packets.filler(client.inner, HOST6, 900)
    client.send(sent)
    got = pop.at_host()
    assert got.raw[8:] == sent[8:] and got.ttl == 63
    pop.from_uplink(packets.filler(HOST6, client.inner, 900))
    outer, inner = client.receive()
    assert inner.ttl == 63 and outer.checksum_ok()
    assert len(outer.raw) == 900 + client.overhead + (12 if client.sha256 else 0)
    assert outer.ttl == 64 and (outer.version == 6 or outer.df)


def test_header_of_what_the_pop_sends(pop, client):
    pop.from_uplink(packets.filler(HOST6, client.inner, 100))
    outer, _ = client.receive()
    first = b"\x41\x84\x11\x29" if client.sha256 else b"\x41\x52\x11\x29"
    data = outer.payload[8:]
    assert data[:4] == first
    assert abs(int.from_bytes(data[4:8], "big") - time.time()) < 60
    assert data[8:24] == packets.a6(client.pop_inner)


def test_udp_checksum_over_ipv6_is_there(pop):
    c = pop.clients["2"]
    c.ping(c.pop_inner)
    pop.from_uplink(packets.filler(HOST6, c.inner, 101))
    outer, _ = c.receive()
    assert outer.payload[6:8] != b"\0\0" and outer.checksum_ok()


def test_an_odd_udp_checksum_of_zero_over_ipv4(pop):
    """A client may leave the checksum out over IPv4."""
    pop.clear()
    c = pop.clients["1"]
    data = ayiya(c.inner, PASSWORD, packets.filler(c.inner, HOST6, 100))
    pop.wan.send(packets.udp(c.them, POP4, c.port, 5072, data, check=0))
    pop.at_host()


def test_the_answer_leaves_from_the_address_the_client_used(pop):
    pop.clear()
    c = pop.ayiya("1", "198.51.100.7", us="192.0.2.43", port=41001)
    outer, _ = c.ping(c.pop_inner)
    assert outer.src == "192.0.2.43"
    pop.clients["1"].ping(c.pop_inner)
    c6 = pop.ayiya("2", "2001:db8:cafe::7", us="2001:db8::43", port=41002)
    outer, _ = c6.ping(c6.pop_inner)
    assert outer.src == "2001:db8::43"
    pop.clients["2"].ping(c6.pop_inner)


def test_nothing_but_forward_is_ever_sent_unasked(pop):
    """AICCU drops and logs every other opcode."""
    pop.clear()
    c = pop.clients["1"]
    c.beat()
    for _ in range(3):
        pop.from_uplink(packets.filler(HOST6, c.inner, 100))
    pop.settle()
    said = [c.opened(p) for p in pop.wan.seen() if p.dst == c.them]
    assert len(said) >= 3 and all(s and s[0] == ayiya_client.FORWARD and s[1] == 41 for s in said)


def test_echo_request_is_answered_once_with_the_same_payload(pop):
    pop.clear()
    c = pop.clients["1"]
    c.beat(opcode=ayiya_client.ECHO_REQUEST, next_header=59)
    pop.settle()
    answers = [c.opened(p) for p in pop.wan.seen() if p.dst == c.them]
    assert len(answers) <= 1
    for opcode, _, _, identity, payload in answers:
        assert (opcode, identity, payload) == (ayiya_client.ECHO_RESPONSE, c.pop_inner, b"")
    c.send(packets.filler(c.inner, HOST6, 100), opcode=ayiya_client.ECHO_REQUEST_FORWARD)
    assert len(pop.at_host().raw) == 100


def test_trailing_octets_are_cut(pop, client):
    client.send(packets.filler(client.inner, HOST6, 100) + b"trailing")
    assert len(pop.at_host().raw) == 100


def test_counters_count_the_inner_packet(pop, client):
    name = "T" + client.inner[13]
    before = pop.daemon.stats()[name]
    client.send(packets.filler(client.inner, HOST6, 200))
    pop.at_host()
    pop.settle()
    after = pop.daemon.stats()[name]
    assert [a - b for a, b in zip(after[:4], before[:4])] == [200, 0, 1, 0]


# what is refused: (name counted, how the packet differs)
REFUSED = {
    "bad signature": ("AYIYA Hash Fail", {"password": "wrong"}),
    "zero secret": ("AYIYA Hash Fail", {"secret": bytes(20)}),
    "empty password": ("AYIYA Hash Fail", {"password": ""}),
    "clock behind": ("Clock Off", {"epoch": -125}),
    "clock ahead": ("Clock Off", {"epoch": 125}),
    "clock wildly ahead": ("Clock Off", {"epoch": 0x7FFFFFFF}),
    "ipv4 said to be ipv6": ("Non-IPv6 Payload", {"next_header": 41, "four": True}),
    "ipv6 said to be ipv4": ("Non-IPv4 Payload", {"next_header": 4}),
    "nothing said to be ipv6": ("Non-IPv6 Payload", {"next_header": 41, "opcode": 1,
                                                     "empty": True}),
    "opcode 4": (None, {"opcode": 4}),
    "opcode 7": (None, {"opcode": 7}),
    "next header 17": (None, {"next_header": 17}),
    "identity type 2": (None, {"first": 0x42}),
    "identity length 3": (None, {"first": 0x31}),
    "auth method 0": (None, {"auth": 0}),
    "md5": (None, {"second": 0x41}),
    "identity ::1": (None, {"identity": "2001:db8:2ff:1::1"}),
    "identity ::3": (None, {"identity": "2001:db8:2ff:1::3"}),
    "identity in the routed /64": (None, {"identity": "2001:db8:2ff:8001::2"}),
    "identity elsewhere": (None, {"identity": "2001:db8:300:1::2"}),
    "identity of no tunnel": (None, {"identity": "2001:db8:2ff:1e0::2"}),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused_in_silence_and_counted(pop, name):
    counted, how = REFUSED[name]
    how = dict(how)
    c = pop.clients["1"]
    c.beat()
    pop.clear()
    inner = packets.echo4("240.127.128.3", "240.127.128.2") if how.pop("four", 0) else \
        b"" if how.pop("empty", 0) else packets.filler(c.inner, HOST6, 100)
    if how.get("epoch") is not None:
        how["epoch"] = how["epoch"] if how["epoch"] > 1000 else int(time.time()) + how["epoch"]
    identity, password = how.pop("identity", c.inner), how.pop("password", PASSWORD)
    before = pop.show("T1")
    with pop.counted("T1") as count:
        pop.wan.send(c.datagram(ayiya(identity, password, inner, **how), them="203.0.113.66",
                                port=666))
    pop.silent(name)
    assert count.by == ({counted: 1} if counted else {})
    after = pop.show("T1")
    for label in ("Tunnel State", "Outer Them", "AYIYA Port Them", "Packets In  (Total)"):
        assert before[label] == after[label], label


def test_forward_of_nothing_is_counted(pop):
    c = pop.clients["1"]
    pop.clear()
    with pop.counted("T1") as count:
        c.beat(opcode=1, next_header=59)
    assert count.by == {"AYIYA Invalid Forward": 1}


@pytest.mark.parametrize("tid, name", [("4", "AYIYA Hash Fail"), ("5", "Disabled tunnel"),
                                       ("6", "AYIYA-non-AYIYA")])
def test_tunnels_that_take_none(pop, tid, name):
    pop.clear()
    c = pop.ayiya(tid, "198.51.100.66")
    with pop.counted("T" + tid) as count:
        c.send(packets.filler(c.inner, HOST6, 100))
        pop.wan.send(c.datagram(ayiya(c.inner, "", secret=bytes(20))))
    pop.silent()
    assert count.by == {name: 2}
    assert pop.show("T" + tid)["Outer Them"] != "198.51.100.99"


def test_the_hash_is_the_tunnels_and_never_negotiated(pop):
    pop.clear()
    for tid, sha256 in (("1", True), ("3", False)):
        c = pop.ayiya(tid, OVER[tid], sha256=sha256, port=41000 + int(tid))
        with pop.counted("T" + tid) as count:
            c.send(packets.filler(c.inner, HOST6, 100))
        pop.silent()
        assert count.by == {"AYIYA Hash Fail": 1}


def test_several_tunnels_behind_one_address(pop):
    pop.clear()
    a = pop.ayiya("7", "198.51.100.88", port=10007)
    b = pop.ayiya("8", "198.51.100.88", port=10008)
    later = int(time.time()) + 2            # newer than what these tunnels sent before
    a.beat(epoch=later)
    b.beat(epoch=later)
    pop.settle()
    for c in (a, b, a):
        pop.from_uplink(packets.filler(HOST6, c.inner, 100))
        _, inner = c.receive()
        assert inner.dst == c.inner


def test_outer_ipv6_address(pop):
    assert POP6 == pop.clients["2"].us
    shown = pop.show("T2")
    assert (shown["Outer Us"], shown["Outer Them"]) == (POP6, "2001:db8:cafe::7")
